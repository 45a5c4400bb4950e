package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/spf13/cobra"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/operations/deadletters"
	"payment-webhooks/handlers/operations/publication"
	"payment-webhooks/handlers/operations/quarantine"
	"payment-webhooks/scripts/internal/journal"
	"payment-webhooks/scripts/internal/queues"
	"payment-webhooks/scripts/internal/rules"
	"payment-webhooks/scripts/internal/stream"
)

// Results of a message.
const (
	resultWould     = "would be sent"
	resultSent      = "sent"
	resultDeleted   = "deleted, sent before" // by a run that was interrupted
	resultStays     = "stays"                // in the queue, with the reason
	resultDiscard   = "would be discarded"
	resultDiscarded = "discarded"
)

// outcome is what became of a message.
type outcome struct {
	Queue   string `json:"queue"`
	ID      string `json:"id"`
	Summary string `json:"summary"`
	Action  string `json:"action,omitempty"` // what sending it on does
	Result  string `json:"result"`           // one of the results above
	Error   string `json:"error,omitempty"`  // why it stays
	Sends   []sent `json:"sends,omitempty"`  // of what would be sent: each call

	Message *shown `json:"message,omitempty"` // whole, of a discarded one
}

// sent is what sending on a message sends.
type sent struct {
	To   string `json:"to"`
	Body string `json:"body"` // indented if it is JSON, with card numbers masked
}

func newSent(to string, body []byte) sent {
	text := deadletters.Mask(string(body))
	var indented bytes.Buffer
	if json.Indent(&indented, []byte(text), "", "  ") == nil {
		text = indented.String()
	}
	return sent{to, text}
}

func newDLQRedrive(a *app) *cobra.Command {
	var execute bool
	var only []string
	var limit int
	var state string
	command := &cobra.Command{
		Use:   "redrive [QUEUE...]",
		Short: "Send messages on to what they were meant for",
		Long: `Send messages on to what they were meant for:

  an event that a target did not accept   to the target of the rule, and no other
  a record that was not published         the transaction is read again and published
  an alert that no digest could contain   to the target of the tier's rule, so into the
                                          next digest
  a failed state of the workflow          a new execution: notifications are repeated,
                                          a fraud result that is stored stays
  a run of the archiver                   the archiver runs for the same event
  a quarantined delivery                  decoded again by this version's code and, if it
                                          becomes transactions now, stored

A message is deleted once that succeeded. What fails stays in its queue, and the reason is
printed. Without --execute, nothing is sent; what would fail is found as far as it can be.
A run that was interrupted is resumed by the same command: nothing is sent twice.`,
		Example: "  scripts/ops dlq redrive\n  scripts/ops dlq redrive --execute\n  scripts/ops dlq redrive medium-value-dlq --max 10 --execute",
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			d, err := openDLQ(ctx, a)
			if err != nil {
				return err
			}
			chosen, err := d.chosen(args)
			if err != nil {
				return err
			}
			r := &redrive{dlq: d, rules: rules.New(d.config, a.now), execute: execute, only: only, left: limit}
			if r.journal, err = a.openState(state, "dlq-redrive"); err != nil {
				return err
			}
			for _, q := range chosen {
				if err = r.queue(ctx, q); err != nil {
					break
				}
			}
			closing := r.journal.Close()
			return errors.Join(a.printOutcomes(r.outcomes, execute), err, closing)
		},
	}
	executeFlag(command, &execute)
	stateFlag(command, &state)
	command.Flags().StringSliceVar(&only, "only", nil, "`ids` of the messages to send on, separated by commas")
	command.Flags().IntVar(&limit, "max", maxRead, "the most messages to send on")
	return command
}

// printOutcomes prints a table, or JSON. The error is errReported if a message stays.
func (a *app) printOutcomes(outcomes []outcome, execute bool) error {
	if outcomes == nil {
		outcomes = []outcome{}
	}
	stay := 0
	for _, o := range outcomes {
		if o.Result == resultStays {
			stay++
		}
	}
	err := a.print(outcomes, func(w io.Writer) {
		if len(outcomes) == 0 {
			fmt.Fprintln(w, "no messages")
			return
		}
		var rows [][]string
		for _, o := range outcomes {
			result := o.Result
			if o.Error != "" {
				result += ": " + o.Error
			}
			rows = append(rows, []string{o.Queue, o.ID, o.Summary, o.Action, result})
		}
		table(w, []string{"queue", "message", "what it is", "what is done", "result"}, rows)
		if !execute {
			fmt.Fprintln(w, "\nNothing was done: repeat the command with --execute.")
		}
	})
	if err == nil && stay > 0 {
		a.progress("%d of %d messages stay in their queues", stay, len(outcomes))
		err = errReported
	}
	return err
}

