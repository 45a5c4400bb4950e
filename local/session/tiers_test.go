package session

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const tiersTemplate = `{"Resources": {
	"Low": {"Type": "AWS::Events::Rule", "Properties": {"Name": "low-value-transactions-x",
		"EventPattern": {"source": ["payment.webhooks"], "detail": {"$or": [
			{"amount": [{"numeric": ["<", 10.5]}], "currency": [{"anything-but": ["JPY"]}]},
			{"amount": [{"numeric": ["<", 1000]}], "currency": ["JPY"]}]}},
		"Targets": [{"Arn": {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":log-group:", {"Ref": "Group"}]]}}]}},
	"High": {"Type": "AWS::Events::Rule", "Properties": {"Name": "high-value-transactions-x",
		"EventPattern": {"source": ["payment.webhooks"], "detail": {"$or": [
			{"amount": [{"numeric": [">=", 10.5]}], "currency": [{"anything-but": ["JPY"]}]},
			{"amount": [{"numeric": [">=", 1000]}], "currency": ["JPY"]},
			{"amount_beyond_matching": [true]}]}},
		"Targets": [{"Arn": {"Fn::GetAtt": ["Queue", "Arn"]}}]}},
	"Medium": {"Type": "AWS::Events::Rule", "Properties": {"Name": "medium-value-transactions-x", "EventPattern": {"source": ["none"]},
		"Targets": [{"Arn": {"Fn::GetAtt": ["Digest", "Arn"]}}]}},
	"Digest": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "medium-value-digest-x"}},
	"Daily": {"Type": "AWS::Events::Rule", "Properties": {"Name": "daily-x", "ScheduleExpression": "rate(1 day)"}},
	"Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/aws/events/low-x"}},
	"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "high-x"}}}}`

func TestTiers(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.template.json"), []byte(tiersTemplate), 0o600); err != nil {
		t.Fatal(err)
	}
	tiers, err := Tiers(dir)
	if err != nil {
		t.Fatal(err)
	}
	type facts struct {
		Name, Target, TargetName string
		JPY, USD                 string
		MatchesUSD10             bool
	}
	var got []facts
	for _, tier := range tiers {
		f := facts{Name: tier.Name, Target: tier.Target, TargetName: tier.TargetName}
		for currency, into := range map[string]*string{"JPY": &f.JPY, "USD": &f.USD} {
			limits, err := tier.Limits(currency)
			if err != nil {
				t.Fatal(err)
			}
			for _, limit := range limits {
				*into += limit.String() + " "
			}
		}
		if f.MatchesUSD10, err = tier.Matches(map[string]any{"amount": 10, "currency": "USD"}); err != nil {
			t.Fatal(err)
		}
		got = append(got, f)
	}
	want := []facts{
		{"high", "queue", "high-x", "1000 ", "10.5 ", false},
		{"low", "log", "/aws/events/low-x", "1000 ", "10.5 ", true},
		{"medium", "alert", "", "", "", false},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
