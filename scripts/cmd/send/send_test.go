package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"payment-webhooks/handlers/providers"
	"payment-webhooks/handlers/providers/providerstest"
)

// declared returns a supported provider.
func declared(t *testing.T, name string) providers.Declaration {
	t.Helper()
	d, ok := options{provider: name, supported: supported()}.declaration()
	if !ok {
		t.Fatalf("no provider %s", name)
	}
	return d
}

// endpoint responds with the given statuses in turn, and then always with the last one.
type endpoint struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

func newEndpoint(t *testing.T, statuses ...int) *endpoint {
	t.Helper()
	d := &endpoint{}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		status := statuses[min(len(d.requests), len(statuses)-1)]
		d.requests, d.bodies = append(d.requests, r), append(d.bodies, string(body))
		w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
		w.WriteHeader(status)
		fmt.Fprintf(w, "{\n\"status\": %d}", status)
	}))
	t.Cleanup(d.Close)
	return d
}

// canonicalFile is a payload that no provider posts.
const canonicalFile = "../../../handlers/internal/provider/standardwebhooks/testdata/payment.json"

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func send(t *testing.T, ctx context.Context, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	getenv := func(name string) string { return map[string]string{"WEBHOOK_SECRET": "c2VjcmV0"}[name] }
	var out, errs bytes.Buffer
	code = run(ctx, append(supported(), providerstest.Declaration), args, getenv, func() time.Time { return noon }, &out, &errs)
	return code, out.String(), errs.String()
}

func TestExitStatus(t *testing.T) {
	cases := map[string]struct {
		statuses []int
		args     []string
		code     int
		lines    string
	}{
		"accepted":      {[]int{202}, nil, 0, " ms)\n"},
		"rejected":      {[]int{401}, nil, 1, "401 {"},
		"redirected":    {[]int{302}, nil, 1, "302 {"},
		"all good":      {[]int{202, 200}, []string{"--repeat", "3"}, 0, "200 {"},
		"one not good":  {[]int{202, 503, 200}, []string{"--repeat", "3"}, 1, "503 {"},
		"all at a rate": {[]int{202, 200}, []string{"--repeat", "20", "--rate", "500/s"}, 0, "20 deliveries in"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := newEndpoint(t, c.statuses...)
			code, out, errs := send(t, t.Context(), append([]string{"--provider", "canonical", "--url", d.URL + "/v1/"}, c.args...)...)
			if code != c.code || !strings.Contains(out, c.lines) {
				t.Errorf("exit %d, printed %s%s, want %d and %s", code, out, errs, c.code, c.lines)
			}
			if d.requests[0].URL.Path != "/v1/webhook" || d.requests[0].Header.Get("Content-Type") != "application/json" {
				t.Errorf("POST %s %v", d.requests[0].URL.Path, d.requests[0].Header)
			}
		})
	}
}

func TestResponsesAsJSON(t *testing.T) {
	t.Run("when there is a response, a line has it", func(t *testing.T) {
		d := newEndpoint(t, 202, 401)
		code, out, errs := send(t, t.Context(), "--provider", "canonical", "--url", d.URL, "--json", "--repeat", "2")
		if code != 1 || errs != "" {
			t.Errorf("exit %d, printed %s", code, errs)
		}
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if len(lines) != 2 {
			t.Fatalf("printed %s, want a line for each response and no summary", out)
		}
		for i, want := range []response{{Delivery: 1, Status: 202, Body: "{\n\"status\": 202}"}, {Delivery: 2, Status: 401, Body: "{\n\"status\": 401}"}} {
			var got response
			if err := json.Unmarshal([]byte(lines[i]), &got); err != nil {
				t.Fatalf("%s: %v", lines[i], err)
			}
			if got.Milliseconds <= 0 {
				t.Errorf("%s has no time", lines[i])
			}
			if got.Milliseconds = 0; got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		}
	})
	t.Run("when there is none, the line says why", func(t *testing.T) {
		d := newEndpoint(t, 202)
		d.Close()
		var got response
		code, out, _ := send(t, t.Context(), "--provider", "canonical", "--url", d.URL, "--json")
		if err := json.Unmarshal([]byte(out), &got); code != 1 || err != nil || got.Status != 0 || got.Error == "" {
			t.Errorf("exit %d, printed %s", code, out)
		}
	})
}

