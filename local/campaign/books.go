package campaign

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/session"
)

// Sheet is the balance of one campaign.
type Sheet struct {
	Seed         uint64   `json:"seed"`
	Transactions int      `json:"transactions"`
	Tiers        []string `json:"tiers"`
	Rows         []Row    `json:"rows"`
	Facts        []Fact   `json:"facts"` // what happened, for the reader: nothing is expected of it
}

// Row is a line of the sheet: a number that is expected, the number that was found, and
// each difference with the ids concerned.
type Row struct {
	Name        string         `json:"name"`
	Want        map[string]int `json:"want"` // by tier; "" for what belongs to none
	Got         map[string]int `json:"got"`
	Differences []string       `json:"differences"`
}

// Fact is a number of the campaign.
type Fact struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// Differences counts the differences of all rows.
func (s Sheet) Differences() (n int) {
	for _, r := range s.Rows {
		n += len(r.Differences)
	}
	return n
}

func newRow(name string) *Row {
	return &Row{Name: name, Want: map[string]int{}, Got: map[string]int{}, Differences: []string{}}
}

func (r *Row) differ(format string, args ...any) {
	r.Differences = append(r.Differences, fmt.Sprintf(format, args...))
}

// check counts what is expected of one thing, whether it is so, and the difference if not.
func (r *Row) check(tier string, ok bool, format string, args ...any) {
	r.Want[tier]++
	if ok {
		r.Got[tier]++
		return
	}
	r.differ(format, args...)
}

// Balance compares what was sent with what the stack did.
func Balance(sent *Sent, seen Observed, tiers []session.Tier) []Row {
	sent.mu.Lock()
	defer sent.mu.Unlock()
	targets := map[string]string{}
	for _, t := range tiers {
		targets[t.Name] = t.Target
	}
	var rows []Row
	add := func(r *Row) { rows = append(rows, *r) }

	accepted := newRow("accepted in the end (2xx)")
	stored := newRow("of these, in the table")
	content := newRow("stored with the content sent")
	history := newRow("stored once, never changed but for one fraud result")
	for _, key := range sorted(sent.transactions) {
		t := sent.transactions[key]
		accepted.check(t.Tier, t.Accepted > 0, "%s was not accepted in %d attempts; the last response: %s", key, t.Attempts, t.Last)
		if t.Accepted > 0 {
			stored.check(t.Tier, seen.Table[key] != nil, "%s got 2xx %d times and is not in the table", key, t.Accepted)
		}
		if item := seen.Table[key]; item != nil {
			wrong := t.compare(item)
			content.check(t.Tier, wrong == "", "%s: %s", key, wrong)
			wrong = past(seen.Changes[key])
			history.check(t.Tier, wrong == "", "%s: %s", key, wrong)
		}
	}
	add(accepted)
	add(stored)
	add(content)
	add(history)

	unsent := newRow("in the table, though nobody sent it")
	for _, key := range sorted(seen.Table) {
		if sent.transactions[key] == nil {
			unsent.Got[""]++
			unsent.differ("%s: amount %v %v", key, seen.Table[key][contract.FieldAmount], seen.Table[key][contract.FieldCurrency])
		}
	}
	add(unsent)

	published := newRow("published on the bus")
	scored := newRow("scored for fraud, once")
	alerted := newRow("alerted")
	warned := newRow("alerted of a high risk")
	logged := newRow("in the log group")
	archived := newRow("archived once, as in the table")
	lines := map[Key][]Line{}
	for _, l := range seen.Archive {
		lines[l.Key] = append(lines[l.Key], l)
	}
	for _, key := range sorted(seen.Table) {
		t := sent.transactions[key]
		if t == nil {
			continue
		}
		item := seen.Table[key]
		fraud, _ := item[contract.FieldFraud].(map[string]any)
		published.check(t.Tier, seen.Published[key] > 0, "%s was stored and not published", key)
		switch targets[t.Tier] {
		case "workflow":
			scored.check(t.Tier, fraud != nil, "%s has no fraud result", key)
			alerted.check(t.Tier, seen.Alerts[key.ID]-seen.Warnings[key.ID] > 0, "nobody was told of %s", key)
			if fraud[contract.FraudRiskLevel] == contract.RiskHigh {
				warned.check(t.Tier, seen.Warnings[key.ID] > 0, "nobody was told of the high risk of %s", key)
			}
		case "alert":
			alerted.check(t.Tier, seen.Alerts[key.ID] > 0, "nobody was told of %s", key)
		case "log":
			logged.check(t.Tier, seen.Logged[key] > 0, "%s is not in the log group", key)
		}
		if targets[t.Tier] != "workflow" && fraud != nil {
			scored.differ("%s was scored, though its tier is %s", key, t.Tier)
		}
		wrong := compareLines(lines[key], item)
		archived.check(t.Tier, wrong == "", "%s: %s", key, wrong)
		delete(lines, key)
	}
	for _, key := range sorted(lines) {
		if seen.Table[key] == nil {
			archived.differ("%s is in the archive and not in the table", key)
		}
	}
	for _, r := range []*Row{published, scored, alerted, warned, logged, archived} {
		add(r)
	}

	add(totals(seen))
	rejected := newRow("rejected: forged, unsigned, malformed, in conflict")
	for _, n := range sent.noise {
		rejected.Want[""] += n
	}
	quarantined := 0
	for _, n := range sent.quarantined {
		quarantined += n
	}
	rejected.Want[""] -= quarantined
	rejected.Got[""] = rejected.Want[""] - len(sent.wrong)
	rejected.Differences = append(rejected.Differences, sent.wrong...)
	add(rejected)

	empty := newRow("queues empty at the end")
	for _, name := range slices.Sorted(maps.Keys(seen.Queues)) {
		empty.check("", seen.Queues[name] == 0, "%s has %d messages", name, seen.Queues[name])
	}
	add(empty)
	return rows
}

