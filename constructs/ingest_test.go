//go:build !race

package constructs

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGatewayRoutes(t *testing.T) {
	s := stack(t)
	id, api := s.only("AWS::ApiGateway::RestApi")
	s.expect(api, map[string]string{
		"Name":                        "payment-webhooks-dev",
		"BinaryMediaTypes":            `["*/*"]`,
		"EndpointConfiguration.Types": `["REGIONAL"]`,
	})
	validator, _ := s.named("AWS::Lambda::Function", "FunctionName", "webhook-validator-dev")

	paths := map[string]string{"${" + id + ".RootResourceId}": ""}
	for range 2 { // parents first, whatever the order of ids
		for _, resourceID := range s.all("AWS::ApiGateway::Resource") {
			r := s.Resources[resourceID]
			if parent, ok := paths[s.render(r.at("ParentId"))]; ok {
				paths["${"+resourceID+"}"] = parent + "/" + s.render(r.at("PathPart"))
			}
		}
	}
	routes := map[string]bool{}
	for _, methodID := range s.all("AWS::ApiGateway::Method") {
		method := s.Resources[methodID]
		routes[s.render(method.at("HttpMethod"))+" "+paths[s.render(method.at("ResourceId"))]] = true
		s.expect(method, map[string]string{
			"AuthorizationType":                 "NONE",
			"Integration.Type":                  "AWS_PROXY",
			"Integration.IntegrationHttpMethod": "POST",
			"Integration.Uri": "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${" +
				validator + ".Arn}/invocations",
		})
	}
	if diff := cmp.Diff(map[string]bool{"POST /webhook": true, "POST /webhook/{provider}": true}, routes); diff != "" {
		t.Error(diff)
	}
}

func TestStage(t *testing.T) {
	s := stack(t)
	_, stage := s.only("AWS::ApiGateway::Stage")
	logs, group := s.named("AWS::Logs::LogGroup", "LogGroupName", "/aws/apigateway/payment-webhooks-dev")
	s.expect(group, map[string]string{"RetentionInDays": "30"})
	s.expect(stage, map[string]string{
		"StageName":                       "v1",
		"TracingEnabled":                  "true",
		"AccessLogSetting.DestinationArn": "${" + logs + ".Arn}",
		"MethodSettings": `[{"DataTraceEnabled":false,"HttpMethod":"*","LoggingLevel":"OFF","ResourcePath":"/*",` +
			`"ThrottlingBurstLimit":2000,"ThrottlingRateLimit":1000}]`,
	})
	var fields map[string]string
	if err := json.Unmarshal([]byte(s.render(stage.at("AccessLogSetting", "Format"))), &fields); err != nil {
		t.Fatal(err)
	}
	for field, variable := range map[string]string{
		"requestId": "$context.requestId", "ip": "$context.identity.sourceIp", "method": "$context.httpMethod",
		"path": "$context.path", "status": "$context.status", "responseLatency": "$context.responseLatency",
		"integrationLatency": "$context.integrationLatency", "integrationError": "$context.integration.error", "xrayTraceId": "$context.xrayTraceId",
	} {
		if fields[field] != variable {
			t.Errorf("field %s is %q, want %q", field, fields[field], variable)
		}
	}
	for field, variable := range fields {
		if !strings.HasPrefix(variable, "$context.") || strings.Contains(variable, "body") {
			t.Errorf("field %s is %q", field, variable)
		}
	}
}

// In a fresh account the stage cannot be created before the account has a role
// for its access logs.
func TestAccessLogsBringTheirRole(t *testing.T) {
	s := stack(t)
	role, _ := s.only("AWS::ApiGateway::Account")
	_, stage := s.only("AWS::ApiGateway::Stage")
	if !strings.Contains(s.render(stage.DependsOn), role) {
		t.Errorf("the stage depends on %v", stage.DependsOn)
	}
}

