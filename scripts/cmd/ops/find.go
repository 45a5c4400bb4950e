package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/operations/deadletters"
	"payment-webhooks/handlers/operations/lookup"
	"payment-webhooks/handlers/operations/publication"
	"payment-webhooks/scripts/internal/rules"
)

// found is everything known of one transaction.
type found struct {
	publication.Key
	Item    *item           `json:"item"` // nil: not in the table
	Event   json.RawMessage `json:"event,omitempty"`
	Tier    string          `json:"tier"`
	Facts   []fact          `json:"facts"` // in the order of the transaction's way
	Archive []lookup.Place  `json:"archive"`
	Logs    []logLine       `json:"logs"`
	Dead    []shown         `json:"dead_letters"`
}

// item is what the table says beside the event.
type item struct {
	Kind       string             `json:"kind"`
	Amount     string             `json:"amount"`
	CustomerID string             `json:"customer_id"`
	ReceivedAt time.Time          `json:"received_at"`
	Fraud      *publication.Fraud `json:"fraud"`
}

// fact is what is known of one step.
type fact struct {
	Step string `json:"step"`
	// Known is yes, no or unknown; a detail that begins with "because" says why nothing
	// is known.
	Known  string `json:"known"`
	Detail string `json:"detail"`
}

// What is known of a step.
const (
	yes     = "yes"
	no      = "no"
	unknown = "unknown"
)

// logLine is a line of a log that names the transaction.
type logLine struct {
	Group string    `json:"group"`
	At    time.Time `json:"at"`
	Text  string    `json:"text"`
}

func newFind(a *app) *cobra.Command {
	var f finder
	var date time.Time
	command := &cobra.Command{
		Use:   "find ID",
		Short: "Show everything known of a transaction: table, tier, workflow, alerts, dead letters, archive",
		Long: `Show everything known of a transaction: its item, tier and event, what the workflow made of
it, alerts, messages in dead-letter queues, and its line in the archive. Where AWS keeps no
record of a step, the reason is given.

A transaction that has left the table (after 35 days) is searched for in the archive: on
--date, or in a range of which the last 60 days are the default.`,
		Example: "  scripts/ops find txn_123456\n  scripts/ops find txn_123456 --provider stripe --json\n  scripts/ops find txn_123456 --date 2026-08-31",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			f.id = args[0]
			switch {
			case !date.IsZero() && (!f.from.IsZero() || !f.to.IsZero()):
				return usagef("--date excludes --from and --to")
			case !date.IsZero():
				f.from = date.Truncate(24 * time.Hour)
				f.to = f.from.Add(24 * time.Hour)
			}
			if f.to.IsZero() {
				f.to = a.now()
			}
			if f.from.IsZero() {
				f.from = f.to.Add(-searched)
			}
			if !f.from.Before(f.to) {
				return usagef("--from is not before --to")
			}
			all, err := f.run(command.Context(), a)
			if err != nil {
				return err
			}
			if err := a.print(all, func(w io.Writer) { printFound(w, all) }); err != nil {
				return err
			}
			if len(all) == 0 {
				return fmt.Errorf("%s is neither in the table, nor in a dead-letter queue, nor in the archive from %s to %s; search other days with --from, --to or --date",
					deadletters.Mask(f.id), f.from.Format(time.DateOnly), f.to.Format(time.DateOnly))
			}
			return nil
		},
	}
	command.Flags().StringVar(&f.provider, "provider", "", "only the transaction of this provider, where several have used the id")
	command.Flags().Var((*timeValue)(&date), "date", "search the archive of this day, if the table has no such transaction")
	timeFlags(command, &f.from, &f.to, "search the archive from this time on", "search the archive up to this time")
	return command
}

// searched is how far back the archive is searched by default.
const searched = 60 * 24 * time.Hour

// finder is one run of the command.
type finder struct {
	id, provider string
	from, to     time.Time // of the search in the archive

	dlq     *dlq
	archive *lookup.Archive
	tiers   []tier
}

