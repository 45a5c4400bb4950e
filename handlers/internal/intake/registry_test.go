package intake

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The stack lets every provider be configured whose package has fixtures. One
// that is not registered here would be refused by the validator at its start.
func TestEveryProviderWithFixturesIsRegistered(t *testing.T) {
	fixtures, err := filepath.Glob("../provider/*/testdata/payment.json")
	if err != nil || len(fixtures) == 0 {
		t.Fatalf("fixtures %v, %v", fixtures, err)
	}
	var names []string
	for _, fixture := range fixtures {
		names = append(names, filepath.Base(filepath.Dir(filepath.Dir(fixture))))
	}
	slices.Sort(names)
	if diff := cmp.Diff(names, slices.Sorted(maps.Keys(Providers))); diff != "" {
		t.Errorf("(-fixtures +registered):\n%s", diff)
	}
}
