package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"payment-webhooks/local/apigateway"
	"payment-webhooks/local/assembly"
	"payment-webhooks/local/cloudformation"
	"payment-webhooks/local/cloudwatch"
	"payment-webhooks/local/egress"
	"payment-webhooks/local/endpoint"
	"payment-webhooks/local/events"
	"payment-webhooks/local/faults"
	"payment-webhooks/local/iam"
	"payment-webhooks/local/lambda"
	"payment-webhooks/local/logs"
	"payment-webhooks/local/moto"
	"payment-webhooks/local/provision"
	"payment-webhooks/local/schedule"
	"payment-webhooks/local/sns"
	"payment-webhooks/local/states"
	"payment-webhooks/local/xray"
)

// Options configure an emulator. Every field but EgressDir, Secrets, RemovedGrants, Quiet, FaultSeed and Faults
// is required.
type Options struct {
	CDKOut          string        // the synthesized cloud assembly
	BuildDir        string        // where built handlers are kept
	Region          string        // for a template that does not name one
	TimeScale       float64       // divides the waits between asynchronous retries, at least 1
	MaxEnvironments int           // processes per function, at least 1
	Secrets         []Secret      // to create in Secrets Manager
	RemovedGrants   []string      // ids of grants to take out of their policies
	EgressDir       string        // served to functions in place of the internet; empty: they reach what this machine reaches
	Quiet           bool          // print neither log lines nor the table of resources
	FaultSeed       uint64        // seeds the choices of faults
	Faults          []faults.Spec // to inject from the start

	Endpoint, API net.Listener // of the AWS endpoint and of the API
	Output        io.Writer    // the terminal
	Getenv        func(string) string
}

// Ready is what a program that started the local run needs to know of it.
type Ready struct {
	Endpoint string `json:"endpoint"` // the AWS endpoint's URL
	APIURL   string `json:"api_url"`  // the API's URL, with the stage
	PID      int    `json:"pid"`
	Stack    string `json:"stack"` // the stack's name
	Region   string `json:"region"`
}

// Emulator is one run of a template.
type Emulator struct {
	options  Options
	terminal *terminal
	log      *slog.Logger

	stack               *assembly.Stack
	resolver            *assembly.Resolver
	inertReasons        map[string]string // by logical id
	account, region     string
	endpointURL, apiURL string
	apiID, stageName    string

	plan          *provision.Plan
	policies      *iam.Policies
	functionSpecs []functionSpec
	api           *apigateway.API
	bus           *events.Bus
	defaultBus    *events.Bus // rules with a pattern; those with a schedule are in schedules
	deliveries    *events.Deliveries
	metrics       *cloudwatch.Store
	queueMetrics  *cloudwatch.Queues
	filters       *cloudwatch.Filters
	alarms        *cloudwatch.Alarms
	sns           *sns.Delivery
	faults        *faults.Set

	moto       *moto.Server
	egress     *egress.Stub // nil: functions reach what this machine reaches
	writer     *logs.Writer
	logTargets *logs.Delivery // EventBridge's
	traces     *xray.Daemon
	sampler    xray.Sampler
	functions  map[string]*lambda.Function // by name
	machines   map[string]*states.Machine  // by ARN
	mappings   map[string]mapping          // by UUID
	schedules  *schedule.Schedules

	failed   chan error // receives the first error that ends the run
	cleanups []func()
	running  sync.WaitGroup
}

// defaultAccount is the account of a template that does not name one.
const defaultAccount = "123456789012"

