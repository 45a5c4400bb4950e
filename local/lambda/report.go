package lambda

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The lines that the platform adds to a function's log, in the function's log
// format.
// https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html

type platformLine struct {
	Time   string         `json:"time"`
	Type   string         `json:"type"`
	Record map[string]any `json:"record"`
}

// platform writes a line in a JSON log, if its level is written: failed says that it is WARN,
// as lines about failures and timeouts are, and not INFO.
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
func (e *environment) platform(event string, failed bool, record map[string]any) {
	if e.config.SystemWarnings && !failed {
		return
	}
	line, _ := json.Marshal(platformLine{time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), event, record}) // texts and numbers always marshal
	e.output.emit(string(line))
}

func (e *environment) logStart(requestID string) {
	if e.config.JSONLogs {
		e.platform("platform.start", false, map[string]any{"requestId": requestID, "version": "$LATEST"})
		return
	}
	e.output.emit("START RequestId: " + requestID + " Version: $LATEST")
}

// logFailure logs the error of an invocation that the runtime did not respond to. In JSON logs,
// platform.report has it.
func (e *environment) logFailure(r result, requestID string) {
	var failure struct{ ErrorType, ErrorMessage string }
	_ = json.Unmarshal(r.payload, &failure) // a body that is not a JSON object has no type
	if e.config.JSONLogs || !strings.HasPrefix(failure.ErrorMessage, "RequestId: "+requestID) {
		return
	}
	e.output.emit(fmt.Sprintf("%s %s", requestID, strings.TrimPrefix(failure.ErrorMessage, "RequestId: "+requestID+" ")))
}

func (e *environment) logReport(requestID, traceID string, duration, initDuration time.Duration, memoryMB int, status string) {
	milliseconds := func(d time.Duration) float64 { return math.Round(float64(d)/1e4) / 100 }
	billed := math.Ceil(milliseconds(duration + initDuration))
	root, _, _ := strings.Cut(strings.TrimPrefix(traceID, "Root="), ";")
	if e.config.JSONLogs {
		metrics := map[string]any{
			"durationMs": milliseconds(duration), "billedDurationMs": billed,
			"memorySizeMB": e.config.MemoryMB, "maxMemoryUsedMB": memoryMB,
		}
		if initDuration > 0 {
			metrics["initDurationMs"] = milliseconds(initDuration)
		}
		record := map[string]any{"requestId": requestID, "metrics": metrics, "status": status}
		if root != "" {
			record["tracing"] = map[string]any{"type": "X-Amzn-Trace-Id", "value": traceID}
		}
		e.platform("platform.report", status != "success", record)
		return
	}
	e.output.emit("END RequestId: " + requestID)
	report := fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %.0f ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		requestID, milliseconds(duration), billed, e.config.MemoryMB, memoryMB)
	if initDuration > 0 {
		report += fmt.Sprintf("Init Duration: %.2f ms\t", milliseconds(initDuration))
	}
	if status != "success" {
		report += "Status: " + status + "\t"
	}
	if root != "" {
		report += "\nXRAY TraceId: " + root + "\tSampled: " + strconv.FormatBool(strings.HasSuffix(traceID, ";Sampled=1")) + "\t"
	}
	e.output.emit(report)
}