// compare returns in what a stored item is not the transaction that was sent, "" if it is.
func (t Transaction) compare(item Item) string {
	var wrong []string
	differ := func(name, got, want string) {
		if got != want {
			wrong = append(wrong, fmt.Sprintf("%s is %s, sent %s", name, got, want))
		}
	}
	text := func(name string) string {
		if item[name] == nil {
			return ""
		}
		return fmt.Sprint(item[name])
	}
	metadata := ""
	if item[contract.FieldMetadata] != nil {
		metadata = string(canonical(item[contract.FieldMetadata]))
	}
	amount, _ := new(big.Rat).SetString(text(contract.FieldAmount))
	want, _ := new(big.Rat).SetString(t.Amount)
	if amount == nil || amount.Cmp(want) != 0 {
		differ(contract.FieldAmount, text(contract.FieldAmount), t.Amount)
	}
	for name, value := range map[string]string{
		contract.FieldKind: t.Kind, contract.FieldCurrency: t.Currency, contract.FieldCustomerID: t.Customer,
		contract.FieldPaymentID: t.PaymentID, contract.FieldReverses: t.Reverses, contract.FieldReversedKind: t.ReversedKind,
		contract.FieldFingerprint: t.Fingerprint(), contract.FieldSchemaVersion: contract.SchemaVersion,
	} {
		differ(name, text(name), value)
	}
	differ(contract.FieldMetadata, metadata, t.Metadata)
	slices.Sort(wrong)
	return strings.Join(wrong, "; ")
}

