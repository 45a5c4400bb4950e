package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// delivery is what is to be signed.
type delivery struct {
	body []byte
	url  string    // the address as the provider knows it; Square signs it
	at   time.Time // the provider's clock
}

// signer adds a provider's signature: it returns the headers and the body, which
// some providers sign within itself.
type signer func(d delivery) (http.Header, []byte, error)

// scheme is what the sender knows of a provider.
type scheme struct {
	path   string // below the API's URL
	secret string // the form of its secret, for people

	// signer checks the secret's form.
	signer func(secret, internet string) (signer, error)

	// ids lists where the object's id may be, the first that exists counts.
	// Amounts likewise: --tamper changes a digit of it.
	ids, amounts []string
}

var schemes = map[string]scheme{
	"canonical": {
		path: "/webhook", secret: "whsec_ and base64, or base64 alone", signer: standardWebhooks,
		ids: []string{"transaction_id"}, amounts: []string{"amount"},
	},
	"stripe": {
		path: "/webhook/stripe", secret: "the endpoint's signing secret, whsec_…", signer: stripe,
		ids: []string{"data/object/id"}, amounts: []string{"data/object/amount_received", "data/object/amount"},
	},
	"adyen": {
		path: "/webhook/adyen", secret: "the webhook's HMAC key, an even number of hex digits", signer: adyen,
		ids:     []string{"notificationItems/%d/NotificationRequestItem/pspReference"},
		amounts: []string{"notificationItems/%d/NotificationRequestItem/amount/value"},
	},
	"paypal": {
		path: "/webhook/paypal", secret: "the webhook's id", signer: payPal,
		ids:     []string{"resource/dispute_id", "resource/payout_item_id", "resource/id"},
		amounts: []string{"resource/amount/value", "resource/amount/total", "resource/dispute_amount/value", "resource/payout_item/amount/value"},
	},
	"square": {
		path: "/webhook/square", secret: "the subscription's signature key", signer: square,
		ids: []string{"data/object/payment/id", "data/object/refund/id", "data/object/dispute/id", "data/object/payout/id", "data/id"},
		amounts: []string{
			"data/object/payment/amount_money/amount", "data/object/refund/amount_money/amount",
			"data/object/dispute/amount_money/amount", "data/object/payout/amount_money/amount",
		},
	},
}

func split(path string) []string { return strings.Split(path, "/") }

// places returns the paths of a list that exist: for a batch, one for each item.
func places(body []byte, paths []string) (found [][]string) {
	for _, path := range paths {
		if !strings.Contains(path, "%d") {
			if _, _, ok := locate(body, split(path)...); ok {
				return [][]string{split(path)}
			}
			continue
		}
		for i := 0; ; i++ {
			place := split(fmt.Sprintf(path, i))
			if _, _, ok := locate(body, place...); !ok {
				break
			}
			found = append(found, place)
		}
	}
	return found
}

// rename gives the object that the event is about another id, wherever the old
// one is written, so that it is a new transaction. The items of a batch get id,
// id-2, id-3, …
func (s scheme) rename(body []byte, id string) ([]byte, error) {
	found := places(body, s.ids)
	if len(found) == 0 {
		return nil, fmt.Errorf("--id: the payload has none of %s", strings.Join(s.ids, ", "))
	}
	for i, place := range found {
		old, another := text(body, place...), id
		if i > 0 {
			another = fmt.Sprintf("%s-%d", id, i+1)
		}
		if old == "" {
			return nil, fmt.Errorf("--id: %s is empty", strings.Join(place, "/"))
		}
		body = replaceWord(body, old, another)
	}
	return body, nil
}

// replaceWord replaces a word wherever it is one, and not a part of another.
func replaceWord(body []byte, old, another string) []byte {
	part := func(b []byte) bool {
		return len(b) == 1 && (b[0] == '_' || b[0] == '-' || b[0] >= '0' && b[0] <= '9' || b[0]|0x20 >= 'a' && b[0]|0x20 <= 'z')
	}
	var out []byte
	for from := 0; ; {
		i := bytes.Index(body[from:], []byte(old))
		if i < 0 {
			return append(out, body[from:]...)
		}
		start, end := from+i, from+i+len(old)
		out = append(out, body[from:start]...)
		if part(body[max(0, start-1):start]) || part(body[end:min(len(body), end+1)]) {
			out = append(out, old...)
		} else {
			out = append(out, another...)
		}
		from = end
	}
}

