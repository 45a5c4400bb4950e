package stripe

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/internal/jsonvalue"
	"payment-webhooks/handlers/internal/provider"
)

// limits are far above what Stripe sends: an event has some hundred values in
// fewer than ten levels.
var limits = jsonvalue.Limits{Depth: 32, Values: 10_000, NameBytes: 255}

// object is a JSON object of Stripe's. Its methods return the zero value for a
// member that is absent, null, or of another type.
type object map[string]any

// parseObject reads a body that is one JSON object. An error is
// provider.ErrUnreadable and repeats nothing of the body.
func parseObject(body []byte) (object, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(body))
	value, problems, err := jsonvalue.Read(dec, limits)
	if err != nil {
		return nil, fmt.Errorf("%w: not valid JSON, at byte %d", provider.ErrUnreadable, dec.InputOffset())
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w: a JSON value %s", provider.ErrUnreadable, problems[0].Detail)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows the JSON value", provider.ErrUnreadable)
	}
	members, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: the JSON value is not an object", provider.ErrUnreadable)
	}
	return members, nil
}

func (o object) text(name string) string {
	text, _ := o[name].(string)
	return text
}

func (o object) number(name string) string {
	number, _ := o[name].(jsonvalue.Number)
	return string(number)
}

func (o object) object(name string) object {
	members, _ := o[name].(map[string]any)
	return members
}

// ref is the id of another object, which Stripe writes in place of that object
// unless it was asked to expand it.
// https://docs.stripe.com/api/expanding_objects
func (o object) ref(name string) string {
	if members := o.object(name); members != nil {
		return members.text("id")
	}
	return o.text(name)
}
