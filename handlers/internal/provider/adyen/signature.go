package adyen

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"payment-webhooks/handlers/internal/jsonvalue"
	"payment-webhooks/handlers/internal/provider"
)

// minKeyBytes is the length of the keys that Adyen generates. A shorter secret is
// probably something else that was configured by mistake.
const minKeyBytes = 32

// readKeys decodes the secrets and leaves out those that cannot be a key.
func readKeys(secrets []string) [][]byte {
	var keys [][]byte
	for _, secret := range secrets {
		key, err := hex.DecodeString(strings.TrimSpace(secret))
		if err == nil && len(key) >= minKeyBytes {
			keys = append(keys, key)
		}
	}
	return keys
}

// verify checks one item's signature.
func verify(item provider.Object, keys [][]byte) error {
	signature := item.Object("additionalData").Text("hmacSignature")
	if signature == "" {
		return errors.New("no additionalData.hmacSignature")
	}
	text, err := signedText(item)
	if err != nil {
		return err
	}
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write(text)
		// Compare as text, so that a signature has only one valid spelling.
		if hmac.Equal(base64.StdEncoding.AppendEncode(nil, mac.Sum(nil)), []byte(signature)) {
			return nil
		}
	}
	return errors.New("the signature is none of ours")
}

// signedText returns the text that an item's signature signs.
func signedText(item provider.Object) ([]byte, error) {
	amount := item.Object("amount")
	text := make([]byte, 0, 256)
	for _, field := range []struct {
		name  string
		value any
	}{
		{"pspReference", item["pspReference"]},
		{"originalReference", item["originalReference"]},
		{"merchantAccountCode", item["merchantAccountCode"]},
		{"merchantReference", item["merchantReference"]},
		{"value", amount["value"]},
		{"currency", amount["currency"]},
		{"eventCode", item["eventCode"]},
		{"success", success(item)},
	} {
		var value string
		switch v := field.value.(type) {
		case nil:
		case string:
			value = v
		case jsonvalue.Number:
			value = string(v)
		default:
			return nil, fmt.Errorf("%s is neither text nor a number", field.name)
		}
		if field.name != "merchantReference" && strings.Contains(value, ":") {
			return nil, fmt.Errorf("%s has a colon, which makes the signed text ambiguous", field.name)
		}
		text = append(append(text, value...), ':')
	}
	return text[:len(text)-1], nil
}
