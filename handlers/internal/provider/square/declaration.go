package square

import (
	"strings"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/provider"
)

// Declaration declares the provider.
var Declaration = provider.Declaration{
	Name: Name,
	KeptHeaders: []string{
		"Square-Environment", "Square-Initial-Delivery-Timestamp", "Square-Retry-Number", "Square-Retry-Reason",
	},
	Members: []provider.Member{provider.HTTPSAddress("notificationUrl", contract.ProviderNotificationURL,
		"the address that Square has, if it is not the gateway's own")},
	Secret:      "the subscription's signature key",
	ValidSecret: validKey,
	EventTypes:  eventTypes,
	OwnIDs:      []string{"merchant_id", "location_id", "order_id"},
	New:         func(provider.Settings) provider.Provider { return New() },
}

// keyLength is the length of Square's keys.
const keyLength = 22

// validKey reports whether a text can be a signature key. Square's keys are 16 random
// bytes as base64url without padding, 22 characters, such as "1k9bIJKCeTmSQwyagtNRLg":
// https://developer.squareup.com/reference/square/webhook-subscriptions-api/update-webhook-subscription-signature-key
// Other lengths from 16 to 64 are accepted in case Square changes it. Words in one
// case, such as "your-first-key-goes-here", are none: a key has two classes of
// characters out of upper case, lower case and digits.
// Square's other credentials, which have other lengths, are none, either: the application's
// id and secret (sq0…), its access token (EAAA…) and the subscription's id (wbhk_…).
// https://developer.squareup.com/docs/build-basics/access-tokens
func validKey(text string) bool {
	if len(text) < 16 || len(text) > 64 {
		return false
	}
	for _, prefix := range []string{"sq0", "sandbox-sq0", "EAAA", "wbhk_", "whsec_"} {
		if len(text) != keyLength && strings.HasPrefix(text, prefix) {
			return false
		}
	}
	upper, lower, digit := 0, 0, 0
	for _, c := range []byte(text) {
		switch {
		case c >= 'A' && c <= 'Z':
			upper = 1
		case c >= 'a' && c <= 'z':
			lower = 1
		case c >= '0' && c <= '9':
			digit = 1
		case c != '-' && c != '_':
			return false
		}
	}
	return upper+lower+digit >= 2
}
