package iam

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGrants(t *testing.T) {
	call := func(action, resource string) Call { return Call{Action: action, Resources: []string{resource}} }
	const statements = `[{"Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:GetQueueUrl"], "Resource": ["a", "b"]}, {"Effect": "Deny", "Action": "sqs:*", "Resource": "c"}, {"Effect": "Allow", "Action": "sqs:*", "Resource": "a"}]`
	uses := func(p *Policies) map[string]int64 {
		counts := map[string]int64{}
		for _, g := range p.Grants() {
			if g.Uses > 0 {
				counts[g.ID] = g.Uses
			}
		}
		return counts
	}
	t.Run("are the parts of statements", func(t *testing.T) {
		var ids []string
		for _, g := range policies(t, statements).Grants() {
			ids = append(ids, g.ID+" "+g.Principal+" "+g.Action+" "+g.Resource)
		}
		if diff := cmp.Diff([]string{
			"Policy.0.sqs:GetQueueUrl.1 fn sqs:GetQueueUrl a", "Policy.0.sqs:GetQueueUrl.2 fn sqs:GetQueueUrl b",
			"Policy.0.sqs:SendMessage.1 fn sqs:SendMessage a", "Policy.0.sqs:SendMessage.2 fn sqs:SendMessage b", "Policy.2.sqs:* fn sqs:* a",
		}, ids); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("count the calls that they allow", func(t *testing.T) {
		p := policies(t, statements)
		for _, c := range []Call{call("sqs:SendMessage", "a"), call("sqs:SendMessage", "a"), call("sqs:SendMessage", "b"), call("sqs:SendMessage", "d"), call("sqs:PurgeQueue", "a")} {
			_ = p.Check(Role(roleARN), c)
		}
		if diff := cmp.Diff(map[string]int64{"Policy.0.sqs:SendMessage.1": 2, "Policy.0.sqs:SendMessage.2": 1, "Policy.2.sqs:*": 1}, uses(p)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("of a denied call are not used", func(t *testing.T) {
		p := policies(t, `[{"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": "*", "Resource": "*"}]`)
		_ = p.Check(Role(roleARN), call("sqs:SendMessage", "a"))
		if got := uses(p); len(got) > 0 {
			t.Errorf("uses %v", got)
		}
	})
	t.Run("that are removed allow nothing", func(t *testing.T) {
		p := policies(t, statements)
		if err := p.SetRemoved("Policy.0.sqs:SendMessage.2", true); err != nil {
			t.Fatal(err)
		}
		expect(t, p.Check(Role(roleARN), call("sqs:SendMessage", "b")), false)
		expect(t, p.Check(Role(roleARN), call("sqs:SendMessage", "a")), true)
		expect(t, p.Check(Role(roleARN), call("sqs:GetQueueUrl", "b")), true)
		if err := p.SetRemoved("Policy.0.sqs:SendMessage.2", false); err != nil {
			t.Fatal(err)
		}
		expect(t, p.Check(Role(roleARN), call("sqs:SendMessage", "b")), true)
	})
	t.Run("that are removed leave the work to others", func(t *testing.T) {
		p := policies(t, statements)
		if err := p.SetRemoved("Policy.0.sqs:SendMessage.1", true); err != nil {
			t.Fatal(err)
		}
		expect(t, p.Check(Role(roleARN), call("sqs:SendMessage", "a")), true)
		if diff := cmp.Diff(map[string]int64{"Policy.2.sqs:*": 1}, uses(p)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("of a policy of AWS are one", func(t *testing.T) {
		p, err := read(t, `{"R2": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r2", "AssumeRolePolicyDocument": {}, "ManagedPolicyArns": ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"]}}}`)
		if err != nil {
			t.Fatal(err)
		}
		r2 := Role("arn:aws:iam::123456789012:role/r2")
		expect(t, p.Check(r2, call("logs:PutLogEvents", "x")), true)
		if diff := cmp.Diff(map[string]int64{"R2.AWSLambdaBasicExecutionRole": 1}, uses(p)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if err := p.SetRemoved("R2.AWSLambdaBasicExecutionRole", true); err != nil {
			t.Fatal(err)
		}
		expect(t, p.Check(r2, call("logs:PutLogEvents", "x")), false)
	})
	t.Run("that do not exist cannot be removed", func(t *testing.T) {
		if err := policies(t, statements).SetRemoved("Policy.9.x", true); !errors.Is(err, ErrNoGrant) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("are missed in the list of denials", func(t *testing.T) {
		p := policies(t, `[]`)
		for range 2 {
			_ = p.Check(Role(roleARN), call("sqs:SendMessage", "a"))
		}
		want := []Denial{{Caller: roleARN, Action: "sqs:SendMessage", Resource: "a", Reason: "because no identity-based policy allows the sqs:SendMessage action", Count: 2}}
		if diff := cmp.Diff(want, p.Denials()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}
