package jsonvalue

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/internal/decimal"
)

// Number is an exact JSON number in the canonical form of decimal.Text.
type Number string

// ParseNumber reads a JSON number. An error is decimal.ErrSyntax or
// decimal.ErrRange.
func ParseNumber(text string) (Number, error) {
	canonical, err := decimal.Canonical(text)
	return Number(canonical), err
}

// decoders keeps decoders for reuse: what one needs to find duplicate names is a tenth of
// the time for a small body.
var decoders = sync.Pool{New: func() any { return new(jsontext.Decoder) }}

// NewDecoder returns a decoder of a text. Call release when it is no longer used; the
// decoder must not be used afterwards.
func NewDecoder(text []byte) (dec *jsontext.Decoder, release func()) {
	dec = decoders.Get().(*jsontext.Decoder)
	dec.Reset(bytes.NewBuffer(text))
	return dec, func() {
		dec.Reset(bytes.NewBuffer(nil)) // keeps no text
		decoders.Put(dec)
	}
}

// Limits bound what Read accepts. Zero means no bound.
type Limits struct {
	Depth     int // levels of nested objects and arrays; a scalar alone has none
	Values    int // number of scalars, objects and arrays together
	NameBytes int // length of the longest member name; if set, empty names are rejected too
	Problems  int // number of problems that are listed; those beyond it are only counted
}

// Problem is a rule that a part of a value breaks.
type Problem struct {
	Pointer jsontext.Pointer // RFC 6901, from the root of the decoder's input
	Detail  string           // for the sender; repeats nothing of the value
}

// Problems are the parts of a value that break a limit or hold a number that cannot be
// stored.
type Problems struct {
	Listed []Problem // in the order of the text, at most Limits.Problems
	More   int       // the number of further ones
}

// Read reads the decoder's next value. If there are problems, the value is incomplete.
// What a limit excludes, such as the value of a name that is too long, is skipped and
// searched for no further problems. The error is the decoder's: malformed JSON.
//
// Time and memory are linear in the text: a pointer, which can be as long as
// the text, is built for listed problems only.
func Read(dec *jsontext.Decoder, limits Limits) (value any, problems Problems, err error) {
	r := reader{dec: dec, limits: limits}
	value, err = r.value(0)
	return value, r.problems, err
}

// Parse reads a text that is one JSON value, without limits. It reads what Append
// writes.
func Parse(text []byte) (any, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(text))
	value, problems, err := Read(dec, Limits{Problems: 1})
	if err != nil {
		return nil, err
	}
	if len(problems.Listed) > 0 {
		return nil, fmt.Errorf("%s: %s", problems.Listed[0].Pointer, problems.Listed[0].Detail)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return value, nil
}

type reader struct {
	dec      *jsontext.Decoder
	limits   Limits
	values   int
	problems Problems
}

// problem adds a problem with the value or name that was read last.
func (r *reader) problem(format string, args ...any) {
	if r.limits.Problems > 0 && len(r.problems.Listed) == r.limits.Problems {
		r.problems.More++
		return
	}
	r.problems.Listed = append(r.problems.Listed, Problem{r.dec.StackPointer(), fmt.Sprintf(format, args...)})
}

// exceeded reports whether there are more values than are accepted. The first of them is
// a problem; the others are skipped.
func (r *reader) exceeded() bool {
	return r.limits.Values > 0 && r.values > r.limits.Values
}

// value reads one value that lies within depth objects and arrays.
func (r *reader) value(depth int) (any, error) {
	r.values++
	if r.exceeded() {
		err := r.dec.SkipValue()
		r.problem("is value number %d; at most %d are accepted", r.values, r.limits.Values)
		return nil, err
	}
	switch kind := r.dec.PeekKind(); kind {
	case '{', '[':
		if r.limits.Depth > 0 && depth == r.limits.Depth {
			err := r.dec.SkipValue()
			r.problem("is nested deeper than the %d levels accepted", r.limits.Depth)
			return nil, err
		}
		if kind == '{' {
			return r.object(depth + 1)
		}
		return r.array(depth + 1)
	}
	token, err := r.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return token.Bool(), nil
	case '"':
		return token.String(), nil
	default:
		n, err := ParseNumber(token.String())
		if err != nil {
			r.problem("must be a number of at most %d significant digits and a magnitude of 0 or 1E%d to 9.99E+%d; send anything else as a string",
				decimal.MaxDigits, decimal.MinExponent, decimal.MaxExponent)
		}
		return n, nil
	}
}

