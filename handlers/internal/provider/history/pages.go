package history

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"time"
)

const (
	// maxStuck is how often a page is asked for again whose cursor leads back.
	maxStuck = 3

	// maxBarren is how many pages in a row may have no new event. Providers document
	// that a page may have fewer events than were asked for.
	maxBarren = 100
)

// Batch is what a page adds to the list.
type Batch struct {
	Page     int     // number of the page, from 1
	Events   []Event // those in the window that no earlier page had
	Repeated int     // how many of the page were there before
}

// Pages yields the events from a time until another one, page by page. Each is there once,
// however often the provider lists it; an event without an id cannot be told from others.
// The sequence ends after the first error. Of earlier pages, it keeps 16 bytes of each event.
func Pages(ctx context.Context, api API, from, until time.Time) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		list := listing{events: map[[16]byte]bool{}, cursors: map[[16]byte]bool{}}
		for cursor := ""; ; {
			page, err := list.next(ctx, api, from, until, cursor)
			if err != nil {
				yield(Batch{}, fmt.Errorf("page %d: %w", list.pages+1, err))
				return
			}
			if !yield(list.add(page, from, until), nil) || page.Next == "" {
				return
			}
			if list.barren >= maxBarren {
				yield(Batch{}, fmt.Errorf("page %d: %w: %d pages without a new event", list.pages, ErrStuck, list.barren))
				return
			}
			cursor = page.Next
		}
	}
}

// listing is what is known of the pages read so far.
type listing struct {
	events, cursors map[[16]byte]bool // seen, by hash
	pages, barren   int
}

// next returns the page at a cursor. If the page leads back to one that was read, it is
// asked for again: the provider may have repeated an earlier page by mistake.
func (l *listing) next(ctx context.Context, api API, from, until time.Time, cursor string) (Page, error) {
	l.cursors[hash(cursor)] = true
	for range maxStuck {
		page, err := api.Page(ctx, from, until, cursor)
		if err != nil || page.Next == "" || !l.cursors[hash(page.Next)] {
			return page, err
		}
	}
	return Page{}, fmt.Errorf("%w: %d times its cursor led back to an earlier page", ErrStuck, maxStuck)
}

func (l *listing) add(page Page, from, until time.Time) Batch {
	l.pages++
	l.barren++
	batch := Batch{Page: l.pages}
	for _, event := range page.Events {
		if id := hash(event.ID); event.ID != "" && l.events[id] {
			batch.Repeated++
			continue
		} else if event.ID != "" {
			l.events[id] = true
		}
		l.barren = 0
		if at := event.CreatedAt; at.IsZero() || !at.Before(from) && at.Before(until) {
			batch.Events = append(batch.Events, event)
		}
	}
	return batch
}

// hash returns the first half of a SHA-256: no two of a list are the same.
func hash(text string) [16]byte {
	sum := sha256.Sum256([]byte(text))
	return [16]byte(sum[:16])
}
