package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// The payloads in examples/ are accepted as they are.
func TestExamplePayloads(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root(), "examples", "payloads", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("payloads %q, %v", files, err)
	}
	for _, file := range files {
		t.Run("are stored once when "+filepath.Base(file)+" is sent twice", func(t *testing.T) {
			payload, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []int{202, 200} {
				got := delivered(t, want, func() int { return post(t, shared, payload).Status })
				if got != want {
					t.Fatalf("got %d, want %d", got, want)
				}
			}
		})
	}
}