func TestNoAnswerIsNoSuccess(t *testing.T) {
	d := newEndpoint(t, 202)
	d.Close()
	if code, out, _ := send(t, t.Context(), "--provider", "canonical", "--url", d.URL); code != 1 || !strings.Contains(out, "no response") {
		t.Errorf("exit %d, printed %s", code, out)
	}
}

func TestInterruptStopsAndSumsUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := newEndpoint(t, 202)
	d.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { cancel() })
	code, out, errs := send(t, ctx, "--provider", "canonical", "--url", d.URL, "--repeat", "1000")
	if code != 1 || !strings.Contains(out, "1 deliveries in") || errs != "" {
		t.Errorf("exit %d, printed %s%s", code, out, errs)
	}
}

func TestRateIsKept(t *testing.T) {
	d := newEndpoint(t, 202)
	start := time.Now()
	send(t, t.Context(), "--provider", "canonical", "--url", d.URL, "--repeat", "11", "--rate", "50/s")
	if took := time.Since(start); took < 190*time.Millisecond {
		t.Errorf("11 deliveries at 50 a second took %s, want 200 ms", took)
	}
}

func TestWrongFlags(t *testing.T) {
	cases := map[string]struct {
		args []string
		want []string
	}{
		"nothing":                     {nil, []string{"adyen, canonical, formpay, paypal, square, stripe"}},
		"several":                     {[]string{"--provider", "adyen", "--skew", "10m", "--repeat", "0", "--url", "ftp://x"}, []string{"adyen signs no time", "1 to 100000", "http://host/path"}},
		"unknown flag":                {[]string{"--nothing"}, []string{"-nothing", "-provider"}},
		"argument":                    {[]string{"--provider", "stripe", "payment"}, []string{`"payment" is not a flag`}},
		"rate":                        {[]string{"--provider", "stripe", "--rate", "NaN/s"}, []string{"at most 1000"}},
		"both payloads":               {[]string{"--provider", "stripe", "--fixture", "refund", "--file", "x"}, []string{"only one"}},
		"no such fixture":             {[]string{"--provider", "canonical", "--fixture", "nothing"}, []string{"dispute, payment, payout, refund"}},
		"fixture elsewhere":           {[]string{"--provider", "canonical", "--fixture", "../../x"}, []string{"--file"}},
		"no such file":                {[]string{"--provider", "canonical", "--file", "nothing.json"}, []string{"nothing.json"}},
		"Adyen secret":                {[]string{"--provider", "adyen", "--secret", "xyz", "--file", canonicalFile}, []string{"hexadecimal digits"}},
		"Adyen payload":               {[]string{"--provider", "adyen", "--secret", "00", "--file", canonicalFile}, []string{"notificationItems"}},
		"canonical secret":            {[]string{"--provider", "canonical", "--secret", "?"}, []string{"base64"}},
		"PayPal, no egress directory": {[]string{"--provider", "paypal", "--file", canonicalFile}, []string{"--egress DIR"}},
		"challenge twice":             {[]string{"--provider", "formpay", "--challenge", "--repeat", "2"}, []string{"sent once"}},
		"no challenge":                {[]string{"--provider", "stripe", "--challenge"}, []string{"stripe has no challenge"}},
		"id without a place":          {[]string{"--provider", "stripe", "--id", "x", "--file", canonicalFile}, []string{"data/object/id"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			code, out, errs := send(t, t.Context(), c.args...)
			if code != 2 || out != "" {
				t.Errorf("exit %d, printed %q, want 2", code, out)
			}
			for _, part := range c.want {
				if !strings.Contains(errs, part) {
					t.Errorf("says %q, want %q in it", errs, part)
				}
			}
		})
	}
}

