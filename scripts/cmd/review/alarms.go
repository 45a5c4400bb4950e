package main

import (
	"maps"
	"math"
	"slices"
	"strings"
)

// alarms reports alarms that are removed or loosened, and who is no longer told.
func (c *comparison) alarms() {
	byName := map[string]bool{} // of the alarms after the change
	for _, r := range c.after.Resources {
		if isAlarm(r) {
			byName[r.name()] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.changes)) {
		ch := c.changes[id]
		r := ch.resource()
		switch {
		case isAlarm(r):
			c.alarm(ch, byName)
		case r.Type == "AWS::SNS::Subscription":
			c.subscription(ch)
		case r.Type == "AWS::Logs::MetricFilter" && ch.action == removed:
			c.add(alarms, worsens, r, "REMOVED: a metric filter, so alarms on its metric hear nothing", show(r.Properties["FilterPattern"]), "")
		case r.Type == "AWS::Logs::MetricFilter" && ch.action != added:
			c.add(alarms, changes, r, "a metric filter changes", ch.values(true), ch.values(false))
		case r.Type == "AWS::SNS::Topic" && ch.action == updated && !same(ch.before.Properties["Subscription"], ch.after.Properties["Subscription"]):
			c.add(alarms, worsens, r, "subscriptions of the topic change", show(ch.before.Properties["Subscription"]), show(ch.after.Properties["Subscription"]))
		}
	}
}

func isAlarm(r *resource) bool {
	return r.Type == "AWS::CloudWatch::Alarm" || r.Type == "AWS::CloudWatch::CompositeAlarm" || r.Type == "AWS::CloudWatch::AnomalyDetector"
}

func (c *comparison) alarm(ch *change, byName map[string]bool) {
	switch ch.action {
	case added:
		return // counted
	case removed:
		if byName[ch.before.name()] {
			c.add(alarms, changes, ch.before, "another alarm of the same name takes its place", ringsWhen(ch.before), "")
			return
		}
		c.add(alarms, worsens, ch.before, "REMOVED", ringsWhen(ch.before), "")
		return
	}
	for _, name := range ch.properties {
		before, after := ch.before.Properties[name], ch.after.Properties[name]
		what, d := c.alarmProperty(ch, name, before, after)
		if what != "" {
			c.add(alarms, d, ch.after, what, name+": "+show(before), name+": "+show(after))
		}
	}
}

// ringsWhen says when an alarm rings.
func ringsWhen(r *resource) string {
	p := r.Properties
	if rule := p["AlarmRule"]; rule != nil {
		return show(rule)
	}
	metric := show(p["MetricName"])
	for _, m := range list(p["Metrics"]) {
		if metric == "" && (get(m, "Label") != nil || get(m, "Expression") != nil) {
			metric = show(get(m, "Expression"))
		}
	}
	return strings.TrimSpace(metric + " " + show(p["ComparisonOperator"]) + " " + show(p["Threshold"]))
}

// alarmProperty says what a changed property does to an alarm.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html
func (c *comparison) alarmProperty(ch *change, name string, before, after any) (string, direction) {
	operator := show(ch.after.Properties["ComparisonOperator"])
	switch name {
	case "AlarmDescription", "Tags", "AlarmName":
		return "", changes
	case "Threshold":
		x, y := number(before, math.NaN()), number(after, math.NaN())
		rises := y > x
		switch {
		case math.IsNaN(x) || math.IsNaN(y):
			return "another threshold", worsens
		case strings.HasPrefix(operator, "Greater") == rises:
			return "LOOSENED: it rings later", worsens
		default:
			return "tightened: it rings earlier", improves
		}
	case "EvaluationPeriods", "DatapointsToAlarm", "Period":
		if number(after, 0) > number(before, 0) {
			return "LOOSENED: more must be wrong for longer", worsens
		}
		if name == "DatapointsToAlarm" && after == nil { // then all of EvaluationPeriods
			return "LOOSENED: every period must be wrong", worsens
		}
		return "tightened: it rings sooner", improves
	case "ActionsEnabled":
		if !truth(after, true) {
			return "SILENCED: it tells nobody", worsens
		}
		return "its actions are enabled", improves
	case "AlarmActions", "OKActions", "InsufficientDataActions":
		var lost []string
		for _, action := range list(before) {
			if !slices.ContainsFunc(list(after), func(other any) bool { return same(action, other) }) {
				lost = append(lost, show(action))
			}
		}
		if len(lost) > 0 {
			return "SILENCED: actions are removed", worsens
		}
		return "actions are added", improves
	case "TreatMissingData":
		if show(before) == "breaching" {
			return "LOOSENED: missing data no longer rings", worsens
		}
		if show(after) == "breaching" {
			return "tightened: missing data rings", improves
		}
		return "missing data is treated otherwise", changes
	case "ComparisonOperator":
		return "it compares otherwise", worsens
	case "ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod":
		return "its actions are suppressed otherwise", worsens
	default:
		return "it measures SOMETHING ELSE", worsens
	}
}

// subscription reports who is no longer told. Endpoints are personal data, so they are masked.
func (c *comparison) subscription(ch *change) {
	mask := func(r *resource) string {
		if r == nil {
			return ""
		}
		endpoint := show(r.Properties["Endpoint"])
		if !strings.Contains(endpoint, "${") && len(endpoint) > 2 {
			endpoint = endpoint[:2] + "…"
		}
		return show(r.Properties["Protocol"]) + " " + endpoint
	}
	switch ch.action {
	case added:
		c.add(alarms, improves, ch.after, "a new subscription: an email address must be confirmed", "", mask(ch.after))
	case removed:
		c.add(alarms, worsens, ch.before, "A SUBSCRIBER IS REMOVED", mask(ch.before), "")
	case replaced:
		c.add(alarms, worsens, ch.after, "A SUBSCRIBER IS REPLACED: an email address must be confirmed", mask(ch.before), mask(ch.after))
	default:
		c.add(alarms, worsens, ch.after, "a subscriber hears of other things", strings.Join(ch.properties, ", "), "")
	}
}
