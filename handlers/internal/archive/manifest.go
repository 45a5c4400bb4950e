package archive

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/money"
)

// ManifestVersion is the schema_version of manifests. Version 1 had totals by currency
// alone, in which payments and refunds were added up, and neither scored nor version_id.
const ManifestVersion = "2"

const manifestVersion1 = "1"

// Manifest lists the archived objects of an hour. It has no information about the run
// that wrote it, so manifests of the same hour differ only in the versions of its objects.
type Manifest struct {
	SchemaVersion string   `json:"schema_version"`
	Hour          string   `json:"hour"`   // RFC 3339, the hour's beginning in UTC
	Count         int      `json:"count"`  // number of transactions in all objects
	Scored        int      `json:"scored"` // how many of them have a fraud result
	Totals        []Total  `json:"totals"` // by kind, then reversed kind, then currency
	Objects       []Object `json:"objects"`
}

// Total is the number of transactions of a kind in a currency, and their sum.
type Total struct {
	Kind         string `json:"kind"`                    // "" in a manifest of version 1: all kinds
	ReversedKind string `json:"reversed_kind,omitempty"` // only of a reversal: its money moves the other way
	Currency     string `json:"currency"`
	Count        int    `json:"count"`
	Amount       string `json:"amount"` // exact, with the currency's decimals; a string, because it may exceed a double's precision
}

// ErrManifest is the error of a manifest that cannot be read.
var ErrManifest = errors.New("not a manifest")

// DecodeManifest reads a manifest of any version. The error is ErrManifest.
func DecodeManifest(body []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(body, &m); err != nil {
		if !errors.Is(err, ErrManifest) {
			err = fmt.Errorf("%w: %w", ErrManifest, err)
		}
		return Manifest{}, err
	}
	return m, nil
}

// UnmarshalJSON reads a manifest of any version.
func (m *Manifest) UnmarshalJSON(body []byte) error {
	var version struct {
		SchemaVersion string `json:"schema_version"`
	}
	if err := json.Unmarshal(body, &version); err != nil {
		return fmt.Errorf("%w: %w", ErrManifest, err)
	}
	var err error
	switch version.SchemaVersion {
	case ManifestVersion:
		type plain Manifest // without this method
		err = json.Unmarshal(body, (*plain)(m))
	case manifestVersion1:
		*m, err = decodeVersion1(body)
	default:
		err = fmt.Errorf("schema_version is %.20q", version.SchemaVersion)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrManifest, err)
	}
	return nil
}

func decodeVersion1(body []byte) (Manifest, error) {
	var old struct {
		Hour    string           `json:"hour"`
		Count   int              `json:"count"`
		Totals  map[string]Total `json:"totals"` // by currency
		Objects []Object         `json:"objects"`
	}
	if err := json.Unmarshal(body, &old); err != nil {
		return Manifest{}, err
	}
	m := Manifest{SchemaVersion: manifestVersion1, Hour: old.Hour, Count: old.Count, Objects: old.Objects, Totals: []Total{}}
	for currency, total := range old.Totals {
		total.Currency = currency
		m.Totals = append(m.Totals, total)
	}
	slices.SortFunc(m.Totals, compareTotals)
	return m, nil
}

func compareTotals(a, b Total) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ReversedKind, b.ReversedKind), cmp.Compare(a.Currency, b.Currency))
}

func newManifest(hour time.Time, objects []Object, sums Sums) Manifest {
	m := Manifest{
		SchemaVersion: ManifestVersion,
		Hour:          hour.UTC().Format(time.RFC3339),
		Totals:        sums.Totals(),
		Objects:       objects,
	}
	for _, o := range objects {
		m.Count += o.Count
		m.Scored += o.Scored
	}
	return m
}

// object returns the description of the object with the given key; its Count is 0 if the
// manifest does not list it.
func (m Manifest) object(key string) Object {
	for _, o := range m.Objects {
		if o.Key == key {
			return o
		}
	}
	return Object{}
}

// encode returns the manifest's JSON, indented because people read it too.
func (m Manifest) encode() ([]byte, error) {
	if m.Objects == nil {
		m.Objects = []Object{}
	}
	body, err := json.MarshalIndent(m, "", "  ")
	return append(body, '\n'), err
}

// Sums adds up amounts by kind and currency, exactly. The zero value is empty; memory
// grows with the number of kinds and currencies alone.
type Sums struct{ sums map[sumKey]*sum }

type sumKey struct{ kind, reversedKind, currency string }

type sum struct {
	count    int
	amount   big.Rat
	decimals int
}

// Add adds a transaction.
func (s *Sums) Add(r ledger.Record) {
	t := r.Transaction
	key := sumKey{t.Kind, t.ReversedKind, t.Currency}
	total := s.sums[key]
	if total == nil {
		if s.sums == nil {
			s.sums = map[sumKey]*sum{}
		}
		total = &sum{}
		total.decimals, _ = money.Digits(t.Currency)
		s.sums[key] = total
	}
	// Amount.String is a plain decimal, which SetString always reads.
	amount, _ := new(big.Rat).SetString(t.Amount.String())
	total.count++
	total.amount.Add(&total.amount, amount)
}

// Totals returns the sums as a manifest lists them.
func (s *Sums) Totals() []Total {
	totals := []Total{}
	for key, s := range s.sums {
		totals = append(totals, Total{key.kind, key.reversedKind, key.currency, s.count, s.amount.FloatString(s.decimals)})
	}
	slices.SortFunc(totals, compareTotals)
	return totals
}

// ByCurrency returns the sums as a manifest of version 1 lists them: all kinds added up.
func (s *Sums) ByCurrency() []Total {
	var all Sums
	for key, one := range s.sums {
		key = sumKey{currency: key.currency}
		total := all.sums[key]
		if total == nil {
			if all.sums == nil {
				all.sums = map[sumKey]*sum{}
			}
			total = &sum{decimals: one.decimals}
			all.sums[key] = total
		}
		total.count += one.count
		total.amount.Add(&total.amount, &one.amount)
	}
	return all.Totals()
}
