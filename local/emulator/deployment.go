package emulator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"payment-webhooks/local/assembly"
	"payment-webhooks/local/cloudformation"
	"payment-webhooks/local/moto"
	"payment-webhooks/local/provision"
)

// deployment is a template for a stack. It implements cloudformation.Deployment.
type deployment struct {
	host       *Host
	stack      *assembly.Stack
	resolver   *assembly.Resolver
	types      assembly.Types
	plan       *provision.Plan
	emulator   *Emulator // nil: the stack has no code
	parameters []cloudformation.Parameter
	problems   map[string]error // by logical id, of what is not supported
	problem    error            // of the template as a whole
}

func newDeployment(h *Host, stack *assembly.Stack, resolver *assembly.Resolver, e *Emulator, parameters []cloudformation.Parameter) *deployment {
	return &deployment{host: h, stack: stack, resolver: resolver, types: types, plan: e.plan, emulator: e, parameters: parameters}
}

// read reads a template for a stack.
func (h *Host) read(ctx context.Context, r cloudformation.Request) (cloudformation.Deployment, error) {
	images, err := assembly.Images(h.options.CDKOut)
	if err != nil {
		return nil, err
	}
	stack, err := assembly.Read(r.StackName, r.Template, images)
	if err != nil {
		return nil, err
	}
	stack.ID = r.StackID
	values := maps.Clone(r.Parameters)
	if values == nil {
		values = map[string]string{}
	}
	stored := stack.StoredParameters(r.Parameters)
	for name, key := range stored {
		if values[name], err = h.parameter(ctx, key); err != nil {
			return nil, &cloudformation.Failure{Code: "ValidationError", Message: "Unable to fetch parameters [" + key + "] from parameter store for this account."}
		}
	}
	if err := stack.Evaluate(h.env(), values); err != nil {
		return nil, err
	}
	var parameters []cloudformation.Parameter
	for _, name := range stack.Parameters() {
		p := cloudformation.Parameter{ParameterKey: name, ParameterValue: stack.Value(name)}
		if key, is := stored[name]; is {
			p.ParameterValue, p.ResolvedValue = key, values[name]
		}
		parameters = append(parameters, p)
	}

	d := &deployment{host: h, stack: stack, types: types, parameters: parameters}
	if withoutCode(stack) {
		d.types = dataTypes
	}
	d.resolver = assembly.NewResolver(stack, d.types, h.env())
	if before, is := r.Before.(*deployment); is {
		d.keep(before)
	}
	if withoutCode(stack) {
		d.plan, err = provision.New(stack, d.resolver)
		d.attribute(errors.Join(err, d.types.Check(stack, d.resolver)))
		return d, nil
	}
	h.mu.Lock()
	other := h.stack
	h.mu.Unlock()
	if other != "" && other != r.StackName {
		return nil, fmt.Errorf("the local run runs the code of one stack, and that is %s", other)
	}
	d.emulator, err = newEmulator(h.shared, stack, d.resolver)
	d.plan = d.emulator.plan
	d.attribute(err)
	return d, nil
}

// withoutCode reports whether the stack holds data only, as that of `cdk bootstrap` does.
func withoutCode(stack *assembly.Stack) bool {
	for _, r := range stack.Resources {
		if _, is := dataTypes[r.Type]; !is {
			return false
		}
	}
	return true
}

// parameter returns a value in Parameter Store.
func (h *Host) parameter(ctx context.Context, name string) (string, error) {
	var out struct{ Parameter struct{ Value string } }
	err := moto.JSON(ctx, h.moto.URL, h.region, "ssm", "AmazonSSM.GetParameter", map[string]any{"Name": name, "WithDecryption": true}, &out)
	return out.Parameter.Value, err
}

// keep takes over what is known only of resources that exist.
func (d *deployment) keep(before *deployment) {
	for _, table := range d.stack.ByType("AWS::DynamoDB::Table") {
		now, errNow := d.resolver.Ref(table.LogicalID)
		then, errThen := before.resolver.Ref(table.LogicalID)
		if stream, err := before.resolver.Att(table.LogicalID, "StreamArn"); errNow == nil && errThen == nil && err == nil && now == then {
			d.resolver.Set(table.LogicalID, "StreamArn", stream)
		}
	}
}

// attribute assigns each of the joined errors to the resource that its text names first.
func (d *deployment) attribute(problems error) {
	d.problems = map[string]error{}
	for _, err := range assembly.Split(problems) {
		found := false
		for _, word := range strings.Fields(err.Error()) {
			id := strings.TrimRight(word, ":,")
			if _, is := d.stack.Resources[id]; is {
				d.problems[id], found = errors.Join(d.problems[id], err), true
				break
			}
		}
		if !found {
			d.problem = errors.Join(d.problem, err)
		}
	}
}

