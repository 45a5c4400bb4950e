package fraud

import (
	"context"
	"errors"
	"fmt"
)

// WithFallback returns a model that calls primary and, if that fails or returns an
// assessment that does not pass Check, fallback. The model version of the fallback's
// assessment includes the Reason of the failure: "rules-2026-11; fallback: timeout".
// onFailure is called with the failure, for a log line and a metric; it must be safe for
// concurrent use.
//
// If ctx has ended, the fallback is not called, because its result could not be recorded.
func WithFallback(primary, fallback Model, onFailure func(ctx context.Context, err error)) Model {
	return withFallback{primary, fallback, onFailure}
}

// FallbackMark stands between the fallback's model version and the reason of the
// failure.
const FallbackMark = "; fallback: "

type withFallback struct {
	primary, fallback Model
	onFailure         func(context.Context, error)
}

func (m withFallback) Score(ctx context.Context, p Payment) (Assessment, error) {
	assessment, failure := m.primary.Score(ctx, p)
	if failure == nil {
		failure = assessment.Check()
	}
	if failure == nil {
		return assessment, nil
	}
	if ctx.Err() != nil {
		return Assessment{}, failure
	}
	m.onFailure(ctx, failure)
	assessment, err := m.fallback.Score(ctx, p)
	if err != nil {
		return Assessment{}, fmt.Errorf("%w; then the fallback: %w", failure, err)
	}
	suffix := FallbackMark + Reason(failure)
	version := assessment.ModelVersion
	assessment.ModelVersion = version[:min(len(version), MaxVersion-len(suffix))] + suffix
	return assessment, nil
}

// Reason names the failure of a model in one word: "timeout", "unavailable",
// "malformed", or "error" if it is none of this package's errors.
func Reason(failure error) string {
	switch {
	case errors.Is(failure, ErrTimeout), errors.Is(failure, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(failure, ErrUnavailable):
		return "unavailable"
	case errors.Is(failure, ErrMalformed):
		return "malformed"
	default:
		return "error"
	}
}
