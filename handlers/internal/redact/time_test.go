package redact_test

import (
	"encoding/base64"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"payment-webhooks/handlers/internal/redact"
)

// crafted returns bodies that take as much time as possible: digits, encodings, what is almost
// one, and masking that leaves other card numbers.
func crafted(size int) []string {
	encoded := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	r := rand.New(rand.NewPCG(1, 0))
	base64Of := func(alphabet string) string { return randomText(r, alphabet, size) }
	xml := strings.Repeat("<transaction><id>abc123</id><amount>100.00 &amp; x</amount><card>"+card+"</card></transaction>\n", 2000)
	parts := []string{
		card + " ", card + "\n", card, "4", "4 ", "4,", "62", "6 ", "6 2, ", "4\u200b", "4\xff", "\u0967 ", "4\u2014", "\u200b", "\u5b57", "\u00e9", "36000003 " + card + " ",
		escaped(card + " "), `\u` + card, `\u0034` + card + `36000003 `, `\\`, `\u`, `\n`, `\u0034`, `\ud835\udfcf`,
		percentEncoded(card + " "), "%2534", "%34", "%", "%u0034", "+4", "&nbsp;", "4&nbsp;", "&#52;", "&a;", "&", "&amp;amp;amp;#52;", `\u0026amp;%25u00344`, "%34" + `\u0034&#52;`,
		card + "e0,", "4.111111111111111e15&", "1e25,", "1e999,", "62e17,", "[", "[" + card + ",", `"`,
		encoded(card + " "), ruby(card + "\n"), "QUFB", "QUFB+", "QUFB%0A", `\u0051UFB`, encoded(encoded(percentEncoded(card))), encoded(encoded(encoded(card))),
		base64Of(letters + digits), base64Of(letters + digits + "+/"), base64Of(capitals + "abcdef"), encoded(xml), url.QueryEscape(encoded(xml)), encoded(url.QueryEscape(encoded(xml))),
		strings.Repeat("TU1NTU1NTU1N", 10) + `&amp;%25%34\u0034 `, "8RS6210148826604N,", "A" + card + "-", "4222222222222A,", "41111111-1111-4111-8abc-abcdefabcdef ",
	}
	var bodies []string
	for _, part := range parts {
		body := strings.Repeat(part, size/len(part)+1)[:size]
		quoted := strings.ReplaceAll(body, `"`, "'")
		bodies = append(bodies, body, "["+body, `%34\u0034&#52;`+body, `["`+quoted+`"]`, `["`+strings.Join(chunks(quoted, 48), `","`)+`"]`)
	}
	return bodies
}

// chunks cuts a text into pieces.
func chunks(s string, n int) (pieces []string) {
	for ; len(s) > n; s = s[n:] {
		pieces = append(pieces, s[:n])
	}
	return append(pieces, s)
}

// Every body of 256 KiB takes less than 100 ms where nothing else runs (BenchmarkBody). A
// body of 32 KiB takes some milliseconds; this leaves room for slow machines and the race
// detector, and time that grows with the square of the length is seconds.
func TestTimeGrowsWithTheBodyOnly(t *testing.T) {
	const limit = time.Second
	for _, body := range crafted(32 << 10) {
		start := time.Now()
		redact.Body(body)
		middle := time.Now()
		redact.Text(body)
		redact.ID(body)
		if of, took := middle.Sub(start), time.Since(middle); max(of, took) > limit {
			t.Errorf("%.40q: Body took %s, Text and ID %s", body, of, took)
		}
	}
}

func BenchmarkBody(b *testing.B) {
	json := `{"id":"evt_1","object":"event","data":{"object":{"id":"pi_1","amount":1500000,"note":"Zo\u00eb, 100% of 2+2"}}},`
	xml := strings.Repeat("<transaction><id>abc123</id><amount>100.00</amount><card>"+card+"</card></transaction>\n", 2000)
	for _, bb := range []struct {
		name string
		body string
	}{
		{"JSON of 170 KB", "[" + strings.Repeat(json, 170_000/len(json)) + "0]"},
		{"JSON of 2 KB", "[" + strings.Repeat(json, 2_000/len(json)) + "0]"},
		{"form with base64 of 170 KB", "bt_signature=x&bt_payload=" + url.QueryEscape(ruby(xml[:120_000]))},
		{"form with base64 of 85 KB", "bt_signature=x&bt_payload=" + url.QueryEscape(ruby(xml[:60_000]))},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.body)))
			for b.Loop() {
				redact.Body(bb.body)
			}
		})
	}
	b.Run("worst of 256 KiB", func(b *testing.B) {
		var worst string
		var longest time.Duration
		for _, body := range crafted(256 << 10) {
			best := time.Hour
			for range 3 {
				start := time.Now()
				redact.Body(body)
				best = min(best, time.Since(start))
			}
			if best > longest {
				worst, longest = body, best
			}
		}
		b.Logf("%.40q", worst)
		for b.Loop() {
			redact.Body(worst)
		}
	})
}

// BenchmarkText measures texts that hold no card number, as nearly all do.
func BenchmarkText(b *testing.B) {
	for name, text := range map[string]string{
		"id":   "pi_3MtwBwLkdIwHu7ix28a3tqPa",
		"time": "2026-11-27T10:02:18.123456Z",
		"note": strings.Repeat("Order 1001 & 1002 of Zo\u00eb, 100% paid; ", 10),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				redact.Text(text)
			}
		})
	}
}
