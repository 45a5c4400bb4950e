package tiers

import (
	"errors"
	"math/big"
	"strings"

	"payment-webhooks/handlers/contract"
)

// ErrConfig is wrapped by every error that a user can fix by changing the
// configuration. The text of such an error names the setting, the value and what
// would be accepted.
var ErrConfig = errors.New("configuration")

// Target is where a tier's rule sends events.
type Target string

// The targets.
const (
	Workflow Target = "workflow" // start the state machine: fraud scoring and notification
	Alert    Target = "alert"    // publish a sentence to the alerts topic
	Log      Target = "log"      // write the event to a log group of the tier's own
	Queue    Target = "queue"    // send the event to an SQS queue of the tier's own
)

// targets are all targets, in the order in which error texts list them.
var targets = []Target{Workflow, Alert, Log, Queue}

// Tier is a range of amounts. It begins at its lower bound and ends where the next
// tier of its list begins.
type Tier struct {
	Name       string           // lower-case words joined by hyphens, at most 24 characters
	Target     Target           // where its events go
	Lower      Limit            // lower bound; the zero value for the lowest tier, which has none
	Above      bool             // the lower bound itself belongs to the tier below
	Currencies map[string]Limit // lower bounds of currencies that have their own, by ISO 4217 code
	Digest     int              // of target Alert: minutes for which alerts are collected, up to [MaxDigest]; 0 sends each by itself
}

// lower returns the tier's lower bound in a currency. Any code that has no
// bound of its own, such as "", stands for all such currencies.
func (t Tier) lower(code string) Limit {
	if l, ok := t.Currencies[code]; ok {
		return l
	}
	return t.Lower
}

// includes reports whether an amount lies at or beyond the lower bound.
func (t Tier) includes(amount *big.Rat, code string) bool {
	order := amount.Cmp(t.lower(code).Rat())
	return order > 0 || order == 0 && !t.Above
}

// List is the policy: the tiers from the lowest amounts to the highest, at
// least one. All but the lowest have a lower bound, and bounds of their own for
// the same currencies.
type List []Tier

// Default returns the policy when none is configured: high above 10 000, medium
// from 1 000 to 10 000, low below, whatever the currency.
func Default() List { return three(Limit{"1000"}, Limit{"10000"}) }

// three returns the tiers of the short form.
func three(medium, high Limit) List {
	return List{
		{Name: "low", Target: Log},
		{Name: "medium", Target: Alert, Lower: medium},
		{Name: "high", Target: Workflow, Lower: high, Above: true},
	}
}

// Of returns the tier of an amount, which must be above zero, in the currency with an
// ISO 4217 code.
func (l List) Of(amount *big.Rat, code string) Tier {
	for i := len(l) - 1; i > 0; i-- {
		if l[i].includes(amount, code) {
			return l[i]
		}
	}
	return l[0]
}

// With returns the tiers that have the given target, from the lowest to the highest.
func (l List) With(target Target) (found []Tier) {
	for _, t := range l {
		if t.Target == target {
			found = append(found, t)
		}
	}
	return found
}

// ValueOf returns the adjective for transactions with a target, such as "high-value":
// the name of the lowest tier with that target, or "high" if there is none, and
// "-value". It is short enough for the subject of an SNS e-mail, 100 characters.
func (l List) ValueOf(target Target) string {
	name := "high"
	if found := l.With(target); len(found) > 0 {
		name = found[0].Name
	}
	return name + "-value"
}

// ID returns the part of construct ids and outputs that stands for the tier,
// such as "VeryHighValue". Distinct names have distinct ids.
func (t Tier) ID() string {
	var id strings.Builder
	for word := range strings.SplitSeq(t.Name, "-") {
		id.WriteString(Title(word))
	}
	return id.String() + "Value"
}

// Title returns text with its first letter, a lower-case ASCII one, in upper case.
func Title(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// RuleName returns the physical name of the tier's rule in the environment
// with the suffix. The queue of a [Queue] tier has the same name.
func (t Tier) RuleName(suffix string) string { return t.Name + contract.TierRuleInfix + suffix }

// LogGroupName returns the physical name of a [Log] tier's log group. EventBridge
// writes only to groups whose names begin with /aws/events/.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-cloudwatchlogs-permissions
func (t Tier) LogGroupName(suffix string) string {
	return contract.EventLogGroupPrefix + t.RuleName(suffix)
}

// DeadLetterQueueName returns the physical name of the queue that keeps the
// events that the tier's target did not accept.
func (t Tier) DeadLetterQueueName(suffix string) string {
	return t.Name + contract.TierDeadLetterInfix + suffix
}

// DigestQueueName returns the physical name of the queue in which events of a tier with a
// digest wait.
func (t Tier) DigestQueueName(suffix string) string {
	return t.Name + contract.TierDigestInfix + suffix
}

// DigestDeadLetterQueueName returns the physical name of the queue that keeps the events that
// no digest could contain.
func (t Tier) DigestDeadLetterQueueName(suffix string) string {
	return t.Name + contract.TierDigestDeadLetterInfix + suffix
}

// MaxDigest is the most minutes for which alerts are collected: Lambda gathers messages of a
// queue for up to 300 seconds.
// https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html (MaximumBatchingWindowInSeconds)
const MaxDigest = 5

// Digests returns the tiers with a digest, from the lowest to the highest.
func (l List) Digests() (found []Tier) {
	for _, t := range l.With(Alert) {
		if t.Digest > 0 {
			found = append(found, t)
		}
	}
	return found
}

// maxName keeps the rule's name within EventBridge's 64 characters: the infix has
// 20, and the audit bucket's name leaves the suffix at most 20.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
const maxName = 24
