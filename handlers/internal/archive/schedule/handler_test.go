package schedule

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/archive"
)

// asked notes what the archiver is asked for.
type asked struct {
	now   time.Time
	hours []time.Time
	err   error
}

var report = archive.Report{
	Hours: []archive.HourReport{{
		Hour: "2026-11-20T15:00:00Z", Count: 1, Manifest: "manifests/dt=2026-11-20/hour=15.json",
		Objects: []string{"transactions/dt=2026-11-20/hour=15/shard-3.jsonl.gz"},
	}},
	Transactions: 1,
}

func (a *asked) Due(_ context.Context, now time.Time) (archive.Report, error) {
	a.now = now
	return report, a.err
}

func (a *asked) Hours(_ context.Context, hours []time.Time) (archive.Report, error) {
	a.hours = hours
	return report, a.err
}

var clock = time.Date(2026, 11, 22, 15, 30, 0, 0, time.UTC)

// invoke calls the handler as the Lambda runtime does: bytes in, bytes out.
func invoke(t *testing.T, a *asked, payload string) (string, error) {
	t.Helper()
	body, err := lambda.NewHandler(Handler(a, func() time.Time { return clock })).Invoke(t.Context(), []byte(payload))
	return string(body), err
}

func fixture(t *testing.T, name string) string {
	t.Helper()
	payload, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return string(payload)
}

func TestScheduledEvent(t *testing.T) {
	a := &asked{}
	body, err := invoke(t, a, fixture(t, "scheduled"))
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC); !a.now.Equal(want) || a.hours != nil {
		t.Errorf("asked for %+v", a)
	}
	want := `{"hours":[{"hour":"2026-11-20T15:00:00Z","count":1,"manifest":"manifests/dt=2026-11-20/hour=15.json",` +
		`"objects":["transactions/dt=2026-11-20/hour=15/shard-3.jsonl.gz"]}],"transactions":1,"backlog":0}`
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
}

func TestEmptyRequest(t *testing.T) {
	a := &asked{}
	if _, err := invoke(t, a, `{}`); err != nil || !a.now.Equal(clock) {
		t.Errorf("asked for %+v, %v", a, err)
	}
}

func TestOperatorNamesHours(t *testing.T) {
	a := &asked{}
	if _, err := invoke(t, a, fixture(t, "range")); err != nil {
		t.Fatal(err)
	}
	first := time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
	if diff := cmp.Diff([]time.Time{first, first.Add(time.Hour)}, a.hours); diff != "" || !a.now.IsZero() {
		t.Error(diff)
	}
}

func TestRejectedRequest(t *testing.T) {
	cases := map[string]struct {
		payload string
		err     error
	}{
		"from without to":  {`{"from":"2026-11-20T15"}`, ErrRequest},
		"to without from":  {`{"to":"2026-11-20T15"}`, ErrRequest},
		"too recent":       {`{"from":"2026-11-22T14","to":"2026-11-22T14"}`, archive.ErrRange},
		"a time is no use": {`{"time":"2026-11-22T16:00:00Z","from":"2026-11-22T14","to":"2026-11-22T14"}`, archive.ErrRange},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a := &asked{}
			if _, err := invoke(t, a, c.payload); !errors.Is(err, c.err) {
				t.Errorf("error %v", err)
			}
			if a.hours != nil || !a.now.IsZero() {
				t.Errorf("asked for %+v", a)
			}
		})
	}
}

func TestFailedHoursFailTheInvocation(t *testing.T) {
	errHour := errors.New("hour 2026-11-20T15: broken")
	if _, err := invoke(t, &asked{err: errHour}, fixture(t, "scheduled")); !errors.Is(err, errHour) {
		t.Errorf("error %v", err)
	}
}