// tamper changes a digit of the amount after signing, of the last one in a batch;
// where there is no amount, it adds a line feed.
func (s scheme) tamper(body []byte) []byte {
	found := places(body, s.amounts)
	if len(found) == 0 {
		return append(slices.Clone(body), '\n')
	}
	from, to, _ := locate(body, found[len(found)-1]...)
	changed := slices.Clone(body)
	for i := from; i < to; i++ {
		if digit := changed[i]; digit >= '0' && digit <= '9' {
			changed[i] = '1' + (digit-'0')%9 // another digit, and no leading zero
			break
		}
	}
	return changed
}

func mac(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

func stripe(secret, _ string) (signer, error) {
	return func(d delivery) (http.Header, []byte, error) {
		t := strconv.FormatInt(d.at.Unix(), 10)
		signature := hex.EncodeToString(mac([]byte(secret), []byte(t+"."), d.body))
		return http.Header{"Stripe-Signature": {"t=" + t + ",v1=" + signature}}, d.body, nil
	}, nil
}

func standardWebhooks(secret, _ string) (signer, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) == 0 {
		return nil, errors.New("is not base64")
	}
	return func(d delivery) (http.Header, []byte, error) {
		header := http.Header{}
		signStandardWebhook(header, key, "msg_"+rand.Text(), d)
		return header, d.body, nil
	}, nil
}

func signStandardWebhook(header http.Header, key []byte, id string, d delivery) {
	t := strconv.FormatInt(d.at.Unix(), 10)
	header.Set("webhook-id", id)
	header.Set("webhook-timestamp", t)
	header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac(key, []byte(id+"."+t+"."), d.body)))
}

// Square's signed text has no time of its own, so the event's created_at is set.
func square(secret, _ string) (signer, error) {
	return func(d delivery) (http.Header, []byte, error) {
		body := d.body
		if _, _, ok := locate(body, "created_at"); ok {
			var err error
			if body, err = set(body, d.at.UTC().Format("2006-01-02T15:04:05.000Z"), "created_at"); err != nil {
				return nil, nil, err
			}
		}
		signature := mac([]byte(secret), []byte(d.url), body)
		return http.Header{"X-Square-Hmacsha256-Signature": {base64.StdEncoding.EncodeToString(signature)}}, body, nil
	}, nil
}

// Adyen signs each item within itself, and no time.
func adyen(secret, _ string) (signer, error) {
	key, err := hex.DecodeString(secret)
	if err != nil || len(key) == 0 {
		return nil, errors.New("is not hexadecimal")
	}
	return func(d delivery) (http.Header, []byte, error) {
		body := d.body
		for i := 0; ; i++ {
			item := []string{"notificationItems", strconv.Itoa(i), "NotificationRequestItem"}
			if _, _, ok := locate(body, item...); !ok {
				if i == 0 {
					return nil, nil, errors.New("the payload has no notificationItems/0/NotificationRequestItem to sign")
				}
				return http.Header{}, body, nil
			}
			at := func(path ...string) []string { return slices.Concat(item, path) }
			signed := strings.Join([]string{
				text(body, at("pspReference")...), text(body, at("originalReference")...),
				text(body, at("merchantAccountCode")...), text(body, at("merchantReference")...),
				text(body, at("amount", "value")...), text(body, at("amount", "currency")...),
				text(body, at("eventCode")...), text(body, at("success")...),
			}, ":")
			var err error
			signature := base64.StdEncoding.EncodeToString(mac(key, []byte(signed)))
			if body, err = set(body, signature, at("additionalData", "hmacSignature")...); err != nil {
				return nil, nil, err
			}
		}
	}, nil
}
