package tiers

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bojanz/currency"
)

// ContextKey is the key of the policy in cdk.json's context.
const ContextKey = "amountThresholds"

// maxTiers keeps the stack below CloudFormation's 500 resources, of which a
// tier has seven at most, and the one policy that lets EventBridge write to the
// log groups below CloudWatch Logs' 5120 characters.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutResourcePolicy.html
const maxTiers = 30

// namePattern makes every word begin with a letter, so that ids made of the
// words, such as VeryHighValue, differ when the names do.
var namePattern = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$`)

// Parse reads the value of [ContextKey]. It is nil for [Default], or the list
// with its lower bounds, the lowest tier first,
//
//	{"tiers": [
//	   {"name": "low", "target": "log"},
//	   {"name": "medium", "from": 1000, "target": "alert", "digest": 5},
//	   {"name": "high", "above": 10000, "target": "workflow"}],
//	 "currencies": {"JPY": {"medium": 100000, "high": 1000000}}}
//
// or, for bounds of those three tiers, the short form
//
//	{"default": {"medium": 1000, "high": 10000},
//	 "currencies": {"JPY": {"medium": 100000, "high": 1000000}}}
//
// or either as JSON text, which is how `cdk synth -c` passes it. A bound is a
// JSON number or decimal text. The error joins one error per problem, each
// wrapping [ErrConfig].
func Parse(value any) (List, error) { return ParseAt(ContextKey, value) }

// ParseAt is Parse for a value at another path of cdk.json's context, which errors name.
func ParseAt(path string, value any) (List, error) {
	if value == nil {
		return Default(), nil
	}
	if text, ok := value.(string); ok {
		var parsed any
		if json.Unmarshal([]byte(text), &parsed) == nil {
			value = parsed
		}
	}
	r := reader{path: path}
	l := r.list(value)
	if err := r.err(); err != nil {
		return nil, err
	}
	for i, t := range l {
		pattern, err := l.Pattern(i)
		if err != nil {
			return nil, fmt.Errorf("write pattern: %w", err)
		}
		if len(pattern) > maxPatternBytes {
			r.problem("%s has %d currencies with bounds of their own: the pattern of tier %s has %d bytes, EventBridge accepts %d; give fewer currencies bounds, or more of them the same",
				path, len(l[len(l)-1].Currencies), t.Name, len(pattern), maxPatternBytes)
		}
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	text, err := l.Environment()
	if err != nil {
		return nil, fmt.Errorf("write environment: %w", err)
	}
	if len(text) > maxEnvironmentBytes {
		r.problem("%s has %d tiers and %d currencies with bounds of their own: that is %d bytes in the environment of event-relay, which has room for %d; give fewer tiers, or fewer currencies bounds, or more of them the same",
			path, len(l), len(l[len(l)-1].Currencies), len(text), maxEnvironmentBytes)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return l, nil
}

// reader collects every problem of a value.
type reader struct {
	path     string // of the value
	problems []error
}

func (r *reader) problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf("%w: context "+format, append([]any{ErrConfig}, args...)...))
}

// reject reports a value that is not what path accepts.
func (r *reader) reject(path string, value any, accepted string) {
	if value == nil {
		r.problem("%s is missing: %s", path, accepted)
		return
	}
	switch value.(type) {
	case map[string]any, []any:
		if text, err := json.Marshal(value); err == nil {
			value = string(text)
		}
	}
	r.problem("%s is %v: %s", path, value, accepted)
}

// err joins the problems in an order that does not change from run to run.
func (r *reader) err() error {
	slices.SortFunc(r.problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(r.problems...)
}

func (r *reader) object(path string, value any) map[string]any {
	object, ok := value.(map[string]any)
	if !ok {
		r.reject(path, value, "want a JSON object")
	}
	return object
}

// only rejects the members of an object that are not accepted.
func (r *reader) only(path string, object map[string]any, accepted ...string) {
	for member, value := range object {
		if !slices.Contains(accepted, member) {
			r.problem("%s.%s is %v: want only [%s]", path, member, value, strings.Join(accepted, ", "))
		}
	}
}

// list reads either form.
func (r *reader) list(value any) List {
	object := r.object(r.path, value)
	l := Default()
	if tiers, long := object["tiers"]; long {
		r.only(r.path, object, "tiers", "currencies")
		l = r.tiers(r.path+".tiers", tiers)
	} else {
		r.only(r.path, object, "tiers", "currencies", "default")
		if bounds, given := object["default"]; given {
			own := r.bounds(r.path+".default", l, bounds)
			l = three(own["medium"], own["high"])
		}
	}
	currencies, given := object["currencies"]
	if !given {
		return l
	}
	for i := 1; i < len(l); i++ {
		l[i].Currencies = map[string]Limit{}
	}
	for code, bounds := range r.object(r.path+".currencies", currencies) {
		path := r.path + ".currencies." + code
		if !currency.IsValid(code) {
			r.reject(path, code, "want an ISO 4217 code, such as IDR")
		}
		if l == nil {
			continue // which bounds there should be is not known
		}
		own := r.bounds(path, l, bounds)
		for i, t := range l[1:] {
			l[i+1].Currencies[code] = own[t.Name]
		}
	}
	return l
}

// tiers reads the array of the long form, nil unless every tier has a name.
func (r *reader) tiers(path string, value any) List {
	entries, _ := value.([]any)
	if len(entries) == 0 || len(entries) > maxTiers {
		r.reject(path, value, fmt.Sprintf("want a list of 1 to %d tiers, the one of the lowest amounts first", maxTiers))
		return nil
	}
	l, used := make(List, len(entries)), map[string]bool{}
	for i, entry := range entries {
		path := fmt.Sprintf("%s[%d]", path, i)
		object := r.object(path, entry)
		if object == nil {
			continue
		}
		t := &l[i]
		t.Name, _ = object["name"].(string)
		switch {
		case !namePattern.MatchString(t.Name) || len(t.Name) > maxName:
			r.reject(path+".name", object["name"], fmt.Sprintf("want lower-case words joined by hyphens, such as very-high, "+
				"each beginning with a letter, at most %d characters together: names of rules and queues are made of it", maxName))
		case used[t.Name]:
			r.reject(path+".name", t.Name, "want a name that no other tier has")
		default:
			path = r.pathOf(t.Name)
		}
		used[t.Name] = true
		r.only(path, object, "name", "from", "above", "target", "digest")
		target, _ := object["target"].(string)
		if t.Target = Target(target); !slices.Contains(targets, t.Target) {
			r.reject(path+".target", object["target"], fmt.Sprintf("want one of %q", targets))
		}
		if minutes, given := object["digest"]; given {
			t.Digest = r.digest(path+".digest", t.Target, minutes)
		}
		from, hasFrom := object["from"]
		above, hasAbove := object["above"]
		switch {
		case i == 0 && (hasFrom || hasAbove):
			r.problem("%s has a lower bound: the first tier has every amount below the second's", path)
		case i == 0:
		case hasFrom == hasAbove:
			r.problem("%s has both or none of from and above: want from for that amount and more, or above for more than that amount", path)
		case hasFrom:
			t.Lower = r.limit(path+".from", from)
		default:
			t.Above, t.Lower = true, r.limit(path+".above", above)
		}
	}
	if len(used) < len(l) || used[""] {
		return nil
	}
	r.ascending(l, func(t Tier) string {
		if t.Above {
			return r.pathOf(t.Name) + ".above"
		}
		return r.pathOf(t.Name) + ".from"
	}, func(t Tier) Limit { return t.Lower })
	return l
}

// digest reads the minutes for which the alerts of a tier are collected.
func (r *reader) digest(path string, target Target, value any) int {
	minutes, isNumber := value.(float64)
	switch {
	case target != Alert:
		r.reject(path, value, fmt.Sprintf("only a tier with target %q has a digest, all others act on each event at once", Alert))
	case !isNumber || minutes != math.Trunc(minutes) || minutes < 1 || minutes > MaxDigest:
		r.reject(path, value, fmt.Sprintf("want a whole number of minutes from 1 to %d, for which alerts are collected; leave it out to send each at once", MaxDigest))
	}
	return int(minutes)
}

func (r *reader) pathOf(tier string) string { return r.path + ".tiers." + tier }

// bounds reads one bound for each tier but the lowest, by name.
func (r *reader) bounds(path string, l List, value any) map[string]Limit {
	object := r.object(path, value)
	if object == nil {
		return nil
	}
	own := map[string]Limit{}
	var names []string
	for _, t := range l[1:] {
		names = append(names, t.Name)
		own[t.Name] = r.limit(path+"."+t.Name, object[t.Name])
	}
	r.only(path, object, names...)
	r.ascending(l, func(t Tier) string { return path + "." + t.Name }, func(t Tier) Limit { return own[t.Name] })
	return own
}

// ascending rejects a bound that leaves the tier below it without any amount.
func (r *reader) ascending(l List, path func(Tier) string, bound func(Tier) Limit) {
	for i := 2; i < len(l); i++ {
		below, t := l[i-1], l[i]
		low, high := bound(below), bound(t)
		if low == (Limit{}) || high == (Limit{}) {
			continue // rejected already
		}
		order := high.Rat().Cmp(low.Rat())
		if pointIsTier := t.Above && !below.Above; pointIsTier && order < 0 {
			r.reject(path(t), high, fmt.Sprintf("want at least %s, the bound of %s", low, below.Name))
		} else if !pointIsTier && order <= 0 {
			r.reject(path(t), high, fmt.Sprintf("want more than %s, the bound of %s", low, below.Name))
		}
	}
}

// limit reads a bound; the zero value stands for one that was rejected.
func (r *reader) limit(path string, value any) Limit {
	text := fmt.Sprint(value)
	if number, ok := value.(float64); ok {
		text = strconv.FormatFloat(number, 'f', -1, 64)
	}
	l, err := ParseLimit(text)
	if err != nil {
		r.reject(path, value, acceptedLimit)
	}
	return l
}
