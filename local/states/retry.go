package states

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"payment-webhooks/local/jsonpath"
)

// retrier is an element of a Retry field.
type retrier struct {
	errors      []string
	interval    time.Duration
	maxAttempts int
	backoff     float64
	maxDelay    time.Duration // 0: unlimited
	fullJitter  bool
}

type retrierFields struct {
	Comment         string
	ErrorEquals     []string
	IntervalSeconds *int
	MaxAttempts     *int
	BackoffRate     *float64
	MaxDelaySeconds *int
	JitterStrategy  string
}

// catcher is an element of a Catch field.
type catcher struct {
	errors     []string
	next       string
	resultPath jsonpath.Path
}

type catcherFields struct {
	Comment     string
	ErrorEquals []string
	Next        string
	ResultPath  json.RawMessage
}

// checkErrorNames checks ErrorEquals: names of the States language must exist, and States.ALL
// must be alone, and in the last element.
func (l *loader) checkErrorNames(state, field string, names []string, last bool) {
	if len(names) == 0 {
		l.problem(state, "%s needs ErrorEquals", field)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "States.") && !slices.Contains([]string{errAll, errTaskFailed, errTimeout, errDataLimit, errPermissions, errRuntime}, name) {
			l.problem(state, "%s: the error %s is not supported", field, name)
		}
		if name == errAll && (len(names) > 1 || !last) {
			l.problem(state, "%s: States.ALL must be alone and in the last one", field)
		}
	}
}

func (l *loader) retriers(state string, all []retrierFields) []retrier {
	var retriers []retrier
	for i, fields := range all {
		l.checkErrorNames(state, "Retry", fields.ErrorEquals, i == len(all)-1)
		r := retrier{errors: fields.ErrorEquals, interval: time.Second, maxAttempts: 3, backoff: 2}
		if fields.IntervalSeconds != nil {
			r.interval = l.seconds(state, "IntervalSeconds", *fields.IntervalSeconds, 1)
		}
		if fields.MaxAttempts != nil {
			r.maxAttempts = *fields.MaxAttempts
			if r.maxAttempts < 0 || r.maxAttempts > 99999999 {
				l.problem(state, "MaxAttempts %d is not 0 to 99999999", r.maxAttempts)
			}
		}
		if fields.BackoffRate != nil {
			r.backoff = *fields.BackoffRate
			if r.backoff < 1 {
				l.problem(state, "BackoffRate %g is below 1", r.backoff)
			}
		}
		if fields.MaxDelaySeconds != nil {
			r.maxDelay = l.seconds(state, "MaxDelaySeconds", *fields.MaxDelaySeconds, 1)
			if r.maxDelay <= r.interval || r.maxDelay >= 31622400*time.Second {
				l.problem(state, "MaxDelaySeconds must be above IntervalSeconds and below 31622400")
			}
		}
		switch fields.JitterStrategy {
		case "", "NONE":
		case "FULL":
			r.fullJitter = true
		default:
			l.problem(state, "JitterStrategy %s does not exist", fields.JitterStrategy)
		}
		retriers = append(retriers, r)
	}
	return retriers
}

func (l *loader) catchers(state string, all []catcherFields) []catcher {
	var catchers []catcher
	for i, fields := range all {
		l.checkErrorNames(state, "Catch", fields.ErrorEquals, i == len(all)-1)
		if fields.Next == "" {
			l.problem(state, "Catch needs Next")
		}
		catchers = append(catchers, catcher{fields.ErrorEquals, fields.Next, l.path(state, "Catch ResultPath", fields.ResultPath)})
	}
	return catchers
}

// delay is the wait before the next attempt after a number of earlier ones.
func (r retrier) delay(attempts int, jitter func(time.Duration) time.Duration) time.Duration {
	delay := float64(r.interval)
	for range attempts {
		delay = min(delay*r.backoff, float64(maxDuration)) // no execution is longer
	}
	if r.maxDelay > 0 {
		delay = min(delay, float64(r.maxDelay))
	}
	if r.fullJitter {
		return jitter(time.Duration(delay))
	}
	return time.Duration(delay)
}

// retryDelay finds the retrier of a failure and returns how long to wait, or false when no
// attempt is left. attempts counts those of each retrier.
func (x *execution) retryDelay(s *state, failure *Failure, attempts []int) (time.Duration, bool) {
	i := slices.IndexFunc(s.retry, func(r retrier) bool { return failure.matches(r.errors) })
	if i < 0 || attempts[i] >= s.retry[i].maxAttempts {
		return 0, false
	}
	attempts[i]++
	return s.retry[i].delay(attempts[i]-1, x.machine.config.Jitter), true
}

// handle finds the catcher of a failure. It returns the state's raw input with the error at the
// catcher's ResultPath, and the next state, or the failure when no catcher matches.
func (s *state) handle(input any, failure *Failure) (output any, next string, unhandled *Failure) {
	i := slices.IndexFunc(s.catch, func(c catcher) bool { return failure.matches(c.errors) })
	if i < 0 {
		return nil, "", failure
	}
	c := s.catch[i]
	if c.resultPath == nil {
		return input, c.next, nil
	}
	output, err := c.resultPath.Put(input, map[string]any{"Error": failure.Error, "Cause": failure.Cause})
	if err != nil {
		return nil, "", runtimeFailure(fmt.Errorf("the ResultPath of Catch: %w", err))
	}
	return output, c.next, nil
}

func randomUpTo(d time.Duration) time.Duration { return rand.N(d + 1) }