// redrive is one run of the command.
type redrive struct {
	*dlq
	rules    *rules.Client
	journal  *journal.Journal
	execute  bool
	only     []string
	left     int // how many messages may still be sent on
	outcomes []outcome

	known    map[string]rules.Rule // by ARN
	endpoint *quarantine.Endpoint
}

// queue sends on the messages of one queue.
func (r *redrive) queue(ctx context.Context, q queue) (err error) {
	depth, err := r.client.Depth(ctx, q.URL)
	if err != nil || depth.Total() == 0 {
		return err
	}
	reader := r.client.Open(ctx, q.URL)
	defer func() { err = errors.Join(err, reader.Close()) }()
	for n := 0; r.left > 0; {
		batch, err := reader.Next(ctx)
		if err != nil || len(batch) == 0 {
			return err
		}
		for _, m := range batch {
			if len(r.only) > 0 && !slices.Contains(r.only, m.ID) || r.left == 0 {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err // interrupted
			}
			n++
			r.left--
			o := r.message(ctx, q, m, reader)
			r.outcomes = append(r.outcomes, o)
			r.app.progress("%s: %d of about %d: %s", q.Name, n, max(n, depth.Visible), o.Result)
		}
	}
	return nil
}

// message sends on one message and deletes it.
func (r *redrive) message(ctx context.Context, q queue, m queues.Message, reader *queues.Reader) outcome {
	read := deadletters.Read(m.Body, m.Attributes)
	o := outcome{Queue: q.Name, ID: m.ID, Summary: read.Summary, Result: resultWould}
	stays := func(err error) outcome {
		o.Result, o.Error = resultStays, deadletters.Mask(strings.ReplaceAll(err.Error(), "\n", "; "))
		return o
	}
	if r.journal.Done(m.ID) { // sent, and interrupted before it was deleted
		o.Result = resultDeleted
		if r.execute {
			if err := r.remove(ctx, m.ID, nil, reader); err != nil {
				return stays(err)
			}
		}
		return o
	}
	plan, err := r.plan(ctx, q, m, read)
	o.Action = plan.action
	if err != nil {
		return stays(err)
	}
	if !r.execute {
		o.Sends = plan.sends
		return o
	}
	// An interrupt must not separate what is sent from the record that it was.
	ctx = context.WithoutCancel(ctx)
	var recorded []string
	for _, s := range plan.steps {
		id := m.ID + "/" + s.id
		recorded = append(recorded, id)
		if r.journal.Done(id) {
			continue
		}
		if err := s.do(ctx); err != nil {
			return stays(err)
		}
		if err := r.journal.Record(id); err != nil {
			return stays(err)
		}
	}
	if err := r.journal.Record(m.ID); err != nil {
		return stays(err)
	}
	if err := r.remove(ctx, m.ID, recorded, reader); err != nil {
		return stays(fmt.Errorf("it was sent, and will only be deleted by the next run: %w", err))
	}
	o.Result = resultSent
	return o
}

// remove deletes a message that was sent on, and what the state file has of it.
func (r *redrive) remove(ctx context.Context, id string, steps []string, reader *queues.Reader) error {
	if err := reader.Delete(ctx, id); err != nil {
		return err
	}
	for _, step := range append(steps, id) {
		if err := r.journal.Forget(step); err != nil {
			return err
		}
	}
	return nil
}

// plan is what sending on a message does.
type plan struct {
	action string
	sends  []sent // what the steps send
	steps  []step // each is recorded when it is done
}

type step struct {
	id string
	do func(context.Context) error
}

// errUnknown is the error of a message that nothing of this stack has sent.
var errUnknown = errors.New("not a message of this stack: read it with ops dlq show --body, then ops dlq discard it")

