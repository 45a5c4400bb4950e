package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/time/rate"

	"payment-webhooks/handlers/operations/deadletters"
	"payment-webhooks/handlers/operations/publication"
	"payment-webhooks/scripts/internal/journal"
	"payment-webhooks/scripts/internal/rules"
)

// republication is the result of the command.
type republication struct {
	Executed  bool              `json:"executed"`
	Tiers     []republishedTier `json:"tiers"`
	Failed    []unpublished     `json:"failed"`
	Unmatched []string          `json:"unmatched,omitempty"` // transactions that no deployed rule matches
}

type republishedTier struct {
	Tier      string `json:"tier"`
	Found     int    `json:"found"`
	Published int    `json:"published"` // by this run
	Before    int    `json:"before"`    // by an earlier run that was interrupted
	Seen      string `json:"seen"`      // what a person sees again
}

// unpublished is a transaction that could not be published.
type unpublished struct {
	publication.Key
	Error string `json:"error"`
}

func newRepublish(a *app) *cobra.Command {
	var r republish
	var state string
	command := &cobra.Command{
		Use:   "republish {--from TIME --to TIME | --id ID}",
		Short: "Publish the events of stored transactions again, from the table",
		Long: `Publish the events of stored transactions again, from the table: those received from
one time on and before another, or those with an id.

Events go through all rules of the bus again, so people see again what the rules send them.
The dry run says what, for each tier. To suppress it, publish only the tiers that you need
(--tier), or disable the rules of the others first (aws events disable-rule), and enable
them afterwards. Events cannot be marked as repeated: the rules would have to know the mark.
A run that was interrupted is resumed by the same command: nothing is published twice.

--rate keeps the events from starting more workflows at once than fraud-detector can serve:
what it throttles too often ends in workflow-dlq, from where it can be redriven.`,
		Example: `  scripts/ops republish --from 2026-11-22T10 --to 2026-11-22T11
  scripts/ops republish --from 2026-11-22T10 --to 2026-11-22T11 --tier low --execute
  scripts/ops republish --id txn_123456 --provider stripe --execute`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			ctx := command.Context()
			if err := r.check(a.now()); err != nil {
				return err
			}
			d, err := openDLQ(ctx, a)
			if err != nil {
				return err
			}
			r.app, r.limiter = a, rate.NewLimiter(rate.Limit(r.rate), batchSize)
			if r.table, r.bus, err = d.publication(); err != nil {
				return err
			}
			if r.all, err = tiersOf(ctx, rules.New(d.config, a.now), d.stack); err != nil {
				return err
			}
			for _, name := range r.only {
				if !slices.ContainsFunc(r.all, func(t tier) bool { return t.Name == name }) {
					return usagef("%s has no tier %q; it has %s", d.stack.Name, name, names(r.all))
				}
			}
			slices.Sort(r.only)
			if r.journal, err = a.openState(state, "republish", r.from.String(), r.to.String(), r.id, r.provider, strings.Join(r.only, ",")); err != nil {
				return err
			}
			result, err := r.run(ctx)
			closing := r.journal.Close
			if r.execute && err == nil && len(result.Failed) == 0 {
				closing = r.journal.Finish
			}
			return errors.Join(a.printRepublication(result), err, closing())
		},
	}
	executeFlag(command, &r.execute)
	stateFlag(command, &state)
	timeFlags(command, &r.from, &r.to, "publish what was received at this time and later", "publish what was received before this time")
	command.Flags().StringVar(&r.id, "id", "", "publish the transactions with this `id` instead")
	command.Flags().StringVar(&r.provider, "provider", "", "with --id: only that of this provider")
	command.Flags().Float64Var(&r.rate, "rate", 100, "publish at most this `many` events a second")
	command.Flags().StringSliceVar(&r.only, "tier", nil, "publish only these `tiers`, separated by commas")
	return command
}

// republish is one run of the command.
type republish struct {
	app          *app
	from, to     time.Time
	id, provider string
	only         []string // tiers
	execute      bool
	rate         float64 // events a second
	limiter      *rate.Limiter

	table   *publication.Table
	bus     *publication.Bus
	all     []tier
	journal *journal.Journal
}

func (r *republish) check(now time.Time) error {
	ranged := !r.from.IsZero() || !r.to.IsZero()
	switch {
	case r.id == "" && (r.from.IsZero() || r.to.IsZero()):
		return usagef("give --from and --to, or --id")
	case r.id != "" && ranged:
		return usagef("--id excludes --from and --to")
	case r.id == "" && r.provider != "":
		return usagef("--provider is for --id")
	case ranged && !r.from.Before(r.to):
		return usagef("--from is not before --to")
	case ranged && r.from.After(now):
		return usagef("--from is in the future")
	case !(r.rate > 0 && r.rate <= maxPublications):
		return usagef("--rate %v: want more than 0 and at most %d", r.rate, maxPublications)
	}
	return nil
}

