package grants

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/emulator"
	"payment-webhooks/local/iam"
	"payment-webhooks/local/session"
)

// Exercise sends payments through every hop of one local run and checks what becomes of
// them. Its runs follow one another.
type Exercise struct {
	Session  *session.Session
	Sender   session.Sender
	Egress   string            // the run's --egress directory
	Operator string            // path of scripts/cmd/ops, see BuildOperator
	Secrets  map[string]string // by provider
	// Timeout bounds the wait for one effect.
	Timeout time.Duration

	runs   atomic.Int64
	denied int // denials before the current run
}

// Permissions reads the grants of a run and the calls that were denied in it.
func Permissions(ctx context.Context, s *session.Session) (p emulator.Permissions, err error) {
	err = s.Control(ctx, http.MethodGet, "/_local/grants", nil, &p)
	return p, err
}

// SetRemoved takes a grant of a run out of its policy, or puts it back.
func SetRemoved(ctx context.Context, s *session.Session, id string, removed bool) error {
	return s.Control(ctx, http.MethodPost, "/_local/grants/"+url.PathEscape(id), fmt.Appendf(nil, `{"removed": %v}`, removed), nil)
}

func count(denied []iam.Denial) (n int) {
	for _, d := range denied {
		n += d.Count
	}
	return n
}

// ErrDenied is wrapped by the error of a run in which a call was denied.
var ErrDenied = errors.New("a call was denied")

// calm returns an error that names the denied calls, if there were any since the run began.
func (e *Exercise) calm(ctx context.Context) error {
	p, err := Permissions(ctx, e.Session)
	if err != nil || count(p.Denied) == e.denied {
		return err
	}
	// The list is in the order of first denials: an earlier one may have been repeated.
	last := p.Denied[len(p.Denied)-1]
	return fmt.Errorf("%w: %s may not %s on %s", ErrDenied, last.Caller, last.Action, last.Resource)
}

// await waits for an effect, or for the denial of a call.
func (e *Exercise) await(ctx context.Context, effect string, condition func(context.Context) (bool, error)) error {
	waiting, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	err := session.Until(waiting, func() (bool, error) {
		if err := e.calm(waiting); err != nil {
			return false, err
		}
		return condition(waiting)
	})
	if err != nil {
		return fmt.Errorf("no %s: %w", effect, err)
	}
	return nil
}

// Run makes one exercise. The error names the first effect that did not come about, or the
// first call that was denied.
func (e *Exercise) Run(ctx context.Context) error {
	p, err := Permissions(ctx, e.Session)
	if err != nil {
		return err
	}
	e.denied = count(p.Denied)
	n := e.runs.Add(1)
	id := fmt.Sprintf("grants-%d", n)
	if err := errors.Join(e.empty(ctx), e.fresh(ctx)); err != nil {
		return err
	}
	if err := e.Session.Control(ctx, http.MethodPost, "/_local/deployment", nil, nil); err != nil {
		return fmt.Errorf("deployment: %w", err)
	}
	group, ofGroup := errgroup.WithContext(ctx)
	for _, step := range []func(context.Context, string) error{e.providers, e.low, e.medium, e.high, e.archive, e.quarantine} {
		group.Go(func() error { return step(ofGroup, id) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := e.failures(ctx, id); err != nil {
		return err
	}
	if n == 1 {
		// Alarms stay raised.
		if err := e.alarm(ctx); err != nil {
			return err
		}
	}
	return e.calm(ctx)
}

// empty removes what earlier runs archived, so that the archiver writes again.
func (e *Exercise) empty(ctx context.Context) error {
	bucket := aws.String(e.Session.Outputs[contract.OutputAuditBucket])
	client := s3.NewFromConfig(e.Session.AWS, func(o *s3.Options) { o.UsePathStyle = true })
	list, err := client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: bucket})
	if err != nil {
		return err
	}
	for _, v := range list.Versions {
		if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: v.Key, VersionId: v.VersionId}); err != nil {
			return err
		}
	}
	return nil
}

const faultsPath = "/_local/faults"

func (e *Exercise) inject(ctx context.Context, spec string) error {
	return e.Session.Control(ctx, http.MethodPost, faultsPath, []byte(spec), nil)
}

// fresh lets the next invocations of each function start an environment of their own, which begins a log
// stream and reads its secrets.
func (e *Exercise) fresh(ctx context.Context) error {
	if err := e.Session.Control(ctx, http.MethodDelete, faultsPath, nil, nil); err != nil {
		return err
	}
	for handler, times := range map[string]int{"webhook-validator": len(e.Secrets) + 3, "event-relay": 1, "fraud-detector": 1, "transaction-archival": 1} {
		if err := e.inject(ctx, fmt.Sprintf(`{"hop": "function:%s", "fault": "slow-start", "seconds": 0.001, "times": %d}`, handler, times)); err != nil {
			return err
		}
	}
	return nil
}

