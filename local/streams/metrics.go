package streams

import "time"

// The metrics of AWS/Lambda that a mapping records for its function.
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html

func (m *Mapping) record(name string, value float64) {
	if m.config.Metric != nil {
		m.config.Metric(name, value, m.config.Now())
	}
}

// recordAge records IteratorAge, "the age of the last record in the event […] between when a stream
// receives the record and when the event source mapping sends the event to the function", in
// milliseconds.
func (m *Mapping) recordAge(batch []item) {
	age := m.config.Now().Sub(batch[len(batch)-1].record.Created)
	m.record("IteratorAge", float64(max(0, age))/float64(time.Millisecond))
}
