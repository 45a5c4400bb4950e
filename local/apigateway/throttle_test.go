package apigateway

import (
	"testing"
	"time"
)

func TestBucket(t *testing.T) {
	t.Run("a clock that is put back costs no tokens", func(t *testing.T) {
		now := time.Date(2026, 11, 27, 14, 0, 40, 0, time.UTC)
		b := newBucket(1, 10, func() time.Time { return now })
		if !b.take() {
			t.Fatal("the first request was throttled")
		}
		now = now.Add(-40 * time.Second)
		if !b.take() {
			t.Error("throttled after the clock was put back")
		}
	})
}
