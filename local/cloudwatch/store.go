package cloudwatch

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

// Metric identifies a metric: each combination of dimensions is a metric of its own.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Dimension
type Metric struct{ id string }

// NewMetric returns a metric. Dimensions are given as name, value, name, value, in any order.
func NewMetric(namespace, name string, dimensions ...string) Metric {
	var sorted []string
	for pair := range slices.Chunk(dimensions, 2) {
		sorted = append(sorted, strings.Join(pair, "\x01"))
	}
	slices.Sort(sorted)
	return Metric{strings.Join(append([]string{namespace, name}, sorted...), "\x00")}
}

// String returns namespace, name and dimensions, for messages.
func (m Metric) String() string {
	parts := strings.Split(strings.ReplaceAll(m.id, "\x01", "="), "\x00")
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", parts[0], parts[1], strings.Join(parts[2:], " ")))
}

// parts returns namespace, name and dimensions, which are sorted by name.
func (m Metric) parts() (namespace, name string, dimensions []Dimension) {
	parts := strings.Split(m.id, "\x00")
	for _, pair := range parts[2:] {
		key, value, _ := strings.Cut(pair, "\x01")
		dimensions = append(dimensions, Dimension{key, value})
	}
	return parts[0], parts[1], dimensions
}

// minute is a time in whole minutes since 1970, the resolution of metrics.
type minute int64

func minuteOf(t time.Time) minute        { return minute(t.Unix() / 60) }
func (m minute) time() time.Time         { return time.Unix(int64(m)*60, 0).UTC() }
func (m minute) truncate(n int64) minute { return m - minute(int64(m)%n) }

// Store keeps metrics by the minute. It is safe for concurrent use.
type Store struct {
	mu      sync.Mutex
	series  map[Metric]*series
	gauges  map[Metric]gauge
	ranked  map[Metric]bool // percentiles are wanted, so single values are kept
	written minute          // the earliest minute written since the last call of earliest; 0: none
}

// gauge is a metric that is computed: it has one value in each minute, or none. It may say that
// its value is the same in all minutes from one on.
type gauge struct {
	value  func(minute) (float64, bool)
	steady func(from minute) bool
}

// NewStore returns a store without metrics.
func NewStore() *Store {
	return &Store{series: map[Metric]*series{}, gauges: map[Metric]gauge{}, ranked: map[Metric]bool{}}
}

// Put adds one value with its timestamp, which may be in the past or the future.
func (s *Store) Put(m Metric, value float64, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.series[m]
	if one == nil {
		one = &series{}
		s.series[m] = one
	}
	when := minuteOf(at)
	one.add(when, value, s.ranked[m])
	if s.written == 0 || when < s.written {
		s.written = when
	}
}

// earliest returns the earliest minute written since the last call, or 0 if nothing was.
func (s *Store) earliest() minute {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.written = 0 }()
	return s.written
}

// ofAWS returns the metrics of AWS's namespaces that have had a value, such as "AWS/Lambda Errors", sorted. Those that
// are computed have one if they have it in a minute.
func (s *Store) ofAWS(in minute) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Collect(maps.Keys(s.series))
	for m, g := range s.gauges {
		if _, has := g.value(in); has {
			all = append(all, m)
		}
	}
	list := []string{}
	for _, m := range all {
		if namespace, name, _ := m.parts(); strings.HasPrefix(namespace, "AWS/") {
			list = append(list, namespace+" "+name)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// setGauge makes a metric computed.
func (s *Store) setGauge(m Metric, g gauge) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gauges[m] = g
}

// rank keeps the single values of a metric from now on.
func (s *Store) rank(m Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ranked[m] = true
}

// statistic returns the statistic of a metric over the minutes from (inclusive) to to
// (exclusive). It reports false when there is no value.
func (s *Store) statistic(m Metric, stat statistic, from, to minute) (float64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum bucket
	if g, has := s.gauges[m]; has {
		for at := from; at < to; at++ {
			if value, ok := g.value(at); ok {
				sum.add(value, true)
			}
		}
	} else if one := s.series[m]; one != nil {
		for _, b := range one.between(from, to) {
			sum.merge(b)
		}
	}
	if sum.count == 0 {
		return 0, false
	}
	return stat.of(sum), true
}

// named returns the metrics with a namespace and a name that have had a value, sorted.
func (s *Store) named(namespace, name string) []Metric {
	prefix := namespace + "\x00" + name
	var list []Metric
	add := func(m Metric) {
		if m.id == prefix || strings.HasPrefix(m.id, prefix+"\x00") {
			list = append(list, m)
		}
	}
	s.mu.Lock()
	for m := range s.series {
		add(m)
	}
	for m := range s.gauges {
		add(m)
	}
	s.mu.Unlock()
	slices.SortFunc(list, func(a, b Metric) int { return strings.Compare(a.id, b.id) })
	return list
}

// last returns the last minute before a time in which a metric that is not computed has a value.
func (s *Store) last(m Metric, before minute) (minute, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.series[m]
	if one == nil {
		return 0, false
	}
	i := one.first(before)
	if i == 0 {
		return 0, false
	}
	return one.buckets[i-1].at, true
}

// never is after every minute.
const never = minute(math.MaxInt64)

// nextChange returns when the statistics of a metric over periods that end with end, the first of
// them beginning at from, are other ones for the first time if the periods move on.
func (s *Store) nextChange(m Metric, from, end minute, period int64) minute {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g, has := s.gauges[m]; has {
		if g.steady(from) {
			return never
		}
		return end + 1
	}
	one := s.series[m]
	if one == nil {
		return never
	}
	next := never
	for _, b := range one.buckets[one.first(from):] {
		enters := b.at + 1 // the newest period
		if enters > end {
			return min(next, enters)
		}
		// It moves from one period to the one before, or leaves the oldest.
		next = min(next, enters+minute((int64(end-enters)/period+1)*period))
		if next == end+1 {
			break
		}
	}
	return next
}

// bucket aggregates the values of a minute or of several.
type bucket struct {
	at            minute
	count         int
	sum, min, max float64
	values        []float64 // kept only for percentiles
}

func (b *bucket) add(value float64, ranked bool) {
	if b.count == 0 || value < b.min {
		b.min = value
	}
	if b.count == 0 || value > b.max {
		b.max = value
	}
	b.count++
	b.sum += value
	if ranked {
		b.values = append(b.values, value)
	}
}

func (b *bucket) merge(o bucket) {
	if b.count == 0 {
		o.values = slices.Clone(o.values)
		*b = o
		return
	}
	b.min, b.max = min(b.min, o.min), max(b.max, o.max)
	b.count += o.count
	b.sum += o.sum
	b.values = append(b.values, o.values...)
}

// series is a metric's buckets in chronological order. Minutes without a value have none.
type series struct{ buckets []bucket }

// first returns the position of the first bucket at or after a minute.
func (s *series) first(at minute) int {
	return sort.Search(len(s.buckets), func(i int) bool { return s.buckets[i].at >= at })
}

func (s *series) add(at minute, value float64, ranked bool) {
	i := s.first(at)
	if i == len(s.buckets) || s.buckets[i].at != at {
		s.buckets = slices.Insert(s.buckets, i, bucket{at: at})
	}
	s.buckets[i].add(value, ranked)
}

func (s *series) between(from, to minute) []bucket { return s.buckets[s.first(from):s.first(to)] }
