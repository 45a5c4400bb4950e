// Command demo sends transactions to the local run of the synthesized stack and prints
// the result of each: canonical payloads, and notifications signed as the providers sign
// them, with secrets generated for this run. scripts/demo calls it.
//
//	go run ./local/demo -cdk-out build/demo/cdk.out [-keep] [-open]
//
// Exit status: 0 if every row has the expected result, 1 if one has not or the run
// failed, 2 for wrong flags. With -keep the stack keeps running until Ctrl-C, and the address
// of its page is printed first. -open keeps it, too, and opens the page in the user's browser.
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
	"syscall"
	"time"

	"payment-webhooks/local/session"
)

// deadline bounds the whole demonstration, including the builds of the functions.
const deadline = 20 * time.Minute

func main() {
	cdkOut := flag.String("cdk-out", "cdk.out", "the synthesized assembly")
	keep := flag.Bool("keep", false, "leave the stack running afterwards")
	open := flag.Bool("open", false, "open the page in your browser, and leave the stack running afterwards")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "demo: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *cdkOut, *keep || *open, *open); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1)
	}
}

// stack is the running stack, with the sender and the secrets for its requests.
type stack struct {
	*session.Session
	sender    session.Sender
	secrets   map[string]string // by provider
	egressDir string
	tiers     []session.Tier // of the assembly
}

// page returns the address of the local run's page.
func (s *stack) page() string { return s.Endpoint + "/_local/" }

func run(ctx context.Context, cdkOut string, keep, open bool) (err error) {
	logFile := filepath.Join(filepath.Dir(cdkOut), "local.log")
	log, err := os.Create(logFile)
	if err != nil {
		return err
	}
	defer log.Close()

	fmt.Printf("starting the stack from %s (its log: %s)\n", cdkOut, logFile)
	limited, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	s := &stack{egressDir: filepath.Join(filepath.Dir(cdkOut), "egress")}
	if s.tiers, err = session.Tiers(cdkOut); err != nil {
		return err
	}
	rows, err := payments(s.tiers)
	if err != nil {
		return err
	}
	if s.sender, err = session.BuildSender(limited, "."); err != nil {
		return err
	}
	s.secrets = s.sender.Secrets()
	flags := append(session.SecretFlags(s.secrets), "--egress", s.egressDir)
	if keep {
		// The documented ports, so that the README's commands work.
		flags = append(flags, "--endpoint-port", "4566", "--api-port", "8080")
	}
	s.Session, err = session.Start(limited, session.Options{Root: ".", CDKOut: cdkOut, Log: log, Flags: flags})
	if err != nil {
		return errors.Join(err, lastLines(logFile))
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if keep {
		fmt.Printf("\nthe page: %s\n\n", s.page())
	}
	if open {
		openPage(os.Stdout, runtime.GOOS, s.page())
	}

	rows = append(rows, providerRows(s.sender)...)
	for i := range rows {
		fmt.Printf("sending %d of %d: %s\n", i+1, len(rows), rows[i].title)
		if err := rows[i].send(limited, s); err != nil {
			return fmt.Errorf("%s: %w", rows[i].title, err)
		}
	}
	fmt.Print("waiting for the last effects\n\n")
	if err := observe(limited, s, rows); err != nil {
		return err
	}
	wrong := printTable(os.Stdout, rows)
	printAlerts(os.Stdout, limited, s.Session)
	if err := archive(limited, os.Stdout, s.Session, stored(rows)); err != nil {
		return err
	}
	if wrong > 0 {
		err = fmt.Errorf("%d of %d rows are not as expected; see %s", wrong, len(rows), logFile)
	} else {
		fmt.Printf("\nall %d rows are as expected\n", len(rows))
	}
	if !keep || err != nil {
		return err
	}
	return wait(ctx, s)
}

// wait leaves the stack running until Ctrl-C.
func wait(ctx context.Context, s *stack) error {
	fmt.Printf(`
The stack keeps running until Ctrl-C. Its page: %s
In another terminal:

  export AWS_ENDPOINT_URL=%s AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
  export AWS_DEFAULT_REGION=%s ENVIRONMENT_SUFFIX=%s
  curl -X POST %s/webhook -H "Content-Type: application/json" -d '{
    "transaction_id": "txn_yours", "amount": 15000, "currency": "USD", "provider": "shop", "customer_id": "cust_789"}'
  scripts/send --provider stripe --secret %s --id pi_yours --url %s
`, s.page(), s.Endpoint, s.AWS.Region, s.Suffix(), s.APIURL, s.secrets["stripe"], s.APIURL)
	select {
	case <-ctx.Done():
		return nil
	case <-s.Exited():
		return errors.New("the local run ended by itself")
	}
}

// lastLines returns an error with the end of the log, which has the reason why the
// start failed.
func lastLines(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	const most = 4096
	if end, err := f.Seek(0, io.SeekEnd); err == nil {
		if _, err := f.Seek(max(0, end-most), io.SeekStart); err != nil {
			return err
		}
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	return fmt.Errorf("the end of %s:\n%s", file, text)
}
