package provider

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Rename replaces the id of the object that a payload is about, wherever it occurs, so
// that the payload becomes a new transaction. The items of a batch get id, id-2, id-3,
// … It returns an error if the payload has no id at any of the places in IDs.
func (s Sender) Rename(body []byte, id string) ([]byte, error) {
	if !jsontext.Value(body).IsValid(lenient) {
		return nil, fmt.Errorf("the payload is not JSON")
	}
	found := places(body, s.IDs)
	if len(found) == 0 {
		return nil, fmt.Errorf("the payload has none of %s", strings.Join(s.IDs, ", "))
	}
	for i, place := range found {
		old, another := JSONText(body, place...), id
		if i > 0 {
			another = fmt.Sprintf("%s-%d", id, i+1)
		}
		if old == "" {
			return nil, fmt.Errorf("%s is empty", strings.Join(place, "/"))
		}
		body = replaceWord(body, old, another)
	}
	return body, nil
}

// replaceWord replaces a word wherever it is not part of a longer one.
func replaceWord(body []byte, old, another string) []byte {
	part := func(b []byte) bool {
		return len(b) == 1 && (b[0] == '_' || b[0] == '-' || b[0] >= '0' && b[0] <= '9' || b[0]|0x20 >= 'a' && b[0]|0x20 <= 'z')
	}
	var out []byte
	for from := 0; ; {
		i := bytes.Index(body[from:], []byte(old))
		if i < 0 {
			return append(out, body[from:]...)
		}
		start, end := from+i, from+i+len(old)
		out = append(out, body[from:start]...)
		if part(body[max(0, start-1):start]) || part(body[end:min(len(body), end+1)]) {
			out = append(out, old...)
		} else {
			out = append(out, another...)
		}
		from = end
	}
}

// Tamper returns a changed copy of a signed body. It changes a digit of the amount (in
// a batch, of the last amount) or, if there is no amount, appends a line feed.
func (s Sender) Tamper(body []byte) []byte {
	if s.Tampered != nil {
		return s.Tampered(body)
	}
	found := places(body, s.Amounts)
	if len(found) == 0 {
		return append(slices.Clone(body), '\n')
	}
	from, to, _ := locate(body, found[len(found)-1]...)
	changed := slices.Clone(body)
	for i := from; i < to; i++ {
		if digit := changed[i]; digit >= '0' && digit <= '9' {
			changed[i] = '1' + (digit-'0')%9 // another digit, and no leading zero
			break
		}
	}
	return changed
}

// places returns the first of the paths that exists in the body; for a batch, one path
// for each item.
func places(body []byte, paths []string) (found [][]string) {
	split := func(path string) []string { return strings.Split(path, "/") }
	for _, path := range paths {
		if !strings.Contains(path, "%d") {
			if HasJSON(body, split(path)...) {
				return [][]string{split(path)}
			}
			continue
		}
		for i := 0; ; i++ {
			place := split(fmt.Sprintf(path, i))
			if !HasJSON(body, place...) {
				break
			}
			found = append(found, place)
		}
	}
	return found
}

// lenient accepts duplicate names, because a payload may be wrong on purpose.
var lenient = jsontext.AllowDuplicateNames(true)

// HasJSON reports whether a payload has a value at a path of member names and
// array indices.
func HasJSON(body []byte, path ...string) bool {
	_, _, ok := locate(body, path...)
	return ok
}

// JSONText returns the content of the string at a path, or the JSON of another value;
// "" if there is none or it is null.
func JSONText(body []byte, path ...string) string {
	from, to, ok := locate(body, path...)
	if !ok || string(body[from:to]) == "null" {
		return ""
	}
	if unquoted, err := jsontext.AppendUnquote(nil, body[from:to]); err == nil {
		return string(unquoted)
	}
	return string(body[from:to])
}

// SetJSONText sets the value at a path to a string, and adds the member and its objects
// if they do not exist. All other bytes stay the same.
func SetJSONText(body []byte, value string, path ...string) ([]byte, error) {
	quoted, err := jsontext.AppendQuote(nil, value)
	if err != nil {
		return nil, err
	}
	return setJSON(body, quoted, path...)
}

func setJSON(body, value []byte, path ...string) ([]byte, error) {
	if from, to, ok := locate(body, path...); ok {
		return slices.Concat(body[:from], value, body[to:]), nil
	}
	object, name := path[:len(path)-1], path[len(path)-1]
	added, err := jsontext.AppendQuote(nil, name)
	if err != nil {
		return nil, err
	}
	added = append(append(added, ':'), value...)
	from, to, ok := locate(body, object...)
	if !ok {
		return setJSON(body, slices.Concat([]byte("{"), added, []byte("}")), object...)
	}
	if body[from] != '{' {
		return nil, fmt.Errorf("%v is not an object", object)
	}
	if !bytes.Equal(bytes.TrimSpace(body[from+1:to-1]), nil) {
		added = append(added, ',')
	}
	return slices.Insert(slices.Clone(body), from+1, added...), nil
}

// locate finds the value at a path of member names and array indices. A payload is
// edited by offsets and never marshalled again, so that its other bytes are sent
// unchanged.
func locate(body []byte, path ...string) (from, to int, ok bool) {
	from, to = 0, len(body)
	for _, step := range path {
		decoder := jsontext.NewDecoder(bytes.NewReader(body[from:to]), lenient)
		value, found := member(decoder, step)
		if !found {
			return 0, 0, false
		}
		to = from + int(decoder.InputOffset())
		from = to - len(value)
	}
	return from, to, true
}

// member reads up to and including the member or element named step.
func member(decoder *jsontext.Decoder, step string) (jsontext.Value, bool) {
	opening, err := decoder.ReadToken()
	if err != nil {
		return nil, false
	}
	kind := opening.Kind() // the next read voids the token
	for i := 0; decoder.PeekKind() > 0; i++ {
		name := strconv.Itoa(i)
		switch {
		case decoder.PeekKind() == '}' || decoder.PeekKind() == ']':
			return nil, false
		case kind == '{':
			token, err := decoder.ReadToken()
			if err != nil {
				return nil, false
			}
			name = token.String()
		case kind != '[':
			return nil, false
		}
		value, err := decoder.ReadValue()
		if err != nil {
			return nil, false
		}
		if name == step {
			return value, true
		}
	}
	return nil, false
}
