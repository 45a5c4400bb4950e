package main

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/architecture.svg")

// The picture is that of the template with which the tests of the stack compare, in which assets' hashes
// are left out.
func TestPicture(t *testing.T) {
	const file = "../../docs/architecture.svg"
	got, err := draw("../../constructs/testdata/template.golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("when the template's graph changes, the picture is drawn again", func(t *testing.T) {
		if want, err := os.ReadFile(file); err != nil || string(want) != got {
			t.Errorf("docs/architecture.svg is not the stack's picture (%v): run `go run ./local/architecture`", err)
		}
	})
	t.Run("when an image shows it, it is well-formed and asks nobody for anything", func(t *testing.T) {
		decoder := xml.NewDecoder(strings.NewReader(got))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		for _, never := range []string{"<script", "href", "@import", "url(http"} {
			if strings.Contains(got, never) {
				t.Errorf("it has %s", never)
			}
		}
	})
	t.Run("when logical ids change, it stays", func(t *testing.T) {
		if id := regexp.MustCompile(`[A-Za-z]+[0-9A-F]{8}\b`).FindString(got); id != "" {
			t.Errorf("it has a logical id: %s", id)
		}
		if len(got) > 40_000 {
			t.Errorf("%d bytes", len(got))
		}
	})
}
