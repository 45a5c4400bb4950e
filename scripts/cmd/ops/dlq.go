package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/operations/deadletters"
	"payment-webhooks/scripts/internal/queues"
	"payment-webhooks/scripts/internal/stack"
)

// newDLQ returns the commands about the queues of what could not be processed.
func newDLQ(a *app) *cobra.Command {
	group := &cobra.Command{
		Use:   "dlq",
		Short: "List, show, send on or discard what the stack's queues hold",
		Long: `List, show, send on or discard what the stack's dead-letter queues hold.

A QUEUE is a name from "ops dlq list", with or without the environment suffix; without any,
all dead-letter queues are meant.`,
		Args: cobra.NoArgs,
	}
	group.AddCommand(newDLQList(a), newDLQShow(a), newDLQRedrive(a), newDLQDiscard(a))
	return group
}

// queue is a queue of the stack.
type queue struct {
	Name    string // physical
	Short   string // without the environment suffix
	URL     string
	Purpose string // what is in it
	Dead    bool   // it is for what could not be processed
}

// dlq is a connection to the stack's queues.
type dlq struct {
	app    *app
	config aws.Config
	stack  *stack.Stack
	client *queues.Client
	all    []queue // by name
}

func openDLQ(ctx context.Context, a *app) (*dlq, error) {
	c, s, err := a.connect(ctx)
	if err != nil {
		return nil, err
	}
	d := &dlq{app: a, config: c, stack: s, client: queues.New(c)}
	for _, r := range s.ByType("AWS::SQS::Queue") {
		d.all = append(d.all, newQueue(r.PhysicalID, a.suffix()))
	}
	slices.SortFunc(d.all, func(x, y queue) int {
		if x.Dead != y.Dead { // dead letters first
			return strings.Compare(strconv.FormatBool(y.Dead), strconv.FormatBool(x.Dead))
		}
		return strings.Compare(x.Name, y.Name)
	})
	return d, nil
}

func newQueue(url, suffix string) queue {
	q := queue{URL: url, Name: url[strings.LastIndex(url, "/")+1:], Dead: true}
	q.Short = strings.TrimSuffix(q.Name, "-"+suffix)
	for prefix, purpose := range map[string]string{
		contract.RelayDeadLetterPrefix:    "stored transactions that were not published",
		contract.WorkflowDeadLetterPrefix: "transactions of which a state of the workflow failed",
		contract.QuarantinePrefix:         "authentic deliveries that could not become transactions",
		contract.ScheduleDeadLetterPrefix: "runs of the archiver that could not be started",
		contract.ArchivalFailurePrefix:    "runs of the archiver that failed",

		contract.ReconcileScheduleDeadLetterPrefix: "comparisons with providers that could not be started",
		contract.ReconcileFailurePrefix:            "comparisons with providers that failed",
	} {
		if strings.HasPrefix(q.Name, prefix) {
			q.Purpose = purpose
			return q
		}
	}
	if tier, _, ok := strings.Cut(q.Name, contract.TierDeadLetterInfix); ok {
		q.Purpose = "events of tier " + tier + " that its target did not accept"
		return q
	}
	if tier, _, ok := strings.Cut(q.Name, contract.TierDigestDeadLetterInfix); ok {
		q.Purpose = "events of tier " + tier + " that no digest could contain"
		return q
	}
	if tier, _, ok := strings.Cut(q.Name, contract.TierDigestInfix); ok {
		q.Purpose, q.Dead = "events of tier "+tier+", for the next digest", false
		return q
	}
	if tier, _, ok := strings.Cut(q.Name, contract.TierRuleInfix); ok {
		q.Purpose, q.Dead = "events of tier "+tier+", for your consumer", false
		return q
	}
	q.Dead = strings.Contains(q.Name, "dlq") || strings.Contains(q.Name, "failures")
	q.Purpose = "messages of the stack"
	if q.Dead {
		q.Purpose = "what could not be processed"
	}
	return q
}

// chosen returns the queues that arguments name; all dead-letter queues without any.
func (d *dlq) chosen(names []string) ([]queue, error) {
	if len(names) == 0 {
		return slices.DeleteFunc(slices.Clone(d.all), func(q queue) bool { return !q.Dead }), nil
	}
	var chosen []queue
	for _, name := range names {
		i := slices.IndexFunc(d.all, func(q queue) bool { return q.Name == name || q.Short == name })
		if i < 0 {
			var known []string
			for _, q := range d.all {
				known = append(known, q.Short)
			}
			return nil, usagef("%s has no queue %q; it has %s", d.stack.Name, name, strings.Join(known, ", "))
		}
		if !d.all[i].Dead {
			return nil, usagef("%s is not a dead-letter queue: it holds %s", name, d.all[i].Purpose)
		}
		chosen = append(chosen, d.all[i])
	}
	return chosen, nil
}