// repeat delivers until there is a response other than 503, which a slow machine causes too.
func (e *Exercise) repeat(ctx context.Context, what string, want int, deliver func() (status int, body string, err error)) error {
	return e.await(ctx, "success of "+what, func(context.Context) (bool, error) {
		status, body, err := deliver()
		switch {
		case err != nil && ctx.Err() != nil:
			return false, err
		case err != nil || status == http.StatusServiceUnavailable:
			return false, nil
		case status != want && !(want == http.StatusAccepted && status == http.StatusOK): // stored by an attempt with 503
			return false, fmt.Errorf("%d %s, want %d", status, body, want)
		}
		return true, nil
	})
}

func (e *Exercise) post(ctx context.Context, id, amount string) error {
	body := fmt.Appendf(nil, `{"transaction_id": %q, "amount": %s, "currency": "USD", "provider": "shop", "customer_id": "cust_789"}`, id, amount)
	return e.repeat(ctx, "the payment "+id, http.StatusAccepted, func() (int, string, error) {
		r, err := e.Session.Post(ctx, "/webhook", "application/json", body)
		return r.Status, string(r.Body), err
	})
}

func (e *Exercise) send(ctx context.Context, provider string, args ...string) error {
	if e.Sender.Providers[provider].Certificate {
		args = append(args, "--egress", e.Egress)
	}
	return e.repeat(ctx, "a delivery of "+provider, http.StatusAccepted, func() (int, string, error) {
		sent, err := e.Session.Send(ctx, e.Sender, provider, e.Secrets[provider], args...)
		if err == nil && len(sent.Responses) != 1 {
			err = fmt.Errorf("scripts/send: %s", sent.Errors)
		}
		if err != nil {
			return 0, "", err
		}
		return sent.Responses[0].Status, sent.Responses[0].Body, nil
	})
}

// providers delivers a payment as each provider, and one as an unknown provider.
func (e *Exercise) providers(ctx context.Context, id string) error {
	for name := range e.Secrets {
		if name == "canonical" {
			continue
		}
		if err := e.send(ctx, name, "--id", id); err != nil {
			return err
		}
	}
	return e.repeat(ctx, "the rejection of an unknown provider", http.StatusNotFound, func() (int, string, error) {
		r, err := e.Session.Post(ctx, "/webhook/nobody", "application/json", []byte(`{}`))
		return r.Status, string(r.Body), err
	})
}

// quarantine delivers what is signed and cannot be read.
func (e *Exercise) quarantine(ctx context.Context, id string) error {
	file := filepath.Join(e.Egress, id)
	if err := os.WriteFile(file, []byte(id+" is not JSON"), 0o600); err != nil {
		return err
	}
	if err := e.send(ctx, "stripe", "--file", file); err != nil {
		return err
	}
	return e.arrives(ctx, "quarantine", id)
}

func (e *Exercise) logged(ctx context.Context, group, part string) error {
	return e.await(ctx, "line about "+part+" in "+group, func(ctx context.Context) (bool, error) {
		lines, err := e.Session.Logged(ctx, group, part)
		return len(lines) > 0, err
	})
}

// low also looks for the validator's log and segments.
func (e *Exercise) low(ctx context.Context, id string) error {
	id += "-low"
	if err := e.post(ctx, id, "1"); err != nil {
		return err
	}
	for _, group := range []string{e.Session.LowValueLogGroup(), "/aws/lambda/webhook-validator-" + e.Session.Suffix()} {
		if err := e.logged(ctx, group, id); err != nil {
			return err
		}
	}
	return e.await(ctx, "segment of the validator", func(ctx context.Context) (bool, error) {
		var documents []struct{ Name string }
		err := e.Session.Control(ctx, http.MethodGet, "/_local/traces", nil, &documents)
		return len(documents) > 0, err
	})
}

func (e *Exercise) alerted(ctx context.Context, id string) error {
	return e.await(ctx, "alert about "+id, func(ctx context.Context) (bool, error) {
		alerts, err := e.Session.Alerts(ctx, id)
		return len(alerts) > 0, err
	})
}

func (e *Exercise) medium(ctx context.Context, id string) error {
	id += "-medium"
	if err := e.post(ctx, id, "5000"); err != nil {
		return err
	}
	return e.alerted(ctx, id)
}

func (e *Exercise) high(ctx context.Context, id string) error {
	id += "-high"
	if err := e.post(ctx, id, "50000"); err != nil {
		return err
	}
	if err := e.await(ctx, "fraud result", func(ctx context.Context) (bool, error) {
		item, err := e.Session.Item(ctx, id, "shop")
		return item["fraud"] != nil, err
	}); err != nil {
		return err
	}
	return e.alerted(ctx, id)
}

