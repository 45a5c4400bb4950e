package adyen_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"payment-webhooks/handlers/internal/intake/intaketest"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/adyen"
	"payment-webhooks/handlers/internal/transaction"
)

// signature returns the signature of a text.
func signature(t testing.TB, text string) string {
	t.Helper()
	k, err := hex.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// readings calls f with each item whose signed text is the given one: each way of
// putting its parts between colons into the eight fields.
func readings(t testing.TB, text string, f func(item)) {
	t.Helper()
	parts := strings.Split(text, ":")
	signed := signature(t, text)
	var fields [8]string
	var split func(field, from int)
	split = func(field, from int) {
		if field == 7 {
			fields[7] = strings.Join(parts[from:], ":")
			i := item{
				"pspReference": fields[0], "originalReference": fields[1], "merchantAccountCode": fields[2], "merchantReference": fields[3],
				"eventCode": fields[6], "success": fields[7], "additionalData": map[string]any{"hmacSignature": signed},
			}
			i.amount(fields[4], fields[5]) // as text
			f(i)
			if json.Valid([]byte(fields[4])) && strings.Trim(fields[4], "0123456789") == "" {
				f(i.amount(json.Number(fields[4]), fields[5]))
			}
			return
		}
		for to := from + 1; to <= len(parts)-(7-field); to++ {
			fields[field] = strings.Join(parts[from:to], ":")
			split(field+1, to)
		}
	}
	split(0, 0)
}

// Colons make a signed text ambiguous. Whoever captured one must not make another
// transaction of it, nor any of what is none.
func TestColon(t *testing.T) {
	const report = "settlement_report_2026-10-01T00:00:00_2026-10-31T23:59:59.csv"
	for _, tt := range []struct {
		name, text string
		want       string // what every accepted reading becomes
	}{
		{"a report for a range of times", report + "::ExampleShopECOM::0:EUR:REPORT_AVAILABLE:true", "REPORT_AVAILABLE ignored"},
		{"a report whose name is a payment", "R:P:AUTHORISATION:1000:EUR:AUTHORISATION:true::ExampleShopECOM::1000:EUR:REPORT_AVAILABLE:true", "REPORT_AVAILABLE ignored"},
		{"an offer whose reference is a payment", "P::ExampleShopECOM:ORDER:1000:EUR:AUTHORISATION:true:1000:EUR:OFFER_CLOSED:true", "OFFER_CLOSED ignored"},
		{"a refused payment whose reference is one", "P::ExampleShopECOM:a:1000:EUR:AUTHORISATION:true:1000:EUR:AUTHORISATION:false", "AUTHORISATION ignored"},
		{
			"a payment with times in its reference", "P::ExampleShopECOM:2026-11-22 15:04:07:1050:EUR:AUTHORISATION:true",
			`AUTHORISATION payment adyen/P of "" 10.50 EUR by unknown {"merchant_account":"ExampleShopECOM","merchant_reference":"2026-11-22 15:04:07"}`,
		},
		{
			"a payment whose reference is a report", "P::ExampleShopECOM:x:0:EUR:REPORT_AVAILABLE:true:1050:EUR:AUTHORISATION:true",
			`AUTHORISATION payment adyen/P of "" 10.50 EUR by unknown {"merchant_account":"ExampleShopECOM","merchant_reference":"x:0:EUR:REPORT_AVAILABLE:true"}`,
		},
	} {
		t.Run("has one meaning/"+tt.name, func(t *testing.T) {
			accepted, all := 0, 0
			readings(t, tt.text, func(i item) {
				all++
				body := delivery(t, i)
				if err := verify(body, key); err != nil {
					if !errors.Is(err, provider.ErrSignature) {
						t.Fatal(err)
					}
					return
				}
				accepted++
				if got := summaries(decode(t, body, adyen.Options{}))[0]; got != tt.want {
					t.Errorf("%v becomes %s, want %s", i, got, tt.want)
				}
			})
			if accepted == 0 || accepted == all {
				t.Errorf("%d of %d readings are accepted", accepted, all)
			}
		})
	}
	t.Run("in a report's name is accepted", func(t *testing.T) {
		body := fixture(t, "report_with_colons")
		if err := verify(body, key); err != nil {
			t.Fatal(err)
		}
		e := intaketest.NewEndpoint(t, adyen.Declaration, nil)
		if r := e.Deliver(t, received, nil, string(body)); r.Status != 200 || r.Body != `{"ignored":"REPORT_AVAILABLE"}` {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
	for _, e := range adyen.Declaration.EventTypes() {
		i := payment().with("eventCode", e.Name).with("pspReference", "AB12:CD34EF56GH78").with("originalReference", "a:b").sign(t, key)
		if e.Becomes == "" {
			t.Run("in a reference is accepted if it becomes nothing/"+e.Name, func(t *testing.T) {
				if err := verify(delivery(t, i), key); err != nil {
					t.Error(err)
				}
			})
			continue
		}
		t.Run("in a reference is refused if it becomes money/"+e.Name, func(t *testing.T) {
			if err := verify(delivery(t, i), key); !errors.Is(err, provider.ErrSignature) {
				t.Errorf("%v, want ErrSignature", err)
			}
			// Even if it were verified, nothing would be stored.
			endpoint := intaketest.NewEndpoint(t, adyen.Declaration, nil)
			if r := endpoint.Deliver(t, received, nil, string(delivery(t, i))); len(endpoint.Ledger.All()) > 0 || len(endpoint.Quarantined) != 1 {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		})
	}
	t.Run("in the event's type is refused", func(t *testing.T) {
		for _, field := range []string{"eventCode", "success"} {
			i := payment().with("eventCode", "REPORT_AVAILABLE").with(field, "a:b").sign(t, key)
			if err := verify(delivery(t, i), key); !errors.Is(err, provider.ErrSignature) {
				t.Errorf("%s: %v", field, err)
			}
		}
		if err := verify(delivery(t, payment().with("eventCode", "REPORT_AVAILABLE").amount(0, "EU:R").sign(t, key)), key); !errors.Is(err, provider.ErrSignature) {
			t.Error(err)
		}
	})
}

// Whoever has a genuine delivery must not be able to show the verifier one value and
// the decoder, or a person, another.
func TestVerifiedIsDecoded(t *testing.T) {
	good := string(delivery(t, payment().sign(t, key)))
	replace := func(old, new string) string {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("no %s in %s", old, good)
		}
		return strings.Replace(good, old, new, 1)
	}
	other := string(delivery(t, payment().amount(999999, "EUR")))
	items := good[strings.Index(good, `"notificationItems"`) : len(good)-1]
	otherItems := other[strings.Index(other, `"notificationItems"`) : len(other)-1]
	wrapped := items[strings.Index(items, `{"NotificationRequestItem"`)+1 : len(items)-2]
	otherWrapped := otherItems[strings.Index(otherItems, `{"NotificationRequestItem"`)+1 : len(otherItems)-2]
	for name, body := range map[string]string{
		"value twice":              replace(`"value":1050`, `"value":999999,"value":1050`),
		"value twice, escaped":     replace(`"value":1050`, `"value":1050,"v\u0061lue":999999`),
		"amount twice":             replace(`"amount":`, `"amount":{"value":999999,"currency":"EUR"},"amount":`),
		"amount twice, null":       replace(`"amount":`, `"amount":null,"amount":`),
		"currency twice":           replace(`"currency":"EUR"`, `"currency":"EUR","currency":"KWD"`),
		"reference twice":          replace(`"pspReference":`, `"pspReference":"X","pspReference":`),
		"reference twice, escaped": replace(`"pspReference":`, `"psp\u0052eference":"X","pspReference":`),
		"event code twice":         replace(`"eventCode":`, `"eventCode":"REFUND","eventCode":`),
		"success twice":            replace(`"success":"true"`, `"success":false,"success":"true"`),
		"additionalData twice":     replace(`"additionalData":`, `"additionalData":{"modification.action":"refund"},"additionalData":`),
		"action twice":             replace(`"additionalData":{`, `"additionalData":{"modification.action":"refund","modification.action":"cancel",`),
		"items twice":              good[:1] + otherItems + "," + good[1:],
		"items twice, escaped":     good[:len(good)-1] + "," + strings.Replace(otherItems, "notificationItems", `notification\u0049tems`, 1) + "}",
		"item twice":               strings.Replace(good, wrapped, otherWrapped+","+wrapped, 1),
		"item twice, after":        strings.Replace(good, wrapped, wrapped+","+otherWrapped, 1),
	} {
		t.Run("is refused if it has "+name, func(t *testing.T) {
			if !json.Valid([]byte(body)) {
				t.Fatal("the test's body is not JSON")
			}
			if err := verify([]byte(body), key); !errors.Is(err, provider.ErrSignature) {
				t.Errorf("%v, want ErrSignature", err)
			}
		})
	}
	want := summaries(decode(t, []byte(good), adyen.Options{}))[0]
	for name, body := range map[string]string{
		"another spelling of a name":  replace(`"pspReference":`, `"psp\u0052eference":`),
		"another spelling of a value": replace(`"QFQTPCQ8HXSKGK82"`, `"\u0051FQTPCQ8HXSKGK82"`),
		"another case beside":         replace(`"amount":`, `"Amount":{"value":999999,"currency":"EUR"},"AMOUNT":1,"amount":`),
		"members of no meaning twice": replace(`"amount":`, `"x":1,"x":2,"amount":`),
		"the name at another level":   replace(`"amount":`, `"x":{"amount":{"value":999999}},"amount":`),
		"items at another level":      good[:1] + `"x":{` + otherItems + `},` + good[1:],
		"10 000 members beside":       good[:1] + strings.Repeat(`"x":[0],`, 10_000) + good[1:],
	} {
		t.Run("is what is signed if it has "+name, func(t *testing.T) {
			if err := verify([]byte(body), key); err != nil {
				t.Fatal(err)
			}
			if got := summaries(decode(t, []byte(body), adyen.Options{})); len(got) != 1 || got[0] != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

// hostile are bodies of at most transaction.MaxBodyBytes that cost the most, of which
// nothing is signed.
func hostile() map[string]string {
	fill := func(before, unit, after string) string {
		return before + strings.Repeat(unit, (transaction.MaxBodyBytes-len(before)-len(after))/len(unit)) + after
	}
	const item = `{"notificationItems":[{"NotificationRequestItem":{`
	const end = `}}]}`
	nested := strings.Repeat("[", 27) + strings.Repeat("]", 27)
	long := strings.Repeat("n", 255)
	var distinct strings.Builder
	distinct.WriteString(item)
	for i := 0; distinct.Len() < transaction.MaxBodyBytes-40; i++ {
		fmt.Fprintf(&distinct, `"%d":0,`, i)
	}
	distinct.WriteString(`"":0` + end)
	var deepNames strings.Builder
	deepNames.WriteString(item + `"x":[0`)
	for deepNames.Len() < transaction.MaxBodyBytes-9000 {
		deepNames.WriteString("," + strings.Repeat(`{"`+long+`":`, 27) + "1e999" + strings.Repeat("}", 27))
	}
	deepNames.WriteString("]" + end)
	var many strings.Builder
	many.WriteString(`{"notificationItems":[{}`)
	for i := 1; i < 64; i++ {
		fmt.Fprintf(&many, `,{"NotificationRequestItem":{"pspReference":"%s","additionalData":{"hmacSignature":"AAAA"},"merchantReference":"%s"}}`, strings.Repeat("p", 2000), strings.Repeat(`\"`, 950))
	}
	many.WriteString(`]}`)
	return map[string]string{
		"arrays without end":         fill("", "[", ""),
		"objects without end":        fill("", `{"a":`, ""),
		"arrays nested all along":    fill(item+`"x":[`+nested, ","+nested, "]"+end),
		"numbers":                    fill(item+`"x":[0`, ",0", "]"+end),
		"numbers out of range":       fill(item+`"x":[0`, ",1e999", "]"+end),
		"a name many times":          fill(item+`"a":0`, `,"a":0`, end),
		"names that differ":          distinct.String(),
		"a name that is long":        fill(item+`"`, "n", `":0`+end),
		"a name of escapes":          fill(item+`"`, `\u0061`, `":0`+end),
		"names nested deep":          deepNames.String(),
		"a number that is long":      fill(item+`"amount":{"value":`, "9", "}"+end),
		"a number that is skipped":   fill(item+`"x":`, "9", end),
		"a reference that is long":   fill(item+`"additionalData":{"hmacSignature":"A"},"merchantReference":"`, "r", `"`+end),
		"a reference of escapes":     fill(item+`"additionalData":{"hmacSignature":"A"},"merchantReference":"`, `\u00e9`, `"`+end),
		"items that are empty":       fill(`{"notificationItems":[{}`, ",{}", "]}"),
		"items that are large":       many.String(),
		"white space":                fill(item, " ", end),
		"a signature that is long":   fill(item+`"additionalData":{"hmacSignature":"`, "A", `"}`+end),
		"members of additional data": fill(item+`"additionalData":{"a":""`, `,"b":""`, "}"+end),
		"objects that are empty":     fill(item+`"x":[{}`, ",{}", "]"+end),
	}
}

// Of a body that is not verified, nothing may cost more than in proportion to its length:
// anybody can send it.
func TestUnverifiedWork(t *testing.T) {
	const perByte, constant, timeLimit = 64, 256 << 10, 100 * time.Millisecond
	for name, body := range hostile() {
		t.Run("is bounded for "+name, func(t *testing.T) {
			if len(body) > transaction.MaxBodyBytes || len(body) < transaction.MaxBodyBytes/2 {
				t.Fatalf("%d bytes", len(body))
			}
			bytes := []byte(body)
			best, allocated := time.Hour, uint64(0)
			for range 5 { // other processes may disturb one
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				start := time.Now()
				err := verify(bytes, key, otherKey)
				took := time.Since(start)
				runtime.ReadMemStats(&after)
				if !errors.Is(err, provider.ErrSignature) {
					t.Fatalf("%v, want ErrSignature", err)
				}
				best, allocated = min(best, took), after.TotalAlloc-before.TotalAlloc
			}
			if best > timeLimit {
				t.Errorf("takes %s, want at most %s", best, timeLimit)
			}
			if limit := uint64(perByte*len(body) + constant); allocated > limit {
				t.Errorf("allocates %d bytes, want at most %d", allocated, limit)
			}
		})
	}
}

// BenchmarkUnverified measures what a body that is not authentic costs.
func BenchmarkUnverified(b *testing.B) {
	for name, body := range hostile() {
		b.Run(name, func(b *testing.B) {
			bytes := []byte(body)
			b.SetBytes(int64(len(bytes)))
			b.ReportAllocs()
			for b.Loop() {
				if err := verify(bytes, key); err == nil {
					b.Fatal("verified")
				}
			}
		})
	}
}

func TestValidSecret(t *testing.T) {
	for secret, want := range map[string]bool{
		key: true, strings.ToLower(key): true, key + "00": true,
		"": false, "x": false, key[:62]: false, key + "A": false, key + "\n": false, " " + key: false,
		`{"adyen": "` + key + `"}`: false, strings.Repeat("g", 64): false, "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0=": false,
		"whsec_field0123456789abcdef0123456789ab": false, "replace-me": false,
	} {
		if got := adyen.Declaration.AcceptsSecret(secret); got != want {
			t.Errorf("%q: %t, want %t", secret, got, want)
		}
	}
	if made := adyen.Declaration.Sender.MakeSecret(); !adyen.Declaration.AcceptsSecret(made) {
		t.Errorf("the sender's %s is not valid", made)
	}
}
