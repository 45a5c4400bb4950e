//go:build !race

package constructs

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withReconcile are settings of these values, of which nil is none.
func withReconcile(reconcile, providers any) *Settings {
	return NewSettings(nil, map[string]any{ContextReconcile: reconcile, ContextProviders: providers})
}

const reconcileKey = "arn:aws:kms:eu-west-1:111122223333:key/0123"

var reconciled struct {
	sync.Once
	template
}

// reconciledStack is the template with two providers that are compared daily, and the policy
// of operators.
func reconciledStack(t *testing.T) template {
	t.Helper()
	reconciled.Do(func() {
		cfg := config(t, nil)
		cfg.OperatorPolicy = true
		providers := map[string]any{"stripe": map[string]any{"secret": "payments/stripe"}, "square": map[string]any{"secret": "payments/square"}}
		var err, err2 error
		cfg.Providers, err = ProvidersFromContext(withProviders(providers, nil, true))
		cfg.Reconcile, err2 = ReconcileFromContext(withReconcile(map[string]any{
			"stripe": map[string]any{"secret": "payments/stripe-api", "secretKeyArn": reconcileKey},
			"square": map[string]any{"secret": "payments/square-api", "apiUrl": "https://connect.squareupsandbox.com"},
		}, providers))
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		reconciled.template = synthesize(t, cfg)
	})
	if reconciled.Resources == nil {
		t.Fatal("synthesis failed before")
	}
	s := reconciled.template
	s.t = t
	return s
}

func TestReconcileFunction(t *testing.T) {
	t.Run("is in the template when a provider is compared", func(t *testing.T) {
		s := reconciledStack(t)
		table, _ := s.named("AWS::DynamoDB::Table", "TableName", "transactions-dev")
		fn, r := s.named("AWS::Lambda::Function", "FunctionName", "payment-reconciler-dev")
		logs, group := s.named("AWS::Logs::LogGroup", "LogGroupName", "/aws/lambda/payment-reconciler-dev")
		s.expect(group, map[string]string{"RetentionInDays": "30"})
		s.expect(r, map[string]string{
			"PackageType": "Image", "Architectures": `["arm64"]`, "MemorySize": "512", "Timeout": "900", "TracingConfig": `{"Mode":"Active"}`,
			"LoggingConfig": `{"LogFormat":"JSON","LogGroup":"${` + logs + `}","SystemLogLevel":"WARN"}`,
			"Environment.Variables": `{"ENVIRONMENT_SUFFIX":"dev","RECONCILE":"{\"square\":{\"api_url\":\"https://connect.squareupsandbox.com\",\"secret\":\"payments/square-api\"},` +
				`\"stripe\":{\"secret\":\"payments/stripe-api\"}}","TABLE_NAME":"${` + table + `}"}`,
		})
		failures, _ := s.named("AWS::SQS::Queue", "QueueName", "reconcile-failures-dev")
		_, async := s.named("AWS::Lambda::EventInvokeConfig", "FunctionName", "${"+fn+"}")
		s.expect(async, map[string]string{
			"MaximumRetryAttempts": "2", "MaximumEventAgeInSeconds": "21600", "DestinationConfig": `{"OnFailure":{"Destination":"${` + failures + `.Arn}"}}`,
		})
		if !strings.Contains(string(s.assets), `"HANDLER": "payment-reconciler"`) {
			t.Error("no image is built for it")
		}
	})
	t.Run("is absent when none is", func(t *testing.T) {
		if text := strings.ToLower(string(stack(t).text)); strings.Contains(text, "reconcil") {
			t.Error("the template names it")
		}
	})
}

