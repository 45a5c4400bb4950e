package logs

import (
	"fmt"
	"time"
)

// Datum is a member of PutMetricData's MetricData: the values of a metric in one minute, each
// with how often it occurred.
type Datum struct {
	Name, Unit string
	At         time.Time   // the minute
	Dimensions [][2]string // name and value
	Values     []float64
	Counts     []int
}

// maxValues is how many different values a datum may have.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
const maxValues = 150

// Aggregate puts the metrics of a namespace together by metric and minute, in the order in which
// they first occur. CloudWatch does the same with metrics in embedded metric format, whose
// storage resolution is a minute unless they say otherwise.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Resolution_definition
func Aggregate(metrics []Metric) []Datum {
	var all []Datum
	last := map[string]int{} // the datum of a metric and minute that has room
	seen := map[string]int{} // where in its datum a value is
	for _, m := range metrics {
		at := m.At.Truncate(time.Minute)
		key := fmt.Sprint(m.Name, "\x00", m.Unit, "\x00", at.Unix(), "\x00", m.Dimensions)
		i, found := last[key]
		if found {
			if j, again := seen[fmt.Sprint(i, "\x00", m.Value)]; again {
				all[i].Counts[j]++
				continue
			}
		}
		if !found || len(all[i].Values) == maxValues {
			i = len(all)
			last[key] = i
			all = append(all, Datum{Name: m.Name, Unit: m.Unit, At: at, Dimensions: m.Dimensions})
		}
		seen[fmt.Sprint(i, "\x00", m.Value)] = len(all[i].Values)
		all[i].Values, all[i].Counts = append(all[i].Values, m.Value), append(all[i].Counts, 1)
	}
	return all
}
