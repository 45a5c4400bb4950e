package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// Values of --engine.
const (
	engineAny      = "any"      // an image if an engine works, else a binary
	engineRequired = "required" // an error without an engine
	engineOnly     = "only"     // nothing without an engine
)

// app is the command.
type app struct {
	repository string
	out        io.Writer // folder of binaries and bills is dir
	dir        string
	sbom       string // cyclonedx-gomod; "" before it is built
	cold       bool
	base       string // the image to begin builds with, "" for the Dockerfile's
	failed     int
	skipped    map[string]bool
}

func run(ctx context.Context, args []string, out, errs io.Writer) int {
	flags := flag.NewFlagSet("scripts/images", flag.ContinueOnError)
	flags.SetOutput(errs)
	a := &app{out: out, skipped: map[string]bool{}}
	assembly := flags.String("cdk-out", "cdk.out", "`folder` of the cloud assembly")
	flags.StringVar(&a.repository, "repository", ".", "`folder` of the repository, for the events and the pinned tools")
	flags.StringVar(&a.dir, "out", "build/images", "`folder` for binaries and bills of materials")
	flags.BoolVar(&a.cold, "cold", false, "compile the second time with an empty cache, which takes minutes")
	flags.StringVar(&a.base, "base", "", "the `image` to begin builds with in place of the Dockerfile's, such as a registry mirror's copy of it")
	engine := flags.String("engine", engineAny, "any: without docker or podman, check binaries; required: fail; only: do nothing")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if flags.NArg() > 0 || *engine != engineAny && *engine != engineRequired && *engine != engineOnly {
		flags.Usage()
		return 2
	}
	if err := a.check(ctx, *assembly, *engine); err != nil {
		fmt.Fprintln(errs, "images:", err)
		return 1
	}
	if a.failed > 0 {
		fmt.Fprintf(errs, "images: %d checks failed\n", a.failed)
		return 1
	}
	return 0
}

func (a *app) check(ctx context.Context, assembly, mode string) (err error) {
	if a.dir, err = filepath.Abs(a.dir); err != nil {
		return err
	}
	images, err := readImages(assembly)
	if err != nil {
		return err
	}
	e, reason := findEngine(ctx, images, a.base)
	switch {
	case e == nil && mode == engineRequired:
		return fmt.Errorf("no container engine: %s", reason)
	case e == nil && mode == engineOnly:
		fmt.Fprintf(a.out, "skipped, no images are built: %s\n", reason)
		return nil
	case e == nil:
		fmt.Fprintf(a.out, "no images are built: %s\nchecking cross-compiled binaries; not checked without an image: its contents, user and entry point\n", reason)
	default:
		fmt.Fprintf(a.out, "building with %s\n", e.name)
		if e.base != "" {
			fmt.Fprintf(a.out, "not the Dockerfile's base image: %s\n", e.base)
		}
	}
	run, reason := runner()
	if run == nil {
		a.skip("the answer over the Runtime API", reason)
	}
	for _, image := range images {
		fmt.Fprintf(a.out, "%s\n", image.handler)
		if err := a.image(ctx, e, run, image); err != nil {
			a.fail("%v", err)
		}
	}
	return nil
}

// image builds an image or its binary and checks it.
func (a *app) image(ctx context.Context, e *engine, run []string, image image) error {
	dir := filepath.Join(a.dir, image.handler)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	binary := filepath.Join(dir, "bootstrap")
	second := filepath.Join(dir, "bootstrap.second")
	defer func() { _ = os.Remove(second) }()
	if image.platform != "linux/arm64" {
		a.fail("the asset is built for %q, want linux/arm64", image.platform)
	}
	var size int64
	if e != nil {
		contents, err := e.build(ctx, image, false)
		if err != nil {
			return err
		}
		a.contents(contents)
		size = contents.compressed
		if err := os.WriteFile(binary, contents.files["bootstrap"].data, 0o755); err != nil {
			return err
		}
		// Another time without the engine's cache of steps.
		again, err := e.build(ctx, image, true)
		if err != nil {
			return err
		}
		a.same("two builds of the image", contents.listing(), again.listing())
		if err := os.WriteFile(second, again.files["bootstrap"].data, 0o755); err != nil {
			return err
		}
	} else {
		if err := image.compile(ctx, image.directory, binary, ""); err != nil {
			return err
		}
		if err := a.secondBuild(ctx, image, second); err != nil {
			return err
		}
		var err error
		if size, err = compressed(binary); err != nil {
			return err
		}
	}
	const largest = 8_000_000
	a.report(size <= largest, "%.1f MB compressed, at most %.0f", float64(size)/1e6, float64(largest)/1e6)
	first, err := digest(binary)
	if err != nil {
		return err
	}
	other, err := digest(second)
	if err != nil {
		return err
	}
	a.same("two builds of the binary", first, other)
	if err := a.binary(binary, image, e != nil); err != nil {
		return err
	}
	if run != nil {
		answer, err := invoke(ctx, run, binary, a.repository, image)
		if err != nil {
			a.fail("an event: %v", err)
		} else {
			a.pass("answers %s: %s", image.event().name, answer)
		}
	}
	return a.bill(ctx, binary, dir)
}

// secondBuild compiles a copy of the context in another folder, so that a path in the binary
// would show.
func (a *app) secondBuild(ctx context.Context, image image, to string) error {
	folder, err := os.MkdirTemp("", "images-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	context := filepath.Join(folder, "elsewhere")
	if err := os.CopyFS(context, os.DirFS(image.directory)); err != nil {
		return err
	}
	cache := ""
	if a.cold {
		cache = filepath.Join(folder, "cache")
	}
	return image.compile(ctx, context, to, cache)
}

func (a *app) pass(format string, values ...any) {
	fmt.Fprintf(a.out, "  ok    "+format+"\n", values...)
}

func (a *app) fail(format string, values ...any) {
	a.failed++
	fmt.Fprintf(a.out, "  FAIL  "+format+"\n", values...)
}

func (a *app) report(ok bool, format string, values ...any) {
	if ok {
		a.pass(format, values...)
		return
	}
	a.fail(format, values...)
}

func (a *app) same(what, one, other string) {
	if one == other {
		a.pass("%s are the same bytes", what)
		return
	}
	a.fail("%s differ:\n%s\n%s", what, one, other)
}

func (a *app) skip(what, reason string) {
	fmt.Fprintf(a.out, "not checked: %s: %s\n", what, reason)
}

// runner returns the command that runs an arm64 binary here, empty where this machine is arm64.
func runner() (command []string, missing string) {
	if runtime.GOOS != "linux" {
		return nil, "arm64 Linux binaries run on Linux only, this is " + runtime.GOOS
	}
	if runtime.GOARCH == "arm64" {
		return []string{}, ""
	}
	for _, name := range []string{"qemu-aarch64-static", "qemu-aarch64"} {
		if path, ok := look(name); ok {
			return []string{path}, ""
		}
	}
	return nil, strings.Join([]string{"qemu-aarch64-static is missing, which runs arm64 binaries on " + runtime.GOARCH, "get it: the package qemu-user-static on Debian and Ubuntu"}, "; ")
}
