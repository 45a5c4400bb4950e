package clock

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestSleep(t *testing.T) {
	for name, c := range map[string]struct {
		sleep, cancelAfter, took time.Duration
		want                     bool
	}{
		"until the time has passed": {time.Minute, time.Hour, time.Minute, true},
		"until the context ends":    {time.Hour, time.Minute, time.Minute, false},
		"not at all":                {0, time.Hour, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.cancelAfter)
				defer cancel()
				begin := time.Now()
				if got := Sleep(ctx, c.sleep); got != c.want || time.Since(begin) != c.took {
					t.Errorf("got %v after %s, want %v after %s", got, time.Since(begin), c.want, c.took)
				}
			})
		})
	}
}
