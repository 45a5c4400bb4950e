package cloudwatch

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var labelPart = regexp.MustCompile(`\$\{([^}]*)\}`)

// labelled are what a dynamic label may refer to.
type labelled struct {
	label  string // what ${LABEL} is
	values []float64
	metric Metric
	stat   string
	period int64 // seconds
}

// checkLabel returns an error if a label has a part that is not supported.
func checkLabel(label string) error {
	for _, part := range labelPart.FindAllStringSubmatch(label, -1) {
		if _, known := labelValue(part[1], labelled{}); !known {
			return fmt.Errorf("the label's %s %w", part[0], errNotSupported)
		}
	}
	return nil
}

// render replaces the parts of a dynamic label.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/graph-dynamic-labels.html
func (l labelled) render(label string) string {
	return labelPart.ReplaceAllStringFunc(label, func(part string) string {
		text, _ := labelValue(part[2:len(part)-1], l)
		return text
	})
}

var labelProperty = regexp.MustCompile(`^PROP\('([^']+)'\)$`)

func labelValue(name string, l labelled) (text string, known bool) {
	if property := labelProperty.FindStringSubmatch(name); property != nil {
		return l.property(property[1])
	}
	if name == "LABEL" {
		return l.label, true
	}
	of := map[string]string{"SUM": "Sum", "AVG": "Average", "MIN": "Minimum", "MAX": "Maximum", "DATAPOINT_COUNT": "SampleCount"}[name]
	if of == "" && name != "FIRST" && name != "LAST" {
		return "", false
	}
	var b bucket
	for _, v := range l.values {
		b.add(v, false)
	}
	var result float64
	switch {
	case len(l.values) == 0:
		return "--", true
	case name == "FIRST":
		result = l.values[0]
	case name == "LAST":
		result = l.values[len(l.values)-1]
	default:
		s, err := parseStatistic(of)
		if err != nil {
			return "", false
		}
		result = s.of(b)
	}
	return strconv.FormatFloat(result, 'g', 6, 64), true
}

func (l labelled) property(name string) (text string, known bool) {
	namespace, metric, dimensions := "", "", []Dimension(nil)
	if l.metric != (Metric{}) {
		namespace, metric, dimensions = l.metric.parts()
	}
	switch name {
	case "Namespace":
		return namespace, true
	case "MetricName":
		return metric, true
	case "Stat":
		return l.stat, true
	case "Period":
		return strconv.FormatInt(l.period, 10), true
	}
	dimension, is := strings.CutPrefix(name, "Dim.")
	for _, d := range dimensions {
		if d.Name == dimension {
			return d.Value, true
		}
	}
	return "", is
}
