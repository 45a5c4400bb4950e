package cloudwatch

import (
	"fmt"
	"strconv"
	"strings"
)

// State is the state of an alarm.
type State string

// States of an alarm.
const (
	OK               State = "OK"
	Alarm            State = "ALARM"
	InsufficientData State = "INSUFFICIENT_DATA"
)

// judge returns the state that data points lead to, and the reason. It returns "" when the
// state is retained. existing are newest first.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
func (a *alarm) judge(existing []datapoint) (State, string) {
	if len(existing) > a.EvaluationPeriods {
		existing = existing[:a.EvaluationPeriods]
	}
	filled := a.EvaluationPeriods - len(existing)
	breaching := 0
	for _, p := range existing {
		if a.breaches(p.value) {
			breaching++
		}
	}
	switch {
	case breaching >= a.datapoints:
		return Alarm, a.crossed(existing, true, breaching)
	case filled > 0 && a.TreatMissingData == treatBreaching && breaching+filled >= a.datapoints:
		return Alarm, a.crossed(existing, true, breaching)
	case filled == 0, a.TreatMissingData == treatBreaching, a.TreatMissingData == treatNotBreaching, breaching < len(existing):
		return OK, a.crossed(existing, false, len(existing)-breaching)
	}
	// Too few data points exist, each is breaching, and missing ones have no value.
	switch {
	case a.TreatMissingData == treatIgnore:
		return "", ""
	case len(existing) > 0 && existing[len(existing)-1].age+1 >= a.datapoints:
		// "designed to always go into ALARM state when the oldest available breaching datapoint
		// […] is at least as old as the value of Datapoints to Alarm, and all other more recent
		// data points are breaching or missing"
		return Alarm, a.crossed(existing, true, breaching)
	default:
		return InsufficientData, fmt.Sprintf("Insufficient Data: %s unknown.", counted(filled, "datapoint was", "datapoints were"))
	}
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// crossed is the reason for ALARM or OK, in CloudWatch's words. count is how many of the existing
// data points speak for the state.
func (a *alarm) crossed(existing []datapoint, breaching bool, count int) string {
	not, transition := "", "OK -> ALARM"
	if !breaching {
		not, transition = "not ", "ALARM -> OK"
	}
	if len(existing) == 0 {
		treated := "NonBreaching"
		if breaching {
			treated = "Breaching"
		}
		return fmt.Sprintf("Threshold Crossed: no datapoints were received for %s and %s treated as [%s].",
			counted(a.EvaluationPeriods, "period", "periods"), counted(a.EvaluationPeriods, "missing datapoint was", "missing datapoints were"), treated)
	}
	var values []string
	for _, p := range existing {
		values = append(values, fmt.Sprintf("%s (%s)", strconv.FormatFloat(p.value, 'f', -1, 64), p.start.time().Format("02/01/06 15:04:05")))
	}
	least := a.datapoints
	if !breaching {
		least = a.EvaluationPeriods - a.datapoints + 1
	}
	return fmt.Sprintf("Threshold Crossed: %d out of the last %s [%s] %s %s%s the threshold (%s) (minimum %s for %s transition).",
		count, counted(len(existing), "datapoint", "datapoints"), strings.Join(values, ", "), plural(count, "was", "were"), not,
		comparisons[a.ComparisonOperator].words, strconv.FormatFloat(a.Threshold, 'f', -1, 64), counted(least, "datapoint", "datapoints"), transition)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
