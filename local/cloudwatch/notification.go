package cloudwatch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// stateTime is the format of times in a notification.
const stateTime = "2006-01-02T15:04:05.000-0700"

// maxSubject is the length of a subject that SNS accepts.
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
const maxSubject = 100

// notification returns the subject and message that CloudWatch publishes for a transition. In both,
// CloudWatch writes the region's long name ("US East (N. Virginia)"); here it is its code.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
func (a *alarm) notification(account, region string, created minute, before, after transition) (subject string, message []byte) {
	type dimension struct {
		Value string `json:"value"`
		Name  string `json:"name"`
	}
	dimensions := func(all []Dimension) []dimension {
		list := []dimension{}
		for _, d := range all {
			list = append(list, dimension{d.Value, d.Name})
		}
		return list
	}
	actions := func(arns []string) []string { return append([]string{}, arns...) } // [] rather than null

	trigger := map[string]any{
		"Period": a.period * 60, "EvaluationPeriods": a.EvaluationPeriods, "DatapointsToAlarm": a.datapoints,
		"ComparisonOperator": a.ComparisonOperator, "Threshold": a.Threshold, "TreatMissingData": a.TreatMissingData,
		"EvaluateLowSampleCountPercentile": "",
	}
	if a.Metrics == nil {
		trigger["Namespace"], trigger["MetricName"], trigger["Dimensions"], trigger["Unit"] = a.Namespace, a.MetricName, dimensions(a.Dimensions), nil
		trigger["StatisticType"], trigger["Statistic"] = "Statistic", strings.ToUpper(a.Statistic)
		if a.ExtendedStatistic != "" {
			delete(trigger, "Statistic")
			trigger["StatisticType"], trigger["ExtendedStatistic"] = "ExtendedStatistic", a.ExtendedStatistic
		}
	} else {
		var metrics []map[string]any
		for _, q := range a.Metrics {
			one := map[string]any{"Id": q.ID, "ReturnData": q.ID == a.watched}
			if q.Label != "" {
				one["Label"] = q.Label
			}
			if s := q.MetricStat; s == nil {
				one["Expression"] = q.Expression
			} else {
				one["MetricStat"] = map[string]any{
					"Metric": map[string]any{"Namespace": s.Metric.Namespace, "MetricName": s.Metric.MetricName, "Dimensions": dimensions(s.Metric.Dimensions)},
					"Period": s.Period, "Stat": s.Stat,
				}
			}
			metrics = append(metrics, one)
		}
		trigger["Metrics"] = metrics
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // the reason has a "->"
	_ = encoder.Encode(struct {  // texts and numbers always marshal
		AlarmName, AlarmDescription, AWSAccountId, AlarmConfigurationUpdatedTimestamp string
		NewStateValue                                                                 State
		NewStateReason, StateChangeTime, Region, AlarmArn                             string
		OldStateValue                                                                 State
		OKActions, AlarmActions, InsufficientDataActions                              []string
		Trigger                                                                       map[string]any
	}{
		a.AlarmName, a.AlarmDescription, account, created.time().Format(stateTime),
		after.state, after.reason, after.at.time().Format(stateTime), region, a.arn,
		before.state, actions(a.OKActions), actions(a.AlarmActions), actions(a.InsufficientDataActions), trigger,
	})
	subject = fmt.Sprintf("%s: %q in %s", after.state, a.AlarmName, region)
	return subject[:min(len(subject), maxSubject)], bytes.TrimSpace(text.Bytes())
}
