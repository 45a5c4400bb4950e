//go:build !race

// The jsii runtime's Go side is not free of data races, so everything that
// starts it is left out under -race; it has no concurrency of ours to check.

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"
)

// TestMain starts jsii on the Node.js that package.json pins, where that is
// installed, and ends the one jsii process of all tests.
func TestMain(m *testing.M) {
	if pinned, err := filepath.Abs("../../node_modules/.bin"); err == nil {
		os.Setenv("PATH", pinned+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	code := m.Run()
	os.Stderr, _ = os.OpenFile(os.DevNull, os.O_WRONLY, 0) // jsii says how its subprocess ended
	jsii.Close()
	os.Exit(code)
}

// resource is one of the template.
type resource struct {
	Type       string
	Properties map[string]any
}

// template is the synthesized stack.
type template struct {
	Resources map[string]resource
	Outputs   map[string]struct{ Value any }
}

// synthesized is the template with the context of cdk.json, as the CDK CLI
// passes it.
var synthesized = sync.OnceValues(func() (template, error) {
	var got template
	dir, err := os.MkdirTemp("", "consumer-")
	if err != nil {
		return got, err
	}
	defer os.RemoveAll(dir)
	text, err := os.ReadFile("cdk.json")
	if err != nil {
		return got, err
	}
	var settings struct{ Context map[string]any }
	if err := json.Unmarshal(text, &settings); err != nil {
		return got, err
	}
	getenv := func(string) string { return "pr-7" }
	if err := run(getenv, &awscdk.AppProps{Outdir: &dir, Context: &settings.Context, AnalyticsReporting: jsii.Bool(false)}); err != nil {
		return got, err
	}
	text, err = os.ReadFile(filepath.Join(dir, "PaymentConsumerpr-7.template.json"))
	if err != nil {
		return got, err
	}
	return got, json.Unmarshal(text, &got)
})

func stack(t *testing.T) template {
	t.Helper()
	got, err := synthesized()
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// named finds the resource of a type by its physical name.
func (s template) named(t *testing.T, resourceType, property, name string) (string, resource) {
	t.Helper()
	for id, r := range s.Resources {
		if r.Type == resourceType && r.Properties[property] == name {
			return id, r
		}
	}
	t.Fatalf("no %s has the %s %s", resourceType, property, name)
	return "", resource{}
}

func arn(id string) any { return map[string]any{"Fn::GetAtt": []any{id, "Arn"}} }

func TestRule(t *testing.T) {
	s := stack(t)
	queue, _ := s.named(t, "AWS::SQS::Queue", "QueueName", "payment-consumer-pr-7")
	deadLetters, _ := s.named(t, "AWS::SQS::Queue", "QueueName", "payment-consumer-dlq-pr-7")
	_, rule := s.named(t, "AWS::Events::Rule", "Name", "payment-consumer-pr-7")
	want := map[string]any{
		"Name": "payment-consumer-pr-7", "Description": "Every stored transaction", "State": "ENABLED",
		"EventBusName": "payment-events-pr-7",
		// Written out: this is what the bus carries.
		"EventPattern": map[string]any{"source": []any{"payment.webhooks"}, "detail-type": []any{"Transaction Received"}},
		"Targets": []any{map[string]any{
			"Id": "Target0", "Arn": arn(queue), "DeadLetterConfig": map[string]any{"Arn": arn(deadLetters)},
			"RetryPolicy": map[string]any{"MaximumEventAgeInSeconds": 7200.0, "MaximumRetryAttempts": 20.0},
		}},
	}
	if diff := cmp.Diff(want, rule.Properties); diff != "" {
		t.Errorf("the rule (-want +got):\n%s", diff)
	}
}

func TestQueues(t *testing.T) {
	s := stack(t)
	var keys []string
	for id, r := range s.Resources {
		if r.Type == "AWS::KMS::Key" {
			keys = append(keys, id)
		}
	}
	if len(keys) != 1 {
		t.Fatalf("keys %q, want one", keys)
	}
	queue, main := s.named(t, "AWS::SQS::Queue", "QueueName", "payment-consumer-pr-7")
	deadLetters, spare := s.named(t, "AWS::SQS::Queue", "QueueName", "payment-consumer-dlq-pr-7")
	for _, r := range []resource{main, spare} {
		if !cmp.Equal(r.Properties["KmsMasterKeyId"], arn(keys[0])) || r.Properties["MessageRetentionPeriod"] != 1209600.0 {
			t.Errorf("%v is not encrypted with the stack's key, or does not keep messages for 14 days", r.Properties)
		}
	}
	redrive := map[string]any{"deadLetterTargetArn": arn(deadLetters), "maxReceiveCount": 5.0}
	if diff := cmp.Diff(redrive, main.Properties["RedrivePolicy"]); diff != "" {
		t.Errorf("redrive policy (-want +got):\n%s", diff)
	}

	t.Run("let EventBridge write to them", func(t *testing.T) {
		for _, id := range []string{queue, deadLetters} {
			if !s.allows("AWS::SQS::QueuePolicy", "PolicyDocument", arn(id), "sqs:SendMessage") {
				t.Errorf("the policy of %s does not let events.amazonaws.com send", id)
			}
		}
		// Under the dead-letter queue's encryption as well, without a condition:
		// see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
		if !s.allows("AWS::KMS::Key", "KeyPolicy", "*", "kms:GenerateDataKey*", "kms:Decrypt") {
			t.Error("the key's policy does not let events.amazonaws.com encrypt")
		}
	})
	t.Run("deny requests without TLS", func(t *testing.T) {
		for _, id := range []string{queue, deadLetters} {
			found := false
			for _, st := range s.statements("AWS::SQS::QueuePolicy", "PolicyDocument") {
				found = found || st["Effect"] == "Deny" && cmp.Equal(st["Resource"], arn(id)) &&
					cmp.Equal(st["Condition"], any(map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}}))
			}
			if !found {
				t.Errorf("the policy of %s does not deny plain HTTP", id)
			}
		}
	})
}

func (s template) statements(resourceType, document string) (all []map[string]any) {
	for _, r := range s.Resources {
		if r.Type != resourceType {
			continue
		}
		for _, st := range r.Properties[document].(map[string]any)["Statement"].([]any) {
			all = append(all, st.(map[string]any))
		}
	}
	return all
}

// allows reports whether one statement lets EventBridge do all actions.
func (s template) allows(resourceType, document string, on any, actions ...string) bool {
	for _, st := range s.statements(resourceType, document) {
		text, _ := json.Marshal(st["Action"])
		ok := st["Effect"] == "Allow" && cmp.Equal(st["Resource"], on) &&
			cmp.Equal(st["Principal"], any(map[string]any{"Service": "events.amazonaws.com"}))
		for _, action := range actions {
			ok = ok && strings.Contains(string(text), `"`+action+`"`)
		}
		if ok && (resourceType != "AWS::KMS::Key" || st["Condition"] == nil) {
			return true
		}
	}
	return false
}

func TestOutputs(t *testing.T) {
	outputs := stack(t).Outputs
	for _, name := range []string{"QueueUrl", "QueueArn", "KeyArn", "DeadLetterQueueUrl"} {
		if outputs[name].Value == nil {
			t.Errorf("no output %s", name)
		}
	}
}

func TestRun(t *testing.T) {
	t.Run("names the variable when the suffix is wrong", func(t *testing.T) {
		err := run(func(string) string { return "Prod" }, nil)
		if err == nil || !strings.Contains(err.Error(), `ENVIRONMENT_SUFFIX is "Prod"`) {
			t.Errorf("got %v", err)
		}
	})
}
