package campaign

import (
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"payment-webhooks/handlers/providers"
	"payment-webhooks/local/session"
)

const template = `{"Resources": {
	"High": {"Type": "AWS::Events::Rule", "Properties": {"Name": "high-value-transactions-x",
		"EventPattern": {"detail": {"$or": [{"amount": [{"numeric": [">", 10000]}]}, {"amount_beyond_matching": [true]}]}},
		"Targets": [{"Arn": {"Ref": "Machine"}}]}},
	"Medium": {"Type": "AWS::Events::Rule", "Properties": {"Name": "medium-value-transactions-x",
		"EventPattern": {"detail": {"amount": [{"numeric": [">=", 1000, "<=", 10000]}]}}, "Targets": [{"Arn": {"Ref": "Topic"}}]}},
	"Low": {"Type": "AWS::Events::Rule", "Properties": {"Name": "low-value-transactions-x",
		"EventPattern": {"detail": {"amount": [{"numeric": ["<", 1000]}]}}, "Targets": [{"Arn": {"Ref": "Group"}}]}},
	"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {}},
	"Topic": {"Type": "AWS::SNS::Topic", "Properties": {}},
	"Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/aws/events/low-x"}}}}`

func defaultTiers(t *testing.T) []session.Tier {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.template.json"), []byte(template), 0o600); err != nil {
		t.Fatal(err)
	}
	tiers, err := session.Tiers(dir)
	if err != nil {
		t.Fatal(err)
	}
	return tiers
}

func TestPlan(t *testing.T) {
	tiers := defaultTiers(t)
	entries := func(seed uint64) (list []Entry) {
		for n := range 1000 {
			e, err := NewPlan(seed, tiers).Entry(n)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, e)
		}
		return list
	}
	first := entries(1)

	t.Run("a seed has one plan", func(t *testing.T) {
		if a, b := fmt.Sprint(first), fmt.Sprint(entries(1)); a != b {
			t.Error("the same seed gave another plan")
		}
		if fmt.Sprint(first) == fmt.Sprint(entries(2)) {
			t.Error("another seed gave the same plan")
		}
	})
	t.Run("a key is sent as one transaction", func(t *testing.T) {
		seen := map[Key]bool{}
		for _, e := range append(first, entries(2)...) {
			for _, sent := range e.Original.Transactions {
				if seen[sent.Key] {
					t.Errorf("%s is sent twice", sent.Key)
				}
				seen[sent.Key] = true
			}
		}
	})
	t.Run("everything occurs", func(t *testing.T) {
		found := map[string]int{}
		for _, e := range first {
			for _, d := range append(append([]Delivery{e.Original}, e.Before...), e.After...) {
				found[d.What]++
				found["provider "+d.Provider]++
				for _, sent := range d.Transactions {
					found["tier "+sent.Tier]++
					found["kind "+sent.Kind]++
					found["currency "+sent.Currency]++
				}
			}
			if e.Twice {
				found[twice]++
			}
			if len(e.Original.Transactions) > 1 {
				found["batch"]++
			}
		}
		want := []string{
			original, twice, again, later, conflict, forged, unsigned, tampered, stale, malformed, stranger, "batch",
			"tier high", "tier medium", "tier low", "kind payment", "kind refund", "kind reversal",
		}
		for currency := range decimals {
			want = append(want, "currency "+currency)
		}
		for _, d := range providers.All() {
			want = append(want, "provider "+d.Name)
		}
		for _, name := range want {
			if found[name] < 5 {
				t.Errorf("%s occurs %d times in 1 000 entries", name, found[name])
			}
		}
	})
	t.Run("amounts are at both sides of a bound", func(t *testing.T) {
		found := map[string]bool{}
		for _, e := range first {
			sent := e.Original.Transactions[0]
			found[sent.Amount+" "+sent.Currency+" "+sent.Tier] = true
		}
		for _, want := range []string{"999.99 USD low", "1000 USD medium", "10000 USD medium", "10000.01 USD high", "999 JPY low", "1000.001 KWD medium"} {
			if !found[want] {
				t.Errorf("nobody sends %s", want)
			}
		}
	})
}

func TestForgedBody(t *testing.T) {
	d := Delivery{Provider: "paypal", Body: []byte(`{"id": "WH-2", "amount": 2}`)}
	genuine := []byte(`{"id": "WH-1", "amount": 1}`)
	body, err := d.captured(genuine)
	if err != nil {
		t.Fatal(err)
	}
	if crc32.ChecksumIEEE(body) != crc32.ChecksumIEEE(genuine) || !strings.Contains(string(body), `"amount": 2`) {
		t.Errorf("%s does not have the checksum of %s", body, genuine)
	}
}

// The canonical form of a payment, hashed with another tool:
//
//	printf %s '{"amount":"15000","currency":"USD","customer_id":"cust_789",…}' | sha256sum
func TestFingerprint(t *testing.T) {
	payment := Transaction{
		Key: Key{"txn_123456", "shop"}, Kind: "payment", Amount: "15000", Currency: "USD", Customer: "cust_789", Metadata: `{"order_id":"order_123"}`,
	}
	const want = "c538cbddf902e57a1a51b9d6a58a183f75d58b2df90efa1c483780339a80a33e"
	if got := payment.Fingerprint(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
