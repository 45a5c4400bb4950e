package lambda

import (
	"net/http/httptest"
	"strings"
	"testing"

	"payment-webhooks/local/responsetest"
)

func TestEnvironment(t *testing.T) {
	t.Run("records the result before it responds to the runtime", func(t *testing.T) {
		for name, c := range map[string]struct {
			path, body string
			status     int
		}{
			"response":           {"response", `{}`, 202},
			"error":              {"error", `{"errorType":"E"}`, 202},
			"response too large": {"response", strings.Repeat("x", maxSyncBytes+1), 413},
		} {
			t.Run(name, func(t *testing.T) {
				work := &invocation{requestID: "id", result: make(chan result, 1)}
				e := &environment{config: &Config{}, current: work}
				taken := -1
				recorder := httptest.NewRecorder()
				e.runtimeAPI().ServeHTTP(responsetest.Recorder{ResponseRecorder: recorder, Begun: func() { taken = len(work.result) }},
					httptest.NewRequest("POST", "/2018-06-01/runtime/invocation/id/"+c.path, strings.NewReader(c.body)))
				if recorder.Code != c.status || taken != 1 {
					t.Errorf("status %d, %d results when the response begins; want %d and 1", recorder.Code, taken, c.status)
				}
			})
		}
	})
}
