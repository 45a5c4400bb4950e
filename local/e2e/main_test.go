package e2e

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"payment-webhooks/local/session"
)

// timeout is how long tests wait for a condition. It is generous: only a fault makes
// a test wait that long.
const timeout = 4 * time.Minute

// startTimeout bounds the start of the shared session, during which a machine without
// a build cache compiles the local run and every function.
const startTimeout = 20 * time.Minute

// shared is the session that most tests share. Tests of what is off by default share
// another one, see [optional]. Tests that break something start one of their own.
var shared *session.Session

// What tests need to send as a provider.
var (
	sender    session.Sender
	providers []string          // names of scripts/send --list, without canonical
	secrets   map[string]string // by provider; in Secrets Manager as payments/<provider>
	egressDir string            // the directory of --egress
)

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	var log syncBuffer
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	var err error
	if egressDir, err = os.MkdirTemp("", "payment-webhooks-egress-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(egressDir)
	if sender, err = session.BuildSender(ctx, root()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	secrets = sender.Secrets()
	providers = slices.DeleteFunc(slices.Sorted(maps.Keys(sender.Providers)), func(name string) bool { return name == "canonical" })
	if err := checkAssembly(assembly()); err != nil {
		fmt.Fprintf(os.Stderr, "%v\nrun scripts/test, which synthesizes what is needed; see go doc ./local/e2e\n", err)
		return 1
	}
	s, err := session.Start(ctx, session.Options{
		Root: root(), CDKOut: assembly(), Log: &log, Flags: append(removedGrant(), append(session.SecretFlags(secrets), "--egress", egressDir)...),
	})
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s\n", err, log.String())
		return 1
	}
	shared = s
	code := m.Run()
	closeBrowser()
	for _, s := range []*session.Session{s, misconfiguredOnce.session, optionalOnce.session} {
		if s != nil {
			used.add(context.Background(), s)
		}
	}
	if err := used.review(code == 0); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	for _, s := range []*session.Session{s, misconfiguredOnce.session} {
		if s == nil { // no test used it
			continue
		}
		if err := s.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "a shared session did not end cleanly:", err)
			code = 1
		}
	}
	if err := stopOptional(); err != nil {
		fmt.Fprintln(os.Stderr, "the session of optional features did not end cleanly:", err)
		code = 1
	}
	if code != 0 {
		fmt.Fprintf(os.Stderr, "the local run's log:\n%s\n", log.String())
	}
	return code
}

// checkAssembly returns an error if the assembly lacks something that the tests need.
func checkAssembly(dir string) error {
	templates, err := filepath.Glob(filepath.Join(dir, "*.template.json"))
	if err != nil {
		return err
	}
	if len(templates) != 1 {
		return fmt.Errorf("%d templates in %s, want one", len(templates), dir)
	}
	template, err := os.ReadFile(templates[0])
	if err != nil {
		return err
	}
	for _, provider := range providers {
		if !bytes.Contains(template, []byte("payments/"+provider)) {
			return fmt.Errorf("%s was synthesized without the provider %s, its secret named payments/%s", dir, provider, provider)
		}
	}
	return nil
}

func root() string {
	path, err := filepath.Abs("../..")
	if err != nil {
		panic(err)
	}
	return path
}

func assembly() string {
	if dir := os.Getenv("CDK_OUT"); dir != "" {
		return dir
	}
	return filepath.Join(root(), "cdk.out")
}

// slots bound how many sessions of tests' own there are at a time. -parallel bounds the tests that run, with those that wait.
var slots = make(chan struct{}, 5)

// inParallel lets a test with a session of its own run beside others.
func inParallel(t *testing.T) {
	t.Helper()
	t.Parallel()
	slots <- struct{}{}
	t.Cleanup(func() { <-slots })
}

var turn sync.Mutex

// inTurn lets a test of the shared session run beside those with a session of their own, and after the others of the
// shared one.
func inTurn(t *testing.T) {
	t.Helper()
	t.Parallel()
	turn.Lock()
	t.Cleanup(turn.Unlock)
}

