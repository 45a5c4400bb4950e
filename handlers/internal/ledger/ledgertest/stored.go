package ledgertest

import (
	"embed"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// StoredDelivery is a delivery that an earlier release processed, with the item, event
// and archive line that the release wrote. Every later release must be able to read
// them and write them byte for byte: if a fingerprint changed, each repeated delivery of
// a stored transaction would become a conflict. So the files are never regenerated; a
// new case is a new file.
type StoredDelivery struct {
	Name         string              `json:"-"`
	Provider     string              `json:"provider"` // "" for the canonical payload
	ReceivedAt   time.Time           `json:"received_at"`
	Delivery     string              `json:"delivery"` // the body
	Transactions []StoredTransaction `json:"transactions"`
}

// StoredTransaction is one transaction of a StoredDelivery.
type StoredTransaction struct {
	Fingerprint string         `json:"fingerprint"`
	Masked      int            `json:"masked"` // number of card numbers
	Item        jsontext.Value `json:"item"`   // DynamoDB JSON
	Event       string         `json:"event"`  // the detail
	Line        string         `json:"line"`   // the archive's line, with its line break
}

//go:embed testdata/stored/*.json
var storedFiles embed.FS

// StoredBeforeKinds is the name of the delivery whose item, event and line have no kind,
// because they are from a release without kinds.
const StoredBeforeKinds = "before_kinds"

// Stored returns every StoredDelivery.
func Stored(t testing.TB) []StoredDelivery {
	t.Helper()
	const dir = "testdata/stored"
	files, err := storedFiles.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	deliveries := make([]StoredDelivery, len(files))
	for i, file := range files {
		text, err := storedFiles.ReadFile(path.Join(dir, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &deliveries[i]); err != nil {
			t.Fatalf("%s: %v", file.Name(), err)
		}
		deliveries[i].Name = strings.TrimSuffix(file.Name(), ".json")
	}
	return deliveries
}
