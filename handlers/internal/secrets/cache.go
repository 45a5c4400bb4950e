package secrets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ErrUnavailable says that a secret cannot be had: it is missing or empty, may
// not be read, or its store does not answer. The cause is wrapped.
var ErrUnavailable = errors.New("secret unavailable")

// Source reads secrets.
type Source interface {
	// Values are the values in force of a secret: the current one and, after a
	// rotation, the one before it. At least one, none of them empty. Any error
	// is ErrUnavailable.
	Values(ctx context.Context, name string) ([]string, error)
}

const (
	// RefreshAfter is the age at which values are read again: a value taken out
	// of force is accepted no longer than that after it was.
	RefreshAfter = 5 * time.Minute

	// MaxAge is how long values are served on while they cannot be refreshed.
	// An hour outlives most troubles of a store; after it, a value that was
	// withdrawn meanwhile would be too old to be trusted.
	MaxAge = time.Hour

	// RenewAfter is the age below which Renew does not read again, so that
	// forged deliveries cannot make us read more often. It bounds how long
	// after a rotation the new value may still be unknown.
	RenewAfter = 30 * time.Second

	// RetryAfter is how long after a failure the next read is tried.
	RetryAfter = 5 * time.Second

	// readTimeout bounds one read, retries included, so that the door can still
	// store a delivery after a slow one, or answer that it could not.
	readTimeout = 3 * time.Second
)

// Cache keeps the values of secrets. It is safe for concurrent use.
type Cache struct {
	source Source
	now    func() time.Time
	failed func(ctx context.Context, name string, err error)

	mu      sync.Mutex
	entries map[string]*entry
}

// entry is one secret. Its lock is held during a read, so that of several
// callers one reads and the others wait for the same answer.
type entry struct {
	mu       sync.Mutex
	values   []string
	read     time.Time // when values were read; zero when never
	failure  error     // of the last read, nil when it was good
	failedAt time.Time
}

// NewCache reads from the source as of the clock. Each read that fails is
// reported to failed, whether or not older values can be served.
func NewCache(source Source, now func() time.Time, failed func(ctx context.Context, name string, err error)) *Cache {
	return &Cache{source: source, now: now, failed: failed, entries: map[string]*entry{}}
}

// Get gives the values of a secret, no older than RefreshAfter, or MaxAge when
// they cannot be read. The error is ErrUnavailable.
func (c *Cache) Get(ctx context.Context, name string) ([]string, error) {
	e := c.entry(name)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.read.IsZero() || c.now().Sub(e.read) >= RefreshAfter {
		c.refresh(ctx, name, e)
	}
	if e.read.IsZero() || c.now().Sub(e.read) >= MaxAge {
		return nil, e.failure
	}
	return slices.Clone(e.values), nil
}

// Renew gives the values of a secret after none of those given verified, if
// there are other ones by now: it reads again unless that was done within
// RenewAfter. Otherwise ok is false.
func (c *Cache) Renew(ctx context.Context, name string, used []string) (values []string, ok bool) {
	e := c.entry(name)
	e.mu.Lock()
	defer e.mu.Unlock()
	if c.now().Sub(e.read) >= RenewAfter {
		c.refresh(ctx, name, e)
	}
	if slices.Equal(e.values, used) {
		return nil, false
	}
	return slices.Clone(e.values), true
}

func (c *Cache) entry(name string) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[name]
	if !ok {
		e = &entry{}
		c.entries[name] = e
	}
	return e
}

// refresh reads, unless that failed a moment ago.
func (c *Cache) refresh(ctx context.Context, name string, e *entry) {
	if e.failure != nil && c.now().Sub(e.failedAt) < RetryAfter {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	values, err := c.source.Values(ctx, name)
	if err == nil && len(values) == 0 {
		err = errors.New("it has no value")
	}
	if err != nil {
		e.failure = fmt.Errorf("%w: %s: %w", ErrUnavailable, name, err)
		e.failedAt = c.now()
		c.failed(ctx, name, e.failure)
		return
	}
	e.values, e.read, e.failure = values, c.now(), nil
}
