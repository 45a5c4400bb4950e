package cloudwatch

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// statistic is how the values of a period become one.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
type statistic struct {
	name string
	rank float64 // of a percentile, between 0 and 100
	of   func(bucket) float64
}

func parseStatistic(name string) (statistic, error) {
	s := statistic{name: name}
	switch name {
	case "Sum":
		s.of = func(b bucket) float64 { return b.sum }
	case "Average":
		s.of = func(b bucket) float64 { return b.sum / float64(b.count) }
	case "Minimum":
		s.of = func(b bucket) float64 { return b.min }
	case "Maximum":
		s.of = func(b bucket) float64 { return b.max }
	case "SampleCount":
		s.of = func(b bucket) float64 { return float64(b.count) }
	default:
		digits, isPercentile := strings.CutPrefix(name, "p")
		rank, err := strconv.ParseFloat(digits, 64)
		if !isPercentile || err != nil || rank < 0 || rank > 100 {
			return s, fmt.Errorf("statistic %s is not supported", name)
		}
		s.rank = rank
		s.of = func(b bucket) float64 { return percentile(b.values, rank) }
	}
	return s, nil
}

// percentile returns the smallest value that is not below rank percent of the values.
func percentile(values []float64, rank float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) == 0 {
		return math.NaN()
	}
	return sorted[max(0, int(math.Ceil(rank/100*float64(len(sorted))))-1)]
}
