package sqsbatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"payment-webhooks/handlers/internal/digest"
	"payment-webhooks/handlers/internal/digest/sqsbatch"
)

type topic struct {
	published []digest.Message
	fail      error
	hang      bool // until the context ends
}

func (p *topic) Publish(ctx context.Context, m digest.Message) error {
	if p.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if p.fail == nil {
		p.published = append(p.published, m)
	}
	return p.fail
}

// invoke calls the handler as the Lambda runtime does: bytes in, bytes out.
func invoke(ctx context.Context, t *testing.T, to *topic, change func(string) string) (string, error) {
	t.Helper()
	payload, err := os.ReadFile("testdata/batch.json")
	if err != nil {
		t.Fatal(err)
	}
	handler := sqsbatch.Handler(digest.New(to, slog.New(slog.DiscardHandler)), "dev")
	body, err := lambda.NewHandler(handler).Invoke(ctx, []byte(change(string(payload))))
	return string(body), err
}

func same(text string) string { return text }

func TestHandler(t *testing.T) {
	t.Run("publishes what a batch holds, and leaves what cannot be read in the queue", func(t *testing.T) {
		to := &topic{}
		response, err := invoke(t.Context(), t, to, same)
		if want := `{"batchItemFailures":[{"itemIdentifier":"not-json"},{"itemIdentifier":"no-amount"}]}`; err != nil || response != want {
			t.Errorf("%s, %v", response, err)
		}
		if len(to.published) != 1 || to.published[0].Subject != "Very-high-value digest: 2 transactions" ||
			!strings.Contains(to.published[0].Text, "payment of 1000000.00 USD reported by stripe, transaction txn_123456.") ||
			!strings.Contains(to.published[0].Text, "refund of 123456789 JPY reported by shop, transaction re_1.") {
			t.Errorf("%+v", to.published)
		}
	})
	t.Run("leaves everything in the queue when the topic fails", func(t *testing.T) {
		response, err := invoke(t.Context(), t, &topic{fail: errors.New("no")}, same)
		var list struct {
			BatchItemFailures []struct{ ItemIdentifier string }
		}
		if json.Unmarshal([]byte(response), &list) != nil || err != nil || len(list.BatchItemFailures) != 4 {
			t.Errorf("%s, %v", response, err)
		}
	})
	t.Run("responds before its deadline when the topic does not respond", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			response, err := invoke(ctx, t, &topic{hang: true}, same)
			if err != nil || strings.Count(response, "itemIdentifier") != 4 {
				t.Errorf("%s, %v", response, err)
			}
			if deadline, _ := ctx.Deadline(); time.Until(deadline) < time.Second {
				t.Errorf("%s before the deadline", time.Until(deadline))
			}
		})
	})
	t.Run("names no message when there is none", func(t *testing.T) {
		response, err := invoke(t.Context(), t, &topic{}, func(string) string { return `{"Records":[]}` })
		if err != nil || response != `{"batchItemFailures":[]}` {
			t.Errorf("%s, %v", response, err)
		}
	})
	for _, name := range []string{"very-high-value-digest-prod", "-value-digest-dev", "very-high-value-transactions-dev"} {
		t.Run("fails when the queue is "+name, func(t *testing.T) {
			to := &topic{}
			_, err := invoke(t.Context(), t, to, func(text string) string { return strings.ReplaceAll(text, "very-high-value-digest-dev", name) })
			if err == nil || !strings.Contains(err.Error(), name) || to.published != nil {
				t.Errorf("%v, %+v", err, to.published)
			}
		})
	}
}
