package campaign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"payment-webhooks/local/session"
)

// Options configure a campaign.
type Options struct {
	Root   string   // directory of the repository
	CDKOut string   // the synthesized assembly, with every provider configured and /webhook open
	Flags  []string // more flags of the local run
	Log    io.Writer

	Seed         uint64
	Transactions int           // entries to send, at least 1; ignored if Duration is set
	Duration     time.Duration // how long to send instead
	Faults       string        // names of faults, separated by commas; "all", "none"
	Senders      int           // concurrent ones, at least 1

	Progress func(format string, args ...any) // receives a line now and then
}

// timeScale divides the waits of EventBridge and Lambda between retries: a minute is a
// fifth of a second.
const timeScale = "300"

// Bounds of the waits after the faults. They are generous: only a fault of the stack
// makes a campaign wait that long, and the sheet then shows it.
const (
	acceptTimeout = 2 * time.Minute  // until the last delivery is accepted
	idleTimeout   = 20 * time.Minute // until nothing is under way: the silences of a long campaign leave thousands of records
)

// Run makes one campaign and returns its sheet. An error means that there is none: the
// campaign could not be made, or ctx ended.
func Run(ctx context.Context, o Options) (sheet Sheet, err error) {
	chosenFaults, err := chosen(o.Faults)
	if err != nil {
		return sheet, err
	}
	c, err := begin(ctx, o)
	if err != nil {
		return sheet, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	watching, stopWatch := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { c.watch(watching) })
	stopWatching := func() { stopWatch(); watch.Wait() }
	defer stopWatching()
	if err := c.send(ctx, chosenFaults); err != nil {
		return sheet, err
	}
	if err := c.silence(ctx, chosenFaults); err != nil {
		return sheet, err
	}
	o.Progress("archiving")
	if err := errors.Join(c.deletePoison(ctx), c.archive(ctx, chosenFaults)); err != nil {
		return sheet, err
	}
	if err := c.repair(ctx); err != nil {
		return sheet, err
	}
	if err := c.archiveLast(ctx, chosenFaults); err != nil {
		return sheet, err
	}
	stopWatching()
	o.Progress("balancing the books")
	seen, err := c.observer.observe(ctx)
	if err != nil {
		return sheet, err
	}
	sheet = Sheet{Seed: o.Seed, Transactions: len(c.sent.transactions), Rows: Balance(c.sent, seen, c.tiers), Facts: c.facts()}
	for _, row := range []*Row{c.quarantined, c.deadLettered, c.runs, c.tools, c.heard} {
		sheet.Rows = append(sheet.Rows, *row)
	}
	for _, t := range c.tiers {
		sheet.Tiers = append(sheet.Tiers, t.Name)
	}
	return sheet, nil
}

// campaign is a running campaign.
type campaign struct {
	options  Options
	dir      string
	session  *session.Session
	tiers    []session.Tier
	sent     *Sent
	senders  *senders
	injector *injector
	observer *observer

	opsBinary string
	entries   int // of the plan that were sent or passed over

	poison  []Key // items of the table that are no transactions
	counted []Fact

	// Rows that are known before the books are balanced.
	quarantined, deadLettered, runs, tools, heard *Row
}

func begin(ctx context.Context, o Options) (c *campaign, err error) {
	c = &campaign{
		options: o, sent: newSent(),
		quarantined:  newRow("conflicting notifications in quarantine"),
		deadLettered: newRow("in the relay's queue: only what is no transaction"),
		runs:         newRow("failed runs of the archiver, kept to be sent on"),
		tools:        newRow("repairs by scripts/ops that succeeded"),
		heard:        newRow("silences and full queues that raised their alarm"),
	}
	if c.tiers, err = session.Tiers(o.CDKOut); err != nil {
		return nil, err
	}
	for _, t := range c.tiers {
		if t.Target == "queue" {
			return nil, fmt.Errorf("tier %s has a queue, which the campaign does not read", t.Name)
		}
	}
	if c.dir, err = os.MkdirTemp("", "payment-webhooks-campaign-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
			c = nil
		}
	}()
	sender, err := session.BuildSender(ctx, o.Root)
	if err != nil {
		return c, err
	}
	if c.opsBinary, err = buildOps(ctx, o.Root); err != nil {
		return c, err
	}
	egress := filepath.Join(c.dir, "egress")
	flags := append(session.SecretFlags(sender.Secrets()), "--egress", egress, "--quiet", "--time-scale", timeScale)
	c.session, err = session.Start(ctx, session.Options{Root: o.Root, CDKOut: o.CDKOut, Log: o.Log, Flags: append(flags, o.Flags...)})
	if err != nil {
		return c, err
	}
	if err := publishCertificates(ctx, c.session, sender, egress); err != nil {
		return c, err
	}
	c.observer = newObserver(c.session, c.tiers)
	if c.senders, err = newSenders(c.session, NewPlan(o.Seed, c.tiers), sender, egress, c.sent); err != nil {
		return c, err
	}
	c.injector = &injector{
		session: c.session, senders: c.senders, observer: c.observer, tiers: c.tiers, seed: o.Seed,
		log: o.Log, counts: map[string]int{}, strikes: map[string]int{},
	}
	return c, nil
}

