package provider

import (
	"bytes"
	"errors"
	"io"
	"maps"

	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/internal/jsonvalue"
	"payment-webhooks/handlers/internal/transaction"
)

// limits bound what is read into memory. They are far above what providers send, which
// is some hundred values in fewer than ten levels. The body bounds the strings.
var limits = jsonvalue.Limits{Depth: 32, Values: 10_000, NameBytes: 255, Problems: 1}

// Object is a JSON object. A member that is absent, null or of another type reads as
// the zero value, which Transaction.Check rejects if the member is required.
type Object map[string]any

// ParseObject reads a body that is one JSON object within limits. An error repeats
// nothing of the body.
func ParseObject(body []byte) (Object, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(body))
	value, problems, err := jsonvalue.Read(dec, limits)
	if err != nil {
		return nil, errors.New("the body is not JSON in UTF-8 with each name once")
	}
	if len(problems.Listed) > 0 {
		return nil, errors.New("a value of the body " + problems.Listed[0].Detail)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	members, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("the body is JSON but not an object")
	}
	return members, nil
}

// Text returns a member that is a string.
func (o Object) Text(name string) string {
	text, _ := o[name].(string)
	return text
}

// Number returns the text of a member that is a number.
func (o Object) Number(name string) string {
	number, _ := o[name].(jsonvalue.Number)
	return string(number)
}

// Object returns a member that is an object.
func (o Object) Object(name string) Object {
	members, _ := o[name].(map[string]any)
	return members
}

// List returns a member that is an array. An element that is not an object is nil.
func (o Object) List(name string) []Object {
	elements, _ := o[name].([]any)
	list := make([]Object, len(elements))
	for i, element := range elements {
		list[i], _ = element.(map[string]any)
	}
	return list
}

// Metadata returns a transaction's metadata from the members that are not empty
// strings. It keeps the map members, which must not be changed afterwards.
func Metadata(members map[string]any) transaction.Metadata {
	maps.DeleteFunc(members, func(_ string, value any) bool { return value == "" })
	return transaction.NewMetadata(members)
}
