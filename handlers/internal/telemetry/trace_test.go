package telemetry_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-xray-sdk-go/v2/xray"

	"payment-webhooks/handlers/internal/telemetry"
)

// emitted collects the subsegments that would go to the X-Ray daemon.
type emitted struct{ segments []*xray.Segment }

func (e *emitted) Emit(s *xray.Segment)                     { e.segments = append(e.segments, s) }
func (e *emitted) RefreshEmitterWithAddress(_ *net.UDPAddr) {}

func traced(t *testing.T) (context.Context, *emitted) {
	e := &emitted{}
	ctx, err := xray.ContextWithConfig(invocation(t), xray.Config{Emitter: e})
	if err != nil {
		t.Fatal(err)
	}
	return ctx, e
}

var errStore = errors.New("store is down")

func TestStep(t *testing.T) {
	cases := map[string]struct {
		err   error
		fault bool
	}{
		"success": {nil, false},
		"failure": {errStore, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			ctx, out := traced(t)
			err := telemetry.Step(ctx, "store", func(context.Context) error { return c.err })
			if !errors.Is(err, c.err) {
				t.Errorf("error %v, want %v", err, c.err)
			}
			if len(out.segments) != 1 {
				t.Fatalf("%d segments, want 1", len(out.segments))
			}
			s := out.segments[0]
			if s.Name != "store" || s.Type != "subsegment" || s.Fault != c.fault ||
				s.TraceID != "1-5759e988-bd862e3fe1be46a994272793" || s.ParentID != "53995c3f42cd8ad8" {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestStepPanics(t *testing.T) {
	ctx, out := traced(t)
	func() {
		defer func() {
			if p := recover(); p != "boom" {
				t.Errorf("recovered %v, want boom", p)
			}
		}()
		_ = telemetry.Step(ctx, "store", func(context.Context) error { panic("boom") })
	}()
	if len(out.segments) != 1 || !out.segments[0].Fault {
		t.Errorf("%+v", out.segments)
	}
}

// The X-Ray SDK writes to the standard output of its initialisation, so the test runs in
// a subprocess of this test's binary.
func TestStepWithoutTrace(t *testing.T) {
	if os.Getenv("TELEMETRY_TEST_SILENCE") != "" {
		stepsWithoutTrace(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestStepWithoutTrace$") //nolint:gosec // this very binary
	cmd.Env = append(os.Environ(), "TELEMETRY_TEST_SILENCE=1")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), "segment") {
		t.Errorf("%v, printed %q", err, out)
	}
}

func stepsWithoutTrace(t *testing.T) {
	cases := map[string]func(t *testing.T) context.Context{
		"outside Lambda": (*testing.T).Context,
		"empty header": func(t *testing.T) context.Context {
			return withTraceHeader(t.Context(), "")
		},
		"SDK disabled": func(t *testing.T) context.Context {
			t.Setenv("AWS_XRAY_SDK_DISABLED", "true")
			return invocation(t)
		},
	}
	for name, open := range cases {
		t.Run(name, func(t *testing.T) {
			err := telemetry.Step(open(t), "outer", func(ctx context.Context) error {
				return telemetry.Step(ctx, "inner", func(context.Context) error { return errStore })
			})
			if !errors.Is(err, errStore) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestInstrument(t *testing.T) {
	var header string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header.Get("X-Amzn-Trace-Id")
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`)
	}))
	defer server.Close()
	cfg := aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	}
	telemetry.Instrument(&cfg)
	ctx, _ := traced(t)
	err := telemetry.Step(ctx, "publish", func(ctx context.Context) error {
		_, err := eventbridge.NewFromConfig(cfg).PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{}}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(header, "Root=1-5759e988-bd862e3fe1be46a994272793") {
		t.Errorf("trace header %q was not passed on", header)
	}
}
