package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"syscall"

	"payment-webhooks/local/emulator"
	"payment-webhooks/local/faults"
)

func main() {
	// The processor is short here and memory is not: the functions share it.
	debug.SetGCPercent(400)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-ctx.Done()
		stop() // a second Ctrl-C ends the process at once, and its subprocesses with it
	}()
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// errUsage is returned for wrong flags. The reason has been printed.
var errUsage = errors.New("usage")

// hostName is a name of the domain name system.
var hostName = regexp.MustCompile(`^[0-9A-Za-z]([0-9A-Za-z.-]*[0-9A-Za-z])?$`)

// flags are the values of the command's flags that are not emulator.Options.
type flags struct {
	readyFile             string
	endpointPort, apiPort int
}

func parse(args []string, getenv func(string) string, stderr io.Writer) (emulator.Options, flags, error) {
	var o emulator.Options
	var f flags
	set := flag.NewFlagSet("local", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&o.CDKOut, "cdk-out", "cdk.out", "the synthesized cloud assembly")
	set.BoolVar(&o.Deploy, "deploy", false, "start without a stack and wait for one to be deployed, as without a cloud assembly")
	set.StringVar(&o.BuildDir, "build-dir", "build/local", "where built handlers are kept")
	set.StringVar(&f.readyFile, "ready-file", "", "file to write once everything responds")
	set.IntVar(&f.endpointPort, "endpoint-port", 4566, "port of the AWS endpoint, 0 for a free one")
	set.IntVar(&f.apiPort, "api-port", 8080, "port of the API, 0 for a free one")
	set.Float64Var(&o.TimeScale, "time-scale", 60, "divides the waits between asynchronous retries")
	set.IntVar(&o.MaxEnvironments, "max-environments", 64, "processes per function")
	set.BoolVar(&o.Quiet, "quiet", false, "print neither log lines nor the table of resources")
	set.Func("secret", "`NAME=VALUE` of a Secrets Manager secret, or NAME=@FILE; may be repeated", func(text string) error {
		s, err := emulator.ParseSecret(text)
		o.Secrets = append(o.Secrets, s)
		return err
	})
	set.Uint64Var(&o.FaultSeed, "fault-seed", 1, "`seed` of the choices of faults")
	set.Func("fault", "`JSON` of a fault to inject from the start; may be repeated", func(text string) error {
		spec, err := faults.Parse(text)
		o.Faults = append(o.Faults, spec)
		return err
	})
	set.Func("remove-grant", "`ID` of a grant, from /_local/grants, to take out of its policy; may be repeated", func(id string) error {
		o.RemovedGrants = append(o.RemovedGrants, id)
		return nil
	})
	set.Func("allow-host", "`NAME` of a host, such as a tunnel's, by which requests may call this machine; may be repeated", func(name string) error {
		if !hostName.MatchString(name) {
			return errors.New("want the name alone, such as example.trycloudflare.com, without a scheme, port or path")
		}
		o.AllowHosts = append(o.AllowHosts, strings.ToLower(name))
		return nil
	})
	set.StringVar(&o.EgressDir, "egress", "", "`directory` that functions reach in place of the internet: DIR/host/path at https://host/path")
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, f, err
		}
		return o, f, errUsage
	}
	if set.NArg() > 0 || o.TimeScale < 1 || o.MaxEnvironments < 1 {
		fmt.Fprintln(stderr, "local: takes no arguments; --time-scale and --max-environments are at least 1")
		return o, f, errUsage
	}
	chosen := false
	set.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "cdk-out" })
	if _, err := os.Stat(filepath.Join(o.CDKOut, "manifest.json")); errors.Is(err, os.ErrNotExist) && !chosen {
		o.Deploy = true
	}
	if o.Region = getenv("AWS_REGION"); o.Region == "" {
		o.Region = "us-east-1"
	}
	o.Getenv = getenv
	return o, f, nil
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	o, f, err := parse(args, getenv, stderr)
	if err != nil {
		return err
	}
	o.Output = stdout
	if o.Endpoint, err = listen("AWS endpoint", "--endpoint-port", f.endpointPort); err != nil {
		return err
	}
	defer o.Endpoint.Close()
	if o.API, err = listen("API", "--api-port", f.apiPort); err != nil {
		return err
	}
	defer o.API.Close()

	h, err := emulator.New(o)
	if err != nil {
		return err
	}
	defer h.Close()
	if err := h.Start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // the user ended it during the start
		}
		return err
	}
	h.PrintBanner()
	if f.readyFile != "" {
		if err := writeReady(f.readyFile, h.Ready()); err != nil {
			return err
		}
	}
	return h.Wait(ctx)
}

// listen opens a port of 127.0.0.1.
func listen(what, flag string, port int) (net.Listener, error) {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %d for the %s is in use: end the process that uses it, or choose another with %s (0 for a free one)", port, what, flag)
	}
	return listener, err
}

// writeReady writes the file under another name and renames it, so that nobody reads a
// partly written file.
func writeReady(path string, r emulator.Ready) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	partial := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.WriteFile(partial, append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(partial, path)
}