func (f *finder) run(ctx context.Context, a *app) ([]*found, error) {
	var err error
	if f.dlq, err = openDLQ(ctx, a); err != nil {
		return nil, err
	}
	table, _, err := f.dlq.publication()
	if err != nil {
		return nil, err
	}
	bucket, err := f.dlq.stack.Output(contract.OutputAuditBucket)
	if err != nil {
		return nil, err
	}
	f.archive = lookup.Open(f.dlq.config, bucket)
	if f.tiers, err = tiersOf(ctx, rules.New(f.dlq.config, a.now), f.dlq.stack); err != nil {
		return nil, err
	}
	dead, err := f.dlq.about(ctx, f.id)
	if err != nil {
		return nil, err
	}

	var all []*found
	for record, err := range table.ByID(ctx, f.id) {
		if err != nil && !errors.Is(err, publication.ErrUnreadable) {
			return nil, err
		}
		if f.provider != "" && record.Provider != f.provider {
			continue
		}
		one := &found{Key: record.Key}
		if err != nil {
			one.Facts = append(one.Facts, fact{"stored", no, deadletters.Mask(err.Error())})
		} else if err := f.stored(ctx, one, record); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		if all, err = f.archived(ctx); err != nil {
			return nil, err
		}
	}
	if len(all) == 0 && len(dead) > 0 {
		all = append(all, &found{
			Key:   publication.Key{TransactionID: f.id, Provider: f.provider},
			Facts: []fact{{"stored", no, "it is not in the table, and was not found in the archive from " + f.from.Format(time.DateOnly) + " to " + f.to.Format(time.DateOnly)}},
		})
	}
	for _, one := range all {
		one.Dead = slices.DeleteFunc(slices.Clone(dead), func(s shown) bool {
			return !slices.ContainsFunc(s.About, func(k deadletters.Key) bool { return k.Provider == one.Provider }) && len(s.About) > 0
		})
		one.Facts = append(one.Facts, deadFact(one.Dead))
	}
	return all, nil
}

// stored tells the way of a transaction that is in the table.
func (f *finder) stored(ctx context.Context, one *found, r publication.Record) error {
	one.Item = &item{Kind: r.Kind, Amount: r.Amount, CustomerID: r.CustomerID, ReceivedAt: r.ReceivedAt, Fraud: r.Fraud}
	one.Event = r.Detail
	one.Facts = append(one.Facts, fact{"stored", yes, "received " + r.ReceivedAt.Format(time.RFC3339Nano)})
	if err := f.logs(ctx, one, r.ReceivedAt); err != nil {
		return err
	}
	f.route(one, r.Detail, r.Fraud)
	places, archived, err := f.archive.Hour(ctx, r.ReceivedAt, f.id)
	if err != nil {
		return err
	}
	f.place(one, places, archived, r.ReceivedAt)
	return nil
}

// archived searches the archive.
func (f *finder) archived(ctx context.Context) ([]*found, error) {
	hours, err := f.archive.Hours(ctx, f.from, f.to)
	if err != nil {
		return nil, err
	}
	var all []*found
	for i, hour := range slices.Backward(hours) {
		if n := len(hours) - i; n%100 == 0 {
			f.dlq.app.progress("%d of %d archived hours searched", n, len(hours))
		}
		places, _, err := f.archive.Hour(ctx, hour, f.id)
		if err != nil {
			return nil, err
		}
		for _, p := range places {
			var line struct {
				Provider string             `json:"provider"`
				Fraud    *publication.Fraud `json:"fraud"`
			}
			if err := json.Unmarshal(p.Record, &line); err != nil {
				return nil, fmt.Errorf("%s, line %d: %w", p.Object, p.Line, err)
			}
			if f.provider != "" && line.Provider != f.provider {
				continue
			}
			one := &found{Key: publication.Key{TransactionID: f.id, Provider: line.Provider}, Event: p.Record}
			one.Facts = append(one.Facts, fact{"stored", no, fmt.Sprintf("it is no longer in the table, which keeps transactions for %d days; what follows is from the archive", contract.RetentionDays)})
			f.route(one, p.Record, line.Fraud)
			f.place(one, []lookup.Place{p}, true, hour)
			all = append(all, one)
		}
		if len(all) > 0 { // a key is stored once within the table's days
			return all, nil
		}
	}
	return nil, nil
}

