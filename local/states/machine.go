package states

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Limits of an EXPRESS execution: developer guide, "Step Functions service quotas".
const (
	maxDuration = 5 * time.Minute
	maxData     = 256 * 1024 // bytes of a task's, state's or execution's input or output
	maxRecent   = 1000       // executions that are listed: our own limit, AWS lists none of EXPRESS
)

// Errors of Start.
var (
	ErrInvalidInput = errors.New("InvalidExecutionInput")
	ErrInvalidName  = errors.New("InvalidName")
	ErrClosed       = errors.New("the state machine is closed")
)

// Config configures a machine. Now, NewID and Jitter are the real clock, random UUIDs
// and a random time up to its argument when nil.
type Config struct {
	ARN      string // arn:aws:states:REGION:ACCOUNT:stateMachine:NAME
	Services Services
	Logs     Logs // nil: nothing is logged
	// Metric receives the values of AWS/States; nil: they are not recorded. See metrics.go.
	Metric func(name string, value float64, at time.Time)
	// Observe receives each execution when it starts, without a history, and when it has ended; nil:
	// nobody looks.
	Observe func(Execution, []Step)
	Now     func() time.Time
	NewID   func() string
	Jitter  func(time.Duration) time.Duration // for JitterStrategy FULL
}

// Machine is a loaded state machine. It is safe for concurrent use.
type Machine struct {
	config     Config
	logicalID  string
	name       string
	properties Properties
	created    time.Time
	role       string
	states     *subMachine
	timeout    time.Duration
	log        logging

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	closed bool
	counts Counts
	recent []Execution // oldest first
}

// Counts counts executions, like the CloudWatch metrics ExecutionsStarted and so on.
type Counts struct{ Started, Succeeded, Failed, TimedOut, Aborted int }

// Status is how an execution ended, or RUNNING.
type Status string

// Statuses of an execution.
const (
	Running   Status = "RUNNING"
	Succeeded Status = "SUCCEEDED"
	Failed    Status = "FAILED"
	TimedOut  Status = "TIMED_OUT"
	Aborted   Status = "ABORTED" // the local run ended
)

// Execution describes one execution.
type Execution struct {
	ARN     string     `json:"executionArn"`
	Name    string     `json:"name"`
	Status  Status     `json:"status"`
	Started time.Time  `json:"startDate"`
	Stopped *time.Time `json:"stopDate,omitempty"`
	Error   string     `json:"error,omitempty"`
	Cause   string     `json:"cause,omitempty"`
	Input   string     `json:"input,omitempty"`
	Output  string     `json:"output,omitempty"`
}

// Load reads an AWS::StepFunctions::StateMachine. The error wraps ErrDefinition and
// lists everything that is invalid or not supported.
func Load(logicalID string, p Properties, c Config) (*Machine, error) {
	var problems []error
	if p.StateMachineType != "EXPRESS" {
		problems = append(problems, fmt.Errorf("StateMachineType %q is not supported", p.StateMachineType))
	}
	m, timeout, err := loadDefinition([]byte(p.DefinitionString))
	if err != nil {
		problems = append(problems, err)
	}
	log, err := newLogging(p.LoggingConfiguration)
	if err != nil {
		problems = append(problems, err)
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w %s: %w", ErrDefinition, logicalID, errors.Join(problems...))
	}
	if timeout == 0 || timeout > maxDuration {
		timeout = maxDuration
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.NewID == nil {
		c.NewID = uuid.NewString
	}
	if c.Jitter == nil {
		c.Jitter = randomUpTo
	}
	name := c.ARN[strings.LastIndex(c.ARN, ":")+1:]
	ctx, cancel := context.WithCancel(context.Background())
	return &Machine{
		config: c, logicalID: logicalID, name: name, properties: p, created: c.Now(), role: p.RoleArn, states: m, timeout: timeout, log: log,
		ctx: ctx, cancel: cancel,
	}, nil
}

// Description describes the machine.
// https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeStateMachine.html
type Description struct {
	ARN        string  `json:"stateMachineArn"`
	Name       string  `json:"name"`
	Status     string  `json:"status"`
	Definition string  `json:"definition"`
	RoleARN    string  `json:"roleArn"`
	Type       string  `json:"type"`
	Created    float64 `json:"creationDate"` // seconds since 1970
}

// Describe describes the machine, as DescribeStateMachine does.
func (m *Machine) Describe() Description {
	return Description{
		ARN: m.config.ARN, Name: m.name, Status: "ACTIVE", Definition: m.properties.DefinitionString, RoleARN: m.role,
		Type: m.properties.StateMachineType, Created: float64(m.created.UnixMilli()) / 1000,
	}
}

var executionName = regexp.MustCompile(`^[A-Za-z0-9_\-.]{1,80}$`)

// Start begins an execution and returns its ARN and start, as StartExecution does. The name
// "" gets a UUID. Names need not be unique: EXPRESS machines do not check. Errors are
// ErrInvalidInput, ErrInvalidName and ErrClosed.
func (m *Machine) Start(name string, input []byte) (executionARN string, started time.Time, err error) {
	x, err := m.begin(name, input)
	if err != nil {
		return "", time.Time{}, err
	}
	go m.run(x)
	return x.arn, x.started, nil
}

// Run executes the machine and returns the ended execution, as StartSyncExecution does.
func (m *Machine) Run(name string, input []byte) (Execution, error) {
	x, err := m.begin(name, input)
	if err != nil {
		return Execution{}, err
	}
	return m.run(x), nil
}

// Idle waits until no execution is running, or ctx ends.
func (m *Machine) Idle(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		m.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close aborts running executions and waits for them.
func (m *Machine) Close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.cancel()
	m.wg.Wait()
}

// Counts returns the counts since Load.
func (m *Machine) Counts() Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts
}