// plan finds what a message was meant for. What is certain to fail is an error.
func (r *redrive) plan(ctx context.Context, q queue, m queues.Message, read deadletters.Message) (plan, error) {
	switch read.Kind {
	case deadletters.KindEvent:
		return r.event(ctx, read.Event)
	case deadletters.KindAlert:
		return r.alert(ctx, q, read.Event)
	case deadletters.KindPositions:
		return r.positions(ctx, read.Positions)
	case deadletters.KindRecord:
		return r.record(ctx, read.Record)
	case deadletters.KindWorkflow:
		machine, err := r.stack.Output(contract.OutputStateMachine)
		if err != nil {
			return plan{}, err
		}
		input := read.Workflow.Transaction
		return plan{"start the workflow again: repeats its notifications", []sent{newSent(machine, input)}, []step{{"execution", func(ctx context.Context) error {
			return r.rules.StartExecution(ctx, machine, input)
		}}}}, nil
	case deadletters.KindInvocation:
		return r.invocation(read.Invocation)
	case deadletters.KindDelivery:
		return r.delivery(ctx, m.Body)
	}
	return plan{}, errUnknown
}

// event delivers to the target of the rule that could not, as the rule is now.
func (r *redrive) event(ctx context.Context, e *deadletters.Event) (plan, error) {
	rule, known := r.known[e.RuleARN]
	if !known {
		bus, name := rules.ParseARN(e.RuleARN)
		var err error
		if rule, err = r.rules.Describe(ctx, bus, name); err != nil {
			return plan{}, err
		}
		if r.known == nil {
			r.known = map[string]rules.Rule{}
		}
		r.known[e.RuleARN] = rule
	}
	target, err := rule.Target(e.TargetARN)
	if err != nil {
		return plan{}, err
	}
	return r.deliver(rule, target, e.JSON)
}

// deliver sends an event to a target of a rule.
func (r *redrive) deliver(rule rules.Rule, target rules.Target, event []byte) (plan, error) {
	payload, err := r.rules.Payload(rule, target, event)
	if err != nil {
		return plan{action: target.Action()}, err
	}
	return plan{target.Action(), []sent{newSent(target.ARN, payload)}, []step{{"target", func(ctx context.Context) error {
		return r.rules.Deliver(ctx, rule, target, event)
	}}}}, nil
}

// alert delivers to the target of the rule of the tier whose digest could not contain the event,
// as the rule is now.
func (r *redrive) alert(ctx context.Context, q queue, e *deadletters.Event) (plan, error) {
	tier, _, ok := strings.Cut(q.Name, contract.TierDigestDeadLetterInfix)
	if !ok {
		return plan{}, errUnknown
	}
	bus, err := r.stack.Output(contract.OutputBus)
	if err != nil {
		return plan{}, err
	}
	rule, err := r.rules.Describe(ctx, bus, tier+contract.TierRuleInfix+r.app.suffix())
	if err != nil {
		return plan{}, err
	}
	if len(rule.Targets) != 1 {
		return plan{}, fmt.Errorf("the rule %s has %d targets, want one", rule.Name, len(rule.Targets))
	}
	return r.deliver(rule, rule.Targets[0], e.JSON)
}

// Margins around the times at which records arrived in the stream, which are approximate: a
// record arrives after its transaction was received, and within the validator's time.
const (
	marginBefore = 2 * time.Minute
	marginAfter  = 5 * time.Second
)

// positions publishes the transactions at positions in the stream: the very ones while the
// stream has them, and all that were received at that time later.
func (r *redrive) positions(ctx context.Context, p *deadletters.Positions) (plan, error) {
	table, bus, err := r.publication()
	if err != nil {
		return plan{}, err
	}
	keys, err := stream.Inserted(ctx, r.config, p.StreamARN, p.ShardID, p.Start, p.End)
	if err == nil {
		var records []publication.Record
		for _, key := range keys {
			record, err := table.Get(ctx, key)
			if err != nil {
				return plan{}, err
			}
			records = append(records, record)
		}
		return r.publish(fmt.Sprintf("publish %s again", transactions(len(records))), bus, records), nil
	}
	if !errors.Is(err, stream.ErrTrimmed) {
		return plan{}, err
	}
	var records []publication.Record
	for record, err := range table.Between(ctx, p.First.Add(-marginBefore), p.Last.Add(marginAfter)) {
		if errors.Is(err, publication.ErrUnreadable) {
			continue // it has never been published, and is not what was given up for its age alone
		}
		if err != nil {
			return plan{}, err
		}
		records = append(records, record)
	}
	if len(records) == 0 {
		return plan{}, fmt.Errorf("the stream no longer has these records, and the table has no transaction received around %s", p.First.UTC().Format(time.RFC3339))
	}
	return r.publish(fmt.Sprintf("publish all %s received around %s: the stream no longer has the positions of the %d, so others are published a second time",
		transactions(len(records)), p.First.UTC().Format(time.RFC3339), p.Size), bus, records), nil
}