func TestSkewMovesTheSignedTime(t *testing.T) {
	d := newEndpoint(t, 401)
	send(t, t.Context(), "--provider", "stripe", "--file", canonicalFile, "--skew", "10m", "--url", d.URL)
	if got, want := d.requests[0].Header.Get("Stripe-Signature"), fmt.Sprintf("t=%d,", noon.Unix()+600); !strings.HasPrefix(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestSquareAddress(t *testing.T) {
	body := filepath.Join(t.TempDir(), "body.json")
	if err := os.WriteFile(body, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	d := newEndpoint(t, 202)
	signature := func(args ...string) string {
		send(t, t.Context(), append([]string{"--provider", "square", "--file", body, "--url", d.URL + "/v1"}, args...)...)
		return d.requests[len(d.requests)-1].Header.Get("X-Square-Hmacsha256-Signature")
	}
	derived := signature()
	if named := signature("--notification-url", strings.Replace(d.URL, "http:", "https:", 1)+"/v1/webhook/square"); derived != named {
		t.Errorf("signed %s, want %s", derived, named)
	}
	if other := signature("--notification-url", "https://pay.example.com/webhook/square"); other == derived {
		t.Error("the address makes no difference")
	}
}

func TestTamper(t *testing.T) {
	cases := map[string]struct{ provider, body, want string }{
		"number":      {"canonical", `{"amount": 9500, "x": 1}`, `{"amount": 1500, "x": 1}`},
		"text":        {"paypal", `{"resource":{"amount":{"value":"0.50"}}}`, `{"resource":{"amount":{"value":"1.50"}}}`},
		"sale":        {"paypal", `{"resource":{"amount":{"total":"9.90"}}}`, `{"resource":{"amount":{"total":"1.90"}}}`},
		"last item":   {"adyen", `{"notificationItems":[{"NotificationRequestItem":{"amount":{"value":1}}},{"NotificationRequestItem":{"amount":{"value":1}}}]}`, `{"notificationItems":[{"NotificationRequestItem":{"amount":{"value":1}}},{"NotificationRequestItem":{"amount":{"value":2}}}]}`},
		"no amount":   {"stripe", `{"data":{}}`, "{\"data\":{}}\n"},
		"not JSON":    {"stripe", `{"data"`, "{\"data\"\n"},
		"deeper name": {"stripe", `{"amount":1,"data":{"amount":1,"object":{"amount":[1],"amount_received":7}}}`, `{"amount":1,"data":{"amount":1,"object":{"amount":[1],"amount_received":8}}}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			before := []byte(c.body)
			if got := string(declared(t, c.provider).Sender.Tamper(before)); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if string(before) != c.body {
				t.Error("the signed body changed as well")
			}
		})
	}
}

func TestRename(t *testing.T) {
	cases := map[string]struct{ provider, body, want string }{
		"link too": {"paypal", `{"id":"WH-1","resource":{"id":"42A","links":[{"href":"https://api.paypal.com/v2/42A"}]}}`, `{"id":"WH-1","resource":{"id":"new","links":[{"href":"https://api.paypal.com/v2/new"}]}}`},
		"square":   {"square", `{"data":{"id":"P1","object":{"payment":{"id":"P1"}}}}`, `{"data":{"id":"new","object":{"payment":{"id":"new"}}}}`},
		"twice":    {"canonical", `{"amount": 1, "amount": 2, "transaction_id": "a"}`, `{"amount": 1, "amount": 2, "transaction_id": "new"}`},
		"batch":    {"adyen", `{"notificationItems":[{"NotificationRequestItem":{"pspReference":"A"}},{"NotificationRequestItem":{"pspReference":"B"}}]}`, `{"notificationItems":[{"NotificationRequestItem":{"pspReference":"new"}},{"NotificationRequestItem":{"pspReference":"new-2"}}]}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := declared(t, c.provider).Sender.Rename([]byte(c.body), "new")
			if err != nil || string(got) != c.want {
				t.Errorf("%s %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestIDsOfRepeatedDeliveries(t *testing.T) {
	d := newEndpoint(t, 202)
	send(t, t.Context(), "--provider", "canonical", "--url", d.URL, "--repeat", "3", "--id", "load-{n}")
	var ids []string
	for _, body := range d.bodies {
		var payload struct {
			ID string `json:"transaction_id"`
		}
		if err := json.Unmarshal([]byte(body), &payload); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, payload.ID)
	}
	if want := []string{"load-1", "load-2", "load-3"}; !slices.Equal(ids, want) {
		t.Errorf("ids %v, want %v", ids, want)
	}
}

func TestProviderThatPostsAForm(t *testing.T) {
	const secret = "public:private"
	t.Run("is sent as one", func(t *testing.T) {
		e := newEndpoint(t, 202)
		code, _, errs := send(t, t.Context(), "--provider", "formpay", "--secret", secret, "--id", "bt_new", "--url", e.URL+"/v1")
		if code != 0 || e.requests[0].URL.Path != "/v1/webhook/formpay" || e.requests[0].Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
			t.Fatalf("exit %d %s, POST %s %v", code, errs, e.requests[0].URL.Path, e.requests[0].Header)
		}
		form, err := url.ParseQuery(e.bodies[0])
		if err != nil {
			t.Fatal(err)
		}
		payload, err := base64.StdEncoding.DecodeString(form.Get("bt_payload"))
		if err != nil || !strings.Contains(string(payload), `"id": "bt_new"`) || !strings.HasPrefix(form.Get("bt_signature"), "public|") {
			t.Errorf("%s, %s, %v", payload, form.Get("bt_signature"), err)
		}
	})
	_, token, err := providerstest.Declaration.Sender.Challenge(secret)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		token string
		code  int
	}{
		"asks for the address":       {token, 0},
		"knows the token of another": {strings.Replace(token, "public", "other", 1), 1},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEndpoint(t, 200)
			var asked *http.Request
			e.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = r
				fmt.Fprint(w, c.token)
			})
			code, out, errs := send(t, t.Context(), "--provider", "formpay", "--secret", secret, "--challenge", "--url", e.URL+"/v1")
			if code != c.code || out != "200 "+c.token+"\n" || (errs == "") != (code == 0) {
				t.Errorf("exit %d, printed %s%s", code, out, errs)
			}
			if asked.Method != http.MethodGet || asked.URL.Path != "/v1/webhook/formpay" || asked.URL.Query().Get("bt_challenge") == "" {
				t.Errorf("%s %s", asked.Method, asked.URL)
			}
		})
	}
}