// route tells tier, publication, workflow and alerts.
func (f *finder) route(one *found, detail []byte, fraud *publication.Fraud) {
	t, err := tierOf(f.tiers, detail)
	if err != nil {
		one.Facts = append(one.Facts, fact{"tier", no, err.Error()})
		return
	}
	one.Tier = t.Name
	by := "by the deployed rule " + t.rule.Name
	if !t.rule.Enabled {
		by += ", which is disabled"
	}
	one.Facts = append(one.Facts, fact{"tier", yes, t.Name + ", " + by})
	written := slices.IndexFunc(one.Logs, func(l logLine) bool { return strings.HasPrefix(l.Group, contract.EventLogGroupPrefix) })
	switch {
	case fraud != nil:
		one.Facts = append(one.Facts, fact{"published", yes, "since there is a fraud result"})
	case written >= 0:
		one.Facts = append(one.Facts, fact{"published", yes, "it was written to " + one.Logs[written].Group + " at " + one.Logs[written].At.Format(time.RFC3339)})
	default:
		one.Facts = append(one.Facts, fact{"published", unknown, "because EventBridge and event-relay keep no record of single events"})
	}
	for _, target := range t.rule.Targets {
		switch target.Service() {
		case "states":
			f.workflow(one, target.Name(), fraud)
		case "sns":
			one.Facts = append(one.Facts, fact{"alert", unknown, "because SNS keeps no record of single messages; what could not be sent is in the tier's dead-letter queue"})
		case "sqs":
			if strings.Contains(target.Name(), contract.TierDigestInfix) {
				one.Facts = append(one.Facts, fact{"alert", unknown, "because SNS keeps no record of single messages; it is in a digest, or waits in " + target.Name() + "; what could not be sent is in the tier's dead-letter queues"})
				continue
			}
			one.Facts = append(one.Facts, fact{"queue " + target.Name(), unknown, "because its consumer may have deleted the message"})
		}
	}
}

func (f *finder) workflow(one *found, machine string, fraud *publication.Fraud) {
	if fraud == nil {
		one.Facts = append(one.Facts, fact{"fraud result", no, "none is stored; executions of " + machine + " cannot be told apart, because their log has no execution data"})
	} else {
		one.Facts = append(one.Facts, fact{"fraud result", yes, fmt.Sprintf("%s risk, score %s, at %s: %s", fraud.RiskLevel, fraud.Score, fraud.ScoredAt.UTC().Format(time.RFC3339), fraud.Summary)})
	}
	one.Facts = append(one.Facts, fact{"notification", unknown, "because SNS keeps no record of single messages; one that failed after its retries is in the workflow's dead-letter queue"})
	if fraud != nil && fraud.RiskLevel == contract.RiskHigh {
		one.Facts = append(one.Facts, fact{"fraud alert", unknown, "because SNS keeps no record of single messages; the workflow sends one when the risk is high"})
	}
}

// place tells where the transaction is in the archive.
func (f *finder) place(one *found, places []lookup.Place, archived bool, received time.Time) {
	places = slices.DeleteFunc(slices.Clone(places), func(p lookup.Place) bool {
		var line struct{ Provider string }
		return json.Unmarshal(p.Record, &line) != nil || line.Provider != one.Provider
	})
	one.Archive = places
	hour := received.UTC().Format("2006-01-02T15")
	switch {
	case len(places) > 0:
		one.Facts = append(one.Facts, fact{"archived", yes, fmt.Sprintf("%s, line %d, written %s", places[0].Object, places[0].Line, places[0].ArchivedAt.Format(time.RFC3339))})
	case archived:
		one.Facts = append(one.Facts, fact{"archived", no, "the hour " + hour + " is archived without it"})
	default:
		one.Facts = append(one.Facts, fact{"archived", no, "the hour " + hour + " is not archived yet; an hour is due 24 hours after its end"})
	}
}