// Executions returns the most recent executions, oldest first: the running ones and up to
// 1 000 in all. Inputs, outputs and causes are left out unless data is true.
func (m *Machine) Executions(data bool) []Execution {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := append([]Execution(nil), m.recent...)
	if !data {
		for i := range all {
			all[i].Input, all[i].Output, all[i].Cause = "", "", ""
		}
	}
	return all
}

// execution is a running execution.
type execution struct {
	machine *Machine
	arn     string
	name    string
	started time.Time
	input   any
	text    string // the input as it was given
	context map[string]any
	history history
}

func (m *Machine) begin(name string, input []byte) (*execution, error) {
	if name == "" {
		name = m.config.NewID()
	}
	if !executionName.MatchString(name) {
		return nil, fmt.Errorf("%w: %q is not 1 to 80 letters, digits, dots, _ and -", ErrInvalidName, name)
	}
	if len(input) > maxData {
		return nil, fmt.Errorf("%w: %d bytes, %d are allowed", ErrInvalidInput, len(input), maxData)
	}
	value, err := decode(input)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidInput, err)
	}
	x := &execution{
		machine: m, name: name, started: m.config.Now().UTC(), input: value, text: string(input),
		// An EXPRESS execution's ARN ends in the name and an id of its own.
		arn: strings.Replace(m.config.ARN, ":stateMachine:", ":express:", 1) + ":" + name + ":" + m.config.NewID(),
	}
	x.context = map[string]any{
		"Execution": map[string]any{
			"Id": x.arn, "Input": value, "Name": name, "RoleArn": m.role, "StartTime": x.started.Format(contextTime),
		},
		"StateMachine": map[string]any{"Id": m.config.ARN, "Name": m.name},
	}
	x.history = history{execution: x}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	m.wg.Add(1)
	m.counts.Started++
	m.record("ExecutionsStarted", 1, x.started)
	m.recent = append(m.recent, Execution{ARN: x.arn, Name: name, Status: Running, Started: x.started, Input: x.text})
	if len(m.recent) > maxRecent {
		m.recent = m.recent[1:]
	}
	return x, nil
}

// contextTime is the format of times in the context object.
const contextTime = "2006-01-02T15:04:05.000Z"

func (m *Machine) run(x *execution) Execution {
	defer m.wg.Done()
	ctx, cancel := context.WithTimeout(m.ctx, m.timeout)
	defer cancel()
	m.observe(Execution{ARN: x.arn, Name: x.name, Status: Running, Started: x.started, Input: x.text}, nil)
	x.history.add("ExecutionStarted", details{"input": x.text, "roleArn": m.role})
	output, failure := x.execute(ctx, m.states, x.input)

	stopped := m.config.Now().UTC()
	end := Execution{ARN: x.arn, Name: x.name, Status: Succeeded, Started: x.started, Stopped: &stopped, Input: x.text}
	switch {
	case m.ctx.Err() != nil:
		end.Status = Aborted
		x.history.add("ExecutionAborted", details{})
	case failure != nil && ctx.Err() != nil:
		end.Status, end.Error = TimedOut, errTimeout
		x.history.add("ExecutionTimedOut", details{})
	case failure != nil:
		end.Status, end.Error, end.Cause = Failed, failure.Error, failure.Cause
		x.history.add("ExecutionFailed", details{"error": failure.Error, "cause": failure.Cause})
	default:
		end.Output = encode(output)
		x.history.add("ExecutionSucceeded", details{"output": end.Output})
	}
	m.finish(end)
	m.observe(end, x.history.steps)
	return end
}

func (m *Machine) observe(x Execution, steps []Step) {
	if m.config.Observe != nil {
		m.config.Observe(x, steps)
	}
}

func (m *Machine) finish(end Execution) {
	m.recordEnd(end)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch end.Status {
	case Succeeded:
		m.counts.Succeeded++
	case Failed:
		m.counts.Failed++
	case TimedOut:
		m.counts.TimedOut++
	default:
		m.counts.Aborted++
	}
	for i := range m.recent {
		if m.recent[i].ARN == end.ARN {
			m.recent[i] = end
		}
	}
}
