package campaign

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/session"
)

// What the campaign does by itself, with the calls of an operator who errs.

// kill ends one process of a handler (named bootstrap, see package lambda) with a signal
// that it cannot catch.
func (c *injector) kill(ctx context.Context, r *rand.Rand) error {
	out, err := exec.CommandContext(ctx, "ps", "-A", "-o", "pid=,ppid=,args=").Output()
	if err != nil {
		return err
	}
	var handlers []int
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[1] != strconv.Itoa(c.session.PID()) || !strings.HasSuffix(fields[2], "/bootstrap") {
			continue
		}
		id, err := strconv.Atoi(fields[0])
		if err != nil {
			return err
		}
		handlers = append(handlers, id)
	}
	if len(handlers) == 0 {
		return nil // none has started
	}
	if err := syscall.Kill(handlers[r.IntN(len(handlers))], syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// setMapping enables or disables the mapping of the table's stream.
func setMapping(ctx context.Context, s *session.Session, enabled bool) error {
	client := lambda.NewFromConfig(s.AWS)
	all, err := client.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{FunctionName: aws.String(contract.EventRelay + "-" + s.Suffix())})
	if err != nil {
		return err
	}
	if len(all.EventSourceMappings) != 1 {
		return fmt.Errorf("the relay has %d mappings, want one", len(all.EventSourceMappings))
	}
	_, err = client.UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{UUID: all.EventSourceMappings[0].UUID, Enabled: aws.Bool(enabled)})
	return err
}

// outage is a time in which a tier's rule was disabled, so that its events matched nothing.
type outage struct {
	tier     string
	from, to time.Time
}

// setRule enables or disables a tier's rule.
func setRule(ctx context.Context, s *session.Session, tier string, enabled bool) error {
	client := eventbridge.NewFromConfig(s.AWS)
	name, bus := aws.String(tier+contract.TierRuleInfix+s.Suffix()), aws.String(s.Outputs[contract.OutputBus])
	var err error
	if enabled {
		_, err = client.EnableRule(ctx, &eventbridge.EnableRuleInput{Name: name, EventBusName: bus})
	} else {
		_, err = client.DisableRule(ctx, &eventbridge.DisableRuleInput{Name: name, EventBusName: bus})
	}
	return err
}

// disableRule disables the rule of one tier, and enableRule those that are disabled. The
// senders are stopped until the stack is quiet, so that what was received in between is
// exactly what matched no rule: publishing more again would hide what was lost otherwise.
func (c *injector) disableRule(ctx context.Context, r *rand.Rand) error {
	c.senders.gate.Lock()
	defer c.senders.gate.Unlock()
	if err := waitIdle(ctx, c.session); err != nil {
		return err
	}
	tier := c.tiers[r.IntN(len(c.tiers))].Name
	c.outages = append(c.outages, outage{tier: tier, from: time.Now()})
	return setRule(ctx, c.session, tier, false)
}

func (c *injector) enableRule(ctx context.Context, _ *rand.Rand) error {
	c.senders.gate.Lock()
	defer c.senders.gate.Unlock()
	if err := waitIdle(ctx, c.session); err != nil {
		return err
	}
	for i, o := range c.outages {
		if !o.to.IsZero() {
			continue
		}
		if err := setRule(ctx, c.session, o.tier, true); err != nil {
			return err
		}
		c.outages[i].to = time.Now()
	}
	return nil
}

// deleteGroups deletes the log groups of tiers. What was in them is gone on purpose, so it
// is noted before: the senders are stopped until the group is quiet, so that nothing is
// logged between the look and the deletion.
func (c *injector) deleteGroups(ctx context.Context, _ *rand.Rand) error {
	c.senders.gate.Lock()
	defer c.senders.gate.Unlock()
	if err := waitIdle(ctx, c.session); err != nil {
		return err
	}
	if err := c.observer.rememberLogged(ctx); err != nil {
		return err
	}
	return c.groups(func(client *cloudwatchlogs.Client, name string) error {
		_, err := client.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String(name)})
		return err
	})
}

func (c *injector) createGroups(ctx context.Context, _ *rand.Rand) error {
	return c.groups(func(client *cloudwatchlogs.Client, name string) error {
		_, err := client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(name)})
		return err
	})
}

func (c *injector) groups(do func(*cloudwatchlogs.Client, string) error) error {
	for _, t := range c.tiers {
		if t.Target != "log" {
			continue
		}
		if err := do(cloudwatchlogs.NewFromConfig(c.session.AWS), t.TargetName); err != nil {
			return fmt.Errorf("log group %s: %w", t.TargetName, err)
		}
	}
	return nil
}
