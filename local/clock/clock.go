// Package clock waits in a way that a context can end.
package clock

import (
	"context"
	"time"
)

// Sleep waits for d. It reports whether that much time passed: false means that ctx ended
// first.
func Sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
