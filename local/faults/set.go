package faults

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
)

// Set holds the faults of a run. It is safe for concurrent use; a nil Set strikes nothing.
type Set struct {
	seed      uint64
	functions Functions
	done      chan struct{}

	mu     sync.Mutex
	closed bool
	added  int
	active []*active
}

// active is a fault that is being injected.
type active struct {
	Injected
	key uint64 // distinguishes its choices from those of other faults
}

// Injected is a fault with what it has done so far.
type Injected struct {
	ID string `json:"id"`
	Spec
	Calls  int `json:"calls"`  // that the fault applied to
	Struck int `json:"struck"` // of these
}

// Strike is a fault that has struck a call. The zero Strike leaves the call alone.
type Strike struct {
	Fault   Fault
	Seconds float64
	choice  uint64
}

// New returns a set without faults for a stack with these functions.
func New(seed uint64, functions Functions) *Set {
	return &Set{seed: seed, functions: functions, done: make(chan struct{})}
}

// Serve replaces the stack's functions.
func (s *Set) Serve(functions Functions) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.functions = functions
}

// Add injects a fault from now on. The error wraps ErrUnsupported.
func (s *Set) Add(spec Spec) (Injected, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	spec, err := spec.check(s.functions)
	if err != nil {
		return Injected{}, err
	}
	// Two equal faults choose independently, and what was injected at other hops before does
	// not change the choices of this one.
	alike := 0
	for _, a := range s.active {
		if a.Hop == spec.Hop && a.Fault == spec.Fault && a.Where == spec.Where {
			alike++
		}
	}
	hash := fnv.New64a()
	_, _ = fmt.Fprintf(hash, "%s\n%s\n%s\n%d", spec.Hop, spec.Fault, spec.Where.Caller, alike) // never fails
	s.added++
	a := &active{Injected{ID: strconv.Itoa(s.added), Spec: spec}, hash.Sum64()}
	s.active = append(s.active, a)
	return a.Injected, nil
}

// List returns the faults that are being injected, oldest first.
func (s *Set) List() []Injected {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Injected, len(s.active))
	for i, a := range s.active {
		all[i] = a.Injected
	}
	return all
}

// Remove ends the faults with an id, or all of them for "", and returns them with their
// final counts. Calls that a timeout holds stay held.
func (s *Set) Remove(id string) []Injected {
	s.mu.Lock()
	defer s.mu.Unlock()
	removed := []Injected{}
	var kept []*active
	for _, a := range s.active {
		if id == "" || a.ID == id {
			removed = append(removed, a.Injected)
		} else {
			kept = append(kept, a)
		}
	}
	s.active = kept
	return removed
}

// Strike decides the fate of one call of caller at a hop. Of several faults, the oldest one
// that strikes is returned; those added after it do not count the call.
func (s *Set) Strike(hop, caller string) Strike {
	if s == nil {
		return Strike{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.active {
		if a.Hop != hop || (a.Where.Caller != "" && a.Where.Caller != caller) || (a.Times > 0 && a.Struck >= a.Times) {
			continue
		}
		random := rand.New(rand.NewPCG(s.seed^a.key, uint64(a.Calls)))
		a.Calls++
		if a.Probability != nil && random.Float64() >= *a.Probability {
			continue
		}
		a.Struck++
		return Strike{Fault: a.Fault, Seconds: a.Seconds, choice: random.Uint64()}
	}
	return Strike{}
}

// Failing chooses which of n entries of a batch fail: about half of them, and at least one.
func (s Strike) Failing(n int) []bool {
	random := rand.New(rand.NewPCG(s.choice, 0))
	failing := make([]bool, n)
	for i := range failing {
		failing[i] = random.Uint64()%2 == 0
	}
	if n > 0 {
		failing[random.IntN(n)] = true
	}
	return failing
}

// Now returns the services' time, which is off while a clock skew is injected.
func (s *Set) Now() time.Time { return time.Now().Add(s.Skew()) }

// Skew returns how far the services' clock is ahead of this machine's.
func (s *Set) Skew() time.Duration { return s.Strike(Clock, "").Duration() }

// Hold waits until ctx ends, as a call does that gets no response, or until Close. It returns
// ctx's error, or nil after Close.
func (s *Set) Hold(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return nil
	}
}

// Close ends every Hold. It may be called more than once.
func (s *Set) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
}
