package main

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	results := []result{{
		local: []float64{60, 90, 70}, bare: []float64{100, 100, 100}, whole: []float64{50, 60, 55},
		p50: []time.Duration{2e6, 1e6, 3e6}, p99: []time.Duration{9e6, 8e6, 7e6}, bareP50: []time.Duration{1e6, 1e6, 1e6}, bareP99: []time.Duration{2e6, 2e6, 2e6},
	}}
	got := table([]int{8}, results)
	if want := "| 8 | 70/s | 2.0 ms | 8.0 ms | 100/s | 1.0 ms | 2.0 ms | 70 % | 55/s |\n"; !strings.HasSuffix(got, want) {
		t.Errorf("table %s, want %s", got, want)
	}
}

func TestLoad(t *testing.T) {
	t.Run("when all succeed, each is done once", func(t *testing.T) {
		var done atomic.Int64
		got, err := load(t.Context(), 4, 10, func(context.Context) error { done.Add(1); return nil })
		if err != nil || done.Load() != 10 || got.perSecond <= 0 {
			t.Errorf("%d done, %+v, %v", done.Load(), got, err)
		}
	})
	t.Run("when one fails, its error is returned", func(t *testing.T) {
		failure := errors.New("down")
		if _, err := load(t.Context(), 2, 10, func(context.Context) error { return failure }); !errors.Is(err, failure) {
			t.Errorf("error %v", err)
		}
	})
}
