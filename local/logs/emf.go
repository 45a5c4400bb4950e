package logs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Metric is one value of a metric, for CloudWatch's PutMetricData.
type Metric struct {
	Namespace, Name, Unit string
	At                    time.Time
	Dimensions            [][2]string // name and value
	Value                 float64
}

// embeddedMetrics returns the metrics of a log line in embedded metric format, none of another
// line. A line that breaks the format's rules is an error, where CloudWatch would only count
// EMFParsingErrors.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func embeddedMetrics(line []byte) ([]Metric, error) {
	if !bytes.HasPrefix(line, []byte("{")) || !bytes.Contains(line, []byte(`"_aws"`)) {
		return nil, nil
	}
	var root map[string]json.RawMessage
	if json.Unmarshal(line, &root) != nil || root["_aws"] == nil {
		return nil, nil //nolint:nilerr // a line that is no JSON object has no metrics
	}
	var meta struct {
		Timestamp         int64 // milliseconds since 1970
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	}
	if err := json.Unmarshal(root["_aws"], &meta); err != nil {
		return nil, fmt.Errorf("embedded metric format: _aws: %w", err)
	}
	at := time.UnixMilli(meta.Timestamp)

	var found []Metric
	for _, directive := range meta.CloudWatchMetrics {
		for _, definition := range directive.Metrics {
			values, err := numbers(root[definition.Name])
			if err != nil {
				return nil, fmt.Errorf("embedded metric format: metric %s: %w", definition.Name, err)
			}
			for _, set := range directive.Dimensions {
				var dimensions [][2]string
				for _, name := range set {
					var value string
					if err := json.Unmarshal(root[name], &value); err != nil {
						return nil, fmt.Errorf("embedded metric format: dimension %s is not a string in the root", name)
					}
					dimensions = append(dimensions, [2]string{name, value})
				}
				for _, value := range values {
					found = append(found, Metric{directive.Namespace, definition.Name, definition.Unit, at, dimensions, value})
				}
			}
		}
	}
	return found, nil
}

// numbers returns a metric's values: one number, or a list of up to 100.
func numbers(raw json.RawMessage) ([]float64, error) {
	var one float64
	if json.Unmarshal(raw, &one) == nil {
		return []float64{one}, nil
	}
	var many []float64
	if err := json.Unmarshal(raw, &many); err != nil || len(many) > 100 {
		return nil, fmt.Errorf("want a number or up to 100 numbers, got %s", raw)
	}
	return many, nil
}
