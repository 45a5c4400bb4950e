package intake

import (
	"os"
	"regexp"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

// The endpoint responds to the examples of docs/payload.md as documented there.
func TestExamplesOfTheDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../../docs/payload.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(page, -1)
	if len(blocks) != 3 {
		t.Fatalf("%d JSON blocks, want a valid delivery, an invalid one and its response", len(blocks))
	}
	d := newFixture()
	if response := d.send(t, post(string(blocks[0][1]))); response.Status != 202 {
		t.Errorf("the response to the first example is %d %s", response.Status, response.Body)
	}
	got := jsontext.Value(d.send(t, post(string(blocks[1][1]))).Body)
	want := jsontext.Value(blocks[2][1])
	for _, v := range []*jsontext.Value{&got, &want} {
		if err := v.Indent(); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the example response (-documented +given):\n%s", diff)
	}
}
