package constructs

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestOperatorPolicyContext(t *testing.T) {
	for text, c := range map[string]struct {
		value any
		want  bool
		err   error
	}{
		"is absent":  {nil, false, nil},
		"is true":    {true, true, nil},
		"is text":    {"true", true, nil},
		"is false":   {false, false, nil},
		"is nothing": {"yes", false, ErrConfig},
	} {
		t.Run("when it "+text, func(t *testing.T) {
			got, err := OperatorPolicyFromContext(c.value)
			if got != c.want || !errors.Is(err, c.err) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

// The rights of operators are reviewed here: every line is an action and the one resource
// it may be done on. The end-to-end tests run the tool with exactly these.
func TestOperatorMayDoExactlyThis(t *testing.T) {
	cfg := config(t, nil)
	cfg.OperatorPolicy = true
	s := synthesize(t, cfg)
	id, policy := s.only("AWS::IAM::ManagedPolicy")
	s.expect(policy, map[string]string{"ManagedPolicyName": "payment-webhooks-operator-dev"})
	var lines []string
	for _, statement := range asList(policy.at("PolicyDocument", "Statement")) {
		lines = append(lines, statementLines(s, statement.(map[string]any))...)
	}
	slices.Sort(lines)
	golden(t, "operator.golden.txt", strings.Join(lines, "\n")+"\n")
	for _, line := range lines {
		if strings.Contains(line, "on *") || strings.Contains(line, ":* on") {
			t.Errorf("%s: more than it needs", line)
		}
	}
	if output := s.render(s.Outputs["OperatorPolicyArn"].Value); output != "${"+id+"}" {
		t.Errorf("the output is %s", output)
	}
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
	if n := len(mustJSON(t, policy.at("PolicyDocument"))); n > 6144 {
		t.Errorf("a policy of %d characters", n)
	}
	t.Run("and has none by default", func(t *testing.T) {
		if policies := stack(t).all("AWS::IAM::ManagedPolicy"); len(policies) != 0 {
			t.Errorf("%v", policies)
		}
	})
}
