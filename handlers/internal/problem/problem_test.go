package problem_test

import (
	"testing"

	"payment-webhooks/handlers/internal/problem"
)

func TestDocumentHasTheMembersOfRFC9457(t *testing.T) {
	tests := map[string]struct {
		problem problem.Problem
		want    string
	}{
		"with field errors": {
			problem.Problem{
				Type: problem.InvalidTransaction, Title: "Invalid transaction", Status: 400, Detail: "Two fields are wrong.",
				Errors: []problem.FieldError{{Field: "/amount", Detail: "is required"}},
			},
			`{"type":"/problems/invalid-transaction","title":"Invalid transaction","status":400,"detail":"Two fields are wrong.","errors":[{"field":"/amount","detail":"is required"}]}`,
		},
		"without": {
			problem.Problem{Type: problem.AboutBlank, Title: "Not Found", Status: 404, Detail: "Nothing is here."},
			`{"type":"about:blank","title":"Not Found","status":404,"detail":"Nothing is here."}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.problem.JSON(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