// New reads the assembly and starts nothing. The error lists everything unsupported in the
// template.
func New(o Options) (*Emulator, error) {
	t := &terminal{out: o.Output, quiet: o.Quiet}
	e := &Emulator{
		options: o, terminal: t, log: t.logger("local"), account: defaultAccount, region: o.Region,
		endpointURL: "http://" + o.Endpoint.Addr().String(),
		functions:   map[string]*lambda.Function{}, machines: map[string]*states.Machine{}, mappings: map[string]mapping{},
		failed: make(chan error, 1),
	}
	var err error
	if e.stack, err = assembly.Open(o.CDKOut); err != nil {
		return nil, err
	}
	if e.stack.Account != "" {
		e.account = e.stack.Account
	}
	if e.stack.Region != "" {
		e.region = e.stack.Region
	}
	e.resolver = assembly.NewResolver(e.stack, types, assembly.Env{Account: e.account, Region: e.region, Endpoint: e.endpointURL})
	e.inertReasons = types.InertReasons(e.stack, e.resolver)

	var errPlan, errPolicies, errFaults error
	problems := []error{types.Check(e.stack, e.resolver)}
	e.plan, errPlan = provision.New(e.stack, e.resolver)
	errPolicies = e.readPolicies()
	problems = append(problems, errPlan, errPolicies, e.planMetrics(), e.planFunctions())
	e.faults, errFaults = e.newFaults()
	problems = append(problems, e.planAPI(), e.planRules(), e.planMachines(), e.checkMappings())
	if err := assembly.Join(problems...); err != nil {
		return nil, fmt.Errorf("%s asks for what the local run does not support:\n%w", o.CDKOut, err)
	}
	if errFaults != nil {
		return nil, errFaults
	}
	e.apiURL = "http://" + o.API.Addr().String() + "/" + e.stageName
	return e, nil
}

// startTimeout bounds the start of moto and the creation of resources. It is generous for slow
// machines: a moto that exits instead of responding is noticed at once.
const startTimeout = 5 * time.Minute

// Start brings everything up. Close ends what was started, also after an error.
func (e *Emulator) Start(ctx context.Context) error {
	path, err := moto.Find(".", e.options.Getenv)
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if e.moto, err = moto.Start(waiting, path, e.account); err != nil {
		return err
	}
	e.cleanup(e.moto.Stop)
	e.cleanup(e.faults.Close)
	direct := e.configAt(e.moto.URL, userKey)
	if err := e.plan.Create(waiting, direct, e.resolver); err != nil {
		return err
	}
	if err := e.createSecrets(waiting, direct); err != nil {
		return err
	}
	// Policies are read again: now the ARN of the table's stream is known.
	if err := errors.Join(e.readPolicies(), e.checkDeployment()); err != nil {
		return err
	}
	report := func(err error) { e.log.Error("not recorded", "error", err) }
	e.writer = logs.NewWriter(cloudwatchlogs.NewFromConfig(direct), e.putMetrics, report)
	e.writer.Observe(e.filters.Logged)
	e.cleanup(e.writer.Close)
	e.logTargets = logs.NewDelivery(cloudwatchlogs.NewFromConfig(e.awsConfig(userKey, faults.Events)))
	e.traces = xray.New(report)
	e.cleanup(e.traces.Close)
	if dir := e.options.EgressDir; dir != "" {
		if e.egress, err = egress.Open(dir, e.options.Getenv("SSL_CERT_FILE"), e.terminal.logger("egress"), time.Now); err != nil {
			return fmt.Errorf("--egress %s: %w", dir, err)
		}
		e.cleanup(e.egress.Close)
	}
	e.sns = sns.NewDelivery(e.plan.Subscriptions, func(n sns.Notification) {
		e.terminal.line("alert", n.String())
		e.notified(n)
	})

	if err := e.startFunctions(ctx); err != nil {
		return err
	}
	e.cleanup(e.closeFunctions)
	readers, err := e.loadMappings() // before the endpoint reports their state
	if err != nil {
		return err
	}
	if err := e.serveEndpoint(); err != nil {
		return err
	}
	e.cleanup(e.deliveries.Close)
	e.cleanup(e.closeMachines)
	for id, read := range readers {
		e.background(id, read)
	}
	e.background("schedules", func(ctx context.Context) error { e.schedules.Run(ctx); return nil })
	e.background("alarms", e.alarms.Run)
	e.serve(apigateway.Listener(e.options.API), e.api)
	e.announceDeployment()
	return nil
}

// Ready returns what another program needs to use the emulator.
func (e *Emulator) Ready() Ready {
	return Ready{Endpoint: e.endpointURL, APIURL: e.apiURL, PID: os.Getpid(), Stack: e.stack.Name, Region: e.region}
}