func deadFact(dead []shown) fact {
	if len(dead) == 0 {
		return fact{"dead letters", no, "none names it (positions in the stream do not say what they are about)"}
	}
	var all []string
	for _, s := range dead {
		all = append(all, s.Queue+" "+s.ID)
	}
	return fact{"dead letters", yes, strings.Join(all, ", ")}
}

// Bounds of the search through the logs: a transaction is normally through within seconds,
// and may be repeated by hand days later.
const (
	logBefore = 5 * time.Minute
	logAfter  = 24 * time.Hour
	maxLines  = 20 // of each log group
)

// logs finds the lines of the functions' logs, and of the log groups of tiers, that name the
// transaction.
func (f *finder) logs(ctx context.Context, one *found, received time.Time) error {
	var groups []string
	for _, r := range f.dlq.stack.ByType("AWS::Logs::LogGroup") {
		name := r.PhysicalID
		ofHandler := strings.HasPrefix(name, contract.FunctionLogGroupPrefix) &&
			!strings.HasPrefix(name, contract.CleanerLogGroupPrefix) && !strings.HasPrefix(name, contract.FunctionLogGroupPrefix+contract.APIGatewayAccount+"-")
		if strings.HasPrefix(name, contract.EventLogGroupPrefix) || ofHandler {
			groups = append(groups, name)
		}
	}
	client := cloudwatchlogs.NewFromConfig(f.dlq.config)
	lines := make([][]logLine, len(groups))
	work, ctx := errgroup.WithContext(ctx)
	for i, name := range groups {
		work.Go(func() (err error) {
			lines[i], err = f.linesOf(ctx, client, name, received)
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	one.Logs = slices.Concat(lines...)
	slices.SortFunc(one.Logs, func(x, y logLine) int { return x.At.Compare(y.At) })
	return nil
}

func (f *finder) linesOf(ctx context.Context, client *cloudwatchlogs.Client, group string, received time.Time) (lines []logLine, err error) {
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(client, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: &group, FilterPattern: aws.String(phrase(f.id)),
		StartTime: aws.Int64(received.Add(-logBefore).UnixMilli()), EndTime: aws.Int64(received.Add(logAfter).UnixMilli()),
	})
	for pages.HasMorePages() && len(lines) < maxLines {
		page, err := pages.NextPage(ctx)
		if _, missing := errors.AsType[*logstypes.ResourceNotFoundException](err); missing {
			return lines, nil // it was deleted: nothing is known from it
		}
		if err != nil {
			return nil, fmt.Errorf("log group %s: %w", group, err)
		}
		for _, e := range page.Events {
			if text := aws.ToString(e.Message); strings.Contains(text, f.id) && len(lines) < maxLines {
				lines = append(lines, logLine{group, time.UnixMilli(aws.ToInt64(e.Timestamp)).UTC(), deadletters.Mask(strings.TrimSpace(text))})
			}
		}
	}
	return lines, nil
}

// phrase is a filter pattern for lines that have a text.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
func phrase(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

func printFound(w io.Writer, all []*found) {
	for i, one := range all {
		if i > 0 {
			fmt.Fprintln(w)
		}
		head := one.Key.String()
		if one.Item != nil {
			head += fmt.Sprintf(": %s of %s by customer %s", one.Item.Kind, one.Item.Amount, one.Item.CustomerID)
		}
		fmt.Fprintf(w, "%s\n\n", deadletters.Mask(head))
		var rows [][]string
		for _, f := range one.Facts {
			rows = append(rows, []string{f.Step, f.Known, f.Detail})
		}
		table(w, []string{"step", "", "what is known"}, rows)
		for _, s := range one.Dead {
			fmt.Fprintf(w, "\n%s  %s\n  %s\n", s.Queue, s.ID, s.Summary)
		}
		if len(one.Event) > 0 {
			fmt.Fprintf(w, "\nevent  %s\n", deadletters.Mask(string(one.Event)))
		}
		for _, l := range one.Logs {
			fmt.Fprintf(w, "\n%s  %s\n  %s\n", l.Group, l.At.Format(time.RFC3339), l.Text)
		}
	}
}
