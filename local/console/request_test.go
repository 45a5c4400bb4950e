package console_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"payment-webhooks/local/console"
)

func TestDecode(t *testing.T) {
	for name, c := range map[string]struct {
		mediaType, body string
		status          int // 200: decoded
		detail          string
	}{
		"it is as it should be":     {"application/json; charset=utf-8", ` {"name": "x"} `, 200, ""},
		"it is a form's":            {"text/plain", `{"name": "x"}`, 415, "application/json"},
		"it has no media type":      {"", `{"name": "x"}`, 415, "application/json"},
		"a member is unknown":       {"application/json", `{"name": "x", "other": 1}`, 400, "other"},
		"it is not JSON":            {"application/json", `{`, 400, "the body: "},
		"it is empty":               {"application/json", ``, 400, "the body: "},
		"a second value follows":    {"application/json", `{"name": "x"} {}`, 400, "follows"},
		"it is larger than 64 KB":   {"application/json", `{"name": "` + strings.Repeat("x", console.MaxBody) + `"}`, 413, "65536 bytes"},
		"spaces make it that large": {"application/json", `{"name": "x"}` + strings.Repeat(" ", console.MaxBody), 413, "65536 bytes"},
	} {
		t.Run("when "+name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.mediaType)
			w := httptest.NewRecorder()
			var value struct{ Name string }
			if ok := console.Decode(w, r, &value); ok != (c.status == 200) || ok && value.Name != "x" {
				t.Errorf("decoded: %v, %+v", ok, value)
			}
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.detail) {
				t.Errorf("%d %s, want %d with %q", w.Code, w.Body, c.status, c.detail)
			}
			if media := w.Header().Get("Content-Type"); c.status != 200 && media != "application/problem+json" {
				t.Errorf("Content-Type %q", media)
			}
		})
	}
}