// Planned implements cloudformation.Deployment.
func (d *deployment) Planned() []cloudformation.Planned {
	needs := d.stack.Dependencies()
	var list []cloudformation.Planned
	for _, id := range d.stack.Order() {
		r := d.stack.Resources[id]
		p := cloudformation.Planned{
			LogicalID: id, Type: r.Type, NameProperty: d.types[r.Type].NameProperty, Needs: needs[id],
			DeletionPolicy: r.DeletionPolicy, UpdateReplacePolicy: r.UpdateReplacePolicy, Err: d.problems[id],
		}
		var errID error
		p.PhysicalID, errID = d.resolver.Ref(id)
		properties, err := d.resolver.Properties(r)
		p.Properties, _ = properties.(map[string]any)
		if p.Err == nil {
			p.Err = errors.Join(err, errID)
		}
		list = append(list, p)
	}
	return list
}

// Outputs implements cloudformation.Deployment.
func (d *deployment) Outputs() ([]cloudformation.Output, error) {
	var outputs []cloudformation.Output
	for _, name := range slices.Sorted(maps.Keys(d.stack.Outputs)) {
		o := d.stack.Outputs[name]
		value, err := d.resolver.Resolve(o.Value)
		if err != nil {
			return nil, fmt.Errorf("output %s: %w", name, err)
		}
		one := cloudformation.Output{OutputKey: name, OutputValue: fmt.Sprint(value), Description: o.Description}
		if d.emulator != nil {
			one.OutputValue = d.emulator.localAddress(one.OutputValue)
		}
		if o.ExportName != nil {
			export, err := d.resolver.Resolve(o.ExportName)
			if err != nil {
				return nil, fmt.Errorf("output %s: %w", name, err)
			}
			one.ExportName = fmt.Sprint(export)
		}
		outputs = append(outputs, one)
	}
	return outputs, nil
}

// Parameters implements cloudformation.Deployment.
func (d *deployment) Parameters() []cloudformation.Parameter { return d.parameters }

// Tree implements cloudformation.Deployment.
func (d *deployment) Tree() any { return d.stack.Tree }

// Create implements cloudformation.Deployment.
func (d *deployment) Create(ctx context.Context, logicalID string) error {
	if d.plan.Has(logicalID) {
		return d.plan.Create(ctx, d.host.configAt(d.host.moto.URL, userKey), logicalID)
	}
	return d.build(ctx, logicalID)
}

// Update implements cloudformation.Deployment.
func (d *deployment) Update(ctx context.Context, logicalID string, before cloudformation.Deployment) error {
	old := before.(*deployment)
	if d.plan.Has(logicalID) && old.plan.Has(logicalID) {
		return d.plan.Update(ctx, d.host.configAt(d.host.moto.URL, userKey), logicalID, old.plan)
	}
	return d.build(ctx, logicalID)
}

// build builds a function's handler. Other resources without data exist once they are in service.
func (d *deployment) build(ctx context.Context, logicalID string) error {
	if d.emulator == nil {
		return nil
	}
	for _, spec := range d.emulator.functionSpecs {
		if spec.logicalID == logicalID {
			_, err := d.emulator.build(ctx, spec)
			return err
		}
	}
	return nil
}

// Delete implements cloudformation.Deployment.
func (d *deployment) Delete(ctx context.Context, logicalID string) error {
	config := d.host.configAt(d.host.moto.URL, userKey)
	r := d.stack.Resources[logicalID]
	if r.Type == "Custom::S3AutoDeleteObjects" {
		properties, err := d.resolver.Properties(r)
		if err != nil {
			return err
		}
		name, _ := properties.(map[string]any)["BucketName"].(string)
		return provision.EmptyBucket(ctx, config, name)
	}
	if !d.plan.Has(logicalID) {
		return nil
	}
	if r.Type == "AWS::SQS::Queue" {
		name, err := d.resolver.Att(logicalID, "QueueName")
		if err != nil {
			return err
		}
		d.host.queueMetrics.Remove(name)
	}
	return d.plan.Delete(ctx, config, logicalID)
}

// Activate implements cloudformation.Deployment.
func (d *deployment) Activate(ctx context.Context, _ cloudformation.Deployment) error {
	switch {
	case d.problem != nil:
		return d.problem
	case d.emulator == nil:
		return nil
	}
	return d.host.replace(ctx, d.stack.Name, d.emulator)
}

// Deactivate implements cloudformation.Deployment.
func (d *deployment) Deactivate(ctx context.Context) error {
	if d.emulator == nil || d.host.current() != d.emulator {
		return nil
	}
	nothing, err := d.host.empty()
	if err != nil {
		return err
	}
	return d.host.replace(ctx, "", nothing)
}

// drain waits until nothing is under way that began before another emulator took over, or until
// ctx ends.
func (e *Emulator) drain(ctx context.Context) error {
	done := make(chan struct{})
	go func() { e.requests.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		return fmt.Errorf("requests are under way: %w", context.Cause(ctx))
	}
	return e.idle(ctx)
}

// hasImage reports whether a function's handler can be built from an image's tag: whether the cloud
// assembly names its build arguments.
func (s *shared) hasImage(tag string) bool {
	images, err := assembly.Images(s.options.CDKOut)
	_, has := images[tag]
	return err == nil && has
}
