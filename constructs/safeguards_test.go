//go:build !race

package constructs

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
)

const certificateARN = "arn:aws:acm:eu-west-1:111122223333:certificate/0123-4567"

const domainText = `{"name": "payments.example.com", "certificateArn": "` + certificateARN + `", "hostedZoneId": "Z0123456789ABC"}`

// safeguards reads a context, given as JSON.
func safeguards(t *testing.T, text, region string) (Safeguards, error) {
	t.Helper()
	var context map[string]any
	if err := json.Unmarshal([]byte(text), &context); err != nil {
		t.Fatal(err)
	}
	return SafeguardsFromContext(NewSettings(nil, context), region)
}

func TestSafeguards(t *testing.T) {
	domain := Domain{Name: "payments.example.com", CertificateARN: certificateARN, HostedZoneID: "Z0123456789ABC"}
	everything := Safeguards{
		RetainData: true, TerminationProtection: true, ObjectLock: ObjectLock{"GOVERNANCE", 365}, Firewall: Firewall{30_000}, Domain: domain,
		ReservedConcurrency: map[string]int{
			"webhook-validator": 200, "event-relay": 100, "fraud-detector": 100, "transaction-archival": 5, "alert-digest": 5, "payment-reconciler": 5,
		},
	}
	changed := everything
	changed.ObjectLock = ObjectLock{"COMPLIANCE", 2555}
	changed.Firewall = Firewall{100}
	changed.Canary = "Canary10Percent5Minutes"
	changed.ReservedConcurrency = map[string]int{
		"webhook-validator": 7, "event-relay": 100, "fraud-detector": 100, "transaction-archival": 5, "alert-digest": 5, "payment-reconciler": 5,
	}
	none := Safeguards{ReservedConcurrency: map[string]int{}}
	for name, c := range map[string]struct {
		context string
		want    Safeguards
	}{
		"are none when nothing is configured":    {`{}`, none},
		"are none when all are false":            {`{"production": false, "objectLock": false, "firewall": "false", "domain": false, "canary": false}`, none},
		"are all when production is true":        {`{"production": true, "domain": ` + domainText + `}`, everything},
		"are all when options are false as well": {`{"production": "true", "retainData": false, "objectLock": false, "domain": ` + domainText + `}`, everything},
		"are as configured in production": {`{"production": true, "domain": ` + domainText + `, "objectLock": {"mode": "COMPLIANCE", "days": 2555},
			"firewall": {"requestsPer5Minutes": 100}, "reservedConcurrency": {"webhook-validator": 7}, "canary": "Canary10Percent5Minutes"}`, changed},
		"are one when one is configured": {`{"objectLock": {"mode": "COMPLIANCE"}}`, Safeguards{
			ObjectLock: ObjectLock{"COMPLIANCE", 365}, ReservedConcurrency: map[string]int{},
		}},
		"have defaults when an option is true": {`{"objectLock": true, "firewall": "true"}`, Safeguards{
			ObjectLock: everything.ObjectLock, Firewall: everything.Firewall, ReservedConcurrency: map[string]int{},
		}},
		"are read from text, as the CLI has them": {`{"objectLock": "{\"days\": 1}", "reservedConcurrency": "{\"event-relay\": 10}"}`, Safeguards{
			ObjectLock: ObjectLock{"GOVERNANCE", 1}, ReservedConcurrency: map[string]int{"event-relay": 10},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := safeguards(t, c.context, "")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestInvalidSafeguards(t *testing.T) {
	for name, c := range map[string]struct {
		context, region string
		want            []string // facts, one line each, in order
	}{
		"production without a domain":    {`{"production": true}`, "", []string{"production is true, but domain is missing: want an object with name, certificateArn and hostedZoneId"}},
		"production and much is missing": {`{"production": true, "domain": {}}`, "", []string{"domain.certificateArn is missing", "domain.hostedZoneId is missing", "domain.name is missing"}},
		"no boolean":                     {`{"production": "yes", "retainData": 1, "terminationProtection": {}}`, "", []string{"production is yes", "retainData is 1", "terminationProtection is map[]"}},
		"no object":                      {`{"domain": "x", "firewall": 5, "objectLock": [], "reservedConcurrency": 3}`, "", []string{"domain is x", "firewall is 5", "objectLock is []", "reservedConcurrency is 3"}},
		"unknown members": {`{"domain": {"zone": 1}, "firewall": {"rate": 1}, "objectLock": {"years": 1}, "reservedConcurrency": {"relay": 1}}`, "", []string{
			"domain.certificateArn", "domain.hostedZoneId", "domain.name", "domain.zone", "firewall.rate", "objectLock.years is 1: it accepts only mode, days", "reservedConcurrency.relay is 1: it accepts only alert-digest, ",
		}},
		"beyond bounds": {`{"firewall": {"requestsPer5Minutes": 9}, "objectLock": {"days": 0, "mode": "governance"}, "reservedConcurrency": {"event-relay": 0, "webhook-validator": 1.5, "alert-digest": 1}}`, "", []string{
			"firewall.requestsPer5Minutes is 9: want a whole number from 10", "objectLock.days is 0: want a whole number from 1 to 36500", "objectLock.mode is governance",
			"reservedConcurrency.alert-digest is 1: want a whole number from 2", "reservedConcurrency.event-relay is 0: want a whole number from 1", "reservedConcurrency.webhook-validator is 1.5",
		}},
		"malformed domain": {`{"domain": {"name": "Payments", "certificateArn": "arn:aws:iam::1:x", "hostedZoneId": 5}}`, "", []string{
			"domain.certificateArn is arn:aws:iam::1:x", "domain.hostedZoneId is 5", "domain.name is Payments",
		}},
		"certificate of another region": {`{"domain": ` + domainText + `}`, "us-east-1", []string{"domain.certificateArn is " + certificateARN + ": want a certificate in the region of the stack, us-east-1"}},
		"unknown canary":                {`{"canary": true}`, "", []string{"canary is true: want one of Canary10Percent10Minutes, "}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := safeguards(t, c.context, c.region)
			if !errors.Is(err, ErrConfig) {
				t.Fatalf("got %v", err)
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(c.want) {
				t.Fatalf("want %d lines, got:\n%v", len(c.want), err)
			}
			for i, fact := range c.want {
				if !strings.Contains(lines[i], "context "+fact) {
					t.Errorf("line %q does not have %q", lines[i], fact)
				}
			}
		})
	}
}

// safeguarded synthesizes the default stack with other safeguards.
func safeguarded(t *testing.T, context string) template {
	t.Helper()
	cfg := config(t, nil)
	var err error
	if cfg.Safeguards, err = safeguards(t, context, ""); err != nil {
		t.Fatal(err)
	}
	return synthesize(t, cfg)
}

var productive struct {
	sync.Once
	template
}

// productionConfig is that of production: true with all that it needs.
func productionConfig(t *testing.T) Config {
	t.Helper()
	cfg := config(t, map[string]string{"ALERT_EMAIL": "ops@example.com"})
	var err, err2 error
	cfg.Safeguards, err = safeguards(t, `{"production": true, "domain": `+domainText+`}`, "")
	cfg.Providers, err2 = ProvidersFromContext(withProviders(map[string]any{"canonical": map[string]any{"secret": "payments/canonical"}}, true, nil))
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// productionStack is the template of [productionConfig], synthesized once, and looked at by
// cdk-nag.
func productionStack(t *testing.T) template {
	t.Helper()
	productive.Do(func() { productive.template = synthesize(t, productionConfig(t), nagPacks()...) })
	if productive.Resources == nil {
		t.Fatal("synthesis failed before")
	}
	s := productive.template
	s.t = t
	return s
}

func TestProduction(t *testing.T) {
	s := productionStack(t)
	t.Run("keeps what holds data, and nothing else", func(t *testing.T) {
		s.t = t
		var kept []string
		for id, r := range s.Resources {
			switch policies := r.DeletionPolicy + " " + r.UpdateReplacePolicy; policies {
			case "Retain Retain":
				kept = append(kept, r.Type)
			case "Delete Delete", " ":
			default:
				t.Errorf("%s %s: %s", r.Type, id, policies)
			}
		}
		slices.Sort(kept)
		want := []string{"AWS::DynamoDB::Table", "AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::S3::Bucket"}
		if diff := cmp.Diff(want, kept); diff != "" {
			t.Error(diff)
		}
		for _, id := range s.all("AWS::DynamoDB::Table") {
			s.expect(s.Resources[id], map[string]string{"DeletionProtectionEnabled": "true"})
		}
		_, key := s.only("AWS::KMS::Key")
		s.expect(key, map[string]string{"PendingWindowInDays": "30"})
	})
	t.Run("denies the deletion of key and bucket to everybody", func(t *testing.T) {
		s.t = t
		_, key := s.only("AWS::KMS::Key")
		bucket, _ := s.only("AWS::S3::Bucket")
		_, policy := s.named("AWS::S3::BucketPolicy", "Bucket", "${"+bucket+"}")
		for want, statements := range map[string]any{
			"Deny kms:ScheduleKeyDeletion on *":             key.at("KeyPolicy", "Statement"),
			"Deny s3:DeleteBucket on ${" + bucket + ".Arn}": policy.at("PolicyDocument", "Statement"),
		} {
			var lines []string
			for _, statement := range statements.([]any) {
				statement := statement.(map[string]any)
				if principal := s.render(statement["Principal"]); principal == `{"AWS":"*"}` {
					lines = append(lines, statementLines(s, statement)...)
				}
			}
			if !slices.Contains(lines, want) {
				t.Errorf("%q has no %s", lines, want)
			}
		}
	})
	t.Run("locks the audit trail, and has nothing that empties it", func(t *testing.T) {
		s.t = t
		_, bucket := s.only("AWS::S3::Bucket")
		s.expect(bucket, map[string]string{
			"ObjectLockEnabled":       "true",
			"ObjectLockConfiguration": `{"ObjectLockEnabled":"Enabled","Rule":{"DefaultRetention":{"Days":365,"Mode":"GOVERNANCE"}}}`,
		})
		if strings.Contains(string(s.text), "AutoDelete") {
			t.Error("the bucket empties itself")
		}
	})
	t.Run("has CloudFormation refuse to delete the stack", func(t *testing.T) {
		if !terminationProtected(t, s) {
			t.Error("no")
		}
	})
	t.Run("is behind a firewall", func(t *testing.T) {
		s.t = t
		_, acl := s.only("AWS::WAFv2::WebACL")
		s.expect(acl, map[string]string{"Scope": "REGIONAL", "Name": "payment-webhooks-dev", "DefaultAction": `{"Allow":{}}`})
		_, association := s.only("AWS::WAFv2::WebACLAssociation")
		stage, _ := s.only("AWS::ApiGateway::Stage")
		if arn := s.render(association.at("ResourceArn")); !strings.HasSuffix(arn, "/stages/${"+stage+"}") {
			t.Errorf("it is before %s", arn)
		}
		rules := acl.at("Rules").([]any)
		if len(rules) != 2 {
			t.Fatalf("%d rules", len(rules))
		}
		rate := rules[0].(map[string]any)
		if got := s.render(rate["Statement"]); got != `{"RateBasedStatement":{"AggregateKeyType":"IP","EvaluationWindowSec":300,"Limit":30000}}` {
			t.Error(got)
		}
		if got := s.render(rate["Action"]); !strings.Contains(got, `"ResponseCode":429`) {
			t.Error(got)
		}
		core := rules[1].(map[string]any)
		group := core["Statement"].(map[string]any)["ManagedRuleGroupStatement"].(map[string]any)
		if group["Name"] != "AWSManagedRulesCommonRuleSet" || s.render(core["OverrideAction"]) != `{"None":{}}` {
			t.Errorf("%v", core)
		}
		// What a body has is no reason to reject an authentic notification.
		var counted []string
		for _, override := range group["RuleActionOverrides"].([]any) {
			override := override.(map[string]any)
			if s.render(override["ActionToUse"]) == `{"Count":{}}` {
				counted = append(counted, override["Name"].(string))
			}
		}
		want := []string{"SizeRestrictions_BODY", "EC2MetaDataSSRF_BODY", "GenericLFI_BODY", "GenericRFI_BODY", "CrossSiteScripting_BODY", "NoUserAgent_HEADER"}
		if diff := cmp.Diff(want, counted); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("has its own address and no other", func(t *testing.T) {
		s.t = t
		id, api := s.only("AWS::ApiGateway::RestApi")
		s.expect(api, map[string]string{"DisableExecuteApiEndpoint": "true"})
		domain, r := s.only("AWS::ApiGateway::DomainName")
		s.expect(r, map[string]string{
			"DomainName": "payments.example.com", "RegionalCertificateArn": certificateARN, "SecurityPolicy": tlsPolicy, "EndpointAccessMode": endpointAccess,
		})
		stage, _ := s.only("AWS::ApiGateway::Stage")
		_, mapping := s.only("AWS::ApiGateway::BasePathMapping")
		s.expect(mapping, map[string]string{"BasePath": "absent", "RestApiId": "${" + id + "}", "Stage": "${" + stage + "}", "DomainName": "${" + domain + "}"})
		_, record := s.only("AWS::Route53::RecordSet")
		s.expect(record, map[string]string{
			"HostedZoneId": "Z0123456789ABC", "Name": "payments.example.com", "Type": "A",
			"AliasTarget": `{"DNSName":"${` + domain + `.RegionalDomainName}","HostedZoneId":"${` + domain + `.RegionalHostedZoneId}"}`,
		})
		if url := s.render(s.Outputs[contract.OutputAPIURL].Value); url != "https://payments.example.com" {
			t.Errorf("the output says %s", url)
		}
	})
	t.Run("reserves concurrency for each function, except the one of deployments", func(t *testing.T) {
		s.t = t
		total := 0.0
		account, _ := s.named("AWS::Lambda::Function", "FunctionName", contract.APIGatewayAccount+"-dev")
		for _, id := range s.all("AWS::Lambda::Function") {
			if id == account {
				continue
			}
			reserved, ok := s.Resources[id].at("ReservedConcurrentExecutions").(float64)
			if !ok && s.Resources[id].at("FunctionName") != nil { // functions of custom resources have none
				t.Errorf("%s: none", id)
			}
			total += reserved
		}
		// Of an account's default, 1000, 100 must stay unreserved.
		if total > 900 {
			t.Errorf("%v in all", total)
		}
	})
}

// terminationProtected reports what the CLI is told of the stack.
func terminationProtected(t *testing.T, s template) bool {
	t.Helper()
	if s.files["manifest.json"] == nil {
		t.Fatal("no manifest")
	}
	return strings.Contains(string(s.files["manifest.json"]), `"terminationProtection": true`)
}

func TestSafeguardsAreNotByDefault(t *testing.T) {
	s := stack(t)
	for _, resourceType := range []string{"AWS::WAFv2::WebACL", "AWS::ApiGateway::DomainName", "AWS::Lambda::Alias", "AWS::CodeDeploy::DeploymentGroup"} {
		if ids := s.all(resourceType); len(ids) > 0 {
			t.Errorf("has %q", ids)
		}
	}
	for _, property := range []string{"ReservedConcurrentExecutions", "ObjectLock", "DisableExecuteApiEndpoint"} {
		if strings.Contains(string(s.text), property) {
			t.Errorf("has %s", property)
		}
	}
	if terminationProtected(t, s) {
		t.Error("is protected")
	}
}

func TestSafeguardAlone(t *testing.T) {
	t.Run("when it is Object Lock, keeps the bucket and no table", func(t *testing.T) {
		s := safeguarded(t, `{"objectLock": {"mode": "COMPLIANCE", "days": 7}, "terminationProtection": true, "reservedConcurrency": {"event-relay": 10, "alert-digest": 2}}`)
		for id, r := range s.Resources {
			if r.DeletionPolicy == "Retain" != (r.Type == "AWS::S3::Bucket") {
				t.Errorf("%s %s: %s", r.Type, id, r.DeletionPolicy)
			}
		}
		_, bucket := s.only("AWS::S3::Bucket")
		s.expect(bucket, map[string]string{"ObjectLockConfiguration.Rule": `{"DefaultRetention":{"Days":7,"Mode":"COMPLIANCE"}}`})
		if !terminationProtected(t, s) {
			t.Error("the stack is not protected")
		}
		for _, id := range s.all("AWS::Lambda::Function") {
			want := "absent"
			if strings.HasPrefix(id, "Relay") {
				want = "10"
			}
			s.expect(s.Resources[id], map[string]string{"ReservedConcurrentExecutions": want})
		}
	})
	t.Run("when it is retention, locks nothing", func(t *testing.T) {
		s := safeguarded(t, `{"retainData": true, "firewall": {"requestsPer5Minutes": 500}, "canary": "Linear10PercentEvery1Minute"}`)
		_, bucket := s.only("AWS::S3::Bucket")
		s.expect(bucket, map[string]string{"ObjectLockConfiguration": "absent"})
		if bucket.DeletionPolicy != "Retain" {
			t.Errorf("the bucket: %s", bucket.DeletionPolicy)
		}
		_, acl := s.only("AWS::WAFv2::WebACL")
		if got := s.render(acl.at("Rules", 0, "Statement", "RateBasedStatement", "Limit")); got != "500" {
			t.Errorf("limit %s", got)
		}
		t.Run("and a canary, invokes the alias that CodeDeploy moves", func(t *testing.T) {
			s.t = t
			alias, r := s.only("AWS::Lambda::Alias")
			fn, _ := s.named("AWS::Lambda::Function", "FunctionName", "webhook-validator-dev")
			s.expect(r, map[string]string{"Name": "live", "FunctionName": "${" + fn + "}"})
			for _, id := range s.all("AWS::ApiGateway::Method") {
				if uri := s.render(s.Resources[id].at("Integration", "Uri")); !strings.Contains(uri, "${"+alias+"}") {
					t.Errorf("%s invokes %s", id, uri)
				}
			}
			_, group := s.only("AWS::CodeDeploy::DeploymentGroup")
			s.expect(group, map[string]string{"DeploymentConfigName": "CodeDeployDefault.LambdaLinear10PercentEvery1Minute"})
			rollback := s.render(group.at("AutoRollbackConfiguration"))
			for _, event := range []string{"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"} {
				if !strings.Contains(rollback, event) {
					t.Errorf("no rollback on %s", event)
				}
			}
			var alarms []string
			for _, alarm := range group.at("AlarmConfiguration", "Alarms").([]any) {
				alarms = append(alarms, s.render(alarm))
			}
			if len(alarms) != 4 || !strings.Contains(strings.Join(alarms, " "), "ObservabilityValidatorErrors") {
				t.Errorf("alarms %q", alarms)
			}
			if !strings.Contains(string(s.text), "CodeDeployLambdaAliasUpdate") {
				t.Error("CloudFormation moves the alias itself")
			}
		})
	})
}
