package campaign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"payment-webhooks/handlers/contract"
)

// What an operator does after the faults, with the operators' tool.

// buildOps builds scripts/ops in the repository at root.
func buildOps(ctx context.Context, root string) (string, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(root, "build", "ops")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./scripts/cmd/ops")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the operators' tool: %w\n%s", err, out)
	}
	return binary, nil
}

// ops runs the operators' tool and returns what it printed on stdout.
func (c *campaign) ops(ctx context.Context, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, c.opsBinary, append(args, "--endpoint-url", c.session.Endpoint, "--stack", c.session.Stack)...)
	command.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION="+c.session.AWS.Region,
		"ENVIRONMENT_SUFFIX="+c.session.Suffix(), "XDG_CACHE_HOME="+c.dir)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return stdout.Bytes(), fmt.Errorf("ops %s: %w\n%s%s", strings.Join(args, " "), err, stdout.Bytes(), stderr.Bytes())
	}
	fmt.Fprintf(c.options.Log, "campaign: ops %s\n%s%s", strings.Join(args, " "), stdout.Bytes(), stderr.Bytes())
	return stdout.Bytes(), nil
}

// repair sends on what the queues hold, and publishes again what no rule matched. What it
// cannot do is a difference, not an error: the books show what is missing.
func (c *campaign) repair(ctx context.Context) error {
	before, err := c.observer.queues(ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if before[name] > 0 {
			c.counted = append(c.counted, Fact{"dead letters in " + name, before[name]})
		}
	}
	if err := c.readDeadLettered(ctx); err != nil {
		return err
	}
	c.redrive(ctx, before)
	for _, o := range c.injector.outages {
		c.options.Progress("publishing what the tier %s missed in %s", o.tier, o.to.Sub(o.from).Round(time.Millisecond))
		if _, err := c.ops(ctx, "republish", "--tier", o.tier, "--execute",
			"--from", o.from.UTC().Format(time.RFC3339Nano), "--to", o.to.UTC().Format(time.RFC3339Nano)); err != nil {
			c.tools.differ("%v", err)
		}
		c.tools.Want[""]++
	}
	// Thousands of events at once may fill a queue again: an operator, whose alarm rings again,
	// sends on what is in it.
	if err := c.waitIdle(ctx); err != nil {
		return err
	}
	again, err := c.observer.queues(ctx)
	if err != nil {
		return err
	}
	c.redrive(ctx, again)
	c.tools.Got[""] = c.tools.Want[""] - len(c.tools.Differences)
	return c.waitIdle(ctx)
}

// redrive sends on what the queues hold, but what nobody can send on.
func (c *campaign) redrive(ctx context.Context, messages map[string]int) {
	for _, name := range slices.Sorted(maps.Keys(messages)) {
		if messages[name] == 0 || name == quarantineQueue || name == relayQueue {
			continue
		}
		c.options.Progress("redriving %d messages of %s", messages[name], name)
		if _, err := c.ops(ctx, "dlq", "redrive", name, "--execute"); err != nil {
			c.tools.differ("%v", err)
		}
		c.tools.Want[""]++
	}
}

// Queues whose messages nobody can send on, without the suffix.
var (
	quarantineQueue = strings.TrimSuffix(contract.QuarantinePrefix, "-")
	relayQueue      = strings.TrimSuffix(contract.RelayDeadLetterPrefix, "-")
)

// readDeadLettered reads the queues of what stays in them for good: conflicting notifications,
// and items that are no transactions. It notes whose they are and discards them, as an
// operator does who has looked at them.
func (c *campaign) readDeadLettered(ctx context.Context) error {
	for name, row := range map[string]*Row{quarantineQueue: c.quarantined, relayQueue: c.deadLettered} {
		want := map[string]bool{} // ids of the messages that there must be
		if name == quarantineQueue {
			for key := range c.sent.quarantined {
				want[strings.TrimSuffix(key.ID, "_cancelled")] = true
			}
		} else {
			for _, key := range c.poison {
				want[key.ID] = true
			}
		}
		file := filepath.Join(c.dir, name+".jsonl")
		if _, err := c.ops(ctx, "dlq", "discard", name, "--all", "--save", file, "--execute"); err != nil {
			row.differ("%v", err)
		}
		text, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		found := map[string]bool{}
		for line := range strings.Lines(string(text)) {
			known := false
			for _, w := range word.FindAllString(line, -1) {
				if want[w] {
					found[w], known = true, true
				}
			}
			if !known {
				row.differ("%s has a message about something else: %.300s", name, line)
			}
		}
		for _, id := range slices.Sorted(maps.Keys(want)) {
			row.check("", found[id], "%s is not in %s", id, name)
		}
	}
	return nil
}

// poisonItems is the number of items that are no transactions.
const poisonItems = 3

// putPoison writes items into the table that are no transactions, as a careless script
// may. No event can be published for them, and they must not be in the way of others.
func (c *campaign) putPoison(ctx context.Context) error {
	client := dynamodb.NewFromConfig(c.session.AWS)
	for n := range poisonItems {
		key := Key{c.senders.plan.id(n, 'Z'), "nobody"}
		c.poison = append(c.poison, key)
		_, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(c.session.Outputs[contract.OutputTable]), Item: key.attributes()})
		if err != nil {
			return err
		}
	}
	return nil
}

