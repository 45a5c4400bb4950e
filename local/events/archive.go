package events

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ArchiveProperties is AWS::Events::Archive. RetentionDays is not acted on: a local run does
// not last a day.
type ArchiveProperties struct {
	ArchiveName, Description, SourceArn, KmsKeyIdentifier string
	EventPattern                                          json.RawMessage
	RetentionDays                                         int
}

// Archive keeps the events of a bus that match its pattern, for replays. AWS may need ten
// minutes until an event is in an archive; here it is there at once.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html
type Archive struct {
	name, arn, description, busARN string
	retentionDays                  int
	created                        time.Time
	text                           json.RawMessage // the pattern, nil for every event
	pattern                        *Pattern

	mu     sync.Mutex
	events []archived
	bytes  int
}

type archived struct {
	at    time.Time // the event's time, whole seconds
	event []byte
}

// AddArchive adds an archive. The error starts with the logical id.
func (b *Bus) AddArchive(logicalID string, p ArchiveProperties) error {
	a := &Archive{
		name: p.ArchiveName, arn: fmt.Sprintf("arn:aws:events:%s:%s:archive/%s", b.scope.Region, b.scope.Account, p.ArchiveName),
		description: p.Description, busARN: p.SourceArn, retentionDays: p.RetentionDays, created: b.config.Now(), text: p.EventPattern,
	}
	if p.SourceArn != b.scope.busARN() {
		return fmt.Errorf("%s: the SourceArn %q is not this bus, %q", logicalID, p.SourceArn, b.scope.busARN())
	}
	if p.EventPattern != nil {
		var err error
		if a.pattern, err = ParsePattern(p.EventPattern); err != nil {
			return fmt.Errorf("%s: %w", logicalID, err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.archives = append(b.archives, a)
	return nil
}

// Continue takes over the events of the archives of the same name, and which of the rules are
// enabled that have not changed, after an update of the stack.
func (b *Bus) Continue(before *Bus) {
	Continue(b.Rules(), before.Rules())
	for _, a := range b.allArchives() {
		for _, old := range before.allArchives() {
			if old.arn != a.arn {
				continue
			}
			old.mu.Lock()
			kept, size := old.events, old.bytes
			old.mu.Unlock()
			a.mu.Lock()
			a.events, a.bytes, a.created = append(slices.Clone(kept), a.events...), a.bytes+size, old.created
			a.mu.Unlock()
		}
	}
	lost := before.Misdirected()
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, n := range lost {
		b.lost[name] += n
	}
}

func (a *Archive) add(at time.Time, event []byte) {
	if a.pattern != nil {
		if ok, _ := a.pattern.Matches(event); !ok { // no error: the event is JSON
			return
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events = append(a.events, archived{at.Truncate(time.Second), event})
	a.bytes += len(event)
}

// Archived returns the events in the bus's archives, oldest first.
func (b *Bus) Archived() []json.RawMessage {
	all := []json.RawMessage{}
	for _, a := range b.allArchives() {
		a.mu.Lock()
		for _, e := range a.events {
			all = append(all, e.event)
		}
		a.mu.Unlock()
	}
	return all
}

func (a *Archive) size() (count, size int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.events), a.bytes
}

// between returns the events from begin to before end, by the time in the event: minute by
// minute, as a replay does.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_StartReplay.html
func (a *Archive) between(begin, end time.Time) []archived {
	a.mu.Lock()
	defer a.mu.Unlock()
	var selected []archived
	for _, e := range a.events {
		if !e.at.Before(begin.Truncate(time.Second)) && e.at.Before(end) {
			selected = append(selected, e)
		}
	}
	slices.SortStableFunc(selected, func(a, b archived) int {
		return cmp.Compare(a.at.Truncate(time.Minute).Unix(), b.at.Truncate(time.Minute).Unix())
	})
	return selected
}

// Replay states.
const (
	replayStarting  = "STARTING"
	replayRunning   = "RUNNING"
	replayCompleted = "COMPLETED"
)

// replay sends an archive's events through rules of its bus once more.
type replay struct {
	name, arn, description string
	archive                *Archive
	destination            string   // ARN of the bus
	filters                []string // ARNs of rules; empty: all rules
	begin, end             time.Time
	started                time.Time

	mu       sync.Mutex
	state    string
	last     time.Time // of the last replayed event
	finished time.Time
}

// run delivers the events to the rules that match. A replayed event is the original one with
// the member replay-name, by which rules and archives can tell it.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html
func (b *Bus) run(r *replay) {
	set := func(change func()) {
		r.mu.Lock()
		defer r.mu.Unlock()
		change()
	}
	set(func() { r.state = replayRunning })
	name := append(append([]byte(`,"replay-name":`), quote(r.name)...), '}')
	for _, e := range r.archive.between(r.begin, r.end) {
		event := append(bytes.TrimSuffix(bytes.Clone(e.event), []byte("}")), name...)
		b.deliver(event, func(rule *Rule) bool { return len(r.filters) == 0 || slices.Contains(r.filters, rule.ARN) })
		set(func() { r.last = e.at })
	}
	set(func() { r.state, r.finished = replayCompleted, b.config.Now() })
}
