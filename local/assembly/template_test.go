package assembly

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var testEnv = Env{Account: "123456789012", Region: "eu-west-1", Endpoint: "http://127.0.0.1:4566"}

const conditional = `
Parameters:
  Name: {Type: String, Default: ""}
  Accounts: {Type: CommaDelimitedList, Default: "1, 2"}
Conditions:
  Named: !Not [!Equals ["", !Ref Name]]
  Both: {"Fn::And": [{Condition: Named}, {"Fn::Equals": ["eu-west-1", {Ref: "AWS::Region"}]}]}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !If [Named, !Sub "${Name}-queue", !Ref "AWS::NoValue"]
      Delay: 007
      Wait: 20
  Other: {Type: AWS::SQS::Queue, Condition: Both}
Outputs:
  Url: {Value: !Ref Other, Condition: Both}
  List: {Value: !Join ["+", !Ref Accounts]}
`

// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-conditions.html
func TestEvaluate(t *testing.T) {
	read := func(t *testing.T, text string, given map[string]string) (*Stack, *Resolver, error) {
		t.Helper()
		s, err := Read("S", []byte(strings.ReplaceAll(text, "Delay: 007", "Delay: 7")), nil)
		if err != nil {
			t.Fatal(err)
		}
		err = s.Evaluate(testEnv, given)
		return s, NewResolver(s, testTypes, testEnv), err
	}
	t.Run("leaves out what is conditional", func(t *testing.T) {
		s, r, err := read(t, conditional, nil)
		if err != nil || len(s.Resources) != 1 || len(s.Outputs) != 1 {
			t.Fatalf("%v, %v, %v", s.Resources, s.Outputs, err)
		}
		got, err := r.Properties(s.Resources["Queue"])
		if diff := cmp.Diff(tree(t, `{"Delay": 7, "Wait": 20}`), got); err != nil || diff != "" {
			t.Errorf("%v (-want +got)\n%s", err, diff)
		}
		if list, err := r.Resolve(s.Outputs["List"].Value); err != nil || list != "1+2" {
			t.Errorf("list parameter: %v, %v", list, err)
		}
	})
	t.Run("takes given values", func(t *testing.T) {
		s, r, err := read(t, conditional, map[string]string{"Name": "mine"})
		if err != nil || len(s.Resources) != 2 || len(s.Outputs) != 2 {
			t.Fatalf("%v, %v, %v", s.Resources, s.Outputs, err)
		}
		if url, err := r.Ref("Queue"); err != nil || !strings.HasSuffix(url, "/mine-queue") {
			t.Errorf("%s, %v", url, err)
		}
	})
	t.Run("rejects by name", func(t *testing.T) {
		for name, c := range map[string]struct {
			text  string
			given map[string]string
			want  string
		}{
			"a parameter without a value":  {`{"Parameters": {"P": {"Type": "String"}}}`, nil, "Parameters: [P] must have values"},
			"a parameter that is unknown":  {`{"Resources": {}}`, map[string]string{"P": "v"}, "Parameters: [P] do not exist in the template"},
			"a value that is not allowed":  {`{"Parameters": {"P": {"AllowedValues": ["a"], "Default": "b"}}}`, nil, "'P' must be one of AllowedValues"},
			"a condition that is not one":  {`{"Conditions": {"C": true}}`, nil, "condition C"},
			"a condition of itself":        {`{"Conditions": {"C": {"Condition": "C"}}}`, nil, "condition C"},
			"an unknown condition":         {`{"Resources": {"Q": {"Type": "T", "Condition": "C"}}}`, nil, "Q (T)"},
			"a rule that the values break": {`{"Rules": {"R": {"Assertions": [{"Assert": {"Fn::Contains": [["1"], "2"]}, "AssertDescription": "too old"}]}}}`, nil, "R: too old"},
		} {
			if _, _, err := read(t, c.text, c.given); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: error %v, want one with %q", name, err, c.want)
			}
		}
	})
	t.Run("rejects a template that is neither JSON nor YAML", func(t *testing.T) {
		for _, text := range []string{"", "{", "a: [", "- a", "a: 0o17"} {
			if _, err := Read("S", []byte(text), nil); err == nil || !strings.Contains(err.Error(), "Template format error") {
				t.Errorf("%q: error %v", text, err)
			}
		}
	})
}

func TestOrder(t *testing.T) {
	s, err := Read("S", []byte(`{"Resources": {
		"A": {"Type": "T", "Properties": {"X": {"Fn::Sub": "${D.Arn}-${AWS::Region}"}}},
		"B": {"Type": "T", "DependsOn": "A"},
		"C": {"Type": "T", "Properties": {"X": [{"Fn::GetAtt": ["B", "Arn"]}, {"Fn::Join": ["", [{"Ref": "A"}]]}]}},
		"D": {"Type": "T"}}}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Evaluate(testEnv, nil); err != nil {
		t.Fatal(err)
	}
	if got := s.Order(); !slices.Equal(got, []string{"D", "A", "B", "C"}) {
		t.Errorf("order %v", got)
	}
	if got := s.Dependencies()["C"]; !slices.Equal(got, []string{"A", "B"}) {
		t.Errorf("C needs %v", got)
	}
}
