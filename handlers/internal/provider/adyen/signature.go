package adyen

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"

	"payment-webhooks/handlers/internal/provider"
)

// Bounds of a key. Adyen generates minKeyBytes; a secret that is shorter, or longer than a
// block of SHA-256, is probably something else that was stored by mistake.
const (
	minKeyBytes = 32
	maxKeyBytes = sha256.BlockSize
)

// validSecret reports whether a text can be an HMAC key: an even number of hexadecimal
// digits, 64 to 128.
func validSecret(secret string) bool {
	key, err := hex.DecodeString(secret)
	return err == nil && len(key) >= minKeyBytes && len(key) <= maxKeyBytes
}

// Verify implements provider.Provider. It uses neither the clock nor the headers,
// because Adyen signs no time and puts the signatures into the body. It takes time and
// memory in proportion to the body.
func (Adyen) Verify(_ context.Context, d provider.Delivery, secrets []string) error {
	var macs []hash.Hash
	for _, secret := range secrets {
		if validSecret(secret) {
			key, _ := hex.DecodeString(secret)
			macs = append(macs, hmac.New(sha256.New, key))
		}
	}
	if len(macs) == 0 {
		return fmt.Errorf("%w: none of %d is an HMAC key of %d or more hexadecimal digits", provider.ErrSecret, len(secrets), 2*minKeyBytes)
	}
	delivery, err := readSigned(d.Body)
	if err != nil {
		return fmt.Errorf("%w: %w", provider.ErrSignature, err)
	}
	for i, item := range delivery.items {
		if err := item.verify(macs); err != nil {
			return fmt.Errorf("%w: notification item %d of %d: %w", provider.ErrSignature, i+1, len(delivery.items), err)
		}
	}
	return nil
}

// verify checks the item's signature.
func (i item) verify(macs []hash.Hash) error {
	if i.signature == "" {
		return errors.New("no additionalData.hmacSignature")
	}
	if err := i.ambiguous(); err != nil {
		return err
	}
	text := i.signedText()
	var sum, signature [sha256.Size * 2]byte
	for _, mac := range macs {
		mac.Reset()
		mac.Write(text)
		// Compare as text, so that a signature has only one valid spelling.
		if hmac.Equal(base64.StdEncoding.AppendEncode(signature[:0], mac.Sum(sum[:0])), []byte(i.signature)) {
			return nil
		}
	}
	return errors.New("the signature is none of ours")
}

// signedText returns the text that the item's signature signs.
func (i item) signedText() []byte {
	text := make([]byte, 0, 256)
	for _, value := range []string{
		i.pspReference, i.originalReference, i.merchantAccountCode, i.merchantReference, i.value, i.currency, i.eventCode, i.success,
	} {
		text = append(append(text, value...), ':')
	}
	return text[:len(text)-1]
}

// ambiguous returns an error if the signed text could be that of another item that
// would be taken for money. Nothing is escaped in it, so a colon can be moved from one value
// to its neighbour.
//
// The last four values never have a colon. So counted from the end of the text, every
// reading of it has the same amount, eventCode and success, and none becomes an item of
// another event type. If that type becomes a transaction, only merchantReference may
// have colons, so that there is one reading. If it does not, the other references may
// have them, too: a report is named for a range of times.
func (i item) ambiguous() error {
	noColons := []struct{ name, value string }{{"currency", i.currency}, {"eventCode", i.eventCode}, {"success", i.success}}
	if becomesTransaction(i.eventCode) {
		noColons = append(noColons, []struct{ name, value string }{
			{"pspReference", i.pspReference}, {"originalReference", i.originalReference}, {"merchantAccountCode", i.merchantAccountCode},
		}...)
	}
	for _, member := range noColons {
		if strings.Contains(member.value, ":") {
			return fmt.Errorf("%s has a colon, which makes the signed text ambiguous", member.name)
		}
	}
	return nil
}

// becomesTransaction reports whether items of an event type become a transaction under
// some condition.
func becomesTransaction(eventCode string) bool {
	return slices.ContainsFunc(eventTypes, func(t provider.EventType) bool { return t.Name == eventCode && t.Becomes != "" })
}
