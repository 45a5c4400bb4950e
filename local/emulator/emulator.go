package emulator

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"payment-webhooks/local/apigateway"
	"payment-webhooks/local/assembly"
	"payment-webhooks/local/cloudwatch"
	"payment-webhooks/local/endpoint"
	"payment-webhooks/local/events"
	"payment-webhooks/local/faults"
	"payment-webhooks/local/flow"
	"payment-webhooks/local/iam"
	"payment-webhooks/local/lambda"
	"payment-webhooks/local/logs"
	"payment-webhooks/local/provision"
	"payment-webhooks/local/schedule"
	"payment-webhooks/local/sns"
	"payment-webhooks/local/states"
)

// Emulator runs one template. It outlives neither an update of the stack nor its deletion: what
// does is in shared.
type Emulator struct {
	*shared

	stack            *assembly.Stack
	resolver         *assembly.Resolver
	inertReasons     map[string]string // by logical id
	apiURL           string
	apiID, stageName string
	apiDimensions    []string          // of AWS/ApiGateway
	logicalIDs       map[string]string // of functions and topics, by ARN

	plan          *provision.Plan
	policies      *iam.Policies
	functionSpecs []functionSpec
	api           *apigateway.API // nil: the stack is empty
	bus           *events.Bus
	defaultBus    *events.Bus // rules with a pattern; those with a schedule are in schedules
	deliveries    *events.Deliveries
	retentions    map[string]time.Duration // of queues, by name
	filters       *cloudwatch.Filters
	alarms        *cloudwatch.Alarms
	tables        *cloudwatch.Tables
	dashboard     *cloudwatch.View
	sns           *sns.Delivery

	endpoint   *endpoint.Endpoint
	writer     *logs.Writer
	logTargets *logs.Delivery                         // EventBridge's
	functions  map[string]*lambda.Function            // by name
	machines   map[string]*states.Machine             // by ARN
	mappings   map[string]mapping                     // by UUID
	readers    map[string]func(context.Context) error // of mappings, by logical id
	schedules  *schedule.Schedules

	passed      tally // what passed the page's arrows, where nothing else counts it
	queueDepths queueDepths
	flowBase    map[string]int // what flowCounts does not count of grants, by id

	flow     *flow.View
	requests sync.WaitGroup // of the API, under way
	ended    chan struct{}  // closed when the page's streams of updates are to end
	endOnce  sync.Once
	cleanups []func()
	running  sync.WaitGroup
	reading  reading
}

// newEmulator plans what runs the template, and starts nothing. The error lists everything
// unsupported in the template.
func newEmulator(s *shared, stack *assembly.Stack, resolver *assembly.Resolver) (*Emulator, error) {
	e := &Emulator{
		shared: s, stack: stack, resolver: resolver, inertReasons: types.InertReasons(stack, resolver), retentions: map[string]time.Duration{},
		functions: map[string]*lambda.Function{}, machines: map[string]*states.Machine{}, mappings: map[string]mapping{},
		ended: make(chan struct{}), logicalIDs: map[string]string{},
	}
	for _, f := range stack.ByType("AWS::Lambda::Function") {
		if arn, err := resolver.Att(f.LogicalID, "Arn"); err == nil {
			e.logicalIDs[arn] = f.LogicalID
		}
	}
	for _, topic := range stack.ByType("AWS::SNS::Topic") {
		if arn, err := resolver.Ref(topic.LogicalID); err == nil {
			e.logicalIDs[arn] = topic.LogicalID
		}
	}
	var errPlan error
	problems := []error{types.Check(e.stack, e.resolver)}
	e.plan, errPlan = provision.New(e.stack, e.resolver)
	problems = append(problems, errPlan, e.readPolicies(), e.planMetrics(), e.planFunctions())
	problems = append(problems, e.planAPI(), e.planRules(), e.planMachines(), e.checkMappings())
	e.apiURL = "http://" + e.options.API.Addr().String() + "/" + e.stageName
	return e, assembly.Join(problems...)
}

// start makes everything ready, and puts nothing into service: that is run's. Close ends what was
// started, also after an error.
func (e *Emulator) start(ctx context.Context) error {
	direct := e.configAt(e.moto.URL, userKey)
	// Policies are read again: now the ARN of the table's stream is known.
	if err := errors.Join(e.readPolicies(), e.checkDeployment()); err != nil {
		return err
	}
	e.writer = logs.NewWriter(cloudwatchlogs.NewFromConfig(direct), e.putMetrics, e.notRecorded)
	e.writer.Observe(e.filters.Logged)
	e.cleanup(e.writer.Close)
	e.logTargets = logs.NewDelivery(cloudwatchlogs.NewFromConfig(e.awsConfig(userKey, faults.Events)))
	e.sns = sns.NewDelivery(e.plan.Subscriptions, func(n sns.Notification) {
		e.terminal.line("alert", n.String())
		e.notified(n)
		e.record.Notification(n)
	})
	e.cleanup(e.closeFunctions)
	if err := e.startFunctions(ctx); err != nil {
		return err
	}
	var err error
	if e.readers, err = e.loadMappings(); err != nil { // before the endpoint reports their state
		return err
	}
	if err := e.openEndpoint(); err != nil {
		return err
	}
	e.cleanup(e.deliveries.Close)
	e.cleanup(e.closeMachines)
	return nil
}

// run begins what the emulator does by itself: it reads sources, fires schedules and evaluates
// alarms.
func (e *Emulator) run() {
	e.cleanup(e.reading.end)
	for id, read := range e.readers {
		e.reading.begin(e, id, read)
	}
	e.background("schedules", func(ctx context.Context) error { e.schedules.Run(ctx); return nil })
	e.background("alarms", e.alarms.Run)
}

// endStreams ends the page's streams of updates, which otherwise end when the browser goes away.
func (e *Emulator) endStreams() { e.endOnce.Do(func() { close(e.ended) }) }

// Close ends everything in the reverse order of its start.
func (e *Emulator) Close() {
	e.endStreams()
	for _, end := range slices.Backward(e.cleanups) {
		end()
	}
	e.cleanups = nil
	e.running.Wait()
}

func (e *Emulator) cleanup(end func()) { e.cleanups = append(e.cleanups, end) }

func (e *Emulator) openEndpoint() error {
	motoURL, err := url.Parse(e.moto.URL)
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
	view, err := e.flowView()
	if err != nil {
		return err
	}
	e.flow = view
	e.endpoint = endpoint.New(endpoint.Config{
		Moto: motoURL, Scope: e.scope(), Policies: e.policies, Stacks: e.stacks, Image: e.hasImage,
		Functions: e.functions, Bus: e.bus, Mappings: mappings, Machines: machines, SNS: e.sns, Topics: topics, Flush: e.writer.Flush, SQS: e.queueMetrics.Observed, DynamoDB: e.tables.Observed, Faults: e.faults,
		Control: e.control(), Log: e.terminal.logger("endpoint"), Now: time.Now,
	})
	return nil
}

// localAddress replaces the API's host name, in an output, by the local address.
func (e *Emulator) localAddress(text string) string {
	host := "https://" + e.apiID + ".execute-api." + e.region + ".amazonaws.com"
	return strings.ReplaceAll(text, host, "http://"+e.options.API.Addr().String())
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
