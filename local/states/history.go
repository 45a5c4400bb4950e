package states

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Logs receives the execution history.
type Logs interface {
	// Write appends one event, a JSON object without a line break, to the log group. The ARN
	// is the template's, usually with ":*" at its end.
	Write(logGroupARN string, at time.Time, event []byte)
}

// LoggingProperties is a state machine's LoggingConfiguration.
type LoggingProperties struct {
	Level                string
	IncludeExecutionData bool
	Destinations         []struct {
		CloudWatchLogsLogGroup *struct{ LogGroupArn string }
	}
}

// logging says which events are logged, and to which log group.
type logging struct {
	level string
	data  bool
	group string
}

// The events of the levels FATAL and, in addition, ERROR: developer guide, "Using
// CloudWatch Logs to log execution history" (cloudwatch-log-level).
var (
	fatalEvents = []string{"ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut"}
	errorEvents = []string{
		"FailStateEntered", "LambdaFunctionFailed", "LambdaFunctionTimedOut", "ParallelStateFailed",
		"TaskFailed", "TaskTimedOut",
	}
)

func newLogging(p *LoggingProperties) (logging, error) {
	if p == nil || p.Level == "" || p.Level == "OFF" {
		return logging{level: "OFF"}, nil
	}
	if !slices.Contains([]string{"ALL", "ERROR", "FATAL"}, p.Level) {
		return logging{}, fmt.Errorf("the log level %s does not exist", p.Level)
	}
	if len(p.Destinations) != 1 || p.Destinations[0].CloudWatchLogsLogGroup == nil {
		return logging{}, errors.New("LoggingConfiguration needs one log group as its destination")
	}
	return logging{p.Level, p.IncludeExecutionData, p.Destinations[0].CloudWatchLogsLogGroup.LogGroupArn}, nil
}

func (l logging) wants(event string) bool {
	switch l.level {
	case "ALL":
		return true
	case "ERROR":
		return slices.Contains(fatalEvents, event) || slices.Contains(errorEvents, event)
	case "FATAL":
		return slices.Contains(fatalEvents, event)
	default:
		return false
	}
}

// details are the details of an event. Those of dataDetails are logged only when execution data
// is included.
type details map[string]any

var dataDetails = []string{"input", "output", "parameters"}

// history is the execution history: it numbers the events of an execution and logs those of the
// level. Events that are not logged are numbered too, as on AWS. previous_event_id is the previous
// event in time; on AWS it is the previous one in the same branch. The first state's is 0, as
// localstack/localstack recorded it on AWS in test_logs.
type history struct {
	execution *execution
	mu        sync.Mutex
	last      int
	steps     []Step // for Config.Observe; nil without one
}

// Step is an event of an execution's history, without data.
type Step struct {
	At    time.Time `json:"at"`
	Type  string    `json:"type"`  // TaskStateEntered, LambdaFunctionFailed, …
	State string    `json:"state"` // "" for an event of the execution
	Error string    `json:"error,omitempty"`
	Cause string    `json:"cause,omitempty"`
}

func (h *history) step(state, event string, d details) {
	s := Step{At: h.execution.machine.config.Now(), Type: event, State: state}
	s.Error, _ = d["error"].(string)
	s.Cause, _ = d["cause"].(string)
	if name, is := d["name"].(string); is {
		s.State = name
	}
	h.steps = append(h.steps, s)
}

type logEvent struct {
	ID              string  `json:"id"`
	Type            string  `json:"type"`
	Details         details `json:"details"`
	RedriveCount    string  `json:"redrive_count"`
	PreviousEventID string  `json:"previous_event_id"`
	EventTimestamp  string  `json:"event_timestamp"` // milliseconds since the epoch
	ExecutionARN    string  `json:"execution_arn"`
}

// add adds an event and returns its id.
func (h *history) add(event string, d details) int { return h.addIn("", event, d) }

// addIn adds an event of a state that its details do not name.
func (h *history) addIn(state, event string, d details) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.execution.machine
	h.last++
	if m.config.Observe != nil {
		h.step(state, event, d)
	}
	if m.config.Logs == nil || !m.log.wants(event) {
		return h.last
	}
	shown := details{}
	for name, value := range d {
		if name == "cause" && value == "" {
			continue // an error without a cause
		}
		if !slices.Contains(dataDetails, name) {
			shown[name] = value
			continue
		}
		if m.log.data {
			// Data is logged as JSON text.
			if s, ok := value.(string); ok && strings.HasPrefix(event, "Execution") {
				shown[name] = s
			} else {
				shown[name] = encode(value)
			}
			shown[name+"Details"] = map[string]bool{"truncated": false}
		}
	}
	previous := h.last - 1
	if h.last == 2 {
		previous = 0
	}
	at := m.config.Now()
	text, _ := json.Marshal(logEvent{ // strings and JSON encode
		ID: strconv.Itoa(h.last), Type: event, Details: shown, RedriveCount: "0",
		PreviousEventID: strconv.Itoa(previous), EventTimestamp: strconv.FormatInt(at.UnixMilli(), 10), ExecutionARN: h.execution.arn,
	})
	m.config.Logs.Write(m.log.group, at, text)
	return h.last
}

// taskScheduled adds the events of a task's start: TaskScheduled and TaskStarted, or their
// LambdaFunction counterparts.
func (h *history) taskScheduled(state string, t *task, parameters any) {
	scheduled := details{}
	if t.timeout > 0 {
		scheduled["timeoutInSeconds"] = t.timeout / time.Second
	}
	if t.service == plainFunction {
		scheduled["resource"], scheduled["input"] = t.function, parameters
		h.addIn(state, "LambdaFunctionScheduled", scheduled)
		h.addIn(state, "LambdaFunctionStarted", details{})
		return
	}
	scheduled["resourceType"], scheduled["resource"], scheduled["parameters"] = t.service, t.action, parameters
	scheduled["region"] = strings.Split(h.execution.machine.config.ARN+":::", ":")[3]
	h.addIn(state, "TaskScheduled", scheduled)
	h.addIn(state, "TaskStarted", details{"resourceType": t.service, "resource": t.action})
}

// taskEnded adds the event of a task's end.
func (h *history) taskEnded(state string, t *task, result any, failure *Failure) {
	event, d := "Task", details{"resourceType": t.service, "resource": t.action}
	if t.service == plainFunction {
		event, d = "LambdaFunction", details{}
	}
	switch {
	case failure == nil:
		event += "Succeeded"
		d["output"] = result
	case failure.Error == errTimeout:
		event += "TimedOut"
		d["error"] = failure.Error
	default:
		event += "Failed"
		d["error"], d["cause"] = failure.Error, cmp.Or(failure.Cause, failure.reason)
	}
	h.addIn(state, event, d)
}
