package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
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

func TestReplace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("when a table is there, it is replaced and the rest kept", func(t *testing.T) {
		write("before\n" + beginMarker + "old\n" + endMarker + "after\n")
		if err := replace(file, "new\n"); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if want := "before\n" + beginMarker + "\nnew\n\n" + endMarker + "after\n"; err != nil || string(got) != want {
			t.Errorf("got %s, %v", got, err)
		}
	})
	t.Run("when the page has no markers, the error names them", func(t *testing.T) {
		write("before\n")
		if err := replace(file, "new\n"); err == nil || !strings.Contains(err.Error(), "<!-- throughput") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("when it is the project's page, it has the markers", func(t *testing.T) {
		page, err := os.ReadFile("../../../docs/benchmarks.md")
		if err != nil {
			t.Fatal(err)
		}
		write(string(page))
		if err := replace(file, "new\n"); err != nil {
			t.Error(err)
		}
	})
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
