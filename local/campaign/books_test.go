package campaign

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/session"
)

var testTiers = []session.Tier{{Name: "high", Target: "workflow"}, {Name: "low", Target: "log"}, {Name: "medium", Target: "alert"}}

// world is a run in which everything went as it should: a transaction of each tier.
type world struct {
	sent *Sent
	seen Observed
}

func payment(tier string) Transaction {
	return Transaction{
		Key: Key{"CAAAAAAXAAAAAA" + strings.ToUpper(tier[:2]), "shop"}, Kind: contract.KindPayment, Amount: "12.5", Currency: "USD",
		Customer: "cust_1", Metadata: `{"attempts":12,"order_id":"order_1"}`, Tier: tier,
	}
}

func itemOf(t Transaction) Item {
	return Item{
		contract.FieldTransactionID: t.ID, contract.FieldProvider: t.Provider, contract.FieldKind: t.Kind,
		contract.FieldAmount: json.Number("12.50"), contract.FieldCurrency: t.Currency, contract.FieldCustomerID: t.Customer,
		contract.FieldMetadata:    map[string]any{"order_id": "order_1", "attempts": json.Number("12")},
		contract.FieldFingerprint: t.Fingerprint(), contract.FieldSchemaVersion: contract.SchemaVersion,
		contract.FieldReceivedAt: "2026-11-27T14:00:00.000000000Z",
	}
}

func newWorld() world {
	w := world{newSent(), Observed{
		Table: map[Key]Item{}, Changes: map[Key][]Change{}, Published: map[Key]int{}, Alerts: map[string]int{}, Warnings: map[string]int{},
		Logged: map[Key]int{}, Queues: map[string]int{"relay-dlq": 0},
	}}
	for _, tier := range testTiers {
		t := payment(tier.Name)
		w.sent.tried(Delivery{What: original, Transactions: []Transaction{t}}, 503, "")
		w.sent.tried(Delivery{What: original, Transactions: []Transaction{t}}, 202, "")
		item := itemOf(t)
		w.seen.Changes[t.Key] = []Change{{"INSERT", itemOf(t)}}
		switch tier.Target {
		case "workflow":
			item[contract.FieldFraud] = map[string]any{contract.FraudRiskLevel: contract.RiskHigh}
			w.seen.Changes[t.Key] = append(w.seen.Changes[t.Key], Change{"MODIFY", item})
			w.seen.Alerts[t.ID], w.seen.Warnings[t.ID] = 2, 1
		case "alert":
			w.seen.Alerts[t.ID] = 1
		case "log":
			w.seen.Logged[t.Key] = 1
		}
		w.seen.Table[t.Key] = item
		w.seen.Published[t.Key] = 2
		w.seen.Archive = append(w.seen.Archive, Line{
			Key: t.Key, Hour: "2026-11-27T14:00:00Z", Kind: t.Kind, Amount: "12.5", Currency: t.Currency,
			Fingerprint: t.Fingerprint(), Scored: item[contract.FieldFraud] != nil,
		})
	}
	w.seen.Manifests = []Manifest{{"2026-11-27T14:00:00Z", 3, json.RawMessage(`[{"kind": "payment", "currency": "USD", "count": 3, "amount": "37.50"}]`)}}
	w.sent.tried(Delivery{What: forged, Provider: "paypal", Transactions: []Transaction{{Key: Key{"F", "paypal"}}}}, 401, "")
	return w
}

// differences returns the names of the rows that differ, with their differences.
func (w world) differences() map[string][]string {
	found := map[string][]string{}
	for _, r := range Balance(w.sent, w.seen, testTiers) {
		if len(r.Differences) > 0 {
			found[r.Name] = r.Differences
		}
	}
	return found
}

