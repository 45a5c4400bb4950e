package lambda

import (
	"strings"
	"testing"
	"time"
)

// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-lambda-function.html
func TestFunctionProperties(t *testing.T) {
	t.Run("have the documented defaults", func(t *testing.T) {
		c := FunctionProperties{}.Config("relay-dev", "arn", 64)
		if c.MemoryMB != 128 || c.Timeout != 3*time.Second || c.Concurrency != 64 || c.JSONLogs || c.LogGroup != "/aws/lambda/relay-dev" || c.Async.MaximumRetryAttempts != 2 {
			t.Errorf("%+v", c)
		}
	})
	t.Run("replace the defaults", func(t *testing.T) {
		reserved := 5
		p := FunctionProperties{MemorySize: 512, Timeout: 30, ReservedConcurrentExecutions: &reserved}
		p.LoggingConfig.LogFormat, p.LoggingConfig.LogGroup, p.LoggingConfig.ApplicationLogLevel = "JSON", "/own", "WARN"
		p.LoggingConfig.SystemLogLevel = "WARN"
		p.Environment.Variables = map[string]string{"TABLE": "transactions"}
		c := p.Config("relay-dev", "arn", 64)
		if c.MemoryMB != 512 || c.Timeout != 30*time.Second || c.Concurrency != 5 || !c.JSONLogs || !c.SystemWarnings || c.LogGroup != "/own" {
			t.Errorf("%+v", c)
		}
		if c.Environment["AWS_LAMBDA_LOG_LEVEL"] != "WARN" || c.Environment["TABLE"] != "transactions" {
			t.Errorf("environment %v", c.Environment)
		}
	})
	t.Run("do not raise the limit of environments", func(t *testing.T) {
		reserved := 100
		if c := (FunctionProperties{ReservedConcurrentExecutions: &reserved}).Config("relay-dev", "arn", 64); c.Concurrency != 64 {
			t.Errorf("%d concurrent environments", c.Concurrency)
		}
	})
}

func TestInvokeConfigProperties(t *testing.T) {
	none, hour := 0, 3600
	p := InvokeConfigProperties{Qualifier: "$LATEST", MaximumRetryAttempts: &none, MaximumEventAgeInSeconds: &hour}
	p.DestinationConfig.OnFailure.Destination = "arn:aws:sqs:eu-west-1:123456789012:dlq"
	c, err := p.Config("Config")
	if err != nil || c.MaximumRetryAttempts != 0 || c.MaximumEventAge != time.Hour || c.OnFailure != "arn:aws:sqs:eu-west-1:123456789012:dlq" {
		t.Errorf("%+v, %v", c, err)
	}
	p.Qualifier, p.DestinationConfig.OnFailure.Destination = "live", "arn:aws:sns:eu-west-1:123456789012:topic"
	_, err = p.Config("Config")
	for _, want := range []string{`Config: Qualifier "live"`, "Config: destination arn:aws:sns:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q in it", err, want)
		}
	}
}

func TestNameOf(t *testing.T) {
	for nameOrARN, want := range map[string]string{
		"relay": "relay", "relay:$LATEST": "relay",
		"arn:aws:lambda:eu-west-1:123456789012:function:relay":         "relay",
		"arn:aws:lambda:eu-west-1:123456789012:function:relay:$LATEST": "relay",
	} {
		if got := NameOf(nameOrARN); got != want {
			t.Errorf("%s: got %s, want %s", nameOrARN, got, want)
		}
	}
}
