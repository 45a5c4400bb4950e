package sendview_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"payment-webhooks/local/faults"
	"payment-webhooks/local/sendview"
	"payment-webhooks/local/tools"
)

const secret = "whsec_topsecret"

// fakeTools run a shell script in place of scripts/send, with its arguments.
type fakeTools struct{ script string }

const listing = `[{"name": "canonical", "fixtures": ["payment"], "secretForm": "base64", "secret": "generated", "signsTime": true},
	{"name": "stripe", "fixtures": ["payment", "refund"], "secretForm": "whsec_…", "secret": "generated", "signsTime": true},
	{"name": "square", "fixtures": ["payment"], "secretForm": "a key", "secret": "generated", "signsUrl": true},
	{"name": "paypal", "fixtures": ["payment"], "secretForm": "an id", "secret": "generated", "certificate": true, "signsTime": true},
	{"name": "other", "fixtures": ["payment"], "secretForm": "a key", "secret": "generated"},
	{"name": "unset", "fixtures": ["payment"], "secretForm": "a key", "secret": "generated"}]`

func (f fakeTools) Command(ctx context.Context, name string, args ...string) (*exec.Cmd, error) {
	if name != tools.Send {
		return nil, fmt.Errorf("unexpected tool %s", name)
	}
	return exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", f.script, "sh"}, args...)...), nil
}

func (f fakeTools) Run(_ context.Context, _ string, args ...string) (tools.Result, error) {
	if strings.Join(args, " ") != "--list" {
		return tools.Result{}, fmt.Errorf("unexpected arguments %q", args)
	}
	return tools.Result{Stdout: []byte(listing)}, nil
}

func newView(t *testing.T, script string, edit ...func(*sendview.Config)) (*sendview.View, http.Handler) {
	t.Helper()
	c := sendview.Config{
		Runs: sendview.NewRuns(slog.New(slog.DiscardHandler)), Tools: fakeTools{script}, Stack: "TapStackdev", APIURL: "http://127.0.0.1:8080/v1",
		Faults: faults.New(1, faults.Functions{"event-relay-dev": "event-relay"}), Calls: []string{"sns:Publish"},
		Providers: `{"stripe": {"secret": "payments/stripe"}, "square": {"secret": "payments/it's", "notification_url": "https://pay.example/webhook/square"}, "paypal": {"secret": "payments/paypal"}, "unset": {"secret": "payments/unset"}}`,
		Secret: func(_ context.Context, name string) (string, error) {
			if name == "payments/unset" {
				return "", errors.New("ResourceNotFoundException")
			}
			return secret + "\n", nil
		},
		Shell: sendview.Shell{EndpointURL: "http://127.0.0.1:4566", Region: "us-east-1", AccessKey: "LOCAL1"}, Now: time.Now,
	}
	for _, e := range edit {
		e(&c)
	}
	t.Cleanup(c.Runs.Close)
	v := sendview.New(c)
	mux := http.NewServeMux()
	v.Serve(mux)
	return v, mux
}

func call(h http.Handler, method, path, body string) (int, string) {
	r := httptest.NewRequest(method, "/_local/page/"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// changes returns an update as the browser receives it.
type changes struct {
	Complete bool
	Runs     []struct {
		ID, Command, Error string
		Ended, Stopped     bool
		Total              int
		Counts             map[string]int
		Responses          []struct {
			Delivery, Status int
			Body             string
		}
	}
	Faults []struct{ ID, Hop string }
}

func changed(t *testing.T, v *sendview.View, since uint64) (changes, uint64) {
	t.Helper()
	data, version := v.Changes(since)
	text, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte(secret)) {
		t.Errorf("the secret is sent to the browser: %s", text)
	}
	var c changes
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c, version
}

// until waits for the state of the only run.
func until(t *testing.T, v *sendview.View, what string, condition func(changes) bool) changes {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		c, _ := changed(t, v, 0)
		if len(c.Runs) == 1 && condition(c) {
			return c
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %+v", what, c)
		}
	}
}

func ended(c changes) bool { return c.Runs[0].Ended }