func TestBalance(t *testing.T) {
	high, low, medium := payment("high").Key, payment("low").Key, payment("medium").Key
	change := func(w *world, key Key, name string, value any) {
		item := itemOf(w.sent.transactions[key].Transaction)
		item[name] = value
		w.seen.Changes[key] = append(w.seen.Changes[key], Change{"MODIFY", item})
	}
	for _, c := range []struct {
		name, row string
		broken    func(*world)
	}{
		{"everything is as it should be", "", func(*world) {}},
		{"a delivery was never accepted", "accepted in the end (2xx)", func(w *world) { w.sent.transactions[low].Accepted = 0 }},
		{"an accepted one is not in the table", "of these, in the table", func(w *world) { delete(w.seen.Table, low); drop(w, low) }},
		{"another amount was stored", "stored with the content sent", func(w *world) { w.seen.Table[low][contract.FieldAmount] = json.Number("12.51") }},
		{"other metadata was stored", "stored with the content sent", func(w *world) { w.seen.Table[low][contract.FieldMetadata] = map[string]any{"order_id": "order_1"} }},
		{"the customer was lost", "stored with the content sent", func(w *world) { delete(w.seen.Table[low], contract.FieldCustomerID) }},
		{"it was written twice", "stored once, never changed but for one fraud result", func(w *world) { w.seen.Changes[low] = append(w.seen.Changes[low], w.seen.Changes[low][0]) }},
		{"it was rewritten with another time", "stored once, never changed but for one fraud result", func(w *world) { change(w, low, contract.FieldReceivedAt, "2026-11-27T14:00:01.000000000Z") }},
		{"the fraud result was replaced", "stored once, never changed but for one fraud result", func(w *world) {
			change(w, high, contract.FieldFraud, map[string]any{contract.FraudRiskLevel: contract.RiskLow})
		}},
		{"the item was removed", "stored once, never changed but for one fraud result", func(w *world) { w.seen.Changes[low] = append(w.seen.Changes[low], Change{Event: "REMOVE"}) }},
		{"something is stored that nobody sent", "in the table, though nobody sent it", func(w *world) { w.seen.Table[Key{"X", "paypal"}] = Item{} }},
		{"it was not published", "published on the bus", func(w *world) { delete(w.seen.Published, medium) }},
		{"it was not scored", "scored for fraud, once", func(w *world) {
			delete(w.seen.Table[high], contract.FieldFraud)
			w.seen.Archive[0].Scored = false
		}},
		{"a high one was not alerted", "alerted", func(w *world) { w.seen.Alerts[high.ID] = 1 }},
		{"a medium one was not alerted", "alerted", func(w *world) { delete(w.seen.Alerts, medium.ID) }},
		{"a high risk was not alerted", "alerted of a high risk", func(w *world) { w.seen.Warnings[high.ID] = 0 }},
		{"a low one was not logged", "in the log group", func(w *world) { delete(w.seen.Logged, low) }},
		{"it was not archived", "archived once, as in the table", func(w *world) {
			drop(w, low)
		}},
		{"it was archived with other content", "archived once, as in the table", func(w *world) { w.seen.Archive[1].Fingerprint = "other" }},
		{"the archive lacks the fraud result", "archived once, as in the table", func(w *world) { w.seen.Archive[0].Scored = false }},
		{"a manifest adds up to something else", "hours with a manifest that adds up", func(w *world) {
			w.seen.Manifests[0].Totals = json.RawMessage(`[{"kind": "payment", "currency": "USD", "count": 3, "amount": "37.51"}]`)
		}},
		{"a manifest counts something else", "hours with a manifest that adds up", func(w *world) { w.seen.Manifests[0].Count = 2 }},
		{"there is no manifest", "hours with a manifest that adds up", func(w *world) { w.seen.Manifests = nil }},
		{"a forged delivery was accepted", "rejected: forged, unsigned, malformed, in conflict", func(w *world) {
			w.sent.tried(Delivery{What: forged, Provider: "paypal", Transactions: []Transaction{{Key: Key{"F", "paypal"}}}}, 202, "")
		}},
		{"a queue is not empty", "queues empty at the end", func(w *world) { w.seen.Queues["relay-dlq"] = 2 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			c.broken(&w)
			found := w.differences()
			if c.row == "" && len(found) > 0 || c.row != "" && (len(found) != 1 || len(found[c.row]) == 0) {
				t.Errorf("differences %v, want some of %q only", found, c.row)
			}
		})
	}
}

// drop removes a transaction from the archive and its manifest.
func drop(w *world, key Key) {
	w.seen.Archive = slices.DeleteFunc(w.seen.Archive, func(l Line) bool { return l.Key == key })
	w.seen.Manifests[0] = Manifest{"2026-11-27T14:00:00Z", 2, json.RawMessage(`[{"kind": "payment", "currency": "USD", "count": 2, "amount": "25"}]`)}
}
