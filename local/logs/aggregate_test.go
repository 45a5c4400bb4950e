package logs

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAggregate(t *testing.T) {
	minute := time.Date(2026, 11, 22, 15, 4, 0, 0, time.UTC)
	high, low := [][2]string{{"Tier", "high"}}, [][2]string{{"Tier", "low"}}
	metric := func(name string, second int, dimensions [][2]string, value float64) Metric {
		return Metric{Namespace: "N", Name: name, Unit: "Count", At: minute.Add(time.Duration(second) * time.Second), Dimensions: dimensions, Value: value}
	}
	t.Run("when values are of one metric and minute, it counts them", func(t *testing.T) {
		got := Aggregate([]Metric{
			metric("Stored", 1, high, 1), metric("Stored", 59, high, 1), metric("Stored", 2, high, 0.5),
			metric("Stored", 3, low, 1), metric("Lag", 3, low, 1), metric("Stored", 60, high, 1),
		})
		want := []Datum{
			{"Stored", "Count", minute, high, []float64{1, 0.5}, []int{2, 1}},
			{"Stored", "Count", minute, low, []float64{1}, []int{1}},
			{"Lag", "Count", minute, low, []float64{1}, []int{1}},
			{"Stored", "Count", minute.Add(time.Minute), high, []float64{1}, []int{1}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("when a datum has no room for another value, it begins the next", func(t *testing.T) {
		var metrics []Metric
		for i := range maxValues + 1 {
			metrics = append(metrics, metric("Lag", 0, low, float64(i)))
		}
		got := Aggregate(append(metrics, metric("Lag", 0, low, maxValues)))
		if len(got) != 2 || len(got[0].Values) != maxValues || len(got[1].Values) != 1 || got[1].Counts[0] != 2 {
			t.Errorf("%d data, %+v", len(got), got[len(got)-1])
		}
	})
}
