package main

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"debug/buildinfo"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// certificates is where the Go runtime looks for the CAs.
const certificates = "etc/ssl/certs/ca-certificates.crt"

// contents checks an image: what it holds and how it is run.
// https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#images-reqs
func (a *app) contents(c *contents) {
	a.report(c.system == "linux" && c.architecture == "arm64", "image of %s/%s, want linux/arm64", c.system, c.architecture)
	names := slices.Sorted(maps.Keys(c.files))
	a.report(slices.Equal(names, []string{"bootstrap", certificates}), "holds %s, want bootstrap and the CA certificates only", strings.Join(names, ", "))
	for _, name := range names {
		f := c.files[name]
		want := int64(0o444) // Lambda runs it as a user of its own
		if name == "bootstrap" {
			want = 0o555
		}
		a.report(f.kind == tar.TypeReg && f.mode&want == want && f.mode&0o7002 == 0, "%s is a plain file of mode %o, for everyone to read and for none but its owner and group to write", name, f.mode)
	}
	pool := x509.NewCertPool()
	a.report(pool.AppendCertsFromPEM(c.files[certificates].data), "the CA certificates can be read")
	// Lambda's own user has the least rights: an image names none.
	a.report(c.user == "" && c.ports == 0, "user %q and %d ports, want none: Lambda's user has the least rights", c.user, c.ports)
	a.report(slices.Equal(c.entrypoint, []string{"/bootstrap"}) && len(c.command) == 0, "entry point %q and command %q, want /bootstrap", c.entrypoint, c.command)
	unusual := slices.DeleteFunc(slices.Clone(c.environment), func(v string) bool { return strings.HasPrefix(v, "PATH=") })
	a.report(len(unusual) == 0, "environment %q, want none but PATH", c.environment)
}

// goVersion is the version in the base image's tag.
var goVersion = regexp.MustCompile(`golang:([0-9]+\.[0-9]+\.[0-9]+)`)

// binary checks the function's binary, which an engine compiled or this machine.
func (a *app) binary(path string, i image, inEngine bool) error {
	f, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	a.report(f.Machine == elf.EM_AARCH64 && f.Class == elf.ELFCLASS64, "binary for %s", f.Machine)
	libraries, err := f.ImportedLibraries()
	static := err == nil && len(libraries) == 0 && f.Section(".interp") == nil &&
		!slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
	a.report(static, "static: no interpreter and no shared libraries %v", libraries)
	a.report(f.Section(".symtab") == nil && f.Section(".debug_info") == nil, "no symbols and no debugging information")

	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return err
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	a.report(info.Path == "payment-webhooks/handlers/"+i.handler, "built from %s", info.Path)
	for key, want := range map[string]string{"CGO_ENABLED": "0", "GOARCH": "arm64", "GOOS": "linux", "-trimpath": "true", "-tags": "lambda.norpc"} {
		if settings[key] != want {
			a.fail("built with %s=%s, want %s", key, settings[key], want)
		}
	}
	version := goVersion.FindStringSubmatch(i.base)
	switch {
	case version == nil:
	case inEngine:
		a.report(info.GoVersion == "go"+version[1], "compiled by %s, the Dockerfile's is go%s", info.GoVersion, version[1])
	case info.GoVersion != "go"+version[1]:
		a.skip("the image's compiler", fmt.Sprintf("the Dockerfile's is go%s, this machine's %s", version[1], info.GoVersion))
	}
	return nil
}

func digest(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// compressed returns how large a file is in a gzipped layer.
func compressed(path string) (int64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return gzipped(data)
}

// buildSBOM builds the tool that writes bills of materials, once.
func (a *app) buildSBOM(ctx context.Context) error {
	if a.sbom != "" {
		return nil
	}
	repository, err := filepath.Abs(a.repository)
	if err != nil {
		return err
	}
	tool := filepath.Join(repository, "build", "cyclonedx-gomod")
	command := exec.CommandContext(ctx, "go", "build", "-C", repository, "-modfile=scripts/checks.mod", "-o", tool, "github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", command, err, out)
	}
	a.sbom = tool
	return nil
}

// bill writes the bill of materials of a binary: every module in it, from the binary itself.
func (a *app) bill(ctx context.Context, binary, dir string) error {
	if err := a.buildSBOM(ctx); err != nil {
		return err
	}
	file := filepath.Join(dir, "sbom.cdx.json")
	command := exec.CommandContext(ctx, a.sbom, "bin", "-json", "-noserial", "-std", "-output", file, binary)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", command, err, out)
	}
	var bom struct {
		BOMFormat  string `json:"bomFormat"`
		Components []struct {
			Name, Version string
		}
	}
	if err := readJSON(file, &bom); err != nil {
		return err
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	listed := map[string]bool{}
	for _, c := range bom.Components {
		listed[c.Name] = true
	}
	var left []string
	for _, module := range info.Deps {
		if !listed[module.Path] {
			left = append(left, module.Path)
		}
	}
	a.report(bom.BOMFormat == "CycloneDX" && len(left) == 0, "bill of materials of %d components, %d modules left out %v", len(bom.Components), len(left), left)
	return nil
}