// maxSample bounds the messages that list reads of each queue.
const maxSample = 100

// listed is a line of the list.
type listed struct {
	Queue      string         `json:"queue"`
	Purpose    string         `json:"purpose"`
	DeadLetter bool           `json:"dead_letter"` // false: events that wait for a consumer
	Messages   int            `json:"messages"`    // approximately; hidden ones included
	Hidden     int            `json:"hidden"`      // somebody reads them
	Read       int            `json:"read"`        // how many of the messages the next members are about
	Oldest     *time.Time     `json:"oldest,omitempty"`
	Expires    *time.Time     `json:"expires,omitempty"` // when SQS deletes the oldest
	Reasons    map[string]int `json:"reasons,omitempty"` // of the messages that were read
}

func newDLQList(a *app) *cobra.Command {
	var counts bool
	command := &cobra.Command{
		Use:   "list",
		Short: "List the stack's queues: how many messages, how old, when they expire, and why they are there",
		Long: `List the stack's queues: how many messages, how old, when they expire, and why they are there.

Counts are SQS's own, which may be a minute late. Age and reasons come from up to 100
messages of each dead-letter queue, which are hidden from others while they are read. With
--counts, no message is read.`,
		Example: "  scripts/ops dlq list\n  scripts/ops dlq list --counts\n  scripts/ops dlq list --json",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			ctx := command.Context()
			d, err := openDLQ(ctx, a)
			if err != nil {
				return err
			}
			lines := make([]listed, len(d.all))
			group, ctx := errgroup.WithContext(ctx)
			for i, q := range d.all {
				group.Go(func() (err error) {
					lines[i], err = d.list(ctx, q, counts)
					return err
				})
			}
			if err := group.Wait(); err != nil {
				return err
			}
			return a.print(lines, func(w io.Writer) { printQueues(w, lines, a.now()) })
		},
	}
	command.Flags().BoolVar(&counts, "counts", false, "only SQS's counts: no message is read, nor hidden")
	return command
}

func (d *dlq) list(ctx context.Context, q queue, counts bool) (listed, error) {
	depth, err := d.client.Depth(ctx, q.URL)
	line := listed{Queue: q.Name, Purpose: q.Purpose, DeadLetter: q.Dead, Messages: depth.Total(), Hidden: depth.InFlight}
	if err != nil || counts || !q.Dead || depth.Visible == 0 {
		return line, err
	}
	line.Reasons = map[string]int{}
	err = d.each(ctx, q, min(depth.Visible, maxSample), func(m queues.Message) error {
		line.Read++
		line.Reasons[deadletters.Read(m.Body, m.Attributes).Reason]++
		if line.Oldest == nil || m.Sent.Before(*line.Oldest) {
			expires := m.Sent.Add(depth.Retention)
			line.Oldest, line.Expires = &m.Sent, &expires
		}
		return nil
	})
	line.Messages = max(line.Messages, line.Read)
	return line, err
}

// each calls use for up to limit messages of a queue, and then makes them visible again.
func (d *dlq) each(ctx context.Context, q queue, limit int, use func(queues.Message) error) (err error) {
	reader := d.client.Open(ctx, q.URL)
	defer func() {
		if closing := reader.Close(); err == nil {
			err = closing
		}
	}()
	for n := 0; n < limit; {
		batch, err := reader.Next(ctx)
		if err != nil || len(batch) == 0 {
			return err
		}
		for _, m := range batch[:min(len(batch), limit-n)] {
			n++
			if err := use(m); err != nil {
				return err
			}
		}
	}
	return nil
}

func printQueues(w io.Writer, lines []listed, now time.Time) {
	var rows [][]string
	for _, l := range lines {
		row := []string{l.Queue, strconv.Itoa(l.Messages), "-", "-", l.Purpose}
		if l.Hidden > 0 {
			row[1] += fmt.Sprintf(" (%d hidden)", l.Hidden)
		}
		if l.Oldest != nil {
			row[2], row[3] = age(now.Sub(*l.Oldest)), age(l.Expires.Sub(now))
			if l.Read < l.Messages {
				row[2] = "at least " + row[2]
			}
			row[4] = reasons(l.Reasons)
		}
		rows = append(rows, row)
	}
	table(w, []string{"queue", "messages", "oldest", "expires in", "what is in it"}, rows)
}

// reasons lists reasons with their counts, the most frequent first.
func reasons(counts map[string]int) string {
	names := slices.Sorted(maps.Keys(counts))
	sort.SliceStable(names, func(i, j int) bool { return counts[names[i]] > counts[names[j]] })
	var all []string
	for _, name := range names {
		all = append(all, fmt.Sprintf("%d %s", counts[name], name))
	}
	return strings.Join(all, ", ")
}

// age writes a duration in its two largest units.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d d %d h", int(d.Hours())/24, int(d.Hours())%24)
}

