package queueview_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"payment-webhooks/local/queueview"
	"payment-webhooks/local/tools"
)

// fakeOps records the command lines of scripts/ops, and prints what respond returns.
type fakeOps struct {
	mu      sync.Mutex
	lines   []string
	running atomic.Int32
	hold    time.Duration // how long a command runs, so that another one would meet it
	respond func(line string) (tools.Result, error)
}

func (f *fakeOps) Run(ctx context.Context, name string, args ...string) (tools.Result, error) {
	if f.running.Add(1) > 1 {
		return tools.Result{}, errors.New("two commands at a time")
	}
	defer f.running.Add(-1)
	time.Sleep(f.hold)
	if err := ctx.Err(); err != nil {
		return tools.Result{}, err
	}
	line := name + " " + strings.Join(args, " ")
	f.mu.Lock()
	f.lines = append(f.lines, line)
	f.mu.Unlock()
	if f.respond != nil {
		return f.respond(line)
	}
	if strings.Contains(line, "dlq list") {
		return tools.Result{Stdout: []byte(`[{"queue": "orders-test", "purpose": "events", "dead_letter": false}, {"queue": "relay-dlq-test", "purpose": "lost", "dead_letter": true}]`)}, nil
	}
	return tools.Result{Stdout: []byte("[]")}, nil
}

func newView(t *testing.T, ops *fakeOps, edit ...func(*queueview.Config)) (*queueview.View, http.Handler) {
	t.Helper()
	c := queueview.Config{
		Tools: ops, Stack: "TapStacktest", Queues: []queueview.Queue{{Name: "orders-test"}, {Name: "relay-dlq-test", Alarms: []string{"Repair it."}}},
		Calls: func() uint64 { return 0 }, Oldest: func() map[string]time.Time { return nil },
		Count: func(context.Context, string) (int, int, error) { return 0, 0, nil },
		Log:   slog.New(slog.DiscardHandler), Now: time.Now,
	}
	for _, e := range edit {
		e(&c)
	}
	v := queueview.New(c)
	mux := http.NewServeMux()
	v.Serve(mux)
	return v, mux
}

func call(h http.Handler, method, path, body string) (int, string) {
	r := httptest.NewRequest(method, "/_local/page/queues"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestQueues(t *testing.T) {
	ops := &fakeOps{}
	_, h := newView(t, ops)
	t.Run("when the page opens, dead letters come first, and no message is read", func(t *testing.T) {
		for range 2 {
			status, body := call(h, http.MethodGet, "", "")
			dead, other := strings.Index(body, "relay-dlq-test"), strings.Index(body, "orders-test")
			if status != 200 || dead < 0 || other < dead || !strings.Contains(body, "Repair it.") || !strings.Contains(body, `"purpose":"lost"`) {
				t.Errorf("%d %s", status, body)
			}
		}
		if len(ops.lines) != 1 || ops.lines[0] != "ops dlq list --counts --json --stack TapStacktest" {
			t.Errorf("%q, want one list of counts", ops.lines)
		}
	})
	t.Run("when nothing is deployed, there are none", func(t *testing.T) {
		none := &fakeOps{}
		_, h := newView(t, none, func(c *queueview.Config) { c.Stack, c.Queues = "", nil })
		if status, body := call(h, http.MethodGet, "", ""); status != 200 || !strings.Contains(body, `"queues":[]`) || len(none.lines) != 0 {
			t.Errorf("%d %s %q", status, body, none.lines)
		}
	})
	t.Run("when scripts/ops cannot run, it says why, and is asked again", func(t *testing.T) {
		broken := &fakeOps{respond: func(string) (tools.Result, error) { return tools.Result{}, tools.ErrMissing }}
		_, h := newView(t, broken)
		if status, body := call(h, http.MethodGet, "", ""); status != 503 || !strings.Contains(body, "the tool is missing") {
			t.Errorf("%d %s", status, body)
		}
		broken.respond = nil
		if status, _ := call(h, http.MethodGet, "", ""); status != 200 {
			t.Errorf("then %d", status)
		}
	})
}

func TestCommands(t *testing.T) {
	const id = "0d2b8c6e-3d9f-4b1a-9d66-2f4c1f1f8a10"
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		want               string // the command, or a part of the problem
	}{
		"messages are read":           {http.MethodGet, "/relay-dlq-test/messages", "", 200, "dlq show relay-dlq-test --body --max 100"},
		"all would be sent":           {http.MethodPost, "/relay-dlq-test/redrive", `{}`, 200, "dlq redrive relay-dlq-test --max 1000"},
		"one would be sent":           {http.MethodPost, "/relay-dlq-test/redrive", `{"ids": ["` + id + `"]}`, 200, "dlq redrive relay-dlq-test --only " + id},
		"one is sent":                 {http.MethodPost, "/relay-dlq-test/redrive", `{"ids": ["` + id + `"], "execute": true}`, 200, "dlq redrive relay-dlq-test --only " + id + " --execute"},
		"all would be discarded":      {http.MethodPost, "/relay-dlq-test/discard", `{}`, 200, "dlq discard relay-dlq-test --all"},
		"two are discarded":           {http.MethodPost, "/relay-dlq-test/discard", `{"ids": ["a-1", "b-2"], "execute": true}`, 200, "dlq discard relay-dlq-test --only a-1,b-2 --execute"},
		"what is done is not named":   {http.MethodPost, "/relay-dlq-test/redrive", `{"execute": true}`, 400, "by their ids"},
		"an id is a flag":             {http.MethodPost, "/relay-dlq-test/redrive", `{"ids": ["x --execute"]}`, 400, "letters, digits and hyphens"},
		"ids are too many":            {http.MethodPost, "/relay-dlq-test/redrive", `{"ids": ["a"` + strings.Repeat(`,"a"`, 1000) + `]}`, 400, "at most 1000"},
		"a member is unknown":         {http.MethodPost, "/relay-dlq-test/redrive", `{"all": true}`, 400, "all"},
		"the body is too large":       {http.MethodPost, "/relay-dlq-test/redrive", `{"ids": ["` + strings.Repeat("a", 65536) + `"]}`, 413, "65536"},
		"the stack has no such queue": {http.MethodPost, "/--help/redrive", `{}`, 404, "no queue"},
		"a queue to read is unknown":  {http.MethodGet, "/other/messages", "", 404, "no queue"},
	} {
		t.Run("when "+name, func(t *testing.T) {
			ops := &fakeOps{}
			_, h := newView(t, ops)
			status, body := call(h, c.method, c.path, c.body)
			if status != c.status {
				t.Fatalf("%d %s, want %d", status, body, c.status)
			}
			if status != 200 {
				if !strings.Contains(body, c.want) || len(ops.lines) != 0 {
					t.Errorf("%s %q, want %q and no command", body, ops.lines, c.want)
				}
				return
			}
			if len(ops.lines) != 1 || ops.lines[0] != "ops "+c.want+" --json --stack TapStacktest" {
				t.Errorf("%q, want %s", ops.lines, c.want)
			}
			var got struct{ Command string }
			if err := json.Unmarshal([]byte(body), &got); err != nil || got.Command != "scripts/ops "+c.want+" --stack TapStacktest" {
				t.Errorf("%s", body)
			}
		})
	}
	t.Run("when messages stay, the output is shown with the status", func(t *testing.T) {
		ops := &fakeOps{respond: func(string) (tools.Result, error) {
			return tools.Result{Stdout: []byte(`[{"result": "stays"}]`), Stderr: []byte("1 of 1 messages stay\n"), Status: 1}, nil
		}}
		_, h := newView(t, ops)
		if status, body := call(h, http.MethodPost, "/relay-dlq-test/redrive", `{}`); status != 200 || !strings.Contains(body, `"status":1`) || !strings.Contains(body, "1 of 1 messages stay") {
			t.Errorf("%d %s", status, body)
		}
	})
	t.Run("when the command fails, it says why", func(t *testing.T) {
		for exit, want := range map[int]int{1: 502, 2: 409} {
			ops := &fakeOps{respond: func(string) (tools.Result, error) {
				return tools.Result{Stderr: []byte("ops dlq show: orders is not a dead-letter queue\nSee ops dlq show --help.\n"), Status: exit}, nil
			}}
			_, h := newView(t, ops)
			if status, body := call(h, http.MethodGet, "/orders-test/messages", ""); status != want || !strings.Contains(body, `"detail":"orders is not a dead-letter queue"`) {
				t.Errorf("%d %s, want %d", status, body, want)
			}
		}
	})
	t.Run("when the page is closed, the command goes on", func(t *testing.T) {
		ops := &fakeOps{}
		_, h := newView(t, ops)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/_local/page/queues/relay-dlq-test/messages", nil))
		if w.Code != 200 || len(ops.lines) != 1 {
			t.Errorf("%d %q", w.Code, ops.lines)
		}
	})
	t.Run("when several are asked for, they run one after another", func(t *testing.T) {
		_, h := newView(t, &fakeOps{hold: 10 * time.Millisecond})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if status, body := call(h, http.MethodGet, "/relay-dlq-test/messages", ""); status != 200 {
					t.Errorf("%d %s", status, body)
				}
			})
		}
		wg.Wait()
	})
}

