package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"payment-webhooks/local/assembly"
	"payment-webhooks/local/lambda"
)

// functionProperties is AWS::Lambda::Function as far as it is played.
type functionProperties struct {
	FunctionName, Description, Role, PackageType string
	Code                                         struct{ ImageUri string } //nolint:revive // CloudFormation's spelling
	Architectures                                []string                  // describes: handlers are built for this machine
	MemorySize, Timeout                          int
	Environment                                  struct{ Variables map[string]string }
	LoggingConfig                                struct{ LogGroup, LogFormat, ApplicationLogLevel, SystemLogLevel string }
	TracingConfig                                struct{ Mode string }
	ReservedConcurrentExecutions                 *int
	EphemeralStorage, KmsKeyArn, Tags            json.RawMessage // describe: this machine's disk, no encryption
}

type invokeConfigProperties struct {
	FunctionName, Qualifier  string
	MaximumRetryAttempts     *int
	MaximumEventAgeInSeconds *int
	DestinationConfig        struct{ OnFailure struct{ Destination string } }
}

// functionSpec is a function before its binary is built.
type functionSpec struct {
	logicalID string
	image     assembly.Image
	config    lambda.Config
	roleARN   string
}

// planFunctions reads the functions and their asynchronous configuration.
func (b *bench) planFunctions() error {
	var problems []error
	async := map[string]lambda.AsyncConfig{}
	for _, resource := range b.stack.ByType("AWS::Lambda::EventInvokeConfig") {
		var p invokeConfigProperties
		if err := b.resolver.Into(resource, &p); err != nil {
			problems = append(problems, err)
			continue
		}
		if p.Qualifier != "$LATEST" {
			problems = append(problems, fmt.Errorf("%s: Qualifier %q is not played, $LATEST is", resource.LogicalID, p.Qualifier))
		}
		config := lambda.DefaultAsync
		if p.MaximumRetryAttempts != nil {
			config.MaximumRetryAttempts = *p.MaximumRetryAttempts
		}
		if p.MaximumEventAgeInSeconds != nil {
			config.MaximumEventAge = time.Duration(*p.MaximumEventAgeInSeconds) * time.Second
		}
		config.OnFailure = p.DestinationConfig.OnFailure.Destination
		if config.OnFailure != "" && !strings.HasPrefix(config.OnFailure, "arn:aws:sqs:") {
			problems = append(problems, fmt.Errorf("%s: destination %s is not played, a queue is", resource.LogicalID, config.OnFailure))
		}
		async[functionName(p.FunctionName)] = config
	}
	providers := b.providers()
	for _, resource := range b.stack.ByType("AWS::Lambda::Function") {
		if providers[resource.LogicalID] {
			continue
		}
		var p functionProperties
		err := b.resolver.Into(resource, &p)
		name, errName := b.resolver.Ref(resource.LogicalID)
		arn, errARN := b.resolver.Att(resource.LogicalID, "Arn")
		// A function with a problem is planned all the same, so that what
		// refers to it is checked too; nothing starts with a problem.
		problems = append(problems, err, errName, errARN)
		image, err := b.stack.Image(p.Code.ImageUri)
		if p.PackageType != "Image" || err != nil {
			problems = append(problems, fmt.Errorf("%s: PackageType %q with image %q is not played: %w", resource.LogicalID, p.PackageType, p.Code.ImageUri, err))
			continue
		}
		config, has := async[name]
		if !has {
			config = lambda.DefaultAsync
		}
		b.functionSpecs = append(b.functionSpecs, functionSpec{
			logicalID: resource.LogicalID, image: image, roleARN: p.Role,
			config: b.functionConfig(p, name, arn, config),
		})
	}
	return errors.Join(problems...)
}

// providers are the functions behind custom resources that only describe: the
// CDK's own, which nothing invokes here.
func (b *bench) providers() map[string]bool {
	serving := map[string]bool{}
	for _, resource := range b.stack.Resources {
		if describes[resource.Type] == "" || !strings.HasPrefix(resource.Type, "Custom::") {
			continue
		}
		var p struct{ ServiceToken string }
		properties, err := b.resolver.Properties(resource)
		text, errText := json.Marshal(properties)
		if errors.Join(err, errText) != nil || json.Unmarshal(text, &p) != nil {
			continue // the resolver's error is reported with the resource itself
		}
		for _, function := range b.stack.ByType("AWS::Lambda::Function") {
			if arn, err := b.resolver.Att(function.LogicalID, "Arn"); err == nil && arn == p.ServiceToken {
				serving[function.LogicalID] = true
			}
		}
	}
	return serving
}