func transactions(n int) string {
	if n == 1 {
		return "1 transaction"
	}
	return strconv.Itoa(n) + " transactions"
}

// record publishes the transaction of a record that could not be published, if it can be now.
func (r *redrive) record(ctx context.Context, d *deadletters.Record) (plan, error) {
	if d.Masked || d.TransactionID == "" {
		return plan{}, fmt.Errorf("its key looks like a card number, so it is not a transaction: delete the item that entered the stream at %s, then ops dlq discard the message", d.ArrivedAt)
	}
	table, bus, err := r.publication()
	if err != nil {
		return plan{}, err
	}
	record, err := table.Get(ctx, publication.Key{TransactionID: d.TransactionID, Provider: d.Provider})
	if err != nil {
		return plan{}, err
	}
	return r.publish("publish "+transactions(1)+" again", bus, []publication.Record{record}), nil
}

func (d *dlq) publication() (*publication.Table, *publication.Bus, error) {
	table, errTable := d.stack.Output(contract.OutputTable)
	bus, errBus := d.stack.Output(contract.OutputBus)
	if err := errors.Join(errTable, errBus); err != nil {
		return nil, nil, err
	}
	return publication.Open(d.config, table), publication.OpenBus(d.config, bus), nil
}

// publish is a step for each record, so that a run that was interrupted goes on behind the
// last one.
func (r *redrive) publish(action string, bus *publication.Bus, records []publication.Record) plan {
	p := plan{action: action}
	for _, record := range records {
		p.sends = append(p.sends, newSent(r.stack.Outputs[contract.OutputBus], record.Detail))
		p.steps = append(p.steps, step{record.Provider + "/" + record.TransactionID, func(ctx context.Context) error {
			return bus.Publish(ctx, []publication.Record{record})[0]
		}})
	}
	return p
}

// invocation invokes the function again. Only functions of the stack are invoked, whatever
// the message says.
func (r *redrive) invocation(i *deadletters.Invocation) (plan, error) {
	name := i.FunctionARN
	if _, after, ok := strings.Cut(name, ":function:"); ok {
		name, _, _ = strings.Cut(after, ":") // without version or alias
	}
	if _, err := r.stack.Named("AWS::Lambda::Function", name); err != nil {
		return plan{}, err
	}
	return plan{"invoke " + name + " and await its success", []sent{newSent(name, i.Payload)}, []step{{"invocation", func(ctx context.Context) error {
		return r.rules.Invoke(ctx, name, i.Payload)
	}}}}, nil
}

// delivery decodes a quarantined delivery again.
func (r *redrive) delivery(ctx context.Context, body string) (plan, error) {
	if r.endpoint == nil {
		endpoint, err := r.openEndpoint(ctx)
		if err != nil {
			return plan{}, err
		}
		r.endpoint = endpoint
	}
	events, err := r.endpoint.Redeliver(ctx, body, true)
	if err != nil {
		return plan{}, err
	}
	if err := staying(events); err != nil {
		return plan{}, err
	}
	var stored []string
	var sends []sent
	for _, e := range events {
		if e.TransactionID != "" {
			text, err := json.Marshal(e)
			if err != nil {
				return plan{}, err
			}
			sends = append(sends, newSent(r.stack.Outputs[contract.OutputTable], text))
			stored = append(stored, fmt.Sprintf("%s %s of %s, %s", e.Kind, e.TransactionID, e.Provider, e.Amount))
		}
	}
	return plan{"store " + strings.Join(stored, "; "), sends, []step{{"store", func(ctx context.Context) error {
		events, err := r.endpoint.Redeliver(ctx, body, false)
		if err != nil {
			return err
		}
		return staying(events)
	}}}}, nil
}

// staying returns an error if an event of a delivery stays in quarantine.
func staying(events []quarantine.Event) error {
	var reasons []string
	for _, e := range events {
		if e.Stays != "" {
			reasons = append(reasons, e.Stays)
		}
	}
	if len(reasons) > 0 {
		return errors.New(strings.Join(reasons, "; "))
	}
	return nil
}

