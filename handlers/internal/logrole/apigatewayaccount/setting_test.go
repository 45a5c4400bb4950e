package apigatewayaccount_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"

	"payment-webhooks/handlers/internal/logrole"
	"payment-webhooks/handlers/internal/logrole/apigatewayaccount"
)

// open is the setting of a server that speaks API Gateway's protocol (REST and JSON) and responds
// to every call alike, with the calls that it got. A call is tried once.
func open(t *testing.T, status int, errorType, body string) (apigatewayaccount.Setting, *[]string) {
	t.Helper()
	var calls []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		calls = append(calls, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+string(text)))
		if errorType != "" {
			w.Header().Set("X-Amzn-ErrorType", errorType)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return apigatewayaccount.New(apigateway.NewFromConfig(aws.Config{
		Region: "eu-central-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})), &calls
}

func TestSetting(t *testing.T) {
	const arn = "arn:aws:iam::1:role/shared"
	for name, c := range map[string]struct{ body, want string }{
		"when a role is set, it is returned":  {`{"cloudwatchRoleArn": "` + arn + `", "throttleSettings": {"rateLimit": 10000}}`, arn},
		"when none is set, there is no error": {`{"throttleSettings": {"rateLimit": 10000}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			setting, calls := open(t, http.StatusOK, "", c.body)
			if got, err := setting.Role(t.Context()); got != c.want || err != nil || len(*calls) != 1 || (*calls)[0] != "GET /account" {
				t.Errorf("%q, %v after %q", got, err, *calls)
			}
		})
	}
	t.Run("when it is changed, the rest of the account's settings stays", func(t *testing.T) {
		setting, calls := open(t, http.StatusOK, "", `{}`)
		want := `PATCH /account {"patchOperations":[{"op":"replace","path":"/cloudwatchRoleArn","value":"` + arn + `"}]}`
		if err := setting.SetRole(t.Context(), arn); err != nil || len(*calls) != 1 || (*calls)[0] != want {
			t.Errorf("%v after %q, want %q", err, *calls, want)
		}
	})
	for name, c := range map[string]struct {
		status    int
		errorType string
		passes    bool
	}{
		"when it was changed less than 20 seconds ago, it may succeed later": {http.StatusTooManyRequests, "TooManyRequestsException", true},
		"when IAM does not know the role yet, it may succeed later":          {http.StatusBadRequest, "BadRequestException", true},
		"when it may not, it fails for good":                                 {http.StatusForbidden, "AccessDeniedException", false},
	} {
		t.Run(name, func(t *testing.T) {
			setting, _ := open(t, c.status, c.errorType, `{"message": "the reason"}`)
			_, readErr := setting.Role(t.Context())
			for _, err := range []error{readErr, setting.SetRole(t.Context(), arn)} {
				if errors.Is(err, logrole.ErrNotYet) != c.passes || err == nil || !strings.Contains(err.Error(), "the reason") {
					t.Errorf("error %v", err)
				}
			}
		})
	}
}
