package awssecrets_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/secrets"
	"payment-webhooks/handlers/internal/secrets/awssecrets"
)

// responses are the responses to GetSecretValue by version stage: a body, or an error's
// type.
type responses map[string]string

const notFound = "ResourceNotFoundException"

// open is a source on a server that speaks Secrets Manager's protocol (AWS JSON
// 1.1).
func open(t *testing.T, a responses) *awssecrets.Source {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ SecretId, VersionStage string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.SecretId != "payments/stripe" ||
			r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" {
			t.Errorf("%s asks %+v, %v", r.Header.Get("X-Amz-Target"), in, err)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		response := a[in.VersionStage]
		if !strings.HasPrefix(response, "{") {
			w.WriteHeader(http.StatusBadRequest)
			response = `{"__type":"` + response + `","message":"no"}`
		}
		_, _ = w.Write([]byte(response))
	}))
	t.Cleanup(server.Close)
	return awssecrets.New(awssecrets.NewClient(aws.Config{
		Region: "us-east-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}))
}

func TestCurrentAndPreviousVersionAreRead(t *testing.T) {
	tests := []struct {
		name      string
		responses responses
		want      []string // nil: ErrUnavailable
	}{
		{"never rotated", responses{"AWSCURRENT": `{"SecretString":"one"}`, "AWSPREVIOUS": notFound}, []string{"one"}},
		{"rotated", responses{"AWSCURRENT": `{"SecretString":"two"}`, "AWSPREVIOUS": `{"SecretString":"one"}`}, []string{"two", "one"}},
		{"put from a file", responses{"AWSCURRENT": `{"SecretString":" two\r\n"}`, "AWSPREVIOUS": `{"SecretString":"\n"}`}, []string{" two\r\n", "\n"}},
		{"missing", responses{"AWSCURRENT": notFound, "AWSPREVIOUS": notFound}, nil},
		{"binary", responses{"AWSCURRENT": `{"SecretBinary":"b25l"}`, "AWSPREVIOUS": notFound}, []string{""}},
		{"marked for deletion", responses{"AWSCURRENT": "InvalidRequestException"}, nil},
		{"not allowed", responses{"AWSCURRENT": "AccessDeniedException"}, nil},
		{"previous not to be had", responses{"AWSCURRENT": `{"SecretString":"two"}`, "AWSPREVIOUS": "DecryptionFailure"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := open(t, tt.responses).Values(t.Context(), "payments/stripe")
			if tt.want == nil && !errors.Is(err, secrets.ErrUnavailable) || tt.want != nil && err != nil {
				t.Errorf("%v", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
