package tiers

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bojanz/currency"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/events"
)

// parse reads a policy written as JSON.
func parse(t *testing.T, text string) List {
	t.Helper()
	l, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func rat(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		panic(text)
	}
	return r
}

// decimal writes an amount as events do, with at most six decimals.
func decimal(amount *big.Rat) string {
	return strings.TrimSuffix(strings.TrimRight(amount.FloatString(6), "0"), ".")
}

// versions are the ways in which event-ruler has compared numbers. Which one EventBridge runs is not
// documented, so routing must be right in each.
var versions = map[string]events.Numbers{"doubles": events.Doubles, "six decimals": events.SixDecimals}

// rules are the patterns of a list as EventBridge has them.
type rules struct {
	list     List
	patterns []*events.Pattern
}

func rulesOf(t *testing.T, l List, version events.Numbers) rules {
	t.Helper()
	r := rules{list: l}
	for i := range l {
		text, err := l.Pattern(i)
		if err != nil {
			t.Fatal(err)
		}
		pattern, err := version.ParsePattern(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		r.patterns = append(r.patterns, pattern)
	}
	return r
}

// of returns the names of the tiers whose pattern matches the event of an amount.
func (r rules) of(t *testing.T, amount *big.Rat, code string) (names []string) {
	t.Helper()
	detail := map[string]any{contract.FieldAmount: json.Number(decimal(amount)), contract.FieldCurrency: code}
	if amount.Cmp(big.NewRat(contract.MaxMatchableAmount, 1)) > 0 {
		detail[contract.DetailAmountBeyondMatching] = true
	}
	event, err := json.Marshal(map[string]any{
		"source": contract.EventSource, "detail-type": contract.DetailTypeTransactionReceived, "detail": detail,
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, pattern := range r.patterns {
		matches, err := pattern.Matches(event)
		if err != nil {
			t.Fatal(err)
		}
		if matches {
			names = append(names, r.list[i].Name)
		}
	}
	return names
}

// boundaries are the amounts at and next to every bound of every currency, and
// the smallest, the largest and those around what versions of event-ruler compare.
func boundaries(l List) (amounts []*big.Rat) {
	step := rat("0.000001")
	limits := []*big.Rat{rat("0.000001"), rat("5000000000"), rat("500000000000"), rat("9007199254740992"), rat("999999999999999")}
	for _, t := range l[1:] {
		limits = append(limits, t.Lower.Rat())
		for _, own := range t.Currencies {
			limits = append(limits, own.Rat())
		}
	}
	for _, limit := range limits {
		for _, amount := range []*big.Rat{new(big.Rat).Sub(limit, step), limit, new(big.Rat).Add(limit, step)} {
			if amount.Sign() > 0 {
				amounts = append(amounts, amount)
			}
		}
	}
	return amounts
}

// exactlyOne checks that every amount matches the pattern of its tier and no other.
func exactlyOne(t *testing.T, l List, more ...*big.Rat) {
	t.Helper()
	codes := append(slices.Collect(maps.Keys(l[len(l)-1].Currencies)), "USD", "CHF")
	for name, version := range versions {
		r := rulesOf(t, l, version)
		for _, amount := range append(boundaries(l), more...) {
			for _, code := range codes {
				if diff := cmp.Diff([]string{l.Of(amount, code).Name}, r.of(t, amount, code)); diff != "" {
					t.Errorf("%s, %s %s: %s", name, decimal(amount), code, diff)
				}
			}
		}
	}
}

const (
	byCurrency = `{"default": {"medium": 1000, "high": "10000"}, "currencies": {
		"IDR": {"medium": "15000000", "high": "150000000"},
		"VND": {"medium": "15000000", "high": "150000000"},
		"KWD": {"medium": "300.5", "high": "3000.125"},
		"JPY": {"medium": "5000000000", "high": "5000000000"}}}`

	five = `{"tiers": [
		{"name": "tiny", "target": "log"},
		{"name": "low", "above": "0.5", "target": "log"},
		{"name": "medium", "from": 1000, "target": "alert"},
		{"name": "high", "above": 10000, "target": "workflow"},
		{"name": "very-high", "from": "1000000.000001", "target": "queue"}],
		"currencies": {"JPY": {"tiny": 0}}}`
)

func TestPatterns(t *testing.T) {
	fifth := strings.Replace(five, `"tiny": 0`, `"low": 50, "medium": 100000, "high": 1000000, "very-high": 100000000`, 1)
	for name, text := range map[string]string{
		"when no list is configured":         `{}`,
		"when currencies have their own":     byCurrency,
		"when there are five":                fifth,
		"when there is one":                  `{"tiers": [{"name": "all", "target": "queue"}]}`,
		"when one is a single amount":        `{"tiers": [{"name": "a", "target": "log"}, {"name": "b", "from": 7, "target": "log"}, {"name": "c", "above": 7, "target": "log"}]}`,
		"when the topmost is beyond compare": `{"tiers": [{"name": "a", "target": "log"}, {"name": "b", "above": 5000000000, "target": "log"}]}`,
	} {
		t.Run(name+", each amount matches one", func(t *testing.T) { exactlyOne(t, parse(t, text)) })
	}
	t.Run("when the list is random, each amount matches one", func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		for range 60 {
			l := randomList(random)
			var amounts []*big.Rat
			for range 20 {
				amounts = append(amounts, big.NewRat(1+random.Int64N(6_000_000_000_000_000), 1_000_000))
			}
			exactlyOne(t, l, amounts...)
			if t.Failed() {
				t.Fatalf("with %+v", l)
			}
		}
	})
	t.Run("when currencies share bounds, they share a part", func(t *testing.T) {
		pattern, err := parse(t, byCurrency).Pattern(1)
		if err != nil {
			t.Fatal(err)
		}
		want := `{"detail":{"$or":[` +
			`{"amount":[{"numeric":[">=",1000,"<=",10000]}],"currency":[{"anything-but":["IDR","JPY","KWD","VND"]}]},` +
			`{"amount":[{"numeric":[">=",15000000,"<=",150000000]}],"currency":["IDR","VND"]},` +
			`{"amount":[{"numeric":["=",5000000000]}],"currency":["JPY"]},` +
			`{"amount":[{"numeric":[">=",300.5,"<=",3000.125]}],"currency":["KWD"]}]},` +
			`"detail-type":["Transaction Received"],"source":["payment.webhooks"]}`
		if diff := cmp.Diff(want, string(pattern)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("when read back, limits are exact", func(t *testing.T) {
		for _, text := range []string{"0.000001", "999.99", "3000.125", "4999999999.999999", "5000000000"} {
			limit, err := ParseLimit(text)
			if err != nil {
				t.Fatal(err)
			}
			written, err := json.Marshal(limit.number())
			if err != nil || rat(string(written)).Cmp(rat(text)) != 0 {
				t.Errorf("%s became %s, %v", text, written, err)
			}
		}
	})
}

// randomList returns up to eight tiers with bounds of their own for up to four
// currencies; bounds lie close together, some a millionth apart.
func randomList(random *rand.Rand) List {
	l := List{{Name: "a", Target: targets[random.IntN(len(targets))]}}
	codes := []string{"IDR", "JPY", "KWD", "VND"}[:random.IntN(5)]
	for i := range random.IntN(8) {
		t := Tier{Name: string(rune('b' + i)), Target: targets[random.IntN(len(targets))], Above: random.IntN(2) == 0, Currencies: map[string]Limit{}}
		below := l[len(l)-1]
		next := func(code string) Limit {
			bound := big.NewRat(1+random.Int64N(700_000_000_000_000)>>random.IntN(50), 1_000_000)
			if i > 0 {
				if t.Above && !below.Above && random.IntN(3) == 0 {
					bound = new(big.Rat) // the tier below is a single amount
				}
				bound.Add(bound, below.lower(code).Rat())
			}
			limit, err := ParseLimit(decimal(bound))
			if err != nil {
				panic(err)
			}
			return limit
		}
		t.Lower = next("")
		for _, code := range codes {
			t.Currencies[code] = next(code)
		}
		l = append(l, t)
	}
	return l
}

func TestDefault(t *testing.T) {
	for _, c := range []struct{ amount, want string }{
		{"0.000001", "low"},
		{"999.999999", "low"},
		{"1000", "medium"},
		{"10000", "medium"},
		{"10000.000001", "high"},
		{"5000000000", "high"},
		{"5000000000.000001", "high"},    // compared as double only
		{"6000000000", "high"},           // compared as double only
		{"9999999999999.99", "high"},     // compared as double only
		{"999999999999999.9999", "high"}, // never compared: more digits than a double has
	} {
		for name, version := range versions {
			t.Run("when the amount is "+c.amount+" and compared by "+name, func(t *testing.T) {
				if diff := cmp.Diff([]string{c.want}, rulesOf(t, Default(), version).of(t, rat(c.amount), "USD")); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
	t.Run("when an amount is large, versions differ without the marker", func(t *testing.T) {
		pattern := []byte(`{"detail":{"amount":[{"numeric":[">",10000]}]}}`)
		for name, want := range map[string]bool{"doubles": true, "six decimals": false} {
			p, err := versions[name].ParsePattern(pattern)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := p.Matches([]byte(`{"detail":{"amount":6000000000}}`)); got != want || err != nil {
				t.Errorf("%s: %t, %v", name, got, err)
			}
		}
	})
}

// What the project's own cdk.json says, which need not be the default.
func TestConfigured(t *testing.T) {
	text, err := os.ReadFile("../../cdk.json")
	if err != nil {
		t.Fatal(err)
	}
	var settings struct{ Context map[string]any }
	if err := json.Unmarshal(text, &settings); err != nil {
		t.Fatal(err)
	}
	l, err := Parse(settings.Context[ContextKey])
	if err != nil {
		t.Fatal(err)
	}
	exactlyOne(t, l)
}

func TestParse(t *testing.T) {
	limit := func(text string) Limit { return Limit{text} }
	short := List{
		{Name: "low", Target: Log},
		{Name: "medium", Target: Alert, Lower: limit("500"), Currencies: map[string]Limit{"IDR": limit("15000000")}},
		{Name: "high", Target: Workflow, Lower: limit("2500.5"), Above: true, Currencies: map[string]Limit{"IDR": limit("150000000")}},
	}
	for name, c := range map[string]struct {
		value any
		want  List
	}{
		"when there is none": {nil, Default()},
		"when the short form is an object": {map[string]any{
			"default":    map[string]any{"medium": 500.0, "high": 2500.5},
			"currencies": map[string]any{"IDR": map[string]any{"medium": "15000000", "high": 1.5e8}},
		}, short},
		"when the short form is text of the command line": {
			`{"default":{"medium":500,"high":"2500.5"},"currencies":{"IDR":{"medium":15000000,"high":150000000}}}`, short,
		},
		"when the long form says the same": {`{"tiers": [{"name": "low", "target": "log"}, {"name": "medium", "from": 500, "target": "alert"},
			{"name": "high", "above": "2500.5", "target": "workflow"}], "currencies": {"IDR": {"medium": "15000000", "high": 150000000}}}`, short},
		"when a tier has a digest": {
			`{"tiers": [{"name": "low", "target": "alert", "digest": 1}, {"name": "medium", "from": 500, "target": "alert", "digest": 5}, {"name": "high", "from": 900, "target": "alert"}]}`,
			List{
				{Name: "low", Target: Alert, Digest: 1},
				{Name: "medium", Target: Alert, Lower: limit("500"), Digest: 5},
				{Name: "high", Target: Alert, Lower: limit("900")},
			},
		},
		"when there is one tier": {`{"tiers": [{"name": "all", "target": "log"}]}`, List{{Name: "all", Target: Log}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(c.value)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(Limit{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseRejects(t *testing.T) {
	short := func(medium, high string) string {
		return fmt.Sprintf(`{"default": {"medium": %s, "high": %s}}`, medium, high)
	}
	long := func(second string) string {
		return `{"tiers": [{"name": "low", "target": "log"}, ` + second + `, {"name": "high", "above": 10, "target": "workflow"}]}`
	}
	many := map[string]any{}
	for i, code := range currency.GetCurrencyCodes() {
		many[code] = map[string]any{"medium": float64(i + 1), "high": float64(i + 2)}
	}
	const tiers = ContextKey + ".tiers"
	for name, c := range map[string]struct {
		value any
		want  []string // each in a line of its own, in this order, and no further line
	}{
		"no object":                   {7.0, []string{"is 7: want a JSON object"}},
		"no JSON":                     {"{", []string{"JSON object"}},
		"an unknown member":           {`{"defaults": 1}`, []string{"defaults is 1: want only [tiers, currencies, default]"}},
		"both forms":                  {`{"default": 1, "tiers": [{"name": "a", "target": "log"}]}`, []string{"default is 1: want only [tiers, currencies]"}},
		"an unknown bound":            {`{"default": {"medium": 1, "high": 2, "low": 0}}`, []string{"default.low is 0: want only [medium, high]"}},
		"a bound of zero":             {short("0", "1"), []string{"default.medium is 0: want a decimal above 0"}},
		"a negative bound":            {short(`"-1"`, "1"), []string{"default.medium is -1"}},
		"an exponent":                 {short(`"1e3"`, "5000"), []string{"1e3"}},
		"a missing bound":             {`{"default": {"medium": 1}}`, []string{"default.high is missing"}},
		"more than compares":          {short("1", `"5000000000.000001"`), []string{"up to 5000000000"}},
		"seven decimals":              {short(`"0.1234567"`, "1"), []string{"at most 6 decimals"}},
		"bounds that descend":         {short(`"10.01"`, "10"), []string{"default.high is 10: want at least 10.01, the bound of medium"}},
		"a currency that is none":     {`{"currencies": {"EURO": {"medium": 1, "high": 2}}}`, []string{"currencies.EURO is EURO: want an ISO 4217 code"}},
		"too many for one pattern":    {map[string]any{"currencies": many}, []string{"the pattern of tier high has", "tier low", "tier medium"}},
		"two problems":                {short(`"x"`, `"y"`), []string{"default.high is y", "default.medium is x"}},
		"no tier":                     {`{"tiers": []}`, []string{tiers + " is []: want a list of 1 to 30 tiers"}},
		"no list":                     {`{"tiers": {"low": 1}}`, []string{tiers + ` is {"low":1}: want a list`}},
		"31 tiers":                    {`{"tiers": [` + strings.Repeat("1,", 30) + `1]}`, []string{"1 to 30"}},
		"a tier that is no object":    {long("7"), []string{tiers + "[1] is 7: want a JSON object"}},
		"no name":                     {long(`{"from": 1, "target": "log"}`), []string{tiers + "[1].name is missing: want lower-case words"}},
		"a name in upper case":        {long(`{"name": "Mid", "from": 1, "target": "log"}`), []string{tiers + "[1].name is Mid"}},
		"a word that is a number":     {long(`{"name": "a-1", "from": 1, "target": "log"}`), []string{"each beginning with a letter"}},
		"25 characters":               {long(`{"name": "abcdefghijklmnopqrstuvwxy", "from": 1, "target": "log"}`), []string{"at most 24 characters"}},
		"a name twice":                {long(`{"name": "low", "from": 1, "target": "log"}`), []string{"[1].name is low: want a name that no other tier has"}},
		"an unknown target":           {long(`{"name": "mid", "from": 1, "target": "email"}`), []string{`tiers.mid.target is email: want one of ["workflow" "alert" "log" "queue"]`}},
		"no target":                   {long(`{"name": "mid", "from": 1}`), []string{`tiers.mid.target is missing`}},
		"a member of a tier":          {long(`{"name": "mid", "from": 1, "target": "log", "to": 5}`), []string{"tiers.mid.to is 5: want only [name, from, above, target, digest]"}},
		"a digest of no minutes":      {long(`{"name": "mid", "from": 1, "target": "alert", "digest": 0}`), []string{"tiers.mid.digest is 0: want a whole number of minutes from 1 to 5"}},
		"a digest of six minutes":     {long(`{"name": "mid", "from": 1, "target": "alert", "digest": 6}`), []string{"tiers.mid.digest is 6: want a whole number"}},
		"a digest of half a minute":   {long(`{"name": "mid", "from": 1, "target": "alert", "digest": 2.5}`), []string{"tiers.mid.digest is 2.5: want a whole number"}},
		"a digest that is text":       {long(`{"name": "mid", "from": 1, "target": "alert", "digest": "5 minutes"}`), []string{"tiers.mid.digest is 5 minutes: want a whole number"}},
		"a digest that is null":       {long(`{"name": "mid", "from": 1, "target": "alert", "digest": null}`), []string{"tiers.mid.digest is missing: want a whole number"}},
		"a digest of the workflow":    {`{"tiers": [{"name": "a", "target": "workflow", "digest": 5}]}`, []string{`tiers.a.digest is 5: only a tier with target "alert" has a digest`}},
		"no bound":                    {long(`{"name": "mid", "target": "log"}`), []string{"tiers.mid has both or none of from and above"}},
		"two bounds":                  {long(`{"name": "mid", "from": 1, "above": 1, "target": "log"}`), []string{"tiers.mid has both or none of from and above"}},
		"a bound of the first":        {`{"tiers": [{"name": "a", "from": 1, "target": "log"}]}`, []string{"tiers.a has a lower bound: the first tier has"}},
		"no amount between bounds":    {long(`{"name": "mid", "above": 10, "target": "log"}`), []string{"tiers.high.above is 10: want more than 10, the bound of mid"}},
		"tiers out of order":          {long(`{"name": "mid", "from": 11, "target": "log"}`), []string{"tiers.high.above is 10: want at least 11, the bound of mid"}},
		"bounds of a missing tier":    {five, []string{"JPY.high is missing", "JPY.low is missing", "JPY.medium is missing", "JPY.tiny is 0: want only [low, medium, high, very-high]", "JPY.very-high is missing"}},
		"a currency with one tier":    {`{"tiers": [{"name": "a", "target": "log"}], "currencies": {"JPY": {"a": 1}}}`, []string{"currencies.JPY.a is 1: want only []"}},
		"problems in tiers and codes": {`{"tiers": [{"name": "A", "target": "log"}], "currencies": {"EURO": {}}}`, []string{"currencies.EURO", "tiers[0].name"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(c.value)
			if !errors.Is(err, ErrConfig) {
				t.Fatalf("got %v", err)
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(c.want) {
				t.Fatalf("want %d problems, got\n%v", len(c.want), err)
			}
			for i, want := range c.want {
				if !strings.HasPrefix(lines[i], "configuration: context "+ContextKey) || !strings.Contains(lines[i], want) {
					t.Errorf("got  %s\nwant %s", lines[i], want)
				}
			}
		})
	}
}

func TestPatternSize(t *testing.T) {
	t.Run("when one currency too many has bounds, the pattern is little beyond the quota", func(t *testing.T) {
		own := map[string]any{}
		for i, code := range currency.GetCurrencyCodes() {
			own[code] = map[string]any{"medium": float64(1000 + i), "high": float64(100000 + i)}
			_, err := Parse(map[string]any{"currencies": own})
			if err == nil {
				continue
			}
			_, text, _ := strings.Cut(err.Error(), "tier medium has ")
			var size int
			if _, scanErr := fmt.Sscan(text, &size); scanErr != nil || size <= 2048 || size > 2048+100 {
				t.Errorf("with %d currencies: %v", i+1, err)
			}
			return
		}
		t.Error("any number of currencies is accepted")
	})
}

func TestNames(t *testing.T) {
	t.Run("when names differ, ids do", func(t *testing.T) {
		ids := map[string]string{}
		for _, name := range []string{"high", "very-high", "veryhigh", "a1b", "a1-b", "a1", "a-a1"} {
			if !namePattern.MatchString(name) {
				t.Errorf("%s is rejected", name)
			}
			id := Tier{Name: name}.ID()
			if ids[id] != "" {
				t.Errorf("%s and %s are both %s", ids[id], name, id)
			}
			ids[id] = name
		}
	})
	t.Run("when several tiers have a target, its adjective names the lowest", func(t *testing.T) {
		l := List{{Name: "low", Target: Log}, {Name: "high", Target: Workflow}, {Name: "very-high", Target: Workflow}}
		for target, want := range map[Target]string{Log: "low-value", Workflow: "high-value", Alert: "high-value"} {
			if got := l.ValueOf(target); got != want {
				t.Errorf("%s: got %q, want %q", target, got, want)
			}
		}
	})
}

// amounts says which amounts tier i of a list has.
func amounts(l List, i int) string {
	var parts []string
	if i > 0 {
		parts = append(parts, map[bool]string{true: "above ", false: "from "}[l[i].Above]+l[i].Lower.String())
	}
	if i+1 < len(l) {
		parts = append(parts, map[bool]string{true: "up to and including ", false: "below "}[l[i+1].Above]+l[i+1].Lower.String())
	}
	return strings.Join(parts, " ")
}

func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/tiers.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	const suffix = "<s>"
	t.Run("when tiers are the default, the table has them", func(t *testing.T) {
		for i, tier := range Default() {
			fills := map[Target]string{
				Log: "log group `" + tier.LogGroupName(suffix), Alert: "topic `transaction-alerts-" + suffix, Workflow: "state machine `transaction-workflow-" + suffix,
			}[tier.Target]
			row := fmt.Sprintf("| `%s` | %s | `%s` | `%s` | %s` | `%s` |\n", tier.Name, amounts(Default(), i), tier.Target,
				tier.RuleName(suffix), fills, tier.DeadLetterQueueName(suffix))
			if !strings.Contains(page, row) {
				t.Errorf("docs/tiers.md lacks the row\n%s", row)
			}
		}
	})
	t.Run("when it shows a list, the list is valid", func(t *testing.T) {
		blocks := strings.Split(page, "```json\n")[1:]
		if len(blocks) != 3 {
			t.Fatalf("got %d lists, want 3", len(blocks))
		}
		for _, block := range blocks {
			block, _, _ = strings.Cut(block, "```")
			exactlyOne(t, parse(t, block))
		}
	})
	t.Run("when a target exists, the page has it", func(t *testing.T) {
		for _, target := range targets {
			if !strings.Contains(page, "\n| `"+string(target)+"` | ") {
				t.Errorf("docs/tiers.md lacks %s", target)
			}
		}
	})
}
