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
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-ctx.Done()
		stop() // a second Ctrl-C ends the process at once; children are tied to it
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

// errUsage says that the flags are wrong; the flag package has printed why.
var errUsage = errors.New("usage")

type options struct {
	cdkOut, buildDir, readyFile string
	endpointPort, apiPort       int
	timeScale                   float64
	maxEnvironments             int
	quiet                       bool
	secrets                     []secret // in the order of the flags
	internet                    string   // directory, or empty
	region                      string
}

func parse(args []string, getenv func(string) string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.cdkOut, "cdk-out", "cdk.out", "the synthesized cloud assembly")
	flags.StringVar(&o.buildDir, "build-dir", "build/local", "where built handlers are kept")
	flags.StringVar(&o.readyFile, "ready-file", "", "file to write once everything answers")
	flags.IntVar(&o.endpointPort, "endpoint-port", 4566, "port of the AWS endpoint, 0 for a free one")
	flags.IntVar(&o.apiPort, "api-port", 8080, "port of the API, 0 for a free one")
	flags.Float64Var(&o.timeScale, "time-scale", 60, "divides the waits between asynchronous retries")
	flags.IntVar(&o.maxEnvironments, "max-environments", 64, "processes per function")
	flags.BoolVar(&o.quiet, "quiet", false, "print neither log lines nor the table of resources")
	flags.Func("secret", "`NAME=VALUE` of a Secrets Manager secret, or NAME=@FILE; may be repeated", func(text string) error {
		s, err := parseSecret(text)
		o.secrets = append(o.secrets, s)
		return err
	})
	flags.StringVar(&o.internet, "internet", "", "`directory` whose DIR/host/path functions find at https://host/path, and nothing else")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, err
		}
		return o, errUsage
	}
	if flags.NArg() > 0 || o.timeScale < 1 || o.maxEnvironments < 1 {
		fmt.Fprintln(stderr, "local: no arguments; --time-scale and --max-environments are at least 1")
		return o, errUsage
	}
	if o.region = getenv("AWS_REGION"); o.region == "" {
		o.region = "us-east-1"
	}
	return o, nil
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	o, err := parse(args, getenv, stderr)
	if err != nil {
		return err
	}
	endpoint, err := listen("AWS endpoint", "--endpoint-port", o.endpointPort)
	if err != nil {
		return err
	}
	defer endpoint.Close()
	api, err := listen("API", "--api-port", o.apiPort)
	if err != nil {
		return err
	}
	defer api.Close()

	terminal := newTerminal(stdout, o.quiet)
	bench, err := newBench(o, getenv, terminal, endpoint, api)
	if err != nil {
		return err
	}
	defer bench.close()
	if err := bench.start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // ended by the user while starting
		}
		return err
	}
	bench.introduce()
	if o.readyFile != "" {
		if err := writeReady(o.readyFile, bench); err != nil {
			return err
		}
	}
	select {
	case <-ctx.Done():
		terminal.say("ending")
		return nil
	case <-bench.moto.Done():
		return bench.moto.Err()
	case err := <-bench.failed:
		// Without moto everything else fails too, sooner or later.
		if ended := bench.moto.Err(); ended != nil {
			return ended
		}
		return err
	}
}

// listen opens a port of 127.0.0.1.
func listen(what, flag string, port int) (net.Listener, error) {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %d for the %s is taken: end what uses it, or choose another with %s (0 takes a free one)", port, what, flag)
	}
	return listener, err
}

// writeReady writes the file under another name and renames it, so that
// whoever waits for it never reads half of it.
func writeReady(path string, b *bench) error {
	text, err := json.Marshal(map[string]any{
		"endpoint": b.endpointURL, "api_url": b.apiURL, "pid": os.Getpid(), "stack": b.stack.Name, "region": b.region,
	})
	if err != nil {
		return err
	}
	partial := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.WriteFile(partial, append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(partial, path)
}