// deletePoison removes them again: an hour with an item that cannot be read cannot be
// archived.
func (c *campaign) deletePoison(ctx context.Context) error {
	client := dynamodb.NewFromConfig(c.session.AWS)
	for _, key := range c.poison {
		_, err := client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: aws.String(c.session.Outputs[contract.OutputTable]), Key: key.attributes()})
		if err != nil {
			return err
		}
	}
	return nil
}

func (k Key) attributes() map[string]dynamodbtypes.AttributeValue {
	return map[string]dynamodbtypes.AttributeValue{
		contract.FieldTransactionID: &dynamodbtypes.AttributeValueMemberS{Value: k.ID},
		contract.FieldProvider:      &dynamodbtypes.AttributeValueMemberS{Value: k.Provider},
	}
}

// Faults of the archiver's runs, which are made one after another.
var archiveFaults = []struct {
	Fault
	queue string // where the run goes, which fails for good
}{
	{Fault{Name: "archive-denied", Hop: "lambda:Invoke", Fault: "denied", Where: by(fromEvents)}, strings.TrimSuffix(contract.ScheduleDeadLetterPrefix, "-")},
	{Fault{Name: "archive-crash", Hop: "function:" + contract.TransactionArchival, Fault: "crash-after", Probability: 1}, strings.TrimSuffix(contract.ArchivalFailurePrefix, "-")},
}

// archivePartly strikes the first object of the archiver's last run, once, and with an error
// that the SDK does not retry. The run fails and is repeated by Lambda. A run that took the
// failed write for a success would go on to the manifest, and no other run would follow that
// fills the hole.
var archivePartly = Fault{Name: "archive-partly", Hop: "s3:PutObject", Fault: "denied", Times: 1, Where: by(contract.TransactionArchival)}

// archiveLast runs the archiver once more, after the repairs: fraud results that came only
// then belong into the archive as well.
func (c *campaign) archiveLast(ctx context.Context, list []Fault) error {
	if !slices.ContainsFunc(list, func(chosen Fault) bool { return chosen.Name == archivePartly.Name }) {
		return c.runArchiver(ctx)
	}
	id, err := c.injector.inject(ctx, archivePartly)
	if err != nil {
		return fmt.Errorf("fault %s: %w", archivePartly.Name, err)
	}
	if err := c.runArchiver(ctx); err != nil {
		return err
	}
	if err := c.session.Control(ctx, "DELETE", "/_local/faults/"+id, nil, nil); err != nil {
		return err
	}
	c.injector.counts[archivePartly.Name]++
	if _, err := c.ops(ctx, "dlq", "redrive", strings.TrimSuffix(contract.ArchivalFailurePrefix, "-"), "--execute"); err != nil {
		c.tools.differ("%v", err)
	}
	return c.waitIdle(ctx)
}

// archive runs the archiver as of two days later, when every hour is due: first while
// faults strike it, so that its runs fail for good, then by sending those on. Runs before
// the repairs have fraud results come after the hour was archived.
func (c *campaign) archive(ctx context.Context, list []Fault) error {
	failed := map[string]int{} // runs, by queue
	for _, f := range archiveFaults {
		if !slices.ContainsFunc(list, func(chosen Fault) bool { return chosen.Name == f.Name }) {
			continue
		}
		id, err := c.injector.inject(ctx, f.Fault)
		if err != nil {
			return fmt.Errorf("fault %s: %w", f.Name, err)
		}
		if err := c.runArchiver(ctx); err != nil {
			return err
		}
		if err := c.session.Control(ctx, "DELETE", "/_local/faults/"+id, nil, nil); err != nil {
			return err
		}
		failed[f.queue]++
		c.injector.counts[f.Name]++
	}
	if len(failed) == 0 {
		if slices.ContainsFunc(list, func(chosen Fault) bool { return chosen.Name == archivePartly.Name }) {
			return nil // the hours are archived for the first time when it strikes
		}
		return c.runArchiver(ctx)
	}
	left, err := c.observer.queues(ctx)
	if err != nil {
		return err
	}
	for _, queue := range slices.Sorted(maps.Keys(failed)) {
		c.runs.Want[""] += failed[queue]
		c.runs.Got[""] += min(left[queue], failed[queue])
		if left[queue] < failed[queue] {
			c.runs.differ("%d runs failed, and %s has %d messages", failed[queue], queue, left[queue])
		}
		if _, err := c.ops(ctx, "dlq", "redrive", queue, "--execute"); err != nil {
			c.tools.differ("%v", err)
		}
	}
	return c.waitIdle(ctx)
}

// runArchiver fires the daily rule as of two days later.
func (c *campaign) runArchiver(ctx context.Context) error {
	if err := c.session.FireRule(ctx, c.session.ArchivalRule(), time.Now().Add(48*time.Hour)); err != nil {
		return err
	}
	return c.waitIdle(ctx)
}
