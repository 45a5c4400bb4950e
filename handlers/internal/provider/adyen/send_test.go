package adyen

import (
	"strings"
	"testing"

	"payment-webhooks/handlers/internal/provider"
)

// From the tests of Adyen's libraries, such as adyen-java-api-library's HMACValidatorTest.
func TestPublishedSignature(t *testing.T) {
	const key, want = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056", "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="
	const item = `"pspReference":"7914073381342284","merchantAccountCode":"TestMerchant","merchantReference":"TestPayment-1407325143704",` +
		`"amount":{"value":1130,"currency":"EUR"},"eventCode":"AUTHORISATION","success":"true"`
	for name, body := range map[string]string{
		"no place for the signature": `{` + item + `}`,
		"null originalReference":     `{"originalReference":null,` + item + `}`,
		"empty additionalData":       `{"additionalData": { },` + item + `}`,
		"other additionalData":       `{"additionalData":{"cardSummary":"1111"},` + item + `}`,
		"old signature":              `{"additionalData":{"hmacSignature":"old","cardSummary":"1111"},` + item + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			batch := `{"live":"false","notificationItems":[{"NotificationRequestItem":{"eventCode":"X"}},{"NotificationRequestItem":` + body + `}]}`
			_, signed, err := signAttempt(provider.Attempt{Secret: key, Body: []byte(batch)})
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range map[string]string{"0": "", "1": want} {
				got := provider.JSONText(signed, "notificationItems", i, "NotificationRequestItem", "additionalData", "hmacSignature")
				if got == "" || want != "" && got != want {
					t.Errorf("item %s: %q in %s, want %s", i, got, signed, want)
				}
			}
			if strings.Contains(body, "cardSummary") && !strings.Contains(string(signed), `"cardSummary":"1111"`) {
				t.Errorf("%s lost the other data", signed)
			}
		})
	}
}
