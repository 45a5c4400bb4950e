package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"payment-webhooks/local/alerts"
	"payment-webhooks/local/apigateway"
	"payment-webhooks/local/assembly"
	"payment-webhooks/local/cloudformation"
	"payment-webhooks/local/endpoint"
	"payment-webhooks/local/events"
	"payment-webhooks/local/iam"
	"payment-webhooks/local/internet"
	"payment-webhooks/local/lambda"
	"payment-webhooks/local/logs"
	"payment-webhooks/local/moto"
	"payment-webhooks/local/provision"
	"payment-webhooks/local/schedule"
	"payment-webhooks/local/states"
	"payment-webhooks/local/streams"
	"payment-webhooks/local/xray"
)

// bench wires the packages that play the services.
type bench struct {
	options
	getenv   func(string) string
	terminal *terminal
	log      *slog.Logger

	stack    *assembly.Stack
	resolver *assembly.Resolver
	account  string

	endpointListener, apiListener net.Listener
	endpointURL, apiURL           string
	apiID, stageName              string

	plan             *provision.Plan
	policies         *iam.Policies
	resourcePolicies *iam.ResourcePolicies
	functionSpecs    []functionSpec
	api              *apigateway.API
	bus              *events.Bus
	deliveries       *events.Deliveries
	carrier          *alerts.Carrier

	moto      *moto.Server
	outside   *internet.Internet // nil: functions reach what this machine reaches
	writer    *logs.Writer
	traces    *xray.Daemon
	functions map[string]*lambda.Function
	machines  map[string]*states.Machine
	mappings  []*streams.Mapping
	schedules *schedule.Schedules

	failed   chan error // what ends the run beside the user and moto
	cleanups []func()
	running  sync.WaitGroup
}

// newBench reads the assembly and checks that every part of it is played. It
// starts nothing.
func newBench(o options, getenv func(string) string, t *terminal, endpointListener, apiListener net.Listener) (*bench, error) {
	b := &bench{
		options: o, getenv: getenv, terminal: t, log: t.logger("local"), account: "123456789012",
		endpointListener: endpointListener, apiListener: apiListener,
		endpointURL: "http://" + endpointListener.Addr().String(),
		functions:   map[string]*lambda.Function{}, machines: map[string]*states.Machine{},
		failed: make(chan error, 1),
	}
	var err error
	if b.stack, err = assembly.Open(o.cdkOut); err != nil {
		return nil, err
	}
	if b.stack.Account != "" {
		b.account = b.stack.Account
	}
	if b.stack.Region != "" {
		b.region = b.stack.Region
	}
	b.resolver = assembly.NewResolver(b.stack, assembly.Env{Account: b.account, Region: b.region, Endpoint: b.endpointURL})

	var errPlan, errPolicies, errResource error
	problems := []error{b.checkTypes()}
	b.plan, errPlan = provision.New(b.stack, b.resolver)
	b.policies, errPolicies = iam.New(b.stack, b.resolver)
	b.resourcePolicies, errResource = iam.NewResourcePolicies(b.stack, b.resolver, b.account)
	problems = append(problems, errPlan, errPolicies, errResource, b.planFunctions(), b.planAPI(), b.planRules(), b.planMachines(), b.checkMappings())
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("%s asks for what the local run does not play:\n%w", o.cdkOut, err)
	}
	b.apiURL = "http://" + apiListener.Addr().String() + "/" + b.stageName
	return b, nil
}

// checkTypes refuses resource types that are neither played nor known to
// describe only, and resolves every resource once.
func (b *bench) checkTypes() error {
	var problems []string
	for id, resource := range b.stack.Resources {
		if !played[resource.Type] && describes[resource.Type] == "" {
			problems = append(problems, fmt.Sprintf("%s: resource type %s is not played", id, resource.Type))
		}
		if describes[resource.Type] != "" { // the others are resolved by who plays them
			if _, err := b.resolver.Properties(resource); err != nil {
				problems = append(problems, err.Error())
			}
		}
	}
	for name, output := range b.stack.Outputs {
		if _, err := b.resolver.Resolve(output.Value); err != nil {
			problems = append(problems, fmt.Sprintf("output %s: %v", name, err))
		}
	}
	if problems == nil {
		return nil
	}
	slices.Sort(problems)
	return errors.New(strings.Join(problems, "\n"))
}

// startPatience is for a slow machine: moto that ends instead of answering is
// noticed at once.
const startPatience = 5 * time.Minute

