package intake

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/redact"
	"payment-webhooks/handlers/internal/transaction"
)

// maxTextMessage bounds, in bytes, a message with its body as text. JSON escapes can
// make a body up to six times as long, and SQS accepts 1 MiB. A longer message has its
// body in base64, which always adds a third.
const maxTextMessage = 768 * 1024

// maxReasons bounds how many events of a batch a message lists.
const maxReasons = 50

// message is the JSON in the quarantine queue: a whole delivery, and why its events
// could not be processed.
type message struct {
	Provider     string             `json:"provider"`
	ReceivedAt   string             `json:"received_at"`
	Events       []quarantinedEvent `json:"events"`  // the ones that could not be processed
	Headers      map[string]string  `json:"headers"` // no signature, no credentials
	Body         string             `json:"body"`    // with card numbers masked
	BodyEncoding string             `json:"body_encoding"`
}

type quarantinedEvent struct {
	Index  int                      `json:"index"` // position in the delivery, from 0
	Type   string                   `json:"type,omitzero"`
	Reason string                   `json:"reason"` // unreadable, invalid or conflict
	Detail string                   `json:"detail"` // for operators
	Errors []transaction.FieldError `json:"errors,omitzero"`
}

// keptHeaders are the headers kept with every quarantined delivery, in addition to
// those that its provider declares. Any other header may hold a credential or a
// signature.
var keptHeaders = []string{"Content-Type", "User-Agent", "X-Amzn-Trace-Id"}

// putIntoQuarantine sends the delivery to the quarantine queue if one of its events
// could not be processed.
func (in *Intake) putIntoQuarantine(ctx context.Context, d provider.Delivery, res *deliveryResult) error {
	var quarantined []quarantinedEvent
	var ids []string
	for i, r := range res.results {
		if r.quarantined == nil {
			continue
		}
		e := quarantinedEvent{Index: i, Type: r.event, Reason: r.reason(), Detail: r.quarantined.Error()}
		if invalid, ok := errors.AsType[*transaction.InvalidError](r.quarantined); ok {
			e.Errors = invalid.Fields
		}
		quarantined, ids = append(quarantined, e), append(ids, r.ids(res.route)...)
	}
	if quarantined == nil {
		return nil
	}
	text, err := compose(d, res.route, quarantined[:min(len(quarantined), maxReasons)], ids)
	if err != nil {
		return err
	}
	if err := in.quarantine.Send(ctx, text); err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	return nil
}

// compose writes the message; ids are the provider's own, which stay as they are.
func compose(d provider.Delivery, from Route, quarantined []quarantinedEvent, ids []string) (string, error) {
	m := message{
		Provider: from.name, ReceivedAt: transaction.FormatTime(d.ReceivedAt), Events: quarantined,
		Headers: map[string]string{}, BodyEncoding: "text",
	}
	for _, name := range slices.Concat(keptHeaders, from.declared.KeptHeaders) {
		if values := d.Header.Values(name); len(values) > 0 {
			m.Headers[http.CanonicalHeaderKey(name)] = redact.Sanitise(strings.Join(values, ", "))
		}
	}
	m.Body = redact.Body(string(d.Body), ids...)
	if isText(m.Body) {
		text, err := json.Marshal(m, json.Deterministic(true))
		if err != nil {
			return "", fmt.Errorf("compose quarantine message: %w", err)
		}
		if len(text) <= maxTextMessage {
			return string(text), nil
		}
	}
	m.Body, m.BodyEncoding = base64.StdEncoding.EncodeToString([]byte(m.Body)), "base64"
	text, err := json.Marshal(m, json.Deterministic(true))
	if err != nil {
		return "", fmt.Errorf("compose quarantine message: %w", err)
	}
	return string(text), nil
}

// isText reports whether a text may be sent without base64. SQS accepts the characters
// of XML 1.0; JSON escapes the control characters among the others.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsAny(s, "\ufffe\uffff")
}