func (c *campaign) close() (err error) {
	if c.session != nil {
		err = c.session.Stop()
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}

// send sends the plan while faults strike, and returns once everything is accepted and
// nothing is under way.
func (c *campaign) send(ctx context.Context, list []Fault) error {
	o, started := c.options, time.Now()
	c.injector.faults = whileSending(list)
	c.senders.step = c.injector.step
	if err := c.putPoison(ctx); err != nil {
		return err
	}
	next := func() (int, bool) {
		more := c.entries < o.Transactions
		if o.Duration > 0 {
			more = time.Since(started) < o.Duration
		}
		if more {
			c.entries++
		}
		return c.entries - 1, more
	}
	if err := c.deliver(ctx, next, func() error { return c.injector.stop(ctx) }); err != nil && !errors.Is(err, errLate) {
		return err
	}
	o.Progress("%d entries sent in %s, %d attempts; waiting until all is quiet", c.entries, time.Since(started).Round(time.Second/10), c.sent.attempts.Load())
	return c.waitIdle(ctx)
}

// deliver sends entries until each is accepted. begun is called when the last has begun; from
// then on it waits for up to acceptTimeout, and returns errLate after that.
func (c *campaign) deliver(ctx context.Context, next func() (int, bool), begun func() error) error {
	accepting, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	var late *time.Timer
	err := c.senders.run(accepting, c.options.Senders, next, func() error {
		late = time.AfterFunc(acceptTimeout, func() { giveUp(errLate) })
		return begun()
	})
	if late != nil {
		late.Stop()
	}
	return err
}

// errLate ends deliveries that are not accepted long after the last fault.
var errLate = errors.New("not accepted in time")

// watch prints the progress, and collects alerts before the local run forgets them.
func (c *campaign) watch(ctx context.Context) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		c.sent.mu.Lock()
		known := len(c.sent.transactions)
		c.sent.mu.Unlock()
		c.options.Progress("%d transactions, %d attempts, under way: %s", known, c.sent.attempts.Load(), c.injector.names())
		if err := c.observer.collectAlerts(ctx); err != nil && ctx.Err() == nil {
			c.options.Progress("alerts: %v", err)
		}
	}
}

func (c *campaign) waitIdle(ctx context.Context) error { return waitIdle(ctx, c.session) }

// facts returns what happened, for the reader of the sheet.
func (c *campaign) facts() []Fact {
	facts := []Fact{{"attempts", int(c.sent.attempts.Load())}}
	c.sent.mu.Lock()
	for _, status := range sortedInts(c.sent.statuses) {
		name := fmt.Sprintf("responses %d", status)
		if status == 0 {
			name = "no response"
		}
		facts = append(facts, Fact{name, c.sent.statuses[status]})
	}
	c.sent.mu.Unlock()
	for _, f := range faults {
		if n := c.injector.counts[f.Name]; n > 0 {
			if f.Hop != "" && !strings.HasPrefix(f.Name, "archive-") {
				n = c.injector.strikes[f.Name] // of all episodes
			}
			facts = append(facts, Fact{"fault " + f.Name, n})
		}
	}
	return append(facts, c.counted...)
}

func sortedInts(m map[int]int) (keys []int) {
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
