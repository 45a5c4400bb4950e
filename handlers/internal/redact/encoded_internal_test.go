package redact

import "testing"

// What would take too long to search shows nothing.
func TestTooMuchWork(t *testing.T) {
	b := []byte("note=%34111111111111111&x=Zoe")
	m := masker{work: len(b)} // as much as is left when a text has cost nearly all
	if !m.level(b, maxEncodings, false) {
		t.Error("reports nothing masked")
	}
	if got, want := string(b), "****=%*****************&*=***"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