// archive archives the hours up to the one in which a payment was received, and looks for the hour's
// manifest, which is written last.
func (e *Exercise) archive(ctx context.Context, id string) error {
	if err := e.post(ctx, id+"-archived", "2"); err != nil {
		return err
	}
	hour := time.Now().UTC().Truncate(time.Hour)
	if err := e.Session.FireRule(ctx, e.Session.ArchivalRule(), hour.Add(25*time.Hour)); err != nil {
		return err
	}
	return e.await(ctx, "manifest of an hour", func(ctx context.Context) (bool, error) {
		objects, err := e.Session.Archived(ctx, contract.AuditManifestsPrefix)
		return len(objects) > 0, err
	})
}

// arrives waits for one more message of a queue with part in its body.
func (e *Exercise) arrives(ctx context.Context, queue, part string) error {
	name := queue + "-" + e.Session.Suffix()
	return e.await(ctx, "message about "+part+" in "+name, func(ctx context.Context) (bool, error) {
		messages, err := e.Session.Messages(ctx, name)
		return slices.ContainsFunc(messages, func(m sqstypes.Message) bool { return strings.Contains(aws.ToString(m.Body), part) }), err
	})
}

// failures lets the deliveries fail and waits for the messages in the dead-letter queues.
func (e *Exercise) failures(ctx context.Context, id string) error {
	if err := e.Session.Control(ctx, http.MethodDelete, faultsPath, nil, nil); err != nil {
		return err
	}
	for hop, caller := range map[string]string{
		"logs:PutLogEvents": "events", "sns:Publish": "events", "states:StartExecution": "events", "lambda:Invoke": "events",
	} {
		if err := e.inject(ctx, fmt.Sprintf(`{"hop": %q, "fault": "denied", "where": {"caller": %q}}`, hop, caller)); err != nil {
			return err
		}
	}
	for queue, amount := range map[string]string{"low-value-dlq": "3", "medium-value-dlq": "5000", "high-value-dlq": "50000"} {
		if err := e.post(ctx, id+"-"+queue, amount); err != nil {
			return err
		}
		if err := e.arrives(ctx, queue, id+"-"+queue); err != nil {
			return err
		}
	}
	if err := e.undeliverable(ctx); err != nil {
		return err
	}
	if err := e.Session.Control(ctx, http.MethodDelete, faultsPath, nil, nil); err != nil {
		return err
	}
	if err := e.inject(ctx, `{"hop": "lambda:Invoke", "fault": "denied", "where": {"caller": "states"}}`); err != nil {
		return err
	}
	if err := e.post(ctx, id+"-unscored", "50000"); err != nil {
		return err
	}
	if err := e.arrives(ctx, "workflow-dlq", id+"-unscored"); err != nil {
		return err
	}
	return e.Session.Control(ctx, http.MethodDelete, faultsPath, nil, nil)
}

// undeliverable fires both rules of the archiver while it cannot be invoked, and waits for their messages. The
// time of a firing is in its event; events of deployments are all alike, and have to become one more.
func (e *Exercise) undeliverable(ctx context.Context) error {
	const queue, deployed = "archival-schedule-dlq", "CREATE_COMPLETE"
	before, err := e.received(ctx, queue, deployed)
	if err != nil {
		return err
	}
	at := time.Now().Add(time.Duration(e.runs.Load()) * time.Hour)
	if err := errors.Join(e.Session.FireRule(ctx, e.Session.ArchivalRule(), at), e.Session.Control(ctx, http.MethodPost, "/_local/deployment", nil, nil)); err != nil {
		return err
	}
	if err := e.arrives(ctx, queue, at.UTC().Format("2006-01-02T15:04:05Z")); err != nil {
		return err
	}
	return e.await(ctx, "message about a deployment in "+queue, func(ctx context.Context) (bool, error) {
		now, err := e.received(ctx, queue, deployed)
		return now > before, err
	})
}

// received receives what is in a queue, and counts the messages received since the run began that have part in
// their body.
func (e *Exercise) received(ctx context.Context, queue, part string) (found int, err error) {
	for known := -1; ; {
		messages, err := e.Session.Messages(ctx, queue+"-"+e.Session.Suffix())
		if err != nil {
			return 0, err
		}
		if len(messages) > known {
			known = len(messages)
			continue
		}
		for _, m := range messages {
			if strings.Contains(aws.ToString(m.Body), part) {
				found++
			}
		}
		return found, nil
	}
}

// alarm waits until the alarm about a dead-letter queue has reached the topic.
func (e *Exercise) alarm(ctx context.Context) error {
	const name = "high-value-dlq-not-empty"
	return e.await(ctx, "alert of the alarm "+name, func(ctx context.Context) (bool, error) {
		if _, err := e.Session.Alarms(ctx, time.Now().Add(time.Hour)); err != nil {
			return false, err
		}
		alerts, err := e.Session.AlarmAlerts(ctx, name)
		return len(alerts) > 0, err
	})
}
