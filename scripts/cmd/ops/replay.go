package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/spf13/cobra"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/scripts/internal/rules"
)

// replayed is the result of the command.
type replayed struct {
	Executed bool              `json:"executed"`
	Name     string            `json:"name"`
	Archive  string            `json:"archive"`
	From     time.Time         `json:"from"`
	To       time.Time         `json:"to"`
	Rules    map[string]string `json:"rules"` // by name: what a person sees again
	State    string            `json:"state,omitempty"`
	Reason   string            `json:"reason,omitempty"`
	Last     *time.Time        `json:"last_replayed,omitempty"` // the time of the last event that was replayed
}

func newReplay(a *app) *cobra.Command {
	var r replay
	command := &cobra.Command{
		Use:   "replay --from TIME --to TIME",
		Short: "Replay events from the bus's archive, through all rules of the stack or some",
		Long: `Replay events from the bus's archive, through all rules of the stack or some, and wait
until the replay is complete.

The archive has the events that were published, with the times at which their transactions
were received, and may lack the last ten minutes. Rules that were added since work, too. To
publish what was never published, use ops republish. An interrupt does not end the replay:
the same command with the same --name waits for it again and starts no other.`,
		Example: `  scripts/ops replay --from 2026-11-22T10 --to 2026-11-22T11
  scripts/ops replay --from 2026-11-22T10 --to 2026-11-22T11 --rule medium-value-transactions --name again-1 --execute`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if r.from.IsZero() || r.to.IsZero() || !r.from.Before(r.to) {
				return usagef("give --from and --to, a later time")
			}
			r.app = a
			// EventBridge keeps whole seconds.
			r.from, r.to = r.from.Truncate(time.Second), r.to.Truncate(time.Second)
			result, err := r.run(command.Context())
			if result == nil {
				return err
			}
			return errors.Join(a.printReplay(*result), err)
		},
	}
	executeFlag(command, &r.execute)
	timeFlags(command, &r.from, &r.to, "replay the events of this time and later", "replay the events before this time")
	command.Flags().StringSliceVar(&r.only, "rule", nil, "`names` of the rules that get the events, with or without the environment suffix, separated by commas; by default all of the bus")
	command.Flags().StringVar(&r.name, "name", "", "`name` of the replay; by default it follows from the other flags")
	return command
}

// replay is one run of the command.
type replay struct {
	app      *app
	from, to time.Time
	only     []string
	name     string
	execute  bool
	client   *eventbridge.Client
}

func (r *replay) run(ctx context.Context) (*replayed, error) {
	c, s, err := r.app.connect(ctx)
	if err != nil {
		return nil, err
	}
	r.client = eventbridge.NewFromConfig(c)
	archives := s.ByType("AWS::Events::Archive")
	if len(archives) != 1 {
		return nil, fmt.Errorf("%s has %d archives of events, want one", s.Name, len(archives))
	}
	archive, err := r.client.DescribeArchive(ctx, &eventbridge.DescribeArchiveInput{ArchiveName: &archives[0].PhysicalID})
	if err != nil {
		return nil, fmt.Errorf("describe archive: %w", err)
	}
	busName, err := s.Output(contract.OutputBus)
	if err != nil {
		return nil, err
	}

	result := &replayed{Executed: r.execute, Archive: archives[0].PhysicalID, From: r.from, To: r.to, Rules: map[string]string{}}
	var filters []string
	client := rules.New(c, r.app.now)
	var known []string
	for _, resource := range s.ByType("AWS::Events::Rule") {
		bus, name := rules.ParseRef(resource.PhysicalID)
		if bus != busName {
			continue
		}
		known = append(known, name)
		short := strings.TrimSuffix(name, "-"+r.app.suffix())
		if len(r.only) > 0 && !slices.Contains(r.only, name) && !slices.Contains(r.only, short) {
			continue
		}
		rule, err := client.Describe(ctx, bus, name)
		if err != nil {
			return nil, err
		}
		result.Rules[name] = tier{rule: rule}.seen()
		filters = append(filters, rule.ARN)
	}
	if len(r.only) > len(filters) {
		return nil, usagef("%s has no such rule; it has %s", busName, strings.Join(known, ", "))
	}
	if len(r.only) == 0 {
		filters = nil // also the rules of other stacks on this bus, and later ones
	}
	if result.Name = r.name; r.name == "" {
		result.Name = r.defaultName()
	}
	if !r.execute {
		return result, nil
	}
	if err := r.start(ctx, result.Name, archive, filters); err != nil {
		return nil, err
	}
	return result, r.wait(ctx, result)
}

