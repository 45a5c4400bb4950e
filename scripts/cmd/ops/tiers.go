package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/scripts/internal/rules"
	"payment-webhooks/scripts/internal/stack"
)

// tier is a tier of amounts, as its deployed rule says.
type tier struct {
	Name string
	rule rules.Rule
}

// tiersOf reads the deployed rules of the stack's tiers, in the stack's order.
func tiersOf(ctx context.Context, client *rules.Client, s *stack.Stack) ([]tier, error) {
	var all []tier
	for _, r := range s.ByType("AWS::Events::Rule") {
		bus, name := rules.ParseRef(r.PhysicalID)
		tierName, _, ok := strings.Cut(name, contract.TierRuleInfix)
		if !ok {
			continue
		}
		rule, err := client.Describe(ctx, bus, name)
		if err != nil {
			return nil, err
		}
		all = append(all, tier{tierName, rule})
	}
	return all, nil
}

// tierOf returns the tier whose rule matches a detail, whether or not the rule is enabled.
func tierOf(all []tier, detail []byte) (tier, error) {
	event, err := envelope(detail)
	if err != nil {
		return tier{}, err
	}
	for _, t := range all {
		matches, err := t.rule.Matches(event)
		if err != nil {
			return tier{}, err
		}
		if matches {
			return t, nil
		}
	}
	return tier{}, fmt.Errorf("no deployed rule matches the event")
}

// envelope wraps a detail in the members that the rules match.
func envelope(detail []byte) ([]byte, error) {
	return json.Marshal(map[string]any{
		"source": contract.EventSource, "detail-type": contract.DetailTypeTransactionReceived,
		"time": time.Time{}, "detail": json.RawMessage(detail),
	})
}

// seen says what a person sees again when events of the tier are published again.
func (t tier) seen() string {
	if !t.rule.Enabled {
		return "nothing: its rule is disabled"
	}
	var all []string
	for _, target := range t.rule.Targets {
		switch target.Service() {
		case "states":
			all = append(all, "the notification of each, and the fraud alert of each whose risk is high; stored fraud results stay as they are")
		case "sns":
			all = append(all, "the alert of each")
		case "logs":
			all = append(all, "no alert; another line of each in "+target.Name())
		case "sqs":
			all = append(all, "no alert; another message of each in "+target.Name())
		default:
			all = append(all, "what "+target.Name()+" does")
		}
	}
	return strings.Join(all, "; ")
}

// names lists the tiers.
func names(all []tier) string {
	var list []string
	for _, t := range all {
		list = append(list, t.Name)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}
