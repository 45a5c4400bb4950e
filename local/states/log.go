package states

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Logs takes the execution log.
type Logs interface {
	// Write appends one event, a JSON object without a line break, to the log group. The
	// ARN is the one of the template, usually with ":*" at its end.
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

// logging says what is logged, and where to.
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

// details are the details of an event. Without execution data, those of dataDetails are left out.
type details map[string]any

var dataDetails = []string{"input", "output", "parameters"}

// journal numbers and writes the events of an execution. Events that are not logged are
// numbered too, as on AWS. An event's previous one is the one before it in time; AWS names the
// one in the same branch.
type journal struct {
	execution *execution
	mu        sync.Mutex
	last      int
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

func (j *journal) write(event string, d details) {
	j.mu.Lock()
	defer j.mu.Unlock()
	m := j.execution.machine
	j.last++
	if m.config.Logs == nil || !m.log.wants(event) {
		return
	}
	shown := details{}
	for name, value := range d {
		if !slices.Contains(dataDetails, name) {
			shown[name] = value
			continue
		}
		if m.log.data {
			// Data is in the log as the text of its JSON.
			if s, ok := value.(string); ok && strings.HasPrefix(event, "Execution") {
				shown[name] = s
			} else {
				shown[name] = encode(value)
			}
			shown[name+"Details"] = map[string]bool{"truncated": false}
		}
	}
	at := m.config.Now()
	text, _ := json.Marshal(logEvent{ // strings and JSON encode
		ID: strconv.Itoa(j.last), Type: event, Details: shown, RedriveCount: "0",
		PreviousEventID: strconv.Itoa(j.last - 1), EventTimestamp: strconv.FormatInt(at.UnixMilli(), 10), ExecutionARN: j.execution.arn,
	})
	m.config.Logs.Write(m.log.group, at, text)
}

// scheduled writes that a task begins: TaskScheduled and TaskStarted, or their
// LambdaFunction counterparts.
func (j *journal) scheduled(t *task, parameters any) {
	if t.service == plainFunction {
		j.write("LambdaFunctionScheduled", details{"resource": t.function, "input": parameters})
		j.write("LambdaFunctionStarted", details{})
		return
	}
	j.write("TaskScheduled", details{"resourceType": t.service, "resource": t.action, "parameters": parameters})
	j.write("TaskStarted", details{"resourceType": t.service, "resource": t.action})
}

// ended writes how a task ended.
func (j *journal) ended(t *task, result any, failure *Failure) {
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
		d["error"], d["cause"] = failure.Error, failure.Cause
	default:
		event += "Failed"
		d["error"], d["cause"] = failure.Error, failure.Cause
	}
	j.write(event, d)
}

func number(n int) json.Number { return json.Number(strconv.Itoa(n)) }