func TestGatewayAnswersProblemDocuments(t *testing.T) {
	s := stack(t)
	type response struct {
		Status string
		Retry  bool
	}
	got := map[string]response{}
	for _, id := range s.all("AWS::ApiGateway::GatewayResponse") {
		r := s.Resources[id]
		name := s.render(r.at("ResponseType"))
		headers, _ := r.at("ResponseParameters").(map[string]any)
		if headers["gatewayresponse.header.Content-Type"] != "'application/problem+json'" {
			t.Errorf("%s has headers %v", name, headers)
		}
		status, _ := r.at("StatusCode").(string)
		got[name] = response{status, headers["gatewayresponse.header.Retry-After"] == "'5'"}

		var problem struct {
			Type, Title, Detail string
			Status              int
		}
		body, _ := r.at("ResponseTemplates", "application/json").(string)
		if err := json.Unmarshal([]byte(body), &problem); err != nil {
			t.Errorf("%s has the body %q: %v", name, body, err)
		}
		if problem.Type != "about:blank" || problem.Title == "" || problem.Detail == "" || status != "" && fmt.Sprint(problem.Status) != status {
			t.Errorf("%s has the body %+v and status %s", name, problem, status)
		}
	}
	want := map[string]response{
		"DEFAULT_4XX": {"", false}, "DEFAULT_5XX": {"", true},
		"MISSING_AUTHENTICATION_TOKEN": {"404", false}, "RESOURCE_NOT_FOUND": {"404", false},
		"THROTTLED": {"429", true}, "QUOTA_EXCEEDED": {"429", true},
		"REQUEST_TOO_LARGE": {"413", false}, "UNSUPPORTED_MEDIA_TYPE": {"415", false},
		"INTEGRATION_FAILURE": {"503", true}, "INTEGRATION_TIMEOUT": {"503", true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// synthesizeProviders is the template with these providers in the context.
func synthesizeProviders(t *testing.T, providers map[string]any) template {
	t.Helper()
	cfg := config(t, nil)
	var err error
	if cfg.Providers, err = ProvidersFromContext(providers, nil); err != nil {
		t.Fatal(err)
	}
	return synthesize(t, cfg)
}

// validatorPermissions are those that start with one of the prefixes.
func validatorPermissions(s template, prefixes ...string) []string {
	s.t.Helper()
	var lines []string
	for _, role := range s.all("AWS::IAM::Role") {
		if !strings.HasPrefix(role, "IngestValidator") {
			continue
		}
		for _, line := range permissions(s, role) {
			for _, prefix := range prefixes {
				if strings.HasPrefix(line, "Allow "+prefix) {
					lines = append(lines, line)
				}
			}
		}
	}
	return lines
}

func TestSecretPermissions(t *testing.T) {
	const key = "arn:aws:kms:eu-west-1:111122223333:key/0123"
	const arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:payments/adyen-a1B2c3"
	s := synthesizeProviders(t, map[string]any{
		"canonical": map[string]any{"secret": "payments/shared"},
		"stripe":    map[string]any{"secret": "payments/shared", "secretKeyArn": key},
		"adyen":     map[string]any{"secret": arn, "secretKeyArn": key, "capture": "manual"},
	})
	const named = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:payments/shared-??????"
	want := []string{
		"Allow kms:Decrypt on " + key + ` if {"StringEquals":{"kms:ViaService":"secretsmanager.${AWS::Region}.amazonaws.com"}}`,
		"Allow secretsmanager:GetSecretValue on " + named,
		"Allow secretsmanager:GetSecretValue on " + arn,
	}
	var got []string
	for _, line := range validatorPermissions(s, "secretsmanager:", "kms:Decrypt") {
		if !strings.Contains(line, "${StoreKey") {
			got = append(got, line)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, fn := s.named("AWS::Lambda::Function", "FunctionName", "webhook-validator-dev")
	s.expect(fn, map[string]string{
		"Environment.Variables.PROVIDERS": `{"adyen":{"capture":"manual","secret":"` + arn + `"},"canonical":{"secret":"payments/shared"},"stripe":{"secret":"payments/shared"}}`,
	})
	// Nobody else reads secrets.
	for _, role := range s.all("AWS::IAM::Role") {
		for _, line := range permissions(s, role) {
			if strings.Contains(line, "secretsmanager:") && !strings.HasPrefix(role, "IngestValidator") {
				t.Errorf("%s: %s", role, line)
			}
		}
	}
}

func TestWithoutProvidersNoSecretMayBeRead(t *testing.T) {
	s := stack(t)
	if text := string(s.text); strings.Contains(text, "secretsmanager") || strings.Contains(text, "kms:ViaService") {
		t.Error("the template names Secrets Manager")
	}
	_, fn := s.named("AWS::Lambda::Function", "FunctionName", "webhook-validator-dev")
	s.expect(fn, map[string]string{"Environment.Variables.PROVIDERS": "{}"})
}

func TestTemplateHoldsNoSecret(t *testing.T) {
	s := synthesizeProviders(t, map[string]any{"stripe": map[string]any{"secret": "payments/stripe"}})
	if strings.Contains(string(s.text), "{{resolve:") {
		t.Error("the template resolves a secret, whose value the stack would then hold")
	}
	if made := s.all("AWS::SecretsManager::Secret"); len(made) != 0 {
		t.Errorf("makes %q", made)
	}
}

func TestQuarantinePermissions(t *testing.T) {
	s := stack(t)
	queue, r := s.named("AWS::SQS::Queue", "QueueName", "quarantine-dev")
	key, _ := s.only("AWS::KMS::Key")
	s.expect(r, map[string]string{"KmsMasterKeyId": "${" + key + ".Arn}", "MessageRetentionPeriod": "1209600"})
	_, fn := s.named("AWS::Lambda::Function", "FunctionName", "webhook-validator-dev")
	s.expect(fn, map[string]string{"Environment.Variables.QUARANTINE_QUEUE": "${" + queue + "}"})
	want := []string{"Allow sqs:SendMessage on ${" + queue + ".Arn}"}
	if diff := cmp.Diff(want, validatorPermissions(s, "sqs:")); diff != "" {
		t.Error(diff)
	}
	// Under a customer key, a sender needs these two of the key.
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
	for _, action := range []string{"kms:Decrypt", "kms:GenerateDataKey*"} {
		if lines := validatorPermissions(s, action); len(lines) != 1 || !strings.HasSuffix(lines[0], " on ${"+key+".Arn}") {
			t.Errorf("%s: %q", action, lines)
		}
	}
	for _, role := range s.all("AWS::IAM::Role") {
		for _, line := range permissions(s, role) {
			if strings.Contains(line, queue) && !strings.HasPrefix(role, "IngestValidator") {
				t.Errorf("%s: %s", role, line)
			}
		}
	}
}

// What the CDK CLI prints at every synthesis.
func TestOpenWebhookIsAnnotatedOnTheStack(t *testing.T) {
	for name, c := range map[string]struct {
		providers map[string]any
		warns     bool
	}{
		"open":   {nil, true},
		"closed": {map[string]any{"canonical": map[string]any{"secret": "payments/canonical"}}, false},
	} {
		s := synthesizeProviders(t, c.providers)
		text, err := os.ReadFile(filepath.Join(s.dir, "TapStackdev.metadata.json"))
		if err != nil {
			t.Fatal(err)
		}
		if warns := strings.Contains(string(text), `"aws:cdk:warning"`) && strings.Contains(string(text), "providers.canonical.secret"); warns != c.warns {
			t.Errorf("%s: warns %v", name, warns)
		}
	}
}
