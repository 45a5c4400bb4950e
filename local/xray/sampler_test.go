package xray

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestSampler(t *testing.T) {
	var s Sampler
	sampled := func(at time.Time, n int) (count int) {
		for range n {
			header := s.NewTraceID(at)
			if !regexp.MustCompile(`^Root=1-6921d685-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=[01]$|^Root=1-6921d686-.*$`).MatchString(header) {
				t.Fatalf("header %s", header)
			}
			if strings.HasSuffix(header, ";Sampled=1") {
				count++
			}
		}
		return count
	}
	at := time.Unix(0x6921d685, 0)
	t.Run("when there are few traces, it samples all", func(t *testing.T) {
		if n := sampled(at, perSecond); n != perSecond {
			t.Errorf("%d of %d are sampled", n, perSecond)
		}
	})
	t.Run("when there are many in a second, it samples no more", func(t *testing.T) {
		if n := sampled(at.Add(time.Second-1), 10); n != 0 {
			t.Errorf("%d more are sampled", n)
		}
	})
	t.Run("when the next second begins, it samples again", func(t *testing.T) {
		if n := sampled(at.Add(time.Second), 5); n != 5 {
			t.Errorf("%d of 5 are sampled", n)
		}
	})
}
