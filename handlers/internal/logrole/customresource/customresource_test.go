package customresource_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/logrole"
	"payment-webhooks/handlers/internal/logrole/customresource"
)

type fakeAccount struct {
	asked []logrole.Shared
	left  time.Duration // until the deadline, when it was asked
	err   error
}

func (a *fakeAccount) Ensure(ctx context.Context, shared logrole.Shared) error {
	a.asked = append(a.asked, shared)
	if deadline, ok := ctx.Deadline(); ok {
		a.left = time.Until(deadline)
	}
	return a.err
}

func request(t *testing.T, kind cfn.RequestType) cfn.Event {
	t.Helper()
	text, err := os.ReadFile("testdata/create.json")
	if err != nil {
		t.Fatal(err)
	}
	var event cfn.Event
	if err := json.Unmarshal(text, &event); err != nil {
		t.Fatal(err)
	}
	event.RequestType = kind
	return event
}

func TestHandler(t *testing.T) {
	shared := []logrole.Shared{{
		Name: "payment-webhooks-api-gateway-logs", ARN: "arn:aws:iam::123456789012:role/payment-webhooks-api-gateway-logs",
		PolicyARN:      "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs",
		StackLogGroups: "arn:aws:logs:*:123456789012:log-group:/aws/apigateway/payment-webhooks-*", LeavingPrefix: "TapStackdev-",
	}}
	failure := errors.New("denied")
	for name, c := range map[string]struct {
		kind cfn.RequestType
		err  error
		want []logrole.Shared
	}{
		"when the stack is created, it ensures the role":   {cfn.RequestCreate, nil, shared},
		"when it is updated, it ensures the role":          {cfn.RequestUpdate, nil, shared},
		"when that fails, the error says why":              {cfn.RequestCreate, failure, shared},
		"when it is destroyed, the account keeps the role": {cfn.RequestDelete, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			account := fakeAccount{err: c.err}
			id, _, err := customresource.Handler(&account)(t.Context(), request(t, c.kind))
			if id != "api-gateway-account" || !errors.Is(err, c.err) {
				t.Errorf("%q, %v", id, err)
			}
			if diff := cmp.Diff(c.want, account.asked); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("when a property is missing or no text, it changes nothing and names it", func(t *testing.T) {
		for name := range request(t, cfn.RequestCreate).ResourceProperties {
			if name == "ServiceToken" {
				continue
			}
			for _, value := range []any{nil, "", 1.0} {
				account := fakeAccount{}
				event := request(t, cfn.RequestCreate)
				event.ResourceProperties[name] = value
				id, _, err := customresource.Handler(&account)(t.Context(), event)
				if id != "api-gateway-account" || err == nil || !strings.Contains(err.Error(), name) || len(account.asked) > 0 {
					t.Errorf("%s is %v: %q, %v", name, value, id, err)
				}
			}
		}
	})
	t.Run("when the function ends at a deadline, it leaves time to respond", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
			defer cancel()
			account := fakeAccount{}
			if _, _, err := customresource.Handler(&account)(ctx, request(t, cfn.RequestCreate)); err != nil || account.left != 5*time.Minute+40*time.Second {
				t.Errorf("%s left, %v", account.left, err)
			}
		})
	})
}
