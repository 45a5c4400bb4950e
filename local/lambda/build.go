package lambda

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

var handlerName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// Build compiles the handler of a staged image context for this machine and
// returns the binary's path. directory and buildArgs are the inputs of `docker build`.
// hash is the asset's: the binary is kept under it in cache, so that an unchanged handler
// is not built again.
func Build(ctx context.Context, cache, hash, directory string, buildArgs map[string]string) (string, error) {
	handler := buildArgs["HANDLER"]
	if !handlerName.MatchString(handler) {
		return "", fmt.Errorf("image asset %s: build argument HANDLER is %q, want the name of a directory of the context", hash, handler)
	}
	for name := range buildArgs {
		if name != "HANDLER" {
			return "", fmt.Errorf("image asset %s: build argument %s is not supported", hash, name)
		}
	}
	cache, err := filepath.Abs(cache) // the compiler runs in directory
	if err != nil {
		return "", err
	}
	binary := filepath.Join(cache, hash, "bootstrap")
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	if err := os.MkdirAll(filepath.Dir(binary), 0o755); err != nil {
		return "", err
	}
	// The binary is renamed when it is complete: an interrupted build leaves none.
	partial := fmt.Sprintf("%s.%d", binary, os.Getpid())
	defer os.Remove(partial)
	build := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-o", partial, "./"+handler)
	build.Dir = directory
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=", "GOARCH=", "GOFLAGS=", "GOWORK=off")
	var output bytes.Buffer
	build.Stdout, build.Stderr = &output, &output
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build %s in %s: %w\n%s", handler, directory, err, output.Bytes())
	}
	return binary, os.Rename(partial, binary)
}
