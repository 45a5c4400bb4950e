package constructs

import (
	"errors"
	"regexp"
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
			got, err := OperatorPolicyFromContext(NewSettings(nil, map[string]any{ContextOperatorPolicy: c.value}))
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
	if n := policySize(s, policy); n > maxPolicySize {
		t.Errorf("a policy of %d characters", n)
	}
	t.Run("and reads what comparing by hand needs, if providers are compared daily", func(t *testing.T) {
		s := reconciledStack(t)
		_, policy := s.only("AWS::IAM::ManagedPolicy")
		reconciler, _ := s.named("AWS::Lambda::Function", "FunctionName", "payment-reconciler-dev")
		var got []string
		for _, statement := range asList(policy.at("PolicyDocument", "Statement")) {
			got = append(got, statementLines(s, statement.(map[string]any))...)
		}
		for _, want := range []string{
			"Allow lambda:GetFunctionConfiguration on ${" + reconciler + ".Arn}",
			"Allow kms:Decrypt on " + reconcileKey + ` if {"StringEquals":{"kms:ViaService":"secretsmanager.${AWS::Region}.amazonaws.com"}}`,
			secretLine("payments/stripe-api"), secretLine("payments/square-api"), secretLine("payments/stripe"), secretLine("payments/square"),
		} {
			if !slices.Contains(got, want) {
				t.Errorf("it does not %s", want)
			}
		}
		if n := policySize(s, policy); n > maxPolicySize {
			t.Errorf("a policy of %d characters", n)
		}
	})
	t.Run("and has none by default", func(t *testing.T) {
		if policies := stack(t).all("AWS::IAM::ManagedPolicy"); len(policies) != 0 {
			t.Errorf("%v", policies)
		}
	})
}

// secretLine is the line of the right to read a secret.
func secretLine(name string) string {
	return "Allow secretsmanager:GetSecretValue on arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:" + name + "-??????"
}

// maxPolicySize is how many characters a managed policy may have.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const maxPolicySize = 6144

// reference is a part of a policy that CloudFormation fills in.
var reference = regexp.MustCompile(`\$\{[^}]*\}`)

// policySize is the number of characters of a managed policy in a region with a long name, if
// ARNs of resources are as long as those of this stack are.
func policySize(s template, policy resource) int {
	text := strings.NewReplacer("${AWS::Partition}", "aws", "${AWS::Region}", "ap-southeast-1", "${AWS::AccountId}", "123456789012").
		Replace(s.render(policy.at("PolicyDocument")))
	return len(reference.ReplaceAllString(text, strings.Repeat("x", 100)))
}
