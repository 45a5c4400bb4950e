package eventsource_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/local/eventsource"
)

func TestFailedItems(t *testing.T) {
	for response, want := range map[string][]string{
		// Successes, as localstack/localstack recorded them on AWS in
		// test_kinesis_report_batch_item_success_scenarios. "" is a function's text without a letter.
		``: nil, `""`: nil, `[]`: nil, `null`: nil, `{}`: nil, " {}\n": nil, `{"batchItemFailures":[]}`: nil, `{"batchItemFailures":null}`: nil,
		`{"records":3}`: nil,
		// Failures: test_dynamodb_report_batch_item_failure_scenarios. No item has the identifier "".
		`{"batchItemFailures":[{"itemIdentifier":""}]}`: {""}, `{"batchItemFailures":[{"itemIdentifier":null}]}`: {""},
		`{"batchItemFailures":[{"itemIdentifier":123}]}`: {""}, `{"batchItemFailures":[{"foo":123}]}`: {""}, `{"batchItemFailures":[{"foo":null}]}`: {""},
		`{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"a"}]}`: {"b", "a"},
	} {
		t.Run("when the response is "+response, func(t *testing.T) {
			got, ok := eventsource.FailedItems([]byte(response))
			if diff := cmp.Diff(want, got); diff != "" || !ok {
				t.Errorf("read: %t\n%s", ok, diff)
			}
		})
	}
	for _, response := range []string{`{`, `"done"`, `[1]`, `7`, `true`, `{"batchItemFailures":"a"}`, `{"batchItemFailures":{}}`, `{"batchItemFailures":["a"]}`} {
		t.Run("when it cannot be read, as "+response, func(t *testing.T) {
			if got, ok := eventsource.FailedItems([]byte(response)); ok {
				t.Errorf("read as %v", got)
			}
		})
	}
}
