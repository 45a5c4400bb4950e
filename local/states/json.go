package states

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// decode reads exactly one JSON value. Numbers keep their text.
func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("data after the JSON value")
	}
	return value, nil
}

// strict decodes exactly one JSON value and rejects fields that value does not have.
func strict(text []byte, value any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(value); err != nil {
		return err
	}
	if d.More() {
		return errors.New("data after the JSON value")
	}
	return nil
}

// encode writes a value without escaping <, > and &.
func encode(value any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(value) // values come from JSON, they encode
	return strings.TrimSuffix(b.String(), "\n")
}

// text is a value within other text: a string as it is, any other value as JSON.
func text(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	return encode(value)
}

func number(n int) json.Number { return json.Number(fmt.Sprint(n)) }
