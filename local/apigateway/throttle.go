package apigateway

import (
	"math"
	"sync"
	"time"
)

// bucket is the token bucket of API Gateway's throttling: it gains rate tokens per second, up to
// burst.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
type bucket struct {
	rate, burst float64
	now         func() time.Time

	mu     sync.Mutex
	tokens float64
	filled time.Time
}

func newBucket(rate float64, burst int, now func() time.Time) *bucket {
	return &bucket{rate: rate, burst: float64(burst), now: now, tokens: float64(burst), filled: now()}
}

// take takes a token and reports whether there was one.
func (b *bucket) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.tokens = math.Min(b.burst, b.tokens+b.rate*max(0, now.Sub(b.filled).Seconds())) // a clock that is put back takes no tokens
	b.filled = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
