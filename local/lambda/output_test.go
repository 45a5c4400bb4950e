package lambda

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestOutput(t *testing.T) {
	// A function that writes faster than its lines are taken leaves a full pipe.
	t.Run("drains a full pipe", func(t *testing.T) {
		taking := make(chan struct{})
		var taken atomic.Int64
		o, err := newOutput(func(string) {
			<-taking
			taken.Add(1)
		})
		if err != nil {
			t.Fatal(err)
		}
		written := int64(0)
		for line := strings.Repeat("x", 1023) + "\n"; ; written++ {
			// While nothing is taken, the pipe fills up at some time.
			if err := o.file.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
				t.Fatal(err)
			}
			n, err := o.file.WriteString(line)
			if errors.Is(err, os.ErrDeadlineExceeded) && n == 0 { // so short a line goes in whole or not at all
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := o.file.SetWriteDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		drained := make(chan struct{})
		go func() {
			o.drain()
			close(drained)
		}()
		for marked := false; !marked; runtime.Gosched() { // or the lock is taken: drain is on its way
			marked = !o.mu.TryLock()
			if !marked {
				marked = len(o.marks) == 1
				o.mu.Unlock()
			}
		}
		close(taking)
		select {
		case <-drained:
		case <-time.After(waitTimeout):
			t.Fatal("drain does not return")
		}
		if n := taken.Load(); n != written {
			t.Errorf("%d lines were taken when drain returned, %d were written", n, written)
		}
		o.close()
	})
}