func (b *bench) functionConfig(p functionProperties, name, arn string, async lambda.AsyncConfig) lambda.Config {
	config := lambda.Config{
		Name: name, ARN: arn,
		// Defaults: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-lambda-function.html
		MemoryMB: orElse(p.MemorySize, 128), Timeout: time.Duration(orElse(p.Timeout, 3)) * time.Second,
		JSONLogs: p.LoggingConfig.LogFormat == "JSON", LogGroup: p.LoggingConfig.LogGroup,
		Concurrency: b.maxEnvironments, Async: async, TimeScale: b.timeScale,
		Notices: b.terminal.logger("lambda"),
		Environment: map[string]string{
			"AWS_REGION": b.region, "AWS_DEFAULT_REGION": b.region,
			// What Lambda does not set: where AWS is.
			"AWS_ENDPOINT_URL": b.endpointURL, "AWS_EC2_METADATA_DISABLED": "true",
		},
	}
	if config.LogGroup == "" {
		config.LogGroup = "/aws/lambda/" + name
	}
	if p.LoggingConfig.ApplicationLogLevel != "" {
		config.Environment["AWS_LAMBDA_LOG_LEVEL"] = p.LoggingConfig.ApplicationLogLevel
	}
	if p.ReservedConcurrentExecutions != nil {
		config.Concurrency = min(config.Concurrency, *p.ReservedConcurrentExecutions)
	}
	maps.Copy(config.Environment, p.Environment.Variables)
	short := strings.TrimSuffix(name, b.suffix())
	config.Log = func(group, stream string, at time.Time, line string) {
		b.writer.Put(group, stream, at, line)
		b.terminal.functionLine(short, line)
	}
	return config
}

// suffix is what every function's name ends in, to shorten the terminal's
// prefixes: "-dev" for the stack TapStackdev.
func (b *bench) suffix() string { return "-" + strings.TrimPrefix(b.stack.Name, "TapStack") }

// startFunctions builds what changed and makes the functions ready to invoke.
func (b *bench) startFunctions(ctx context.Context) error {
	for _, spec := range b.functionSpecs {
		begin := time.Now()
		binary, err := lambda.Build(ctx, b.buildDir, spec.image.Hash, spec.image.Directory, spec.image.BuildArgs)
		if err != nil {
			return fmt.Errorf("%s: %w", spec.logicalID, err)
		}
		if took := time.Since(begin); took > 200*time.Millisecond {
			b.terminal.say("built %s in %.1f s", spec.image.BuildArgs["HANDLER"], took.Seconds())
		}
		config := spec.config
		if config.Binary, err = filepath.Abs(binary); err != nil {
			return err
		}
		key, err := b.policies.AccessKey(spec.roleARN)
		if err != nil {
			return fmt.Errorf("%s: %w", spec.logicalID, err)
		}
		config.Environment["AWS_ACCESS_KEY_ID"], config.Environment["AWS_SECRET_ACCESS_KEY"] = key, "local"
		config.Environment["AWS_SESSION_TOKEN"] = "local"
		config.Environment["AWS_XRAY_DAEMON_ADDRESS"] = b.traces.Address()
		if b.outside != nil {
			maps.Copy(config.Environment, b.outside.Environment())
		}
		config.Async.Send = b.queues(key).sendBody
		b.functions[config.Name] = lambda.New(config)
	}
	return nil
}

// function finds a function by name or ARN.
func (b *bench) function(nameOrARN string) (*lambda.Function, error) {
	if f := b.functions[functionName(nameOrARN)]; f != nil {
		return f, nil
	}
	return nil, fmt.Errorf("function %s does not exist", nameOrARN)
}

// hasFunction reports whether the template has the function, before it is built.
func (b *bench) hasFunction(nameOrARN string) bool {
	return slices.ContainsFunc(b.functionSpecs, func(s functionSpec) bool { return s.config.Name == functionName(nameOrARN) })
}

func functionName(nameOrARN string) string {
	name := strings.TrimSuffix(nameOrARN, ":$LATEST")
	return name[strings.LastIndex(name, ":")+1:]
}

func orElse(value, otherwise int) int {
	if value == 0 {
		return otherwise
	}
	return value
}
