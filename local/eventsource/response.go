package eventsource

import (
	"bytes"
	"encoding/json"
)

// FailedItems returns the identifiers of the items that a function's response reports as not
// processed (ReportBatchItemFailures): of those without an identifier that is text, "". ok is
// false when the response is none that Lambda can read, and the whole batch has failed.
//
// An empty response, an empty text, list or object, null, and an object whose list of failures is
// empty, null or missing report no failure. Developer guide, "Configuring partial batch response with
// DynamoDB and Lambda" (services-ddb-batchfailurereporting) and "Handling errors for an SQS event
// source" (services-sqs-errorhandling). Recorded on AWS in localstack/localstack,
// test_kinesis_report_batch_item_success_scenarios, and of other kinds of failures in
// test_dynamodb_report_batch_item_failure_scenarios.
func FailedItems(response []byte) (identifiers []string, ok bool) {
	response = bytes.TrimSpace(response)
	if len(response) == 0 {
		return nil, true
	}
	var value any
	if json.Unmarshal(response, &value) != nil {
		return nil, false
	}
	var failures any
	switch v := value.(type) {
	case nil:
		return nil, true
	case string:
		return nil, v == ""
	case []any:
		return nil, len(v) == 0
	case map[string]any:
		failures = v["batchItemFailures"]
	default:
		return nil, false
	}
	if failures == nil {
		return nil, true
	}
	list, ok := failures.([]any)
	for _, failure := range list {
		item, isObject := failure.(map[string]any)
		identifier, _ := item["itemIdentifier"].(string)
		ok = ok && isObject
		identifiers = append(identifiers, identifier)
	}
	return identifiers, ok
}