// defaultName is the same for the same flags, so that a repeat finds the replay.
func (r *replay) defaultName() string {
	name := "ops-" + r.from.UTC().Format("20060102T150405") + "-" + r.to.UTC().Format("20060102T150405")
	for _, rule := range r.only {
		name += "-" + strings.TrimSuffix(strings.TrimSuffix(rule, "-"+r.app.suffix()), strings.TrimSuffix(contract.TierRuleInfix, "-"))
	}
	return name[:min(len(name), 64)] // the longest that EventBridge accepts
}

// start starts a replay, unless there is one of that name for the same time.
func (r *replay) start(ctx context.Context, name string, archive *eventbridge.DescribeArchiveOutput, filters []string) error {
	there, err := r.client.DescribeReplay(ctx, &eventbridge.DescribeReplayInput{ReplayName: &name})
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); !missing {
		switch {
		case err != nil:
			return fmt.Errorf("describe replay: %w", err)
		case !aws.ToTime(there.EventStartTime).Equal(r.from) || !aws.ToTime(there.EventEndTime).Equal(r.to):
			return usagef("there is a replay %s of another time, from %s to %s: choose another --name", name,
				aws.ToTime(there.EventStartTime).UTC().Format(time.RFC3339), aws.ToTime(there.EventEndTime).UTC().Format(time.RFC3339))
		}
		r.app.progress("there is a replay %s of that time, from %s: its result follows. To replay again, choose another --name.",
			name, aws.ToTime(there.ReplayStartTime).UTC().Format(time.RFC3339))
		return nil
	}
	_, err = r.client.StartReplay(ctx, &eventbridge.StartReplayInput{
		ReplayName: &name, EventSourceArn: archive.ArchiveArn, EventStartTime: &r.from, EventEndTime: &r.to,
		Destination: &types.ReplayDestination{Arn: archive.EventSourceArn, FilterArns: filters},
	})
	if err != nil {
		return fmt.Errorf("start replay: %w", err)
	}
	return nil
}

// Waits between two looks at a replay.
const (
	firstLook = 500 * time.Millisecond
	lastLook  = 10 * time.Second
)

// wait waits until a replay has ended. The error says how to wait on after an interrupt.
func (r *replay) wait(ctx context.Context, result *replayed) error {
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		out, err := r.client.DescribeReplay(ctx, &eventbridge.DescribeReplayInput{ReplayName: &result.Name})
		if err != nil {
			return fmt.Errorf("describe replay %s, which goes on: %w", result.Name, err)
		}
		result.State, result.Reason, result.Last = string(out.State), aws.ToString(out.StateReason), out.EventLastReplayedTime
		switch out.State {
		case types.ReplayStateCompleted:
			return nil
		case types.ReplayStateFailed, types.ReplayStateCancelled:
			return errReported
		}
		if result.Last == nil {
			r.app.progress("%s: %s", result.Name, result.State)
		} else {
			r.app.progress("%s: %s, replayed up to %s", result.Name, result.State, result.Last.UTC().Format(time.RFC3339))
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("the replay %s goes on; to wait for it again, repeat the command with --name %[1]s", result.Name)
		}
	}
}

func (a *app) printReplay(r replayed) error {
	return a.print(r, func(w io.Writer) {
		fmt.Fprintf(w, "replay %s: events of %s, from %s to %s\n\n", r.Name, r.Archive, r.From.Format(time.RFC3339), r.To.Format(time.RFC3339))
		var rows [][]string
		for name, seen := range r.Rules {
			rows = append(rows, []string{name, seen})
		}
		slices.SortFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
		table(w, []string{"rule", "what people see again"}, rows)
		switch {
		case !r.Executed:
			fmt.Fprintln(w, "\nNothing was done: repeat the command with --execute. To repeat less, add --rule.")
		case r.Reason != "":
			fmt.Fprintf(w, "\n%s: %s\n", r.State, r.Reason)
		default:
			fmt.Fprintf(w, "\n%s\n", r.State)
		}
	})
}
