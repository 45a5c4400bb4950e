//go:build !race

package constructs

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAlertsReachEveryConfiguredPerson(t *testing.T) {
	s := synthesize(t, config(t, map[string]string{"ALERT_EMAIL": "ops@example.com,fraud@example.com", "ALERT_PHONE": "+4915112345678"}))
	if s.warns("noSubscriber") {
		t.Error("somebody is subscribed, and the synthesis warns that nobody is")
	}
	topic, r := s.only("AWS::SNS::Topic")
	key, _ := s.only("AWS::KMS::Key")
	s.expect(r, map[string]string{"TopicName": "transaction-alerts-dev", "KmsMasterKeyId": "${" + key + ".Arn}"})
	var got []string
	for _, id := range s.all("AWS::SNS::Subscription") {
		subscription := s.Resources[id]
		s.expect(subscription, map[string]string{"TopicArn": "${" + topic + "}"})
		got = append(got, s.render(subscription.at("Protocol"))+" "+s.render(subscription.at("Endpoint")))
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"email fraud@example.com", "email ops@example.com", "sms +4915112345678"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestNobodyIsSubscribedUnlessConfigured(t *testing.T) {
	if got := stack(t).all("AWS::SNS::Subscription"); len(got) != 0 {
		t.Errorf("got %q", got)
	}
}

func TestTopicPolicy(t *testing.T) {
	s := stack(t)
	topic, _ := s.only("AWS::SNS::Topic")
	_, policy := s.only("AWS::SNS::TopicPolicy")
	var got []string
	for _, statement := range policy.at("PolicyDocument", "Statement").([]any) {
		statement := statement.(map[string]any)
		for _, line := range statementLines(s, statement) {
			got = append(got, s.render(statement["Principal"])+" "+line)
		}
	}
	slices.Sort(got)
	on := " sns:Publish on ${" + topic + "}"
	want := []string{
		`* Deny` + on + ` if {"Bool":{"aws:SecureTransport":"false"}}`,
		`{"Service":"cloudwatch.amazonaws.com"} Allow` + on + ` if {"StringEquals":{"aws:SourceAccount":"${AWS::AccountId}"}}`,
		`{"Service":"events.amazonaws.com"} Allow` + on,
		`{"Service":"events.amazonaws.com"} Deny` + on + ` if {"Null":{"aws:SourceAccount":"false"},"StringNotEquals":{"aws:SourceAccount":"${AWS::AccountId}"}}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