// maxPublications bounds --rate. It is the quota of PutEvents in the largest regions.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
const maxPublications = 10_000

// batchSize is the most events of one PutEvents call.
const batchSize = 10

func (r *republish) run(ctx context.Context) (republication, error) {
	result := republication{Executed: r.execute, Failed: []unpublished{}}
	for _, t := range r.all {
		if len(r.only) == 0 || slices.Contains(r.only, t.Name) {
			result.Tiers = append(result.Tiers, republishedTier{Tier: t.Name, Seen: t.seen()})
		}
	}
	var batch []publication.Record
	var of []*republishedTier // of the records of batch
	flush := func() error {
		err := r.publish(ctx, batch, of, &result)
		batch, of = nil, nil
		return err
	}
	found := 0
	var hour time.Time
	for record, err := range r.records(ctx) {
		if errors.Is(err, publication.ErrUnreadable) {
			result.Failed = append(result.Failed, unpublished{record.Key, deadletters.Mask(err.Error())})
			continue
		}
		if err != nil {
			return result, errors.Join(err, flush())
		}
		if h := record.ReceivedAt.Truncate(time.Hour); h.After(hour) {
			hour = h
			r.app.progress("%s: %d found so far", hour.Format("2006-01-02T15"), found)
		}
		t, err := tierOf(r.all, record.Detail)
		if err != nil {
			result.Unmatched = append(result.Unmatched, record.Key.String())
			continue
		}
		i := slices.IndexFunc(result.Tiers, func(rt republishedTier) bool { return rt.Tier == t.Name })
		if i < 0 {
			continue // not wanted
		}
		found++
		result.Tiers[i].Found++
		if r.journal.Done(stepOf(record)) {
			result.Tiers[i].Before++
			continue
		}
		if !r.execute {
			continue
		}
		batch, of = append(batch, record), append(of, &result.Tiers[i])
		if len(batch) == batchSize {
			if err := errors.Join(flush(), ctx.Err()); err != nil {
				return result, err
			}
		}
	}
	return result, flush()
}

// records yields the transactions of the range or with the id.
func (r *republish) records(ctx context.Context) func(func(publication.Record, error) bool) {
	switch {
	case r.id == "":
		return r.table.Between(ctx, r.from, r.to)
	case r.provider == "":
		return r.table.ByID(ctx, r.id)
	}
	return func(yield func(publication.Record, error) bool) {
		yield(r.table.Get(ctx, publication.Key{TransactionID: r.id, Provider: r.provider}))
	}
}

// stepOf names a transaction in the state file.
func stepOf(r publication.Record) string { return r.Provider + "/" + r.TransactionID }

// publish publishes a batch and records what was published. An interrupt must not
// separate the two.
func (r *republish) publish(ctx context.Context, batch []publication.Record, of []*republishedTier, result *republication) error {
	if len(batch) == 0 {
		return nil
	}
	if err := r.limiter.WaitN(ctx, len(batch)); err != nil {
		return err
	}
	for i, err := range r.bus.Publish(context.WithoutCancel(ctx), batch) {
		if err != nil {
			result.Failed = append(result.Failed, unpublished{batch[i].Key, deadletters.Mask(err.Error())})
			continue
		}
		if err := r.journal.Record(stepOf(batch[i])); err != nil {
			return err
		}
		of[i].Published++
	}
	return nil
}

// printRepublication prints the result. The error is errReported if something failed.
func (a *app) printRepublication(result republication) error {
	err := a.print(result, func(w io.Writer) {
		var rows [][]string
		for _, t := range result.Tiers {
			published := "-"
			if result.Executed {
				published = strconv.Itoa(t.Published)
			}
			if t.Before > 0 {
				published += fmt.Sprintf(" (%d before)", t.Before)
			}
			rows = append(rows, []string{t.Tier, strconv.Itoa(t.Found), published, t.Seen})
		}
		table(w, []string{"tier", "found", "published", "what people see again"}, rows)
		for _, f := range result.Failed {
			fmt.Fprintf(w, "not published: %s: %s\n", f.Key, f.Error)
		}
		for _, key := range result.Unmatched {
			fmt.Fprintf(w, "not published: %s: no deployed rule matches it\n", key)
		}
		if !result.Executed {
			fmt.Fprintln(w, "\nNothing was done: repeat the command with --execute. To repeat less, add --tier, or disable rules first.")
		}
	})
	if err == nil && len(result.Failed)+len(result.Unmatched) > 0 {
		return errReported
	}
	return err
}