func TestReconcilePermissions(t *testing.T) {
	s := reconciledStack(t)
	table, _ := s.named("AWS::DynamoDB::Table", "TableName", "transactions-dev")
	key, _ := s.only("AWS::KMS::Key")
	failures, _ := s.named("AWS::SQS::Queue", "QueueName", "reconcile-failures-dev")
	logs, _ := s.named("AWS::Logs::LogGroup", "LogGroupName", "/aws/lambda/payment-reconciler-dev")
	want := []string{
		"Allow dynamodb:GetItem on ${" + table + ".Arn}",
		"Allow kms:Decrypt on ${" + key + ".Arn}",
		"Allow kms:Decrypt on " + reconcileKey + ` if {"StringEquals":{"kms:ViaService":"secretsmanager.${AWS::Region}.amazonaws.com"}}`,
		"Allow kms:DescribeKey on ${" + key + ".Arn}",
		"Allow kms:GenerateDataKey on ${" + key + ".Arn}",
		"Allow logs:CreateLogStream on ${" + logs + ".Arn}",
		"Allow logs:PutLogEvents on ${" + logs + ".Arn}",
		secretLine("payments/square-api"),
		secretLine("payments/stripe-api"),
		"Allow sqs:GetQueueAttributes on ${" + failures + ".Arn}",
		"Allow sqs:GetQueueUrl on ${" + failures + ".Arn}",
		"Allow sqs:SendMessage on ${" + failures + ".Arn}",
		"Allow xray:PutTelemetryRecords on *",
		"Allow xray:PutTraceSegments on *",
	}
	var got []string
	for _, role := range s.all("AWS::IAM::Role") {
		if strings.HasPrefix(role, "ReconcileReconciler") {
			got = append(got, permissions(s, role)...)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestReconcileSchedule(t *testing.T) {
	s := reconciledStack(t)
	fn, _ := s.named("AWS::Lambda::Function", "FunctionName", "payment-reconciler-dev")
	queue, _ := s.named("AWS::SQS::Queue", "QueueName", "reconcile-schedule-dlq-dev")
	for name, want := range map[string]map[string]string{
		"daily-reconcile-dev": {"ScheduleExpression": "cron(40 4 * * ? *)", "State": "ENABLED"},
		"deployment-reconcile-dev": {
			"EventPattern": `{"detail":{"stack-id":["${AWS::StackId}"],"status-details":{"status":["CREATE_COMPLETE","UPDATE_COMPLETE"]}},` +
				`"detail-type":["CloudFormation Stack Status Change"],"source":["aws.cloudformation"]}`,
		},
	} {
		_, rule := s.named("AWS::Events::Rule", "Name", name)
		s.expect(rule, want)
		if got := s.render(rule.at("Targets", 0, "Arn")); got != "${"+fn+".Arn}" {
			t.Errorf("%s starts %s", name, got)
		}
		if got := s.render(rule.at("Targets", 0, "DeadLetterConfig", "Arn")); got != "${"+queue+".Arn}" {
			t.Errorf("%s sends what it cannot start to %s", name, got)
		}
	}
}

func TestReconcileAlarms(t *testing.T) {
	s := reconciledStack(t)
	for _, provider := range []string{"stripe", "square"} {
		dimensions := `[{"Name":"Environment","Value":"dev"},{"Name":"Provider","Value":"` + provider + `"}]`
		_, missing := s.named("AWS::CloudWatch::Alarm", "AlarmName", "payment-webhooks-missing-"+provider+"-dev")
		s.expect(missing, map[string]string{
			"MetricName": "MissingTransactions", "Namespace": "PaymentWebhooks", "Dimensions": dimensions, "Statistic": "Sum", "Period": "3600",
			"Threshold": "0", "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": "1", "TreatMissingData": "notBreaching",
		})
		_, stopped := s.named("AWS::CloudWatch::Alarm", "AlarmName", "payment-webhooks-reconcile-stopped-"+provider+"-dev")
		s.expect(stopped, map[string]string{
			"Threshold": "0", "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": "2", "TreatMissingData": "ignore",
		})
		runs := map[string]string{"expression": "IF(FILL(runs, 0) > 0, 0, 1)", "runs": "Sum of ReconcileRuns of dev " + provider + " over 86400 s"}
		if diff := cmp.Diff(runs, s.math(stopped)); diff != "" {
			t.Error(diff)
		}
		for _, alarm := range []resource{missing, stopped} {
			if !strings.Contains(s.render(alarm.at("AlarmDescription")), "scripts/ops reconcile --provider "+provider) || alarm.at("AlarmActions", 0) == nil {
				t.Errorf("%v", alarm.Properties)
			}
		}
	}
	for _, name := range []string{"payment-reconciler-errors", "payment-reconciler-throttles", "reconcile-schedule-dlq-not-empty", "reconcile-failures-not-empty"} {
		s.named("AWS::CloudWatch::Alarm", "AlarmName", "payment-webhooks-"+name+"-dev")
	}
	everyMetricExists(t, s)
}

func TestReconcileContext(t *testing.T) {
	routes := map[string]any{"stripe": map[string]any{"secret": "payments/stripe"}, "square": map[string]any{"secret": "payments/square"}}
	t.Run("is read when it is an object or text", func(t *testing.T) {
		want := Reconcile{"stripe": {Secret: "payments/stripe-api", APIURL: "https://api.example.com"}}
		for _, value := range []any{
			map[string]any{"stripe": map[string]any{"secret": "payments/stripe-api", "apiUrl": "https://api.example.com"}},
			`{"stripe": {"secret": "payments/stripe-api", "apiUrl": "https://api.example.com"}}`,
		} {
			for _, configured := range []any{routes, `{"stripe": {"secret": "payments/stripe"}}`} {
				if got, err := ReconcileFromContext(withReconcile(value, configured)); err != nil || !cmp.Equal(got, want) {
					t.Errorf("%v, %v", got, err)
				}
			}
		}
	})
	for _, value := range []any{nil, map[string]any{}, "{}"} {
		t.Run("names nobody when it is empty", func(t *testing.T) {
			if got, err := ReconcileFromContext(withReconcile(value, routes)); err != nil || len(got) != 0 {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	for value, want := range map[string]string{
		`[]`:                                      "context reconcile is []: want a JSON object",
		`{"adyen": {"secret": "s"}}`:              "want one of paypal, square, stripe",
		`{"paypal": {"secret": "s"}}`:             "paypal is not among providers",
		`{"stripe": "s"}`:                         "context reconcile.stripe is s: want a JSON object",
		`{"stripe": {}}`:                          "context reconcile.stripe.secret is missing: want the name of the Secrets Manager secret that holds an API key, rk_live_",
		`{"stripe": {"secret": "rk live"}}`:       "never the secret itself",
		`{"stripe": {"secret": 1}}`:               "context reconcile.stripe.secret",
		`{"stripe": {"secret": "s", "key": "k"}}`: "it accepts only apiUrl, secret, secretKeyArn",
		`{"stripe": {"secret": "s", "apiUrl": "http://api.stripe.com"}}`: "want the https address",
		`{"stripe": {"secret": "s", "secretKeyArn": "alias/payments"}}`:  "no alias",
	} {
		t.Run("is rejected when it is "+value, func(t *testing.T) {
			if _, err := ReconcileFromContext(withReconcile(value, routes)); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
}
