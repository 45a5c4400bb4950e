package provider

import (
	"errors"
	"io"
	"maps"
	"slices"

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

// ParseObject reads a body that is one JSON object within limits. If it is given names, it
// reads the object's members with these names alone and skips the others, whose syntax is
// checked nevertheless. An error repeats nothing of the body.
func ParseObject(body []byte, only ...string) (Object, error) {
	dec, release := jsonvalue.NewDecoder(body)
	defer release()
	members, err := readMembers(dec, only)
	if err != nil {
		return nil, err
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	return members, nil
}

var errNotJSON = errors.New("the body is not JSON in UTF-8 with each name once")

func readMembers(dec *jsontext.Decoder, only []string) (Object, error) {
	if dec.PeekKind() != '{' || len(only) == 0 {
		value, err := readValue(dec)
		members, ok := value.(map[string]any)
		if err == nil && !ok {
			err = errors.New("the body is JSON but not an object")
		}
		return members, err
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, errNotJSON
	}
	members := Object{}
	for dec.PeekKind() != '}' {
		token, err := dec.ReadToken()
		if err != nil {
			return nil, errNotJSON
		}
		if name := token.String(); slices.Contains(only, name) {
			members[name], err = readValue(dec)
		} else if dec.SkipValue() != nil {
			err = errNotJSON
		}
		if err != nil {
			return nil, err
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, errNotJSON
	}
	return members, nil
}

func readValue(dec *jsontext.Decoder) (any, error) {
	value, problems, err := jsonvalue.Read(dec, limits)
	if err != nil {
		return nil, errNotJSON
	}
	if len(problems.Listed) > 0 {
		return nil, errors.New("a value of the body " + problems.Listed[0].Detail)
	}
	return value, nil
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
