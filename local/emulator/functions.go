package emulator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"payment-webhooks/local/assembly"
	"payment-webhooks/local/endpoint"
	"payment-webhooks/local/faults"
	"payment-webhooks/local/lambda"
)

// functionSpec is a function whose binary is not built yet.
type functionSpec struct {
	logicalID string
	image     assembly.Image
	config    lambda.Config
	roleARN   string
}

// planFunctions reads the functions and their asynchronous configurations.
func (e *Emulator) planFunctions() error {
	var problems []error
	async := map[string]lambda.AsyncConfig{}
	for _, resource := range e.stack.ByType("AWS::Lambda::EventInvokeConfig") {
		var p lambda.InvokeConfigProperties
		if err := e.resolver.Into(resource, &p); err != nil {
			problems = append(problems, err)
			continue
		}
		config, err := p.Config(resource.LogicalID)
		problems = append(problems, err)
		async[lambda.NameOf(p.FunctionName)] = config
	}
	for _, resource := range e.stack.ByType("AWS::Lambda::Function") {
		if e.inertReasons[resource.LogicalID] != "" {
			continue
		}
		var p lambda.FunctionProperties
		err := e.resolver.Into(resource, &p)
		name, errName := e.resolver.Ref(resource.LogicalID)
		arn, errARN := e.resolver.Att(resource.LogicalID, "Arn")
		// A function with a problem is planned all the same, so that what refers to it is
		// checked too.
		problems = append(problems, err, errName, errARN)
		image, err := e.stack.Image(p.Code.ImageUri)
		if p.PackageType != "Image" || err != nil {
			problems = append(problems, fmt.Errorf("%s: PackageType %q with image %q is not supported: %w", resource.LogicalID, p.PackageType, p.Code.ImageUri, err))
			continue
		}
		config := p.Config(name, arn, e.options.MaxEnvironments)
		if c, has := async[name]; has {
			config.Async = c
		}
		e.connect(&config, p.Role)
		e.functionSpecs = append(e.functionSpecs, functionSpec{logicalID: resource.LogicalID, image: image, roleARN: p.Role, config: config})
	}
	return errors.Join(problems...)
}

// connect adds what the emulator decides to a function's configuration. The template's
// variables take precedence.
func (e *Emulator) connect(config *lambda.Config, roleARN string) {
	config.TimeScale = e.options.TimeScale
	config.NewTraceID = e.sampler.NewTraceID
	config.Notices = e.terminal.logger("lambda")
	config.Metric = e.metric("AWS/Lambda", "FunctionName", config.Name)
	for name, value := range map[string]string{
		"AWS_REGION": e.region, "AWS_DEFAULT_REGION": e.region,
		// Not set by Lambda: where the AWS APIs are.
		"AWS_ENDPOINT_URL": e.endpointURL, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		if _, set := config.Environment[name]; !set {
			config.Environment[name] = value
		}
	}
	short := e.short(config.Name)
	logger := e.streamLogger(roleARN)
	config.Log = func(group, stream string, at time.Time, line string) {
		if logger.may(group, stream) {
			e.writer.Put(group, stream, at, line)
		}
		e.terminal.functionLine(short, line)
		e.record.Line(line)
	}
}

// short returns a name without what all names of the stack end in: "-dev" for the stack
// TapStackdev.
func (e *Emulator) short(name string) string {
	return strings.TrimSuffix(name, "-"+strings.TrimPrefix(e.stack.Name, "TapStack"))
}

// build builds a function's handler, unless that has been built, and returns the path of the binary.
func (e *Emulator) build(ctx context.Context, spec functionSpec) (string, error) {
	begin := time.Now()
	binary, err := lambda.Build(ctx, e.options.BuildDir, spec.image.Hash, spec.image.Directory, spec.image.BuildArgs)
	if err != nil {
		return "", fmt.Errorf("%s: %w", spec.logicalID, err)
	}
	if took := time.Since(begin); took > 200*time.Millisecond {
		e.terminal.print("built %s in %.1f s", spec.image.BuildArgs["HANDLER"], took.Seconds())
	}
	return binary, nil
}

// startFunctions makes the functions ready to invoke.
func (e *Emulator) startFunctions(ctx context.Context) error {
	for _, spec := range e.functionSpecs {
		binary, err := e.build(ctx, spec) // built already, unless the function has not changed
		if err != nil {
			return err
		}
		config := spec.config
		if config.Binary, err = filepath.Abs(binary); err != nil {
			return err
		}
		key, err := e.policies.AccessKey(spec.roleARN)
		if err != nil {
			return fmt.Errorf("%s: %w", spec.logicalID, err)
		}
		config.Environment["AWS_ACCESS_KEY_ID"], config.Environment["AWS_SECRET_ACCESS_KEY"] = key, "local"
		config.Environment["AWS_SESSION_TOKEN"] = endpoint.CallerToken(spec.handler())
		hop := faults.FunctionHop(spec.handler())
		config.Fault = func() faults.Strike { return e.faults.Strike(hop, "") }
		if config.Environment["AWS_XRAY_DAEMON_ADDRESS"], err = e.traces.Listen(spec.handler(), e.mayTrace(spec.roleARN)); err != nil {
			return err
		}
		if e.egress != nil {
			maps.Copy(config.Environment, e.egress.Environment())
		}
		config.Async.Send = e.queues(key, faults.Lambda).sendBody
		e.functions[config.Name] = lambda.New(config)
	}
	return nil
}

func (e *Emulator) closeFunctions() {
	var all sync.WaitGroup
	for _, f := range e.functions {
		all.Go(f.Close)
	}
	all.Wait()
}

// function returns a function by name or ARN.
func (e *Emulator) function(nameOrARN string) (*lambda.Function, error) {
	if f := e.functions[lambda.NameOf(nameOrARN)]; f != nil {
		return f, nil
	}
	return nil, fmt.Errorf("function %s does not exist", nameOrARN)
}

// functionSpec returns the plan of a function by name or ARN, before it is built.
func (e *Emulator) functionSpec(nameOrARN string) (functionSpec, bool) {
	i := slices.IndexFunc(e.functionSpecs, func(s functionSpec) bool { return s.config.Name == lambda.NameOf(nameOrARN) })
	if i < 0 {
		return functionSpec{}, false
	}
	return e.functionSpecs[i], true
}
