package cloudwatch

import "time"

// Sum returns the sum of a metric's values in the minutes from one time up to now and later; of all values
// for the zero time.
func (s *Store) Sum(m Metric, from time.Time) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.series[m]
	if one == nil {
		return 0
	}
	first := 0
	if !from.IsZero() {
		first = one.first(minuteOf(from))
	}
	sum := 0.0
	for _, b := range one.buckets[first:] {
		sum += b.sum
	}
	return sum
}

// Activity changes with each call that may have changed how many messages a queue holds.
func (q *Queues) Activity() uint64 { return q.activity.Load() }

// Known returns how many messages were sent to a queue and not deleted from it: those that SQS moved to
// a dead-letter queue are among them.
func (q *Queues) Known(name string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if one := q.queues[name]; one != nil {
		return len(one.sent)
	}
	return 0
}
