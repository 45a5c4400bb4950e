package fraud_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/fraud"
)

// fake is a model that says the same of every payment.
type fake struct {
	assessment fraud.Assessment
	err        error
}

func (m fake) Score(context.Context, fraud.Payment) (fraud.Assessment, error) {
	return m.assessment, m.err
}

func TestWithFallback(t *testing.T) {
	good := whole(t)
	backup := fraud.Assessment{Level: fraud.Low, Summary: "Fine.", ModelVersion: "backup-1"}
	invalid := good
	invalid.Score = decimal(t, "1.5")
	endless := backup
	endless.ModelVersion = strings.Repeat("v", fraud.MaxVersion)
	errOther := errors.New("other")

	for _, c := range []struct {
		name              string
		primary, fallback fraud.Model
		version           string
		failure           error // what the operator hears of
	}{
		{"returns the primary's assessment", fake{assessment: good}, fake{err: errOther}, "mock-1", nil},
		{"after a timeout", fake{err: fmt.Errorf("x: %w", fraud.ErrTimeout)}, fake{assessment: backup}, "backup-1; fallback: timeout", fraud.ErrTimeout},
		{"after a deadline of its own", fake{err: context.DeadlineExceeded}, fake{assessment: backup}, "backup-1; fallback: timeout", context.DeadlineExceeded},
		{"after an error of the endpoint", fake{err: fraud.ErrUnavailable}, fake{assessment: backup}, "backup-1; fallback: unavailable", fraud.ErrUnavailable},
		{"after a malformed response", fake{err: fraud.ErrMalformed}, fake{assessment: backup}, "backup-1; fallback: malformed", fraud.ErrMalformed},
		{"after an invalid assessment", fake{assessment: invalid}, fake{assessment: backup}, "backup-1; fallback: malformed", fraud.ErrMalformed},
		{"after any other error", fake{err: errOther}, fake{assessment: backup}, "backup-1; fallback: error", errOther},
		{"keeps the version within its bound", fake{err: errOther}, fake{assessment: endless}, strings.Repeat("v", fraud.MaxVersion-17) + "; fallback: error", errOther},
	} {
		t.Run(c.name, func(t *testing.T) {
			var failures []error
			m := fraud.WithFallback(c.primary, c.fallback, func(_ context.Context, err error) { failures = append(failures, err) })
			a, err := m.Score(t.Context(), fraud.Payment{})
			if err != nil {
				t.Fatal(err)
			}
			if a.ModelVersion != c.version || a.Check() != nil {
				t.Errorf("version %q, %v, want %q", a.ModelVersion, a.Check(), c.version)
			}
			want := good
			if c.failure != nil {
				want = backup
			}
			want.ModelVersion = c.version
			if diff := cmp.Diff(want, a); diff != "" {
				t.Error(diff)
			}
			if c.failure == nil && failures != nil || c.failure != nil && (len(failures) != 1 || !errors.Is(failures[0], c.failure)) {
				t.Errorf("reported %v, want %v", failures, c.failure)
			}
		})
	}

	t.Run("fails when both do", func(t *testing.T) {
		m := fraud.WithFallback(fake{err: fraud.ErrTimeout}, fake{err: errOther}, func(context.Context, error) {})
		if _, err := m.Score(t.Context(), fraud.Payment{}); !errors.Is(err, fraud.ErrTimeout) || !errors.Is(err, errOther) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("has no fallback for a caller that has left", func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		leave()
		m := fraud.WithFallback(fake{err: fraud.ErrUnavailable}, fake{assessment: backup}, func(context.Context, error) { t.Error("reported") })
		if a, err := m.Score(ctx, fraud.Payment{}); !errors.Is(err, fraud.ErrUnavailable) {
			t.Errorf("%+v, %v", a, err)
		}
	})
}
