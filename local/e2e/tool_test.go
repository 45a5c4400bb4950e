package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

var buildOps = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(root(), "build", "ops")
	build := exec.Command("go", "build", "-o", binary, "./scripts/cmd/ops")
	build.Dir = root()
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build scripts/cmd/ops: %w\n%s", err, text)
	}
	return binary, nil
})

// opsBinary returns the path of the operators' tool, which is built once.
func opsBinary(t *testing.T) string {
	t.Helper()
	binary, err := buildOps()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}
