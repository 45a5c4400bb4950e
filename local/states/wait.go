package states

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"payment-webhooks/local/clock"
)

const waitFields = "Next End InputPath OutputPath Seconds SecondsPath Timestamp TimestampPath"

// wait is a Wait state. until yields a number of seconds or an RFC 3339 time.
type wait struct{ until expression }

func readWait(l *loader, s *state, text json.RawMessage) work {
	var fields struct {
		Seconds                               *int
		SecondsPath, Timestamp, TimestampPath *string
	}
	l.fields(s.name, text, &fields)
	given := 0
	for _, is := range []bool{fields.Seconds != nil, fields.SecondsPath != nil, fields.Timestamp != nil, fields.TimestampPath != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		l.problem(s.name, "needs exactly one of Seconds, SecondsPath, Timestamp and TimestampPath")
		return wait{}
	}
	var until expression
	var err error
	switch {
	case fields.Seconds != nil:
		l.seconds(s.name, "Seconds", *fields.Seconds, 0)
		until = literal(number(*fields.Seconds))
	case fields.SecondsPath != nil:
		until, err = compileExpression(*fields.SecondsPath)
	case fields.Timestamp != nil:
		if _, ok := timestamp(*fields.Timestamp); !ok {
			l.problem(s.name, "Timestamp %q is not RFC 3339", *fields.Timestamp)
		}
		until = literal(*fields.Timestamp)
	default:
		until, err = compileExpression(*fields.TimestampPath)
	}
	if err != nil {
		l.problem(s.name, "%w", err)
	}
	return wait{until}
}

func (w wait) do(ctx context.Context, x *execution, s *state, input, contextObject any) (any, string, *Failure) {
	duration, err := w.duration(input, contextObject, x.machine.config.Now())
	if err != nil {
		return nil, "", runtimeFailure(err)
	}
	if !clock.Sleep(ctx, duration) {
		return nil, "", ended(ctx)
	}
	return input, s.next, nil
}

func (w wait) duration(input, contextObject any, now time.Time) (time.Duration, error) {
	value, err := w.until(input, contextObject)
	if err != nil {
		return 0, err
	}
	if number, ok := value.(json.Number); ok {
		seconds, err := number.Int64()
		if err != nil || seconds < 0 || seconds > maxSeconds {
			return 0, fmt.Errorf("%s is not 0 to %d seconds", number, maxSeconds)
		}
		return time.Duration(seconds) * time.Second, nil
	}
	at, ok := timestamp(value)
	if !ok {
		return 0, fmt.Errorf("%v is neither seconds nor an RFC 3339 time", value)
	}
	return at.Sub(now), nil
}
