package events

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// LogEvent returns the log event that a CloudWatch Logs target writes for a payload. A
// payload of an input transformer is an object {"timestamp": …, "message": …} (user
// guide, eb-transform-target-input, "Amazon CloudWatch log group"): timestamp is RFC 3339
// or milliseconds since the epoch, message is a string. Any other payload is the
// message unchanged, at the time of the event, or at now when it has none.
//
// The error is a permanent *DeliveryError: the template cannot yield a log event.
func LogEvent(payload []byte, now time.Time) (message string, at time.Time, err error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(payload, &fields) != nil {
		return string(payload), now, nil //nolint:nilerr // a payload that is no JSON object is the message
	}
	raw, ok := fields["message"]
	if _, timed := fields["timestamp"]; !ok || !timed || len(fields) != 2 {
		at, err := logTime(fields["time"])
		if err != nil {
			at = now
		}
		return string(payload), at, nil
	}
	if err := json.Unmarshal(raw, &message); err != nil {
		return "", now, invalidLogEvent(fmt.Errorf("message is not a string: %w", err))
	}
	if at, err = logTime(fields["timestamp"]); err != nil {
		return "", now, invalidLogEvent(err)
	}
	return message, at, nil
}

func invalidLogEvent(err error) error {
	return &DeliveryError{Code: CodeInvalidParam, Message: "the target's input is not a log event: " + err.Error(), Permanent: true}
}

func logTime(raw json.RawMessage) (time.Time, error) {
	if ms, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return time.UnixMilli(ms), nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return time.Time{}, fmt.Errorf("timestamp is neither RFC 3339 nor milliseconds: %w", err)
	}
	return time.Parse(time.RFC3339, text)
}
