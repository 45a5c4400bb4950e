package campaign

import (
	"bytes"
	"errors"

	"payment-webhooks/handlers/providers/forgery"
)

// Two signatures do not bind what they come with (decision 17): PayPal signs a CRC-32 of
// the body, and Adyen leaves out the member that tells a cancellation from a refund. The
// campaign captures genuine ones and uses them for something else.

// forge returns the facts of a payload that a captured signature of the shape verifies.
func (s shape) forge(f facts) (facts, bool) {
	switch {
	case s.provider == "paypal":
		f.minor += 99_00
		return f, true
	case s.provider == "adyen" && s.fixture == "cancellation":
		return f, true
	}
	return f, false
}

// dated reports whether the provider signs the time of an attempt, so that an old
// signature is rejected.
func (s shape) dated() bool {
	d, ok := declaration(s.provider)
	return ok && d.Sender.SignsTime
}

// captured returns the body to send with the signature of a genuine one in place of it.
func (d Delivery) captured(genuine []byte) ([]byte, error) {
	if d.Provider == "paypal" {
		return forgery.SameCRC32(d.Body, genuine)
	}
	action := bytes.Replace(genuine, []byte(`"cancel"`), []byte(`"refund"`), 1)
	if bytes.Equal(action, genuine) {
		return nil, errors.New("the payload has no action to change")
	}
	return action, nil
}
