package xray

import (
	"crypto/rand"
	"fmt"
	"sync"
	"time"
)

// perSecond is how many traces of each second are sampled. X-Ray's default rule samples the
// first request of each second and 5 percent of the others; here there are as many as somebody
// would look at, since most local runs have few requests. Without a limit, a sixth of a
// handler's work under load were traces that nobody reads.
// https://docs.aws.amazon.com/xray/latest/devguide/xray-console-sampling.html
const perSecond = 20

// Sampler decides which new traces are recorded. It is safe for concurrent use.
type Sampler struct {
	mu     sync.Mutex
	second int64
	taken  int // in that second
}

// NewTraceID returns the tracing header of a new trace, with the decision.
// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
func (s *Sampler) NewTraceID(now time.Time) string {
	var b [20]byte
	_, _ = rand.Read(b[:])
	sampled := 0
	if s.take(now.Unix()) {
		sampled = 1
	}
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=%d", now.Unix(), b[:12], b[12:], sampled)
}

func (s *Sampler) take(second int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.second != second {
		s.second, s.taken = second, 0
	}
	s.taken++
	return s.taken <= perSecond
}
