// Package cloudwatch emulates the part of CloudWatch that the stack's alarms and dashboards need: a
// store of metrics, metric filters of log groups, metric math, the evaluation of
// AWS::CloudWatch::Alarm, and the graphs of AWS::CloudWatch::Dashboard.
//
// Its caller is package emulator. It puts into the [Store] what functions write in embedded
// metric format and what AWS records by itself (AWS/Lambda, AWS/ApiGateway, AWS/DynamoDB, AWS/Events,
// AWS/States, AWS/SNS, AWS/SQS), and evaluates the template's [Alarms] up to a time, which may be
// in the future. Everything is in memory: percentiles need every value, 8 bytes each.
//
// # Alarms
//
// An alarm is evaluated at the end of each minute, over periods that end then. One whose
// evaluation periods exceed a day is evaluated at the third minute of each hour, over data up to
// the full hour. CloudWatch retrieves more data points than the evaluation periods, "depending on
// the length of the period"; here it is always two more, as in its examples.
//
// An evaluation of the future assumes that nothing happens until then: queues keep their
// messages, which grow older and expire. The next evaluation begins again where the future did,
// with what has happened since. Values with an earlier timestamp than that of the last evaluation
// are taken into account, as CloudWatch does with late ones. Each transition performs its actions
// once.
//
// # Dashboards
//
// [Dashboards] read the bodies of the template's dashboards, and reject what they do not support by name.
// A data point is the statistic of a period, which begins at a multiple of it; a period without values has
// none, and the last one may not have ended. Periods are those of the widgets in every range, as
// with periodOverride "inherit". [View] is the page's view of them and of the alarms, which it shows as
// they were last evaluated: looking evaluates nothing.
//
// # Metric math
//
// Numbers, ids, + - * / ^, comparisons, AND, OR, arrays, and the functions of [Functions].
// Anything else is an error of [NewAlarms]. Where the documentation of metric math is silent, the
// result is that which makes an alarm less likely to work: FILL of a series without a data point
// in the evaluated range has none either. Composite alarms, anomaly detection and Metrics Insights
// are not supported.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
package cloudwatch