// shown is a message for people.
type shown struct {
	Queue   string            `json:"queue"`
	ID      string            `json:"id"`
	Sent    time.Time         `json:"sent"`
	Kind    deadletters.Kind  `json:"kind"`
	Reason  string            `json:"reason"`
	Summary string            `json:"summary"`
	About   []deadletters.Key `json:"about,omitempty"`
	Body    string            `json:"body,omitempty"`

	Attributes map[string]string `json:"attributes,omitempty"` // with the body: those that are strings, masked
	Receives   int               `json:"receives"`             // how often it has been received, this time included
}

func newDLQShow(a *app) *cobra.Command {
	var only []string
	var limit int
	var whole bool
	command := &cobra.Command{
		Use:   "show [QUEUE...]",
		Short: "Show messages, decoded and with card numbers masked",
		Long: `Show messages, decoded and with card numbers masked.

They are hidden from others while they are read, and visible again when the command ends.`,
		Example: "  scripts/ops dlq show\n  scripts/ops dlq show workflow-dlq --body --max 5\n  scripts/ops dlq show quarantine --json",
		RunE: func(command *cobra.Command, args []string) error {
			d, err := openDLQ(command.Context(), a)
			if err != nil {
				return err
			}
			chosen, err := d.chosen(args)
			if err != nil {
				return err
			}
			messages := []shown{}
			for _, q := range chosen {
				found, err := d.show(command.Context(), q, only, limit-len(messages), whole)
				messages = append(messages, found...)
				if err != nil {
					return err
				}
			}
			return a.print(messages, func(w io.Writer) { printMessages(w, messages, a.now()) })
		},
	}
	command.Flags().StringSliceVar(&only, "only", nil, "`ids` of the messages to show, separated by commas")
	command.Flags().IntVar(&limit, "max", 100, "the most messages to show")
	command.Flags().BoolVar(&whole, "body", false, "show the messages whole")
	return command
}

func (d *dlq) show(ctx context.Context, q queue, only []string, limit int, whole bool) (found []shown, err error) {
	if depth, err := d.client.Depth(ctx, q.URL); err != nil || depth.Visible == 0 {
		return nil, err
	}
	read := limit
	if len(only) > 0 {
		read = maxRead
	}
	err = d.each(ctx, q, read, func(m queues.Message) error {
		if len(only) > 0 && !slices.Contains(only, m.ID) || len(found) == limit {
			return nil
		}
		s := show(q, m)
		if !whole {
			s.Body, s.Attributes = "", nil
		}
		found = append(found, s)
		return nil
	})
	return found, err
}

// maxRead bounds a search through a queue: SQS lets 120 000 messages be in flight.
const maxRead = 100_000

func show(q queue, m queues.Message) shown {
	read := deadletters.Read(m.Body, m.Attributes)
	s := shown{
		Queue: q.Name, ID: m.ID, Sent: m.Sent, Kind: read.Kind, Reason: read.Reason, Summary: read.Summary, About: read.Keys, Body: read.Body,
		Receives: m.Receives, Attributes: map[string]string{},
	}
	for name, value := range m.Attributes {
		s.Attributes[name] = deadletters.Mask(value)
	}
	return s
}

func printMessages(w io.Writer, messages []shown, now time.Time) {
	if len(messages) == 0 {
		fmt.Fprintln(w, "no messages")
	}
	for _, m := range messages {
		fmt.Fprintf(w, "%s  %s  %s ago\n  %s\n", m.Queue, m.ID, age(now.Sub(m.Sent)), m.Summary)
		if m.Body != "" {
			fmt.Fprintf(w, "  %s\n", strings.ReplaceAll(m.Body, "\n", "\n  "))
		}
	}
}

// about finds the messages of all dead-letter queues that name a transaction.
func (d *dlq) about(ctx context.Context, id string) ([]shown, error) {
	var mu sync.Mutex
	found := []shown{}
	group, ctx := errgroup.WithContext(ctx)
	for _, q := range d.all {
		if !q.Dead {
			continue
		}
		group.Go(func() error {
			if depth, err := d.client.Depth(ctx, q.URL); err != nil || depth.Visible == 0 {
				return err
			}
			return d.each(ctx, q, maxRead, func(m queues.Message) error {
				s := show(q, m)
				if slices.ContainsFunc(s.About, func(k deadletters.Key) bool { return k.TransactionID == id }) ||
					s.Kind == deadletters.KindDelivery && strings.Contains(s.Body, id) {
					s.Body, s.Attributes = "", nil
					mu.Lock()
					found = append(found, s)
					mu.Unlock()
				}
				return nil
			})
		})
	}
	err := group.Wait()
	slices.SortFunc(found, func(x, y shown) int { return x.Sent.Compare(y.Sent) })
	return found, err
}
