package adyen_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"

	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/adyen"
	"payment-webhooks/handlers/internal/provider/providertest"
)

// FuzzVerify: no body verifies but with a signature over what is in it, and what
// verifies can be decoded.
func FuzzVerify(f *testing.F) {
	providertest.Seed(f)
	f.Add([]byte(`{"notificationItems":[{"NotificationRequestItem":{"additionalData":{"hmacSignature":"="}}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		err := verify(body, key)
		if err != nil {
			if !errors.Is(err, provider.ErrSignature) {
				t.Errorf("%v is not ErrSignature", err)
			}
			return
		}
		if _, err := adyen.New(adyen.Options{}).Decode(provider.Delivery{Body: body}); err != nil {
			t.Errorf("verified, but %v", err)
		}
		// Authentic by us: so by the signer of the tests, which reads with another
		// JSON library.
		var frame map[string]any
		dec := json.NewDecoder(bytes.NewReader(body))
		dec.UseNumber()
		if err := dec.Decode(&frame); err != nil {
			t.Fatalf("verified, but %v", err)
		}
		for _, n := range frame["notificationItems"].([]any) {
			i := item(n.(map[string]any)["NotificationRequestItem"].(map[string]any))
			got := i["additionalData"].(map[string]any)["hmacSignature"]
			if want := i.sign(t, key)["additionalData"].(map[string]any)["hmacSignature"]; got != want {
				t.Errorf("verified %v, want %v", got, want)
			}
		}
	})
}

// FuzzDecode: whatever arrives, each event is a sound transaction, ignored or
// unreadable.
func FuzzDecode(f *testing.F) {
	providertest.Seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, options := range []adyen.Options{{}, {ManualCapture: true}} {
			events, err := adyen.New(options).Decode(provider.Delivery{Body: body})
			providertest.CheckDecoded(t, adyen.Name, events, err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	d, a := provider.Delivery{Body: fixture(b, "payment")}, adyen.New(adyen.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if err := a.Verify(context.Background(), d, []string{otherKey, key}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDeliver(b *testing.B) {
	d, a := provider.Delivery{Body: fixture(b, "payment")}, adyen.New(adyen.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if err := a.Verify(context.Background(), d, []string{key}); err != nil {
			b.Fatal(err)
		}
		events, err := a.Decode(d)
		if err != nil || events[0].Transaction == nil {
			b.Fatal(events, err)
		}
	}
}
