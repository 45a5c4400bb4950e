package lambda

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"payment-webhooks/local/assembly"
)

// Types are the resource types that this package emulates.
var Types = []assembly.Type{
	{
		Name: "AWS::Lambda::Function", Properties: FunctionProperties{}, NameProperty: "FunctionName",
		IDs: func(i *assembly.Instance) assembly.IDs {
			return assembly.IDs{Ref: i.Name, Attributes: map[string]string{"Arn": i.ARN("lambda", "function:"+i.Name)}}
		},
	},
	{Name: "AWS::Lambda::EventInvokeConfig", Properties: InvokeConfigProperties{}},
}

// FunctionProperties is AWS::Lambda::Function.
type FunctionProperties struct {
	FunctionName, Description, Role, PackageType string
	Code                                         struct{ ImageUri string }
	Architectures                                []string // inert: handlers are built for this machine
	MemorySize, Timeout                          int
	Environment                                  struct{ Variables map[string]string }
	LoggingConfig                                struct{ LogGroup, LogFormat, ApplicationLogLevel, SystemLogLevel string }
	TracingConfig                                struct{ Mode string }
	ReservedConcurrentExecutions                 *int
	EphemeralStorage, KmsKeyArn, Tags            json.RawMessage // inert: this machine's disk, no encryption
}

// InvokeConfigProperties is AWS::Lambda::EventInvokeConfig.
type InvokeConfigProperties struct {
	FunctionName, Qualifier  string
	MaximumRetryAttempts     *int
	MaximumEventAgeInSeconds *int
	DestinationConfig        struct{ OnFailure struct{ Destination string } }
}

// Config returns the configuration of the function with a physical name and ARN, with the
// defaults of
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-lambda-function.html
// maxEnvironments bounds Concurrency, as does the reserved concurrency.
func (p FunctionProperties) Config(name, arn string, maxEnvironments int) Config {
	c := Config{
		Name: name, ARN: arn, MemoryMB: 128, Timeout: 3 * time.Second, Concurrency: maxEnvironments, Async: DefaultAsync,
		JSONLogs: p.LoggingConfig.LogFormat == "JSON", LogGroup: "/aws/lambda/" + name,
		SystemWarnings: p.LoggingConfig.SystemLogLevel == "WARN",
		Environment:    map[string]string{},
	}
	if p.MemorySize != 0 {
		c.MemoryMB = p.MemorySize
	}
	if p.Timeout != 0 {
		c.Timeout = time.Duration(p.Timeout) * time.Second
	}
	if p.LoggingConfig.LogGroup != "" {
		c.LogGroup = p.LoggingConfig.LogGroup
	}
	if p.LoggingConfig.ApplicationLogLevel != "" {
		c.Environment["AWS_LAMBDA_LOG_LEVEL"] = p.LoggingConfig.ApplicationLogLevel
	}
	if p.ReservedConcurrentExecutions != nil {
		c.Concurrency = min(c.Concurrency, *p.ReservedConcurrentExecutions)
	}
	maps.Copy(c.Environment, p.Environment.Variables)
	return c
}

// Config returns the asynchronous configuration. Its errors start with the logical id.
func (p InvokeConfigProperties) Config(logicalID string) (AsyncConfig, error) {
	var problems []error
	if p.Qualifier != "$LATEST" {
		problems = append(problems, fmt.Errorf("%s: Qualifier %q is not supported, only $LATEST is", logicalID, p.Qualifier))
	}
	c := DefaultAsync
	if p.MaximumRetryAttempts != nil {
		c.MaximumRetryAttempts = *p.MaximumRetryAttempts
	}
	if p.MaximumEventAgeInSeconds != nil {
		c.MaximumEventAge = time.Duration(*p.MaximumEventAgeInSeconds) * time.Second
	}
	c.OnFailure = p.DestinationConfig.OnFailure.Destination
	if c.OnFailure != "" && !strings.HasPrefix(c.OnFailure, "arn:aws:sqs:") {
		problems = append(problems, fmt.Errorf("%s: destination %s is not supported, only queues are", logicalID, c.OnFailure))
	}
	return c, errors.Join(problems...)
}

// NameOf returns the name of a function that is given by name or by ARN, with or without
// the qualifier $LATEST.
func NameOf(nameOrARN string) string {
	name := strings.TrimSuffix(nameOrARN, ":$LATEST")
	return name[strings.LastIndex(name, ":")+1:]
}