func (r *reader) object(depth int) (any, error) {
	if _, err := r.dec.ReadToken(); err != nil {
		return nil, err
	}
	object := map[string]any{}
	for r.dec.PeekKind() != '}' {
		if r.exceeded() {
			if err := r.dec.SkipValue(); err != nil { // a name or a value
				return nil, err
			}
			continue
		}
		token, err := r.dec.ReadToken()
		if err != nil {
			return nil, err
		}
		name := token.String()
		if !r.limits.allowName(name) {
			r.problem("is a member name of %d bytes; 1 to %d are accepted", len(name), r.limits.NameBytes)
			if err := r.dec.SkipValue(); err != nil {
				return nil, err
			}
			continue
		}
		if object[name], err = r.value(depth); err != nil {
			return nil, err
		}
	}
	_, err := r.dec.ReadToken()
	return object, err
}

func (r *reader) array(depth int) (any, error) {
	if _, err := r.dec.ReadToken(); err != nil {
		return nil, err
	}
	array := []any{}
	for r.dec.PeekKind() != ']' {
		if r.exceeded() {
			if err := r.dec.SkipValue(); err != nil {
				return nil, err
			}
			continue
		}
		element, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		array = append(array, element)
	}
	_, err := r.dec.ReadToken()
	return array, err
}

// Within reports whether a value is within the limits, so that Read would report no
// problem with its text.
func Within(value any, limits Limits) bool {
	m := meter{limits: limits}
	return m.keeps(value, 0)
}

type meter struct {
	limits Limits
	values int
}

// keeps reports whether a value that lies within depth objects and arrays keeps
// the limits, as reader.value does.
func (m *meter) keeps(value any, depth int) bool {
	m.values++
	if m.limits.Values > 0 && m.values > m.limits.Values {
		return false
	}
	switch v := value.(type) {
	case []any:
		if m.limits.Depth > 0 && depth == m.limits.Depth {
			return false
		}
		for _, element := range v {
			if !m.keeps(element, depth+1) {
				return false
			}
		}
	case map[string]any:
		if m.limits.Depth > 0 && depth == m.limits.Depth {
			return false
		}
		for name, member := range v {
			if !m.limits.allowName(name) || !m.keeps(member, depth+1) {
				return false
			}
		}
	}
	return true
}

func (l Limits) allowName(name string) bool {
	return l.NameBytes <= 0 || name != "" && len(name) <= l.NameBytes
}

// Append writes the canonical text of a value. It panics when given anything
// but the types of the package comment: a value never comes from outside the program.
func Append(dst []byte, value any) []byte {
	w := writer{text: dst}
	w.value(value)
	return w.text
}

type writer struct {
	text  []byte
	names []string // member names of the objects being written, the innermost object's last
}

func (w *writer) value(value any) {
	switch v := value.(type) {
	case nil:
		w.text = append(w.text, "null"...)
	case bool:
		w.text = strconv.AppendBool(w.text, v)
	case Number:
		w.text = append(w.text, v...)
	case string:
		w.string(v)
	case []any:
		w.array(v)
	case map[string]any:
		w.object(v)
	default:
		panic(fmt.Sprintf("jsonvalue: %T is not a JSON value", value))
	}
}

func (w *writer) array(elements []any) {
	w.text = append(w.text, '[')
	for i, element := range elements {
		if i > 0 {
			w.text = append(w.text, ',')
		}
		w.value(element)
	}
	w.text = append(w.text, ']')
}

func (w *writer) object(members map[string]any) {
	outer := len(w.names)
	for name := range members {
		w.names = append(w.names, name)
	}
	names := w.names[outer:]
	slices.Sort(names)
	w.text = append(w.text, '{')
	for i, name := range names {
		if i > 0 {
			w.text = append(w.text, ',')
		}
		w.string(name)
		w.text = append(w.text, ':')
		w.value(members[name])
	}
	w.text = append(w.text, '}')
	w.names = w.names[:outer]
}

// string quotes s as RFC 8785 does. Strings come from decoded JSON or DynamoDB,
// both of which hold valid UTF-8 only.
func (w *writer) string(s string) {
	w.text, _ = jsontext.AppendQuote(w.text, s)
}
