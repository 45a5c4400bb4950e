package secrets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// ErrUnavailable is the error of a secret that cannot be read: it is missing or empty,
// access is denied, or its store does not respond. The cause is wrapped.
var ErrUnavailable = errors.New("secret unavailable")

// Source reads secrets.
type Source interface {
	// Values returns the values of a secret that are in force, as they are stored: the
	// current one and, after a rotation, the previous one. Any error is ErrUnavailable.
	Values(ctx context.Context, name string) ([]string, error)
}

const (
	// RefreshAfter is the age at which values are read again. It is also how long a
	// value may still be accepted after it was withdrawn.
	RefreshAfter = 5 * time.Minute

	// MaxAge is the age up to which values are used while they cannot be refreshed.
	// An hour outlasts most outages of a store, and limits how long a withdrawn value
	// is accepted during one.
	MaxAge = time.Hour

	// RenewAfter is the age below which Renew does not read again, so that forged
	// deliveries cannot cause more reads. It is also how long a new value may stay
	// unknown after a rotation.
	RenewAfter = 30 * time.Second

	// RetryAfter is how long after a failed read the next one is tried.
	RetryAfter = 5 * time.Second

	// readTimeout bounds one read, retries included, so that the webhook endpoint has
	// time left to store the delivery and respond.
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

// entry is one secret. Its lock is held during a read, so that concurrent callers
// wait for one read and share its values.
type entry struct {
	mu       sync.Mutex
	values   []string
	read     time.Time // when values were read; zero when never
	failure  error     // the error of the last read; nil when it succeeded
	failedAt time.Time
}

// NewCache returns an empty cache of the source; now is its clock. Each read that
// fails is reported to failed, whether or not older values can be used.
func NewCache(source Source, now func() time.Time, failed func(ctx context.Context, name string, err error)) *Cache {
	return &Cache{source: source, now: now, failed: failed, entries: map[string]*entry{}}
}

// Get returns the values of a secret, the current one first, without the white space
// around them: a secret stored from a file ends in a line break. None is empty, because
// anyone could sign with an empty key. They are no older than RefreshAfter, or than
// MaxAge while the secret cannot be read. The error is ErrUnavailable.
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

// Renew re-reads a secret after verification failed with used, unless it was read
// within RenewAfter. It returns the values, and ok reports whether they differ from
// used.
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

// refresh reads the secret, unless a read failed within RetryAfter.
func (c *Cache) refresh(ctx context.Context, name string, e *entry) {
	if e.failure != nil && c.now().Sub(e.failedAt) < RetryAfter {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	values, err := c.source.Values(ctx, name)
	values = slices.Clone(values)
	for i := range values {
		values[i] = strings.TrimSpace(values[i])
	}
	if err == nil && (len(values) == 0 || values[0] == "") {
		err = errors.New("the current version has no text")
	}
	if err != nil {
		e.failure = fmt.Errorf("%w: %s: %w", ErrUnavailable, name, err)
		e.failedAt = c.now()
		c.failed(ctx, name, e.failure)
		return
	}
	values = slices.DeleteFunc(values, func(value string) bool { return value == "" })
	e.values, e.read, e.failure = values, c.now(), nil
}
