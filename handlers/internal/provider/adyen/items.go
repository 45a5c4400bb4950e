package adyen

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/internal/jsonvalue"
)

// maxItems bounds the items of a delivery. Adyen puts one into a JSON delivery
// and at most six into a SOAP one; without a bound, one captured item repeated
// within a body would be a thousand writes.
// https://docs.adyen.com/development-resources/webhooks/webhook-types#webhook-structure
const maxItems = 64

// limits are far above what Adyen sends: three levels and some fifty values an
// item.
var limits = jsonvalue.Limits{Depth: 16, Values: 10_000}

// object is a JSON object. A nil one has no members.
type object map[string]any

// text returns a member that is a string, or "".
func (o object) text(name string) string {
	text, _ := o[name].(string)
	return text
}

// object returns a member that is an object, or nil.
func (o object) object(name string) object {
	value, _ := o[name].(map[string]any)
	return value
}

// success is "true" or "false". Adyen sends it as a string; the libraries that
// hold it as a boolean sign the same word.
func (o object) success() string {
	if b, ok := o["success"].(bool); ok {
		return fmt.Sprint(b)
	}
	return o.text("success")
}

// readItems reads the frame of a delivery. An error repeats nothing of it.
func readItems(body []byte) ([]object, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(body))
	value, problems, err := jsonvalue.Read(dec, limits)
	if err != nil {
		return nil, errors.New("the body is not JSON in UTF-8 with each name once")
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	if len(problems) > 0 {
		return nil, errors.New("a value of the body " + problems[0].Detail)
	}
	frame, _ := value.(map[string]any)
	list, _ := frame["notificationItems"].([]any)
	if len(list) == 0 || len(list) > maxItems {
		return nil, fmt.Errorf("%d notification items, where 1 to %d are accepted", len(list), maxItems)
	}
	items := make([]object, len(list))
	for i, element := range list {
		wrapper, _ := element.(map[string]any)
		items[i] = object(wrapper).object("NotificationRequestItem")
	}
	return items, nil
}
