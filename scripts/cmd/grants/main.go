// Command grants takes each grant of the template out in turn and expects that something stops
// working. Use it through scripts/test grants.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"strings"
	"time"

	"payment-webhooks/local/grants"
	"payment-webhooks/local/iam"
	"payment-webhooks/local/session"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "grants:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to do
	}
}

func run(ctx context.Context) error {
	out := flag.String("cdk-out", "build/test/cdk.out", "the synthesized cloud `assembly`")
	only := flag.String("only", "*", "`pattern` of the ids of the grants to take out; * also stands for /")
	sample := flag.Int("sample", 1, "take out every `n`th grant only")
	tests := flag.Bool("tests", true, "also try the removals that need an end-to-end test each, which takes most of the time")
	timeout := flag.Duration("timeout", 2*time.Minute, "how long to wait for one effect of an exercise")
	flag.Parse()
	if flag.NArg() > 0 || *sample < 1 {
		return errors.New("takes no arguments; -sample is at least 1")
	}
	log, err := os.CreateTemp("", "payment-webhooks-grants-*.log")
	if err != nil {
		return err
	}
	defer log.Close()
	defer os.Remove(log.Name())
	sender, err := session.BuildSender(ctx, ".")
	if err != nil {
		return err
	}
	secrets := sender.Secrets()
	egress, err := os.MkdirTemp("", "payment-webhooks-egress-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(egress)

	considered := 0
	removal := grants.Removal{
		Open: func(ctx context.Context, removed []string) (*grants.Exercise, func(), error) {
			flags := append(session.SecretFlags(secrets), "--egress", egress)
			for _, id := range removed {
				flags = append(flags, "--remove-grant", id)
			}
			s, err := session.Start(ctx, session.Options{Root: ".", CDKOut: *out, Log: log, Flags: flags})
			if err != nil {
				return nil, nil, err
			}
			return &grants.Exercise{Session: s, Sender: sender, Egress: egress, Secrets: secrets, Timeout: *timeout}, func() { _ = s.Stop() }, nil
		},
		Test: func(ctx context.Context, test, id string) (failure, err error) { return endToEnd(ctx, *out, test, id) },
		Chosen: func(g iam.Grant) bool {
			ok, _ := path.Match(flat(*only), flat(g.ID))
			ok = ok && (*tests || grants.TestOf(g) == "")
			if ok {
				considered++
			}
			return ok && (considered-1)%*sample == 0
		},
		Report: func(r grants.Result) {
			verdict := "noticed  "
			if !r.Noticed {
				verdict = "UNNOTICED"
			}
			fmt.Printf("%s %5.1fs  %-60s  %s\n", verdict, r.Took.Seconds(), r.Grant.ID, strings.ReplaceAll(r.How, "\n", "; "))
		},
	}
	unnoticed, err := removal.Run(ctx)
	if err == nil && unnoticed > 0 {
		err = fmt.Errorf("%d grants are not needed, or no test needs them", unnoticed)
	}
	return err
}

// flat takes from "/" its meaning in patterns.
func flat(text string) string { return strings.ReplaceAll(text, "/", ":") }

// endToEnd runs one end-to-end test with a grant removed from every local run that it starts.
func endToEnd(ctx context.Context, out, test, id string) (failure, err error) {
	out, err = filepath.Abs(out)
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, "go", "test", "-vet=off", "-count=1", "-timeout=1h", "./local/e2e", "-run", "^"+test+"$")
	command.Env = append(os.Environ(), "CDK_OUT="+out, "E2E_REMOVE_GRANT="+id)
	text, err := command.CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && ctx.Err() == nil {
		if !strings.Contains(string(text), "is not authorized to perform") {
			return nil, fmt.Errorf("%s failed, but no call was denied:\n%s", test, text)
		}
		return fmt.Errorf("%s: %s", test, reason(string(text))), nil
	}
	return nil, err
}

// reason returns the first line of a test's output that says what failed.
func reason(output string) string {
	for line := range strings.Lines(output) {
		if strings.Contains(line, "_test.go:") {
			return strings.TrimSpace(line)
		}
	}
	return "it failed"
}