func TestDepths(t *testing.T) {
	sent := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	var calls, counts atomic.Uint64
	var visible, now atomic.Int64
	v, _ := newView(t, &fakeOps{}, func(c *queueview.Config) {
		c.Calls, c.Oldest = calls.Load, func() map[string]time.Time { return map[string]time.Time{"relay-dlq-test": sent} }
		c.Now = func() time.Time { return sent.Add(time.Duration(now.Load())) }
		c.Count = func(_ context.Context, name string) (int, int, error) {
			counts.Add(1)
			if name == "orders-test" {
				return 0, 0, errors.New("no such queue")
			}
			return int(visible.Load()), 1, nil
		}
	})
	next := func(since uint64) (map[string]queueview.Depth, uint64) {
		t.Helper()
		for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			if data, version := v.Changes(since); data != nil {
				return data.(map[string]queueview.Depth), version
			}
			if time.Now().After(end) {
				t.Fatal("no change")
			}
		}
	}
	depths, version := next(0)
	if d := depths["relay-dlq-test"]; len(depths) != 1 || d.Messages != 1 || d.Hidden != 1 || d.Oldest == nil || !d.Oldest.Equal(sent) {
		t.Errorf("%+v", depths)
	}
	t.Run("when nothing was called, SQS is not asked again", func(t *testing.T) {
		before := counts.Load()
		now.Add(int64(2 * time.Second))
		data, _ := v.Changes(version)
		time.Sleep(20 * time.Millisecond) // in which a count that should not be would begin
		if data != nil || counts.Load() != before {
			t.Errorf("%v, %d counts", data, counts.Load()-before)
		}
	})
	t.Run("when a call was made, it is asked, and a change is told", func(t *testing.T) {
		visible.Store(3)
		calls.Add(1)
		depths, version = next(version)
		if depths["relay-dlq-test"].Messages != 4 {
			t.Errorf("%+v", depths)
		}
	})
	t.Run("when the counts are old, it is asked without a call", func(t *testing.T) {
		visible.Store(5)
		now.Add(int64(time.Minute))
		if depths, _ = next(version); depths["relay-dlq-test"].Messages != 6 {
			t.Errorf("%+v", depths)
		}
	})
}
