package guard_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"payment-webhooks/local/guard"
)

func TestHandler(t *testing.T) {
	h := guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }), "hooks.example.com")
	for name, c := range map[string]struct {
		method, host string
		header       map[string]string
		reason       string // part of the detail; "": the request is passed on
	}{
		"when a program calls":                                 {"POST", "127.0.0.1:4566", nil, ""},
		"when it is called localhost":                          {"GET", "LocalHost:4566", nil, ""},
		"when it is called by IPv6":                            {"GET", "[::1]:4566", nil, ""},
		"when it is called without a port":                     {"GET", "127.0.0.2", nil, ""},
		"when a bucket is in the name":                         {"PUT", "bucket.localhost:4566", nil, ""},
		"when a name is allowed":                               {"POST", "hooks.example.com", nil, ""},
		"when a page of this machine calls":                    {"POST", "127.0.0.1:4566", map[string]string{"Origin": "http://localhost:3000", "Sec-Fetch-Site": "cross-site"}, ""},
		"when the page itself asks":                            {"GET", "127.0.0.1:4566", map[string]string{"Sec-Fetch-Site": "same-origin"}, ""},
		"when the address is typed":                            {"GET", "127.0.0.1:4566", map[string]string{"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, ""},
		"when a link elsewhere is followed":                    {"GET", "127.0.0.1:4566", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, ""},
		"when a name is bound to this address":                 {"GET", "evil.example:4566", nil, `"evil.example:4566"`},
		"when the name only begins like this machine's":        {"GET", "localhost.evil.example", nil, "Host"},
		"when the address only begins like this one":           {"GET", "127.0.0.1.evil.example", nil, "Host"},
		"when the Host is empty":                               {"GET", "", nil, "Host"},
		"when the Host is an address of the network":           {"GET", "192.168.0.7:4566", nil, "Host"},
		"when another website posts":                           {"POST", "127.0.0.1:4566", map[string]string{"Origin": "https://evil.example"}, `"https://evil.example"`},
		"when a name below it only ends like localhost":        {"POST", "127.0.0.1:4566", map[string]string{"Origin": "https://evillocalhost"}, "Origin"},
		"when a sandboxed page or a file posts":                {"POST", "127.0.0.1:4566", map[string]string{"Origin": "null"}, "Origin"},
		"when the Origin has another scheme":                   {"POST", "127.0.0.1:4566", map[string]string{"Origin": "chrome-extension://localhost"}, "Origin"},
		"when another website shows an image from here":        {"GET", "127.0.0.1:4566", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, "cross-site"},
		"when another website frames it":                       {"GET", "127.0.0.1:4566", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, "cross-site"},
		"when another website's form posts by navigation":      {"POST", "127.0.0.1:4566", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, "cross-site"},
		"when another website's link has an action of SQS":     {"GET", "127.0.0.1:4566", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "target": "/?Action=PurgeQueue&X-Amz-Credential=a/20261128/us-east-1/sqs/aws4_request"}, "cross-site"},
		"when another website opens what the page asks for":    {"GET", "127.0.0.1:4566", map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "target": "/_local/page/deliveries/1/found"}, "same-site"},
		"when a website at an allowed name calls this machine": {"POST", "127.0.0.1:4566", map[string]string{"Origin": "https://hooks.example.com"}, "Origin"},
		"when a page asks by the allowed name that it has":     {"POST", "hooks.example.com:4566", map[string]string{"Origin": "http://Hooks.example.com:4566", "Sec-Fetch-Site": "same-origin"}, ""},
		"when the Origin is empty":                             {"POST", "127.0.0.1:4566", map[string]string{"Origin": ""}, "Origin"},
		"when the Host is an IPv6 address with a zone":         {"GET", "[fe80::1%25lo]:4566", nil, "Host"},
		"when the Origin has a user that is localhost":         {"POST", "127.0.0.1:4566", map[string]string{"Origin": "http://localhost@evil.example"}, "Origin"},
		"when the Host has a user that is localhost":           {"GET", "localhost@evil.example", nil, "Host"},
	} {
		t.Run(name, func(t *testing.T) {
			target, other := c.header["target"] // of the request line, no header
			if !other {
				target = "/_local/"
			}
			r := httptest.NewRequest(c.method, target, nil)
			r.Host = c.host
			delete(c.header, "target")
			for key, value := range c.header {
				r.Header.Set(key, value)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if c.reason == "" {
				if w.Code != http.StatusNoContent {
					t.Errorf("%d %s", w.Code, w.Body)
				}
				return
			}
			var problem struct{ Detail string }
			err := json.Unmarshal(w.Body.Bytes(), &problem)
			if w.Code != http.StatusForbidden || err != nil || !strings.Contains(problem.Detail, c.reason) {
				t.Errorf("%d %s (%v)", w.Code, w.Body, err)
			}
		})
	}
}
