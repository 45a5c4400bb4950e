package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/cfn"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/startup/startuptest"
)

func TestNewHandler(t *testing.T) {
	startuptest.Run(t, map[string]string{contract.EnvEnvironmentSuffix: "dev"}, newHandler)
}

// TestResponse is a request of CloudFormation's and the response that it gets, with API Gateway,
// IAM and CloudFormation as servers.
func TestResponse(t *testing.T) {
	const role = "arn:aws:iam::123456789012:role/theirs"
	for name, c := range map[string]struct {
		kind    cfn.RequestType
		account string // what API Gateway responds to GetAccount
		status  cfn.StatusType
		reason  string
		calls   string
	}{
		"when the account has a role, it is a success": {
			cfn.RequestCreate, `{"cloudwatchRoleArn": "` + role + `"}`, cfn.StatusSuccess, "", "GET /account, GetRole",
		},
		"when it has none, it is a success after one is set": {
			cfn.RequestUpdate, `{}`, cfn.StatusSuccess, "", "GET /account, CreateRole, AttachRolePolicy, PutRolePolicy, PATCH /account",
		},
		"when it may not look, it fails with the reason": {cfn.RequestCreate, "", cfn.StatusFailed, "may not apigateway:GET", "GET /account"},
		"when the stack is destroyed, it does nothing":   {cfn.RequestDelete, "", cfn.StatusSuccess, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var calls []string
			aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := r.ParseForm(); err != nil {
					t.Error(err)
				}
				if action := r.PostForm.Get("Action"); action != "" {
					calls = append(calls, action)
					_, _ = w.Write([]byte("<" + action + "Response><" + action + "Result/></" + action + "Response>"))
					return
				}
				calls = append(calls, r.Method+" "+r.URL.Path)
				if c.account == "" {
					w.Header().Set("X-Amzn-ErrorType", "AccessDeniedException")
					w.WriteHeader(http.StatusForbidden)
					_, _ = w.Write([]byte(`{"message": "may not apigateway:GET"}`))
					return
				}
				_, _ = w.Write([]byte(c.account))
			}))
			defer aws.Close()
			var responses []cfn.Response
			cloudFormation := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				var response cfn.Response
				if err := json.NewDecoder(r.Body).Decode(&response); err != nil || r.Method != http.MethodPut {
					t.Errorf("%s, %v", r.Method, err)
				}
				responses = append(responses, response)
			}))
			defer cloudFormation.Close()

			env := map[string]string{
				contract.EnvEnvironmentSuffix: "dev", "AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL": aws.URL,
				"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
			}
			handle, err := newHandler(func(name string) string { return env[name] }, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := handle(t.Context(), cfn.Event{
				RequestType: c.kind, RequestID: "request", ResponseURL: cloudFormation.URL, StackID: "stack", LogicalResourceID: "Account",
				ResourceProperties: map[string]any{
					contract.AccountRoleName: "shared", contract.AccountRoleARN: "arn:aws:iam::123456789012:role/shared", contract.AccountPolicyARN: "arn:policy",
					contract.AccountLeavingPrefix: "TapStackdev-", contract.AccountStackLogGroups: "arn:groups*",
				},
			}); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(calls, ", "); got != c.calls {
				t.Errorf("calls %s, want %s", got, c.calls)
			}
			if len(responses) != 1 {
				t.Fatalf("%d responses", len(responses))
			}
			got := responses[0]
			if got.Status != c.status || got.PhysicalResourceID != "api-gateway-account" || got.RequestID != "request" || got.StackID != "stack" || got.LogicalResourceID != "Account" {
				t.Errorf("response %+v", got)
			}
			if !strings.Contains(got.Reason, c.reason) || (got.Reason == "") != (c.reason == "") {
				t.Errorf("reason %q, want %q", got.Reason, c.reason)
			}
		})
	}
}