// openEndpoint reads the settings with which the stack's validator decodes.
func (d *dlq) openEndpoint(ctx context.Context) (*quarantine.Endpoint, error) {
	validator, err := d.stack.Named("AWS::Lambda::Function", contract.WebhookValidator+"-"+d.app.suffix())
	if err != nil {
		return nil, err
	}
	out, err := lambda.NewFromConfig(d.config).GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &validator.PhysicalID})
	if err != nil {
		return nil, fmt.Errorf("configuration of %s: %w", validator.PhysicalID, err)
	}
	if out.Environment == nil {
		return nil, fmt.Errorf("the environment of %s cannot be read", validator.PhysicalID)
	}
	return quarantine.New(d.config, out.Environment.Variables[contract.EnvProviders], out.Environment.Variables[contract.EnvTableName], d.app.now)
}

func newDLQDiscard(a *app) *cobra.Command {
	var execute, all bool
	var only []string
	var saved string
	command := &cobra.Command{
		Use:   "discard QUEUE",
		Short: "Delete messages that need not be sent on, and print them",
		Long: `Delete messages that need not be sent on, and print them whole, with card numbers masked.

Name them with --only, or give --all.`,
		Example: "  scripts/ops dlq discard quarantine --only 0d2b8c6e-3d9f-4b1a-9d66-2f4c1f1f8a10\n  scripts/ops dlq discard quarantine --all --json --execute",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			if all == (len(only) > 0) {
				return usagef("name messages with --only, or give --all")
			}
			d, err := openDLQ(ctx, a)
			if err != nil {
				return err
			}
			chosen, err := d.chosen(args)
			if err != nil {
				return err
			}
			keep := func(shown) error { return nil }
			if saved != "" && execute {
				file, err := create(saved)
				if err != nil {
					return err
				}
				defer file.Close()
				keep = file.add
			}
			outcomes, err := d.discard(ctx, chosen[0], only, execute, keep)
			missing := len(only) - len(outcomes)
			if err == nil && len(only) > 0 && missing > 0 {
				err = fmt.Errorf("%d of %d messages are not in %s, or hidden because somebody reads them", missing, len(only), chosen[0].Name)
			}
			printing := a.print(outcomes, func(w io.Writer) { printDiscarded(w, outcomes, execute) })
			return errors.Join(printing, err)
		},
	}
	executeFlag(command, &execute)
	command.Flags().StringSliceVar(&only, "only", nil, "`ids` of the messages to discard, separated by commas")
	command.Flags().BoolVar(&all, "all", false, "discard all messages of the queue")
	command.Flags().StringVar(&saved, "save", "", "new `file` to which each message is written before it is deleted, as a line of JSON")
	return command
}

// discard deletes messages; keep is called before each of them is deleted.
func (d *dlq) discard(ctx context.Context, q queue, only []string, execute bool, keep func(shown) error) (outcomes []outcome, err error) {
	outcomes = []outcome{}
	reader := d.client.Open(ctx, q.URL)
	defer func() { err = errors.Join(err, reader.Close()) }()
	for {
		batch, err := reader.Next(ctx)
		if err != nil || len(batch) == 0 {
			return outcomes, err
		}
		for _, m := range batch {
			if len(only) > 0 && !slices.Contains(only, m.ID) {
				continue
			}
			s := show(q, m)
			o := outcome{Queue: q.Name, ID: m.ID, Summary: s.Summary, Result: resultDiscard, Message: &s}
			if execute {
				if err := errors.Join(keep(s), ctx.Err()); err != nil {
					return outcomes, err
				}
				if err := reader.Delete(context.WithoutCancel(ctx), m.ID); err != nil {
					return outcomes, err
				}
				o.Result = resultDiscarded
			}
			outcomes = append(outcomes, o)
		}
		if len(only) > 0 && len(outcomes) == len(only) {
			return outcomes, nil
		}
	}
}

func printDiscarded(w io.Writer, outcomes []outcome, execute bool) {
	if len(outcomes) == 0 {
		fmt.Fprintln(w, "no messages")
		return
	}
	for _, o := range outcomes {
		fmt.Fprintf(w, "%s  %s  %s\n  %s\n", o.Queue, o.ID, o.Result, strings.ReplaceAll(o.Message.Body, "\n", "\n  "))
	}
	if !execute {
		fmt.Fprintln(w, "\nNothing was done: repeat the command with --execute.")
	}
}

// lines is a file of JSON, a value on each line.
type lines struct{ *os.File }

// create creates a file that must not exist yet, so that nothing is lost by a mistake.
func create(path string) (lines, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	return lines{file}, err
}

// add writes a value. When it returns nil, the value is on the disk.
func (l lines) add(s shown) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if _, err := l.Write(append(text, '\n')); err != nil {
		return err
	}
	return l.Sync()
}
