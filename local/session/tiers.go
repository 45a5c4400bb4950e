package session

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/events"
)

// Tier is an amount tier, read from its rule in the template of an assembly.
type Tier struct {
	Name       string // the beginning of the rule's name, such as "medium"
	Target     string // workflow, alert, log or queue
	TargetName string // physical name of the target's log group or queue; empty for workflow and alert

	detail  json.RawMessage // the pattern's member detail
	pattern *events.Pattern
}

// targetTypes maps the type of the resource that a rule sends to onto the name of
// the target in amountThresholds, and the property that holds its physical name.
var targetTypes = map[string]struct{ name, nameProperty string }{
	"AWS::StepFunctions::StateMachine": {name: "workflow"},
	"AWS::SNS::Topic":                  {name: "alert"},
	"AWS::Logs::LogGroup":              {"log", "LogGroupName"},
	"AWS::SQS::Queue":                  {"queue", "QueueName"},
}

// Tiers reads the tiers of an assembly, sorted by name.
func Tiers(cdkOut string) ([]Tier, error) {
	templates, err := filepath.Glob(filepath.Join(cdkOut, "*.template.json"))
	if err != nil {
		return nil, err
	}
	if len(templates) != 1 {
		return nil, fmt.Errorf("%d templates in %s, want one", len(templates), cdkOut)
	}
	text, err := os.ReadFile(templates[0])
	if err != nil {
		return nil, err
	}
	var template struct {
		Resources map[string]struct {
			Type       string
			Properties map[string]json.RawMessage
		}
	}
	if err := json.Unmarshal(text, &template); err != nil {
		return nil, fmt.Errorf("%s: %w", templates[0], err)
	}
	property := func(id, name string) (value string) {
		_ = json.Unmarshal(template.Resources[id].Properties[name], &value) // empty if it is not a string
		return value
	}
	var tiers []Tier
	for id, r := range template.Resources {
		name, _, ok := strings.Cut(property(id, "Name"), contract.TierRuleInfix)
		if r.Type != "AWS::Events::Rule" || !ok {
			continue
		}
		t := Tier{Name: name}
		var pattern struct{ Detail json.RawMessage }
		var targets []struct{ Arn any }
		if err := json.Unmarshal(r.Properties["EventPattern"], &pattern); err != nil {
			return nil, fmt.Errorf("rule %s: %w", id, err)
		}
		if err := json.Unmarshal(r.Properties["Targets"], &targets); err != nil {
			return nil, fmt.Errorf("targets of rule %s: %w", id, err)
		}
		if len(targets) != 1 {
			return nil, fmt.Errorf("rule %s has %d targets, want one", id, len(targets))
		}
		t.detail = pattern.Detail
		if t.pattern, err = events.ParsePattern(r.Properties["EventPattern"]); err != nil {
			return nil, fmt.Errorf("rule %s: %w", id, err)
		}
		for _, reference := range references(targets[0].Arn) {
			if target, ok := targetTypes[template.Resources[reference].Type]; ok {
				t.Target, t.TargetName = target.name, property(reference, target.nameProperty)
				if strings.Contains(t.TargetName, contract.TierDigestInfix) {
					t.Target, t.TargetName = "alert", "" // by way of a digest
				}
			}
		}
		if t.Target == "" {
			return nil, fmt.Errorf("rule %s: its target is not a workflow, topic, log group or queue", id)
		}
		tiers = append(tiers, t)
	}
	slices.SortFunc(tiers, func(a, b Tier) int { return strings.Compare(a.Name, b.Name) })
	return tiers, nil
}

// references returns the logical ids that an intrinsic function of the template refers to.
func references(value any) (ids []string) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			ids = append(ids, references(item)...)
		}
	case map[string]any:
		if id, ok := v["Ref"].(string); ok {
			return []string{id}
		}
		if path, ok := v["Fn::GetAtt"].([]any); ok {
			id, _ := path[0].(string)
			return []string{id}
		}
		for _, item := range v {
			ids = append(ids, references(item)...)
		}
	}
	return ids
}

// Matches reports whether the tier's rule matches the event of a transaction with
// this detail.
func (t Tier) Matches(detail map[string]any) (bool, error) {
	event, err := json.Marshal(map[string]any{
		"source": "payment.webhooks", "detail-type": "Transaction Received", "detail": detail,
	})
	if err != nil {
		return false, err
	}
	return t.pattern.Matches(event)
}

// Limits returns the bounds with which the tier's rule compares amounts in a currency.
func (t Tier) Limits(currency string) (limits []json.Number, err error) {
	type alternative struct {
		Currency []any
		Amount   []struct{ Numeric []any }
	}
	var detail struct {
		alternative
		Or []alternative `json:"$or"`
	}
	if len(t.detail) == 0 {
		return nil, nil // a single tier has no bounds
	}
	decoder := json.NewDecoder(strings.NewReader(string(t.detail)))
	decoder.UseNumber()
	if err := decoder.Decode(&detail); err != nil {
		return nil, fmt.Errorf("pattern of %s: %w", t.Name, err)
	}
	for _, a := range append(detail.Or, detail.alternative) {
		applies := len(a.Currency) == 0 || slices.Contains(a.Currency, any(currency))
		if len(a.Currency) == 1 {
			if exclusion, ok := a.Currency[0].(map[string]any); ok {
				others, _ := exclusion["anything-but"].([]any)
				applies = !slices.Contains(others, any(currency))
			}
		}
		for _, m := range a.Amount {
			for _, term := range m.Numeric {
				if number, ok := term.(json.Number); ok && applies {
					limits = append(limits, number)
				}
			}
		}
	}
	return limits, nil
}
