package archive

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/transaction"
)

func TestFields(t *testing.T) {
	t.Run("each of the line is archived", func(t *testing.T) {
		tx, fraud := ledgertest.Full(), ledgertest.Fraud()
		line, err := EncodeLine(ledger.Record{Transaction: tx, Fingerprint: tx.Fingerprint(), Fraud: &fraud})
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]any
		if err := json.Unmarshal(line, &members); err != nil {
			t.Fatal(err)
		}
		ledgertest.CheckFields(t, "the archived line", transaction.Line, slices.Collect(maps.Keys(members)))
	})
	t.Run("each of the line is a column in Athena", func(t *testing.T) {
		columns := documentedColumns(t)
		ledgertest.CheckFields(t, "the table of docs/archive.md", transaction.Line, slices.Collect(maps.Keys(columns)))
		for _, field := range transaction.Fields {
			if got, ok := columns[field.Name]; ok && got != field.Column {
				t.Errorf("the table of docs/archive.md has %s of type %s, not %s", field.Name, got, field.Column)
			}
		}
	})
}

// documentedColumns returns the types of the columns in docs/archive.md, by name.
func documentedColumns(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../../docs/archive.md")
	if err != nil {
		t.Fatal(err)
	}
	_, statement, _ := strings.Cut(string(page), "CREATE EXTERNAL TABLE transactions_archive (\n")
	statement, _, ok := strings.Cut(statement, "\n)\n")
	if !ok {
		t.Fatal("docs/archive.md creates no table transactions_archive")
	}
	columns := map[string]string{}
	for line := range strings.Lines(statement) {
		name, kind, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(line), ","), " ")
		columns[name] = kind
	}
	return columns
}