func TestOverview(t *testing.T) {
	_, h := newView(t, "")
	status, body := call(h, http.MethodGet, "send", "")
	if status != 200 || strings.Contains(body, secret) || strings.Contains(body, "generated") {
		t.Fatalf("%d %s", status, body)
	}
	var got struct {
		Providers []sendview.Provider
		Hops      []faults.Choice
		Kinds     []faults.Kind
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	problems := map[string]string{}
	for i, p := range got.Providers {
		problems[p.Name] = p.Problem
		if i > 0 && p.Problem == "" && got.Providers[i-1].Problem != "" {
			t.Errorf("%s, which can be sent, follows one that cannot", p.Name)
		}
	}
	for name, want := range map[string]string{
		"canonical": "", "stripe": "", "square": "", "paypal": "--egress DIR", "other": "cdk.json", "unset": "aws secretsmanager create-secret --name payments/unset",
	} {
		if problem, has := problems[name]; !has || (want == "") != (problem == "") || !strings.Contains(problem, want) {
			t.Errorf("%s: %q, want %q", name, problem, want)
		}
	}
	if len(got.Hops) != 4 || len(got.Kinds) == 0 {
		t.Errorf("hops %v, kinds %v", got.Hops, got.Kinds)
	}
	t.Run("when nothing is deployed, nothing can be sent", func(t *testing.T) {
		_, h := newView(t, "", func(c *sendview.Config) { c.Stack, c.Providers = "", "" })
		if _, body := call(h, http.MethodGet, "send", ""); strings.Count(body, "no stack is deployed") != 6 {
			t.Error(body)
		}
		if status, body := call(h, http.MethodPost, "send", `{"provider": "stripe", "fixture": "payment"}`); status != 409 {
			t.Errorf("%d %s", status, body)
		}
	})
}

func TestCommandLine(t *testing.T) {
	_, h := newView(t, "", func(c *sendview.Config) { c.EgressDir = "build/egress" })
	for name, c := range map[string]struct {
		request string
		status  int
		want    string
	}{
		"it is signed":                {`{"provider": "stripe", "fixture": "payment"}`, 200, "scripts/send --provider stripe --fixture payment --url http://127.0.0.1:8080/v1"},
		"it has everything":           {`{"provider": "stripe", "fixture": "refund", "id": "pi_{n}", "tamper": true, "skew": "-10m", "repeat": 5, "rate": 2.5}`, 200, "--id 'pi_{n}' --tamper --skew -10m --repeat 5 --rate 2.5/s"},
		"an id is for the shell":      {`{"provider": "stripe", "fixture": "payment", "id": "a'$(b) c"}`, 200, `--id 'a'\''$(b) c'`},
		"a name is for the shell":     {`{"provider": "square", "fixture": "payment"}`, 200, `--secret-id 'payments/it'\''s'`},
		"its address is configured":   {`{"provider": "square", "fixture": "payment"}`, 200, "--notification-url https://pay.example/webhook/square"},
		"it signs with a certificate": {`{"provider": "paypal", "fixture": "payment"}`, 200, "--egress build/egress"},
		"nothing verifies it":         {`{"provider": "canonical", "fixture": "payment"}`, 200, "openssl rand"},
		"there is no such provider":   {`{"provider": "nobody", "fixture": "payment"}`, 400, "nobody"},
		"there is no such payload":    {`{"provider": "stripe", "fixture": "../x"}`, 400, "no payload"},
		"it is not configured":        {`{"provider": "other", "fixture": "payment"}`, 409, "cdk.json"},
		"its secret is not set":       {`{"provider": "unset", "fixture": "payment"}`, 409, "is not set"},
		"no time is signed":           {`{"provider": "square", "fixture": "payment", "skew": "-10m"}`, 400, "signs no time"},
		"the skew is no duration":     {`{"provider": "stripe", "fixture": "payment", "skew": "ten"}`, 400, "-10m"},
		"it is too often":             {`{"provider": "stripe", "fixture": "payment", "repeat": 10001}`, 400, "10000"},
		"it is less than once":        {`{"provider": "stripe", "fixture": "payment", "repeat": -1}`, 400, "10000"},
		"it is too fast":              {`{"provider": "stripe", "fixture": "payment", "rate": 201}`, 400, "200 a second"},
		"an id has a line break":      {`{"provider": "stripe", "fixture": "payment", "id": "a\nb"}`, 400, "do not print"},
		"a member is unknown":         {`{"provider": "stripe", "fixture": "payment", "secret": "x"}`, 400, "secret"},
	} {
		t.Run("when "+name, func(t *testing.T) {
			status, body := call(h, http.MethodPost, "send/command", c.request)
			var got struct{ Command, Detail string }
			if err := json.Unmarshal([]byte(body), &got); err != nil || status != c.status || !strings.Contains(got.Command+got.Detail, c.want) || strings.Contains(body, "topsecret") {
				t.Errorf("%d %s, want %d with %s", status, body, c.status, c.want)
			}
		})
	}
	t.Run("when the shell reads it, the words are as they were", func(t *testing.T) {
		_, body := call(h, http.MethodPost, "send/command", `{"provider": "square", "fixture": "payment", "id": "a'$(b) \"c\" *{n}"}`)
		var got struct{ Command string }
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(err)
		}
		script := "aws() { for w; do echo \"<$w>\" >&2; done; echo key; }\nsend() { echo \"$WEBHOOK_SECRET\"; for w; do echo \"<$w>\"; done; }\n" + strings.ReplaceAll(got.Command, "scripts/send", "send")
		out, err := exec.Command("/bin/sh", "-c", script).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "<payments/it's>") || !strings.Contains(string(out), "<a'$(b) \"c\" *{n}>") || !strings.Contains(string(out), "\nkey\n") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

func TestRuns(t *testing.T) {
	const request = `{"provider": "stripe", "fixture": "payment", "repeat": 2}`
	start := func(t *testing.T, h http.Handler) {
		t.Helper()
		if status, body := call(h, http.MethodPost, "send", request); status != 202 || !strings.Contains(body, `"id"`) {
			t.Fatalf("%d %s", status, body)
		}
	}
	t.Run("when responses arrive, they are counted and shown", func(t *testing.T) {
		v, h := newView(t, `[ "$WEBHOOK_SECRET" = whsec_topsecret ] && [ "$1 $2 $3" = "--json --provider stripe" ] || exit 9
			echo '{"delivery": 1, "status": 202, "body": "{}", "ms": 1.5}'; echo '{"delivery": 2, "status": 401, "body": "<img>", "ms": 2}'; exit 1`)
		start(t, h)
		c := until(t, v, "the end", ended)
		if run := c.Runs[0]; !c.Complete || run.Total != 2 || run.Counts["202"] != 1 || run.Counts["401"] != 1 || run.Error != "" || len(run.Responses) != 2 || run.Responses[1].Body != "<img>" {
			t.Errorf("%+v", c)
		}
		_, version := changed(t, v, 0)
		if data, again := v.Changes(version); data != nil || again != version {
			t.Errorf("without a change: %v", data)
		}
	})
	t.Run("when a page has seen some, the others are sent to it", func(t *testing.T) {
		// The second response waits for the pipe's end, so for Stop.
		v, h := newView(t, `trap 'echo "{\"delivery\": 2, \"status\": 202, \"body\": \"\", \"ms\": 2}"; exit 1' TERM; echo '{"delivery": 1, "status": 202, "body": "", "ms": 1}'; while :; do sleep 0.01; done`)
		start(t, h)
		until(t, v, "the first", func(c changes) bool { return c.Runs[0].Total == 1 })
		_, version := changed(t, v, 0)
		if status, body := call(h, http.MethodPost, "send/1/stop", `{}`); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		all := until(t, v, "the end", ended)
		if run := all.Runs[0]; !run.Stopped || run.Error != "" || len(run.Responses) != 2 {
			t.Errorf("%+v", run)
		}
		if c, _ := changed(t, v, version); c.Complete || len(c.Runs) != 1 || len(c.Runs[0].Responses) != 1 || c.Runs[0].Responses[0].Delivery != 2 || c.Runs[0].Total != 2 {
			t.Errorf("%+v", c)
		}
		if status, _ := call(h, http.MethodPost, "send/7/stop", `{}`); status != 404 {
			t.Errorf("a run that does not exist: %d", status)
		}
	})
	t.Run("when there are thousands of responses, the last ones are kept", func(t *testing.T) {
		v, h := newView(t, `i=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo "{\"delivery\": $i, \"status\": 202, \"body\": \"\", \"ms\": 1}"; done`)
		start(t, h)
		run := until(t, v, "the end", ended).Runs[0]
		if n := len(run.Responses); run.Total != 1000 || n != 200 || run.Responses[n-1].Delivery != 1000 {
			t.Errorf("%d of %d are kept", n, run.Total)
		}
	})
	t.Run("when it fails, it says why", func(t *testing.T) {
		for script, want := range map[string]string{
			`echo "send: --id: no such field" >&2; exit 2`: "send: --id: no such field",
			`exit 3`:     "exit status 3",
			`kill -9 $$`: "signal: killed",
		} {
			v, h := newView(t, script)
			start(t, h)
			if run := until(t, v, "the end", ended).Runs[0]; run.Error != want {
				t.Errorf("%s: %q, want %q", script, run.Error, want)
			}
		}
	})
	t.Run("when too much is sent, no more is", func(t *testing.T) {
		_, h := newView(t, `while :; do sleep 0.01; done`)
		for range 4 {
			start(t, h)
		}
		if status, body := call(h, http.MethodPost, "send", request); status != 409 || !strings.Contains(body, "4 runs") {
			t.Errorf("%d %s", status, body)
		}
	})
	t.Run("when a fault is injected, the page is told", func(t *testing.T) {
		set := faults.New(1, nil)
		v, _ := newView(t, "", func(c *sendview.Config) { c.Faults = set })
		_, version := changed(t, v, 0)
		if _, err := set.Add(faults.Spec{Hop: "sns:Publish", Fault: faults.Cut}); err != nil {
			t.Fatal(err)
		}
		c, next := changed(t, v, version)
		if c.Complete || len(c.Faults) != 1 || c.Faults[0].Hop != "sns:Publish" {
			t.Errorf("%+v", c)
		}
		if data, _ := v.Changes(next); data != nil {
			t.Errorf("without a change: %v", data)
		}
		set.Strike("sns:Publish", faults.Events)
		if data, _ := v.Changes(next); data == nil {
			t.Error("a strike is no change")
		}
	})
}