// Wait returns nil when ctx ends, or an error when a part of the emulator fails before that.
func (e *Emulator) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		e.terminal.print("ending")
		e.printMisdirected()
		return nil
	case <-e.moto.Done():
		return e.moto.Err()
	case err := <-e.failed:
		// Without moto, everything else fails sooner or later: moto's error is the reason.
		if motoErr := e.moto.Err(); motoErr != nil {
			return motoErr
		}
		return err
	}
}

// Close ends everything in the reverse order of its start.
func (e *Emulator) Close() {
	for _, end := range slices.Backward(e.cleanups) {
		end()
	}
	e.cleanups = nil
	e.running.Wait()
}

func (e *Emulator) cleanup(end func()) { e.cleanups = append(e.cleanups, end) }

func (e *Emulator) serveEndpoint() error {
	motoURL, err := url.Parse(e.moto.URL)
	if err != nil {
		return err
	}
	stack, err := e.describe()
	if err != nil {
		return err
	}
	mappings := map[string]endpoint.Mapping{}
	for id, mapping := range e.mappings {
		mappings[id] = mapping
	}
	machines := map[string]endpoint.StateMachine{}
	for arn, machine := range e.machines {
		machines[arn] = machine
	}
	topics := map[string]bool{}
	for _, topic := range e.stack.ByType("AWS::SNS::Topic") {
		arn, err := e.resolver.Ref(topic.LogicalID)
		if err != nil {
			return err
		}
		topics[arn] = true
	}
	e.serve(e.options.Endpoint, endpoint.New(endpoint.Config{
		Moto: motoURL, Scope: e.scope(), Policies: e.policies, Stack: stack,
		Functions: e.functions, Bus: e.bus, Mappings: mappings, Machines: machines, SNS: e.sns, Topics: topics, Flush: e.writer.Flush, SQS: e.queueMetrics.Observed, Faults: e.faults,
		Control: e.control(), Log: e.terminal.logger("endpoint"), Now: time.Now,
	}))
	return nil
}

// describe resolves the stack's outputs. In an output that holds the API's host name, the
// local address replaces it.
func (e *Emulator) describe() (cloudformation.Stack, error) {
	stack := cloudformation.Stack{ID: e.resolver.StackID(), Name: e.stack.Name, Created: time.Now()}
	host := "https://" + e.apiID + ".execute-api." + e.region + ".amazonaws.com"
	var names []string
	for name := range e.stack.Outputs {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		output := e.stack.Outputs[name]
		value, err := e.resolver.Resolve(output.Value)
		if err != nil {
			return stack, fmt.Errorf("output %s: %w", name, err)
		}
		text := strings.ReplaceAll(fmt.Sprint(value), host, "http://"+e.options.API.Addr().String())
		stack.Outputs = append(stack.Outputs, cloudformation.Output{OutputKey: name, OutputValue: text, Description: output.Description})
	}
	for _, r := range e.resources() {
		stack.Resources = append(stack.Resources, cloudformation.Resource{LogicalID: r.LogicalID, PhysicalID: r.PhysicalID, Type: r.Type})
	}
	return stack, nil
}

// serve accepts connections until Close.
func (e *Emulator) serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{Handler: e.stamped(handler), ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(e.log.Handler(), slog.LevelWarn)}
	apigateway.KeepNames(server)
	e.running.Add(1)
	go func() {
		defer e.running.Done()
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			e.fail(err)
		}
	}()
	e.cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			server.Close() // requests that are still running are aborted
		}
	})
}

// background runs something until Close. Its error ends the run.
func (e *Emulator) background(what string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	e.running.Add(1)
	go func() {
		defer e.running.Done()
		if err := run(ctx); err != nil && ctx.Err() == nil {
			e.fail(fmt.Errorf("%s: %w", what, err))
		}
	}()
	e.cleanup(cancel)
}

func (e *Emulator) fail(err error) {
	select {
	case e.failed <- err:
	default: // an earlier error ends the run
	}
}