// start brings everything up. What it started, close ends, also after an error.
func (b *bench) start(ctx context.Context) error {
	path, err := moto.Find(".", b.getenv)
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	if b.moto, err = moto.Start(waiting, path, b.account); err != nil {
		return err
	}
	b.cleanup(b.moto.Stop)
	direct := b.configAt(b.moto.URL, userKey)
	if err := b.plan.Create(waiting, direct, b.resolver); err != nil {
		return err
	}
	if err := b.createSecrets(waiting, direct); err != nil {
		return err
	}
	// Policies again: now the table's stream has its name.
	if b.policies, err = iam.New(b.stack, b.resolver); err != nil {
		return err
	}
	report := func(err error) { b.log.Error("not recorded", "error", err) }
	b.writer = logs.NewWriter(cloudwatchlogs.NewFromConfig(direct), b.putMetrics, report)
	b.cleanup(b.writer.Close)
	if b.traces, err = xray.Listen(report); err != nil {
		return err
	}
	b.cleanup(b.traces.Close)
	if b.internet != "" {
		if b.outside, err = internet.Open(b.internet, b.getenv("SSL_CERT_FILE"), b.terminal.logger("internet"), time.Now); err != nil {
			return fmt.Errorf("--internet %s: %w", b.internet, err)
		}
		b.cleanup(b.outside.Close)
	}
	b.carrier = alerts.NewCarrier(b.subscribers(), func(a alerts.Alert) { b.terminal.line("alert", a.String()) })

	if err := b.startFunctions(ctx); err != nil {
		return err
	}
	b.cleanup(b.closeFunctions)
	read, err := b.loadMappings() // before anybody can ask for their state
	if err != nil {
		return err
	}
	if err := b.serveEndpoint(); err != nil {
		return err
	}
	b.cleanup(b.deliveries.Close)
	b.cleanup(b.closeMachines)
	for id, run := range read {
		b.background(id, run)
	}
	b.background("schedules", func(ctx context.Context) error { b.schedules.Run(ctx); return nil })
	b.serve(b.apiListener, b.api)
	return nil
}

func (b *bench) subscribers() []alerts.Subscriber {
	var list []alerts.Subscriber
	for _, s := range b.plan.Subscriptions {
		list = append(list, alerts.Subscriber(s))
	}
	return list
}

func (b *bench) serveEndpoint() error {
	motoURL, err := url.Parse(b.moto.URL)
	if err != nil {
		return err
	}
	stack, err := b.describe()
	if err != nil {
		return err
	}
	machines := map[string]endpoint.StateMachine{}
	for arn, machine := range b.machines {
		machines[arn] = machine
	}
	b.serve(b.endpointListener, endpoint.New(endpoint.Config{
		Moto: motoURL, Place: iam.Place{Account: b.account, Region: b.region}, Policies: b.policies, Stack: stack,
		Functions: b.functions, PutEvents: b.bus.PutEvents, Machines: machines, Carrier: b.carrier,
		Control: b.control(), Log: b.terminal.logger("endpoint"), Now: time.Now,
	}))
	return nil
}

// describe resolves the outputs. What names the API's host names the local one.
func (b *bench) describe() (cloudformation.Stack, error) {
	stack := cloudformation.Stack{ID: b.resolver.StackID(), Name: b.stack.Name, Created: time.Now()}
	host := "https://" + b.apiID + ".execute-api." + b.region + ".amazonaws.com"
	var names []string
	for name := range b.stack.Outputs {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		output := b.stack.Outputs[name]
		value, err := b.resolver.Resolve(output.Value)
		if err != nil {
			return stack, fmt.Errorf("output %s: %w", name, err)
		}
		text := strings.ReplaceAll(fmt.Sprint(value), host, "http://"+b.apiListener.Addr().String())
		stack.Outputs = append(stack.Outputs, cloudformation.Output{OutputKey: name, OutputValue: text, Description: output.Description})
	}
	return stack, nil
}

// serve answers a listener until close.
func (b *bench) serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(b.log.Handler(), slog.LevelWarn)}
	b.running.Add(1)
	go func() {
		defer b.running.Done()
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			b.fail(err)
		}
	}()
	b.cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			server.Close() // what is still running is cut off
		}
	})
}

// background runs something until close; its error ends the run.
func (b *bench) background(what string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	b.running.Add(1)
	go func() {
		defer b.running.Done()
		if err := run(ctx); err != nil && ctx.Err() == nil {
			b.fail(fmt.Errorf("%s: %w", what, err))
		}
	}()
	b.cleanup(cancel)
}

func (b *bench) fail(err error) {
	select {
	case b.failed <- err:
	default: // the first one ends the run
	}
}

func (b *bench) closeFunctions() {
	var all sync.WaitGroup
	for _, f := range b.functions {
		all.Go(f.Close)
	}
	all.Wait()
}

func (b *bench) cleanup(end func()) { b.cleanups = append(b.cleanups, end) }

// close ends everything in the reverse order of its start.
func (b *bench) close() {
	for _, end := range slices.Backward(b.cleanups) {
		end()
	}
	b.cleanups = nil
	b.running.Wait()
}