// ownSession starts a session for one test, after edit has changed the template. Such
// tests run in parallel, since they mostly wait.
func ownSession(t *testing.T, edit ...func(template string) string) *session.Session {
	t.Helper()
	return ownSessionWith(t, nil, edit...)
}

// ownSessionWith is ownSession with additional flags of the local run.
func ownSessionWith(t *testing.T, flags []string, edit ...func(template string) string) *session.Session {
	t.Helper()
	if removedGrant() != nil && len(flags)+len(edit) == 0 {
		return shared // scripts/test grants runs one test only, so a second session would only take time
	}
	dir := assembly()
	for _, e := range edit {
		dir = edited(t, dir, e)
	}
	return sessionOf(t, dir, flags)
}

// sessionOf starts a session for one test with another assembly.
func sessionOf(t *testing.T, dir string, flags []string) *session.Session {
	t.Helper()
	var log syncBuffer
	s, err := session.Start(t.Context(), session.Options{Root: root(), CDKOut: dir, Log: &log, Flags: append(removedGrant(), flags...)})
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	t.Cleanup(func() {
		used.add(context.WithoutCancel(t.Context()), s)
		if err := s.Stop(); err != nil && !t.Failed() {
			t.Logf("the run ended with %v", err)
		}
		if t.Failed() {
			t.Logf("the local run's log:\n%s", log.String())
		}
	})
	return s
}

// edited returns a copy of an assembly whose template edit has changed.
func edited(t *testing.T, dir string, edit func(string) string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	templates, err := filepath.Glob(filepath.Join(to, "*.template.json"))
	if err != nil || len(templates) != 1 {
		t.Fatalf("templates %v (%v), want one", templates, err)
	}
	before, err := os.ReadFile(templates[0])
	if err != nil {
		t.Fatal(err)
	}
	after := edit(string(before))
	if after == string(before) {
		t.Fatal("the edit changes nothing in the template")
	}
	if err := os.WriteFile(templates[0], []byte(after), 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// syncBuffer is a bytes.Buffer that can be read while a process writes to it.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// eventually waits until condition holds.
func eventually(t *testing.T, what string, condition func(ctx context.Context) (bool, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	if err := session.Until(ctx, func() (bool, error) { return condition(ctx) }); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

var sequence atomic.Int64

// newID returns a transaction id that no other test uses.
func newID(t *testing.T) string {
	return fmt.Sprintf("txn_%d_%d", os.Getpid(), sequence.Add(1))
}

// payment returns a canonical payload; more holds further members.
func payment(id, amount, currency, more string) []byte {
	return fmt.Appendf(nil, `{"transaction_id": %q, "amount": %s, "currency": %q, "provider": "shop", "customer_id": "cust_789"%s}`,
		id, amount, currency, more)
}

// post sends a body to /webhook.
func post(t *testing.T, s *session.Session, body []byte) session.Response {
	t.Helper()
	res, err := s.Post(t.Context(), "/webhook", "application/json", body)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// accept posts a body and expects that it is stored.
func accept(t *testing.T, s *session.Session, body []byte) {
	t.Helper()
	var res session.Response
	if got := delivered(t, 202, func() int { res = post(t, s, body); return res.Status }); got != 202 {
		t.Fatalf("%s: %d %s, want 202", body, got, res.Body)
	}
}

// overloaded is set once a delivery has taken longer than secretTimeout, the time that
// the validator waits for a secret (it waits half a second more for the table). From then
// on, 503 is a correct response, and so is 200 if an attempt with 503 was stored.
var overloaded atomic.Bool

const secretTimeout = time.Second

// delivered returns the status of a delivery. On an overloaded machine it repeats a
// delivery that got 503, as a provider does, and reports a duplicate as new if want is 202.
func delivered(t *testing.T, want int, deliver func() (status int)) int {
	t.Helper()
	for end := time.Now().Add(timeout); ; {
		start := time.Now()
		got := deliver()
		if time.Since(start) > secretTimeout {
			overloaded.Store(true)
		}
		switch {
		case !overloaded.Load():
			return got
		case want == 202 && got == 200:
			return want
		case want == 503 || got != 503 || time.Now().After(end):
			return got
		}
		select {
		case <-time.After(time.Second):
		case <-t.Context().Done():
			return got
		}
	}
}
