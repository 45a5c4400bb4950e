package iamroles_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/logrole"
	"payment-webhooks/handlers/internal/logrole/iamroles"
)

// open are the roles of a server that speaks IAM's protocol (AWS query), with the calls that it
// got. Code is the error of each call, or "". A call is tried once.
func open(t *testing.T, code string) (iamroles.Roles, *[]url.Values) {
	t.Helper()
	var calls []url.Values
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		calls = append(calls, r.PostForm)
		action := r.PostForm.Get("Action")
		if code != "" {
			w.WriteHeader(http.StatusConflict) // whatever the status, the code is what counts
			_, _ = w.Write([]byte("<ErrorResponse><Error><Type>Sender</Type><Code>" + code + "</Code><Message>the reason</Message></Error></ErrorResponse>"))
			return
		}
		_, _ = w.Write([]byte("<" + action + `Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><` + action + "Result/></" + action + "Response>"))
	}))
	t.Cleanup(server.Close)
	return iamroles.New(iam.NewFromConfig(aws.Config{
		Region: "eu-central-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})), &calls
}

func TestRoles(t *testing.T) {
	for name, c := range map[string]struct {
		code   string
		exists bool
		fails  bool
	}{
		"when there is such a role, it exists":    {"", true, false},
		"when there is none, it does not":         {"NoSuchEntity", false, false},
		"when it may not look, that is a failure": {"AccessDenied", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			roles, calls := open(t, c.code)
			got, err := roles.Exists(t.Context(), "theirs")
			if got != c.exists || (err != nil) != c.fails || (*calls)[0].Get("Action") != "GetRole" || (*calls)[0].Get("RoleName") != "theirs" {
				t.Errorf("%v, %v after %v", got, err, *calls)
			}
		})
	}
	form := func(pairs ...string) url.Values {
		values := url.Values{"Version": {"2010-05-08"}}
		for i := 0; i < len(pairs); i += 2 {
			values.Set(pairs[i], pairs[i+1])
		}
		return values
	}
	t.Run("when a role is created, API Gateway may assume it", func(t *testing.T) {
		roles, calls := open(t, "")
		if err := roles.Create(t.Context(), "shared"); err != nil {
			t.Fatal(err)
		}
		want := []url.Values{form("Action", "CreateRole", "RoleName", "shared",
			"Description", "API Gateway writes the logs of all APIs of this account with it. No stack deletes it", "AssumeRolePolicyDocument",
			`{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"apigateway.amazonaws.com"}}],"Version":"2012-10-17"}`)}
		if diff := cmp.Diff(want, *calls); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("when it is completed, it may write logs and not create the stacks' log groups", func(t *testing.T) {
		roles, calls := open(t, "")
		if err := roles.AllowLogs(t.Context(), "shared", "arn:policy", "arn:groups*"); err != nil {
			t.Fatal(err)
		}
		want := []url.Values{
			form("Action", "AttachRolePolicy", "RoleName", "shared", "PolicyArn", "arn:policy"),
			form("Action", "PutRolePolicy", "RoleName", "shared", "PolicyName", "stacks-create-their-log-groups", "PolicyDocument",
				`{"Statement":[{"Effect":"Deny","Action":"logs:CreateLogGroup","Resource":"arn:groups*"}],"Version":"2012-10-17"}`),
		}
		if diff := cmp.Diff(want, *calls); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("when a role to create exists, the error says so", func(t *testing.T) {
		roles, _ := open(t, "EntityAlreadyExists")
		if err := roles.Create(t.Context(), "shared"); !errors.Is(err, logrole.ErrExists) {
			t.Errorf("error %v", err)
		}
	})
	for name, c := range map[string]struct {
		code   string
		passes bool
	}{
		"when another deployment changes the role, it may succeed later": {"ConcurrentModification", true},
		"when it may not, it fails for good":                             {"AccessDenied", false},
	} {
		t.Run(name, func(t *testing.T) {
			roles, _ := open(t, c.code)
			for _, err := range []error{roles.Create(t.Context(), "shared"), roles.AllowLogs(t.Context(), "shared", "arn:policy", "arn:groups*")} {
				if errors.Is(err, logrole.ErrNotYet) != c.passes || err == nil || !strings.Contains(err.Error(), "the reason") {
					t.Errorf("error %v", err)
				}
			}
		})
	}
}
