package providerstest

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/transaction"
)

// Name is the provider's name.
const Name = "formpay"

// Declaration declares the provider.
var Declaration = provider.Declaration{
	Name:        Name,
	Methods:     []string{http.MethodPost, http.MethodGet},
	MediaTypes:  []string{"application/x-www-form-urlencoded"},
	KeptHeaders: []string{"Formpay-Delivery"},
	Members: []provider.Member{
		provider.OneOf("environment", "environment", "which of its systems posts", "sandbox", "production"),
	},
	Secret:      "public and private key, joined by a colon",
	ValidSecret: keyPairForm.MatchString,
	EventTypes: func() []provider.EventType {
		return []provider.EventType{
			{Name: settled, Becomes: contract.KindPayment},
			{Name: "subscription_trial_ended", Reason: "moves no money"},
		}
	},
	New: func(provider.Settings) provider.Provider { return formpay{} },
}

// settled is the event type that becomes a payment.
const settled = "transaction_settled"

var keyPairForm = regexp.MustCompile(`^[A-Za-z0-9]{6,64}:[A-Za-z0-9]{6,64}$`)

type formpay struct{}

var _ provider.Challenger = formpay{}

// Verify checks the signature over the payload.
func (formpay) Verify(_ context.Context, d provider.Delivery, secrets []string) error {
	form, err := url.ParseQuery(string(d.Body))
	if err != nil {
		return fmt.Errorf("%w: the body is no form", provider.ErrSignature)
	}
	keys, err := readKeys(secrets)
	if err != nil {
		return err
	}
	for pair := range strings.SplitSeq(form.Get("bt_signature"), "&") {
		for _, k := range keys {
			if hmac.Equal([]byte(pair), []byte(k.sign(form.Get("bt_payload")))) {
				return nil
			}
		}
	}
	return fmt.Errorf("%w: by none of %d keys", provider.ErrSignature, len(keys))
}

// Decode reads the event in the payload.
func (formpay) Decode(d provider.Delivery) ([]provider.Event, error) {
	form, err := url.ParseQuery(string(d.Body))
	if err != nil {
		return nil, fmt.Errorf("%w: the body is no form", provider.ErrUnreadable)
	}
	body, err := base64.StdEncoding.DecodeString(form.Get("bt_payload")) // which skips line breaks
	if err != nil {
		return nil, fmt.Errorf("%w: the payload is not base64", provider.ErrUnreadable)
	}
	event, err := provider.ParseObject(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", provider.ErrUnreadable, err)
	}
	out := provider.Event{Type: event.Text("kind")}
	if out.Type != settled {
		return []provider.Event{out}, nil
	}
	amount, err := money.Parse(event.Text("amount"))
	if err != nil {
		out.Err = fmt.Errorf("%w: amount: %w", provider.ErrUnreadable, err)
		return []provider.Event{out}, nil
	}
	out.Transaction = &transaction.Transaction{
		ID: event.Text("id"), Provider: Name, Kind: contract.KindPayment,
		Money: money.Money{Amount: amount, Currency: event.Text("currency")}, CustomerID: contract.UnknownCustomer,
	}
	return []provider.Event{out}, nil
}

var challenge = regexp.MustCompile(`^[a-f0-9]{20,32}$`)

// Challenge signs the challenge of a query with the current key.
func (formpay) Challenge(_ context.Context, query url.Values, secrets []string) (string, error) {
	text := query.Get("bt_challenge")
	if !challenge.MatchString(text) {
		return "", fmt.Errorf("%w: bt_challenge is not 20 to 32 hexadecimal digits", provider.ErrChallenge)
	}
	keys, err := readKeys(secrets)
	if err != nil {
		return "", err
	}
	return keys[0].sign(text), nil
}

// keyPair is a secret of the provider.
type keyPair struct{ public, private string }

// readKeys returns the secrets that are key pairs. The error is provider.ErrSecret if
// none is.
func readKeys(secrets []string) ([]keyPair, error) {
	var keys []keyPair
	for _, secret := range secrets {
		if public, private, ok := strings.Cut(secret, ":"); ok && public != "" && private != "" {
			keys = append(keys, keyPair{public, private})
		}
	}
	if keys == nil {
		return nil, fmt.Errorf("%w: none of %d is a key pair", provider.ErrSecret, len(secrets))
	}
	return keys, nil
}

func (k keyPair) sign(text string) string {
	key := sha1.Sum([]byte(k.private))
	mac := hmac.New(sha1.New, key[:])
	mac.Write([]byte(text))
	return k.public + "|" + hex.EncodeToString(mac.Sum(nil))
}
