//go:build !race

package constructs

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSharedAccount(t *testing.T) {
	t.Run("when it is shared, the function may change no other role", func(t *testing.T) {
		s := stack(t)
		role := "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/payment-webhooks-api-gateway-logs"
		policy := "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
		want := []string{
			"Allow apigateway:GET on arn:${AWS::Partition}:apigateway:${AWS::Region}::/account",
			"Allow apigateway:PATCH on arn:${AWS::Partition}:apigateway:${AWS::Region}::/account",
			`Allow iam:AttachRolePolicy on ` + role + ` if {"ArnEquals":{"iam:PolicyARN":"` + policy + `"}}`,
			"Allow iam:CreateRole on " + role,
			"Allow iam:GetRole on arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*",
			`Allow iam:PassRole on ` + role + ` if {"StringEquals":{"iam:PassedToService":"apigateway.amazonaws.com"}}`,
			"Allow iam:PutRolePolicy on " + role,
		}
		_, account := s.only("Custom::ApiGatewayAccount")
		handler := strings.TrimSuffix(strings.Trim(s.render(account.at("ServiceToken")), "${}"), ".Arn")
		s.expect(account, map[string]string{
			"RoleName": "payment-webhooks-api-gateway-logs", "RoleArn": role, "PolicyArn": policy, "LeavingPrefix": "TapStackdev-",
			"StackLogGroups": "arn:${AWS::Partition}:logs:*:${AWS::AccountId}:log-group:/aws/apigateway/payment-webhooks-*",
		})
		var got []string
		for _, line := range permissions(s, strings.TrimSuffix(strings.Trim(s.render(s.Resources[handler].at("Role")), "${}"), ".Arn")) {
			if !strings.Contains(line, " logs:") && !strings.Contains(line, " xray:") { // as every function
				got = append(got, line)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		_, group := s.named("AWS::Logs::LogGroup", "LogGroupName", "/aws/apigateway/payment-webhooks-dev")
		if group.Type == "" { // or what StackLogGroups protects is another name
			t.Error("no access log")
		}
	})
	t.Run("when CloudFormation invokes the function, its log group and its rights exist", func(t *testing.T) {
		s := stack(t)
		_, account := s.only("Custom::ApiGatewayAccount")
		id, fn := s.named("AWS::Lambda::Function", "FunctionName", "api-gateway-account-dev")
		logs, _ := s.named("AWS::Logs::LogGroup", "LogGroupName", "/aws/lambda/api-gateway-account-dev")
		s.expect(account, map[string]string{"ServiceToken": "${" + id + ".Arn}", "ServiceTimeout": "1800"})
		s.expect(fn, map[string]string{"LoggingConfig.LogGroup": "${" + logs + "}"})
		role := strings.TrimSuffix(strings.Trim(s.render(fn.at("Role")), "${}"), ".Arn")
		var policies []string
		for _, policy := range s.all("AWS::IAM::Policy") {
			if s.render(s.Resources[policy].at("Roles", 0)) == "${"+role+"}" {
				policies = append(policies, policy)
			}
		}
		if len(policies) != 1 || !slices.Contains(asList(fn.DependsOn), any(policies[0])) {
			t.Errorf("the function depends on %v, its policies are %q", fn.DependsOn, policies)
		}
	})
	t.Run("when another setting is chosen, there is no function", func(t *testing.T) {
		for _, setting := range []APIGatewayAccount{AccountOwn, AccountNone} {
			cfg := config(t, nil)
			cfg.Account = setting
			s := synthesize(t, cfg)
			for _, id := range s.all("AWS::Lambda::Function") {
				if name := s.render(s.Resources[id].at("FunctionName")); name == "api-gateway-account-dev" {
					t.Errorf("%s has %s", setting, id)
				}
			}
		}
	})
}
