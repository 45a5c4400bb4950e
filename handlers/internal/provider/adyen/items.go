package adyen

import (
	"fmt"

	"payment-webhooks/handlers/internal/provider"
)

// maxItems bounds the items of a delivery. Adyen puts one into a JSON delivery and at
// most six into a SOAP one. Without a bound, a body that repeats a captured item could
// cause a thousand writes.
// https://docs.adyen.com/development-resources/webhooks/webhook-types#webhook-structure
const maxItems = 64

// readItems returns the notification items of a delivery. An error repeats nothing of
// the body.
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

// success returns the member success, "true" or "false". Adyen sends a string; a boolean
// is accepted too, because Adyen's libraries sign the same word for it.
func success(item provider.Object) string {
	if b, ok := item["success"].(bool); ok {
		return fmt.Sprint(b)
	}
	return item.Text("success")
}
