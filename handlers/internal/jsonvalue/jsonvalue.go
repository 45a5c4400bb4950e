package jsonvalue

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/internal/decimal"
)

// Number is an exact JSON number in the canonical form of decimal.Text.
type Number string

// ParseNumber reads a JSON number. An error is decimal.ErrSyntax or
// decimal.ErrRange.
func ParseNumber(text string) (Number, error) {
	d, err := decimal.Parse(text)
	if err != nil {
		return "", err
	}
	return Number(decimal.Text(&d)), nil
}

// Limits bound what Read accepts. Zero means no bound.
type Limits struct {
	Depth     int // objects and arrays within each other; a scalar has depth 0
	Values    int // scalars, objects and arrays together
	NameBytes int // the longest member name; names are never empty under a limit
}

// Problem is a rule that a part of a value breaks.
type Problem struct {
	Pointer jsontext.Pointer // RFC 6901, from the root of the decoder's input
	Detail  string           // for the sender; repeats nothing of the value
}

// Read reads the decoder's next value. Problems lists every part that breaks a
// limit or holds a number that cannot be stored; the value is then incomplete.
// The error is the decoder's: malformed JSON.
func Read(dec *jsontext.Decoder, limits Limits) (value any, problems []Problem, err error) {
	r := reader{dec: dec, limits: limits}
	value, err = r.value(0)
	return value, r.problems, err
}

// Parse reads a whole text without limits, such as one that Append wrote.
func Parse(text []byte) (any, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(text))
	value, problems, err := Read(dec, Limits{})
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s: %s", problems[0].Pointer, problems[0].Detail)
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
	problems []Problem
}

// problem is about the value or name that was read last.
func (r *reader) problem(format string, args ...any) {
	r.problems = append(r.problems, Problem{r.dec.StackPointer(), fmt.Sprintf(format, args...)})
}

// value reads one value that lies within depth objects and arrays.
func (r *reader) value(depth int) (any, error) {
	r.values++
	if r.limits.Values > 0 && r.values > r.limits.Values {
		err := r.dec.SkipValue()
		if r.values == r.limits.Values+1 { // once is enough
			r.problem("is value number %d; at most %d are accepted", r.values, r.limits.Values)
		}
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
		token, err := r.dec.ReadToken()
		if err != nil {
			return nil, err
		}
		name := token.String()
		if most := r.limits.NameBytes; most > 0 && (name == "" || len(name) > most) {
			r.problem("is a member name of %d bytes; 1 to %d are accepted", len(name), most)
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
		element, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		array = append(array, element)
	}
	_, err := r.dec.ReadToken()
	return array, err
}

// Append writes the canonical text of a value. It panics when given anything
// but the types of the package comment: only this system makes values.
func Append(dst []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return fmt.Append(dst, v)
	case Number:
		return append(dst, v...)
	case string:
		return appendString(dst, v)
	case []any:
		dst = append(dst, '[')
		for i, element := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = Append(dst, element)
		}
		return append(dst, ']')
	case map[string]any:
		dst = append(dst, '{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendString(dst, name), ':')
			dst = Append(dst, v[name])
		}
		return append(dst, '}')
	}
	panic(fmt.Sprintf("jsonvalue: %T is not a JSON value", value))
}

// appendString quotes s as RFC 8785 does. Strings come from decoded JSON or
// DynamoDB, both of which hold valid UTF-8 only.
func appendString(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}
