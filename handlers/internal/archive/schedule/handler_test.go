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
	"payment-webhooks/handlers/internal/ledger"
)

// asked notes what the archiver is asked for.
type asked struct {
	asOf   time.Time
	from   string
	to     string
	scored ledger.Key
	err    error
}

var report = archive.Report{
	Hours: []archive.HourReport{{
		Hour: "2026-11-20T15:00:00Z", Count: 1, Manifest: "manifests/dt=2026-11-20/hour=15.json",
		Objects: []string{"transactions/dt=2026-11-20/hour=15/shard-3.jsonl.gz"},
	}},
	Transactions: 1,
}

func (a *asked) Due(_ context.Context, asOf time.Time) (archive.Report, error) {
	a.asOf = asOf
	return report, a.err
}

func (a *asked) Range(_ context.Context, from, to string, asOf time.Time) (archive.Report, error) {
	a.from, a.to, a.asOf = from, to, asOf
	return report, a.err
}

func (a *asked) Late(_ context.Context, hour string, scored ledger.Key) (archive.Report, error) {
	a.from, a.scored = hour, scored
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
	if want := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC); !a.asOf.Equal(want) || a.from != "" {
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
	if _, err := invoke(t, a, `{}`); err != nil || !a.asOf.Equal(clock) {
		t.Errorf("asked for %+v, %v", a, err)
	}
}

func TestOperatorNamesHours(t *testing.T) {
	a := &asked{}
	if _, err := invoke(t, a, fixture(t, "range")); err != nil {
		t.Fatal(err)
	}
	if a.from != "2026-11-20T15" || a.to != "2026-11-20T16" || !a.asOf.Equal(clock) {
		t.Errorf("asked for %+v", a)
	}
}

func TestLateResult(t *testing.T) {
	a := &asked{}
	if _, err := invoke(t, a, fixture(t, "late")); err != nil {
		t.Fatal(err)
	}
	if a.from != "2026-11-20T15" || a.scored != (ledger.Key{TransactionID: "txn_1", Provider: "stripe"}) {
		t.Errorf("asked for %+v", a)
	}
}

func TestRejectedRequest(t *testing.T) {
	for name, payload := range map[string]string{
		"from without to":     `{"from":"2026-11-20T15"}`,
		"to without from":     `{"to":"2026-11-20T15"}`,
		"scored without hour": `{"scored":{"transaction_id":"txn_1","provider":"stripe"}}`,
		"scored in two hours": `{"from":"2026-11-20T15","to":"2026-11-20T16","scored":{"transaction_id":"txn_1","provider":"stripe"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			a := &asked{}
			if _, err := invoke(t, a, payload); !errors.Is(err, ErrRequest) {
				t.Errorf("error %v", err)
			}
			if *a != (asked{}) {
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
