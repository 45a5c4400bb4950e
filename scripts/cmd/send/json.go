package main

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// lenient because a payload may be wrong on purpose.
var lenient = jsontext.AllowDuplicateNames(true)

// locate finds the value at a path of member names and array indices. A payload is
// changed in place, never written anew: its other bytes are what is to be sent.
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

// member reads up to and including the member or element that is asked for.
func member(decoder *jsontext.Decoder, step string) (jsontext.Value, bool) {
	opening, err := decoder.ReadToken()
	if err != nil {
		return nil, false
	}
	for i := 0; decoder.PeekKind() > 0; i++ {
		name := strconv.Itoa(i)
		switch {
		case decoder.PeekKind() == '}' || decoder.PeekKind() == ']':
			return nil, false
		case opening.Kind() == '{':
			token, err := decoder.ReadToken()
			if err != nil {
				return nil, false
			}
			name = token.String()
		case opening.Kind() != '[':
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

// text is a string's content or another scalar's JSON; "" when there is none.
func text(body []byte, path ...string) string {
	from, to, ok := locate(body, path...)
	if !ok || string(body[from:to]) == "null" {
		return ""
	}
	if unquoted, err := jsontext.AppendUnquote(nil, body[from:to]); err == nil {
		return string(unquoted)
	}
	return string(body[from:to])
}

// set replaces a string, or adds it to the object that the path leads to.
func set(body []byte, value string, path ...string) ([]byte, error) {
	quoted, err := jsontext.AppendQuote(nil, value)
	if err != nil {
		return nil, err
	}
	return setRaw(body, quoted, path...)
}

func setRaw(body, value []byte, path ...string) ([]byte, error) {
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
		return setRaw(body, slices.Concat([]byte("{"), added, []byte("}")), object...)
	}
	if body[from] != '{' {
		return nil, fmt.Errorf("%v is not an object", object)
	}
	if !bytes.Equal(bytes.TrimSpace(body[from+1:to-1]), nil) {
		added = append(added, ',')
	}
	return slices.Insert(slices.Clone(body), from+1, added...), nil
}
