package campaign

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"payment-webhooks/handlers/contract"
)

// A silence is a fault after which nothing fails: what should happen does not. Each is
// caused once the other faults are over, and lasts until the alarms have been evaluated.
const (
	silentRules   = "silence-rules"   // every tier's rule is disabled
	silentMapping = "silence-mapping" // the mapping of the stream is disabled
)

// silent is the number of transactions of each tier that are sent into each silence, at least.
// Sums are compared, so the needs add what may hide as many: what was counted twice, or not at
// all on the side of what is due, because a response was lost or a process was killed after it
// had written. Only what struck in the same period of the alarms can, and theirs is a quarter of
// an hour at most.
const silent = 10

// unmatchedNeeds returns how many transactions of each tier the silence of the rules needs.
func (c *campaign) unmatchedNeeds() map[string]int {
	// Events that EventBridge matched and nobody counted, of a call or a batch each: the
	// response was lost, or the relay was killed before it wrote its counts.
	matched := 10*(c.struck("bus-cut")+c.struck("bus-timeout")) + 20*(c.struck("relay-crash-after")+c.struck("kill"))
	scored := 0
	for _, f := range faults {
		if strings.HasPrefix(f.Name, "detector-") || strings.HasPrefix(f.Name, "score-") || strings.HasPrefix(f.Name, "validator-") ||
			strings.HasPrefix(f.Name, "relay-crash") || f.Name == "kill" {
			scored += c.struck(f.Name)
		}
	}
	sent := c.sent.byTier()
	need := map[string]int{}
	for _, t := range c.tiers {
		need[t.Name] = silent + matched + sent[t.Name]/50 // the alarm does not mind one of a hundred
		if t.Target == "workflow" {
			need[t.Name] += scored
		}
	}
	return need
}

// unpublishedNeeds returns how many transactions of each tier the mapping's silence needs. One
// alarm counts all tiers, so each contributes its part.
func (c *campaign) unpublishedNeeds() map[string]int {
	// Events that were counted as published twice, of a batch each: the relay was killed
	// after it had counted them, and the batch came again. And transactions that were not
	// counted as stored, since the validator was killed before it wrote that down.
	twice := 20*(c.struck("relay-crash-after")+c.struck("kill")+c.struck("stream-duplicate")) + c.struck("validator-crash-after") + c.struck("kill")
	need := map[string]int{}
	for _, t := range c.tiers {
		need[t.Name] = (silent + twice + len(c.tiers) - 1) / len(c.tiers)
	}
	return need
}

// struck returns how often a fault struck in this quarter of an hour.
func (c *campaign) struck(name string) (n int) {
	quarter := time.Now().Truncate(15 * time.Minute)
	for _, s := range c.injector.struck {
		if s.name == name && !s.at.Before(quarter) {
			n += s.n
		}
	}
	return n
}

// heardAfter is how far ahead the alarms are evaluated: the accounting's delay, and the
// periods of the alarms that compare counts.
const heardAfter = 2 * time.Hour

// silence causes the chosen silences, and checks that alarms are raised for them and for
// each queue that is not empty.
func (c *campaign) silence(ctx context.Context, list []Fault) error {
	has := func(name string) bool { return slices.ContainsFunc(list, func(f Fault) bool { return f.Name == name }) }
	if !has(silentRules) && !has(silentMapping) {
		return nil
	}
	c.options.Progress("causing silences")
	want := map[string]bool{} // alarms
	if has(silentRules) {
		for _, t := range c.tiers {
			c.injector.outages = append(c.injector.outages, outage{tier: t.Name, from: time.Now()})
			if err := setRule(ctx, c.session, t.Name, false); err != nil {
				return err
			}
			want[t.Name+"-value-unmatched"] = true
			if t.Target == "workflow" {
				want["unscored"] = true
			}
		}
		if err := c.sendMore(ctx, c.unmatchedNeeds()); err != nil {
			return err
		}
		for i, o := range c.injector.outages {
			if o.to.IsZero() {
				c.injector.outages[i].to = time.Now()
			}
		}
	}
	if has(silentMapping) {
		if err := setMapping(ctx, c.session, false); err != nil {
			return err
		}
		want["unpublished"] = true
		if err := c.sendMore(ctx, c.unpublishedNeeds()); err != nil {
			return err
		}
	}
	left, err := c.observer.queues(ctx)
	if err != nil {
		return err
	}
	for name, n := range left {
		if n > 0 {
			want[name+"-not-empty"] = true
		}
	}
	if err := c.hear(ctx, want); err != nil {
		return err
	}
	// The end of the silences, as whoever heard the alarms brings it about.
	for _, t := range c.tiers {
		if err := setRule(ctx, c.session, t.Name, true); err != nil {
			return err
		}
	}
	return errors.Join(setMapping(ctx, c.session, true), c.waitIdle(ctx))
}

// sendMore sends further entries of the plan, without faults: as many of each tier as a
// silence needs.
func (c *campaign) sendMore(ctx context.Context, need map[string]int) error {
	var failure error
	next := func() (int, bool) {
		for failure == nil && slices.ContainsFunc(slices.Collect(maps.Values(need)), func(n int) bool { return n > 0 }) {
			entry, err := c.senders.plan.Entry(c.entries)
			failure = err
			c.entries++
			if tier := entry.Original.tier(); need[tier] > 0 {
				need[tier]--
				return c.entries - 1, true
			}
		}
		return 0, false
	}
	err := c.deliver(ctx, next, func() error { return nil })
	return errors.Join(failure, err, c.waitIdle(ctx))
}

// hear evaluates the alarms ahead of time, and counts those that were raised.
func (c *campaign) hear(ctx context.Context, want map[string]bool) error {
	var alarms []struct {
		Name    string `json:"name"`
		History []struct {
			State string `json:"state"`
		} `json:"history"`
	}
	at := time.Now().Add(heardAfter).UTC().Format(time.RFC3339)
	if err := c.session.Control(ctx, http.MethodGet, "/_local/alarms?time="+url.QueryEscape(at), nil, &alarms); err != nil {
		return fmt.Errorf("alarms: %w", err)
	}
	raised := map[string]bool{}
	for _, a := range alarms {
		for _, h := range a.History {
			raised[a.Name] = raised[a.Name] || h.State == "ALARM"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		c.heard.check("", raised[contract.AlarmPrefix+name+"-"+c.session.Suffix()], "the alarm %s was not raised", name)
	}
	return nil
}
