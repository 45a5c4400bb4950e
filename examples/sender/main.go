package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// The environment variable that holds the signing secret. A flag would show the
// secret in the list of processes.
const secretVariable = "WEBHOOK_SECRET"

// errUsage is wrapped by every error that the user can fix by calling the command
// differently.
var errUsage = errors.New("usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "%v (sender -help shows how)\n", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run reads the flags, the secret and the payload, and sends it.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("sender", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, "usage: %s=whsec_… sender -url URL FILE\n\nFILE is the payload, JSON; - reads it from standard input.\n\n", secretVariable)
		flags.PrintDefaults()
	}
	address := flags.String("url", "", "where to post, such as https://…/v1/webhook (required)")
	timeout := flags.Duration("timeout", 10*time.Second, "bound of one attempt")
	attempts := flags.Int("attempts", 5, "how often the payload is sent at most")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	target, err := url.Parse(*address)
	switch {
	case err != nil || target.Host == "" || (target.Scheme != "http" && target.Scheme != "https"):
		return fmt.Errorf("%w: -url is %q, want an http or https address", errUsage, *address)
	case flags.NArg() != 1:
		return fmt.Errorf("%w: %d files are named, want one, or - for standard input", errUsage, flags.NArg())
	case *timeout <= 0 || *attempts < 1:
		return fmt.Errorf("%w: -timeout is %s and -attempts %d, want both above 0", errUsage, *timeout, *attempts)
	}
	sender, err := NewSender(target.String(), getenv(secretVariable))
	if err != nil {
		return fmt.Errorf("%w: %s: %w", errUsage, secretVariable, err)
	}
	sender.Client = &http.Client{Timeout: *timeout}
	sender.Attempts = *attempts
	sender.Report = func(text string) { fmt.Fprintln(stderr, text) }

	payload, err := read(flags.Arg(0), stdin)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	response, err := sender.Send(ctx, payload)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s\n", response)
	return nil
}

func read(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(name)
}
