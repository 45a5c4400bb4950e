package adyen

import (
	"fmt"

	"payment-webhooks/handlers/internal/provider"
)

// maxItems bounds the items of a delivery. Adyen puts one into a JSON delivery
// and at most six into a SOAP one; without a bound, one captured item repeated
// within a body would be a thousand writes.
// https://docs.adyen.com/development-resources/webhooks/webhook-types#webhook-structure
const maxItems = 64

// readItems reads the frame of a delivery. An error repeats nothing of it.
func readItems(body []byte) ([]provider.Object, error) {
	frame, err := provider.ParseObject(body)
	if err != nil {
		return nil, err
	}
	items := frame.List("notificationItems")
	if len(items) == 0 || len(items) > maxItems {
		return nil, fmt.Errorf("%d notification items, where 1 to %d are accepted", len(items), maxItems)
	}
	for i, wrapper := range items {
		items[i] = wrapper.Object("NotificationRequestItem")
	}
	return items, nil
}

// success is "true" or "false". Adyen sends it as a string; the libraries that
// hold it as a boolean sign the same word.
func success(item provider.Object) string {
	if b, ok := item["success"].(bool); ok {
		return fmt.Sprint(b)
	}
	return item.Text("success")
}