// past returns what is wrong with an item's history, "" if nothing is: it was inserted
// once, and then at most one change added the fraud result and left the rest as it was.
func past(changes []Change) string {
	if len(changes) == 0 {
		return "the stream has no record of it"
	}
	for i, c := range changes {
		if i == 0 {
			if c.Event != "INSERT" {
				return "its first record is " + c.Event
			}
			continue
		}
		before := changes[i-1].Item
		if c.Event != "MODIFY" {
			return "it was written again: " + c.Event
		}
		for _, name := range slices.Sorted(maps.Keys(c.Item)) {
			was, is := string(canonical(before[name])), string(canonical(c.Item[name]))
			if is != was && (name != contract.FieldFraud || before[name] != nil) {
				return fmt.Sprintf("%s changed from %s to %s", name, was, is)
			}
		}
		for name := range before {
			if c.Item[name] == nil {
				return name + " was removed"
			}
		}
	}
	return ""
}

// compareLines returns what is wrong with the archived lines of an item, "" if nothing is.
func compareLines(lines []Line, item Item) string {
	switch {
	case len(lines) == 0:
		return "not archived"
	case len(lines) > 1:
		return fmt.Sprintf("archived %d times", len(lines))
	case lines[0].Fingerprint != item[contract.FieldFingerprint]:
		return fmt.Sprintf("archived with fingerprint %s, stored with %v", lines[0].Fingerprint, item[contract.FieldFingerprint])
	case lines[0].Scored != (item[contract.FieldFraud] != nil):
		return "only one of table and archive has the fraud result"
	}
	return ""
}

// totals compares each manifest with the lines of its hour.
func totals(seen Observed) *Row {
	row := newRow("hours with a manifest that adds up")
	type sum struct {
		count  int
		amount big.Rat
	}
	hours := map[string]map[string]*sum{} // by hour, then by kind and currency
	for _, l := range seen.Archive {
		if hours[l.Hour] == nil {
			hours[l.Hour] = map[string]*sum{}
		}
		group := l.Kind + " " + l.ReversedKind + " " + l.Currency
		if hours[l.Hour][group] == nil {
			hours[l.Hour][group] = &sum{}
		}
		hours[l.Hour][group].count++
		if amount, ok := new(big.Rat).SetString(l.Amount.String()); ok {
			hours[l.Hour][group].amount.Add(&hours[l.Hour][group].amount, amount)
		}
	}
	manifests := map[string]Manifest{}
	for _, m := range seen.Manifests {
		manifests[m.Hour] = m
		if hours[m.Hour] == nil {
			hours[m.Hour] = map[string]*sum{}
		}
	}
	for _, hour := range slices.Sorted(maps.Keys(hours)) {
		want, got := map[string]string{}, map[string]string{}
		count := 0
		for group, s := range hours[hour] {
			count += s.count
			want[group] = fmt.Sprintf("%d of %s", s.count, s.amount.RatString())
		}
		m, ok := manifests[hour]
		var all []total
		malformed := ok && json.Unmarshal(m.Totals, &all) != nil
		for _, t := range all {
			amount, ok := new(big.Rat).SetString(t.Amount)
			if !ok {
				amount = new(big.Rat)
			}
			got[t.Kind+" "+t.ReversedKind+" "+t.Currency] = fmt.Sprintf("%d of %s", t.Count, amount.RatString())
		}
		switch {
		case !ok:
			row.check("", false, "%s has %d lines and no manifest", hour, count)
		case malformed:
			row.check("", false, "%s: the manifest's totals are not by kind and currency", hour)
		case m.Count != count:
			row.check("", false, "%s: the manifest counts %d, there are %d lines", hour, m.Count, count)
		default:
			row.check("", maps.Equal(got, want), "%s: the manifest's totals are %v, the lines' %v", hour, got, want)
		}
	}
	return row
}

// Noticed is a row that differs.
type Noticed struct {
	Row         string `json:"row"`
	Differences int    `json:"differences"`
	First       string `json:"first"` // one of the differences
}

// Noticed returns the rows that differ.
func (s Sheet) Noticed() (rows []Noticed) {
	for _, r := range s.Rows {
		if n := len(r.Differences); n > 0 {
			rows = append(rows, Noticed{r.Name, n, r.Differences[0]})
		}
	}
	return rows
}