func TestList(t *testing.T) {
	t.Run("names every provider with what a test needs", func(t *testing.T) {
		code, out, errs := send(t, t.Context(), "--list")
		var all []listed
		if err := json.Unmarshal([]byte(out), &all); code != 0 || err != nil {
			t.Fatalf("exit %d %s %v", code, errs, err)
		}
		var names []string
		for _, l := range all {
			names = append(names, l.Name)
			if l.Secret == "" || l.Form == "" || !slices.Contains(l.Fixtures, "payment") || !slices.Contains(l.Methods, "POST") {
				t.Errorf("%+v", l)
			}
		}
		want := []string{"canonical"}
		for _, d := range append(providers.All(), providerstest.Declaration) {
			want = append(want, d.Name)
		}
		if !slices.Equal(names, want) {
			t.Errorf("%v, want %v", names, want)
		}
	})
	t.Run("is cdk's context on request, without canonical", func(t *testing.T) {
		_, out, _ := send(t, t.Context(), "--context")
		want := map[string]map[string]string{}
		for _, d := range append(providers.All(), providerstest.Declaration) {
			want[d.Name] = map[string]string{"secret": "payments/" + d.Name}
		}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(out) != string(text) {
			t.Errorf("%s, want %s", out, text)
		}
	})
	t.Run("accepts no other flag", func(t *testing.T) {
		if code, _, errs := send(t, t.Context(), "--list", "--provider", "stripe"); code != 2 || !strings.Contains(errs, "no other flags") {
			t.Errorf("exit %d %s", code, errs)
		}
	})
}
