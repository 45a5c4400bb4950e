// Command block replaces a block of a page with what it reads, and prints that:
//
//	go run ./scripts/cmd/block docs/benchmarks.md throughput <table
//
// A block is between the lines <!-- NAME --> and <!-- end NAME -->. Empty input is an error,
// so that a command that failed in a pipe erases nothing.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"payment-webhooks/local/page"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "block:", err)
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) != 2 {
		return errors.New("usage: block PAGE NAME <text")
	}
	text, err := io.ReadAll(io.TeeReader(stdin, stdout))
	if err != nil {
		return err
	}
	if strings.TrimSpace(string(text)) == "" {
		return fmt.Errorf("nothing to write into block %s of %s", args[1], args[0])
	}
	return page.Replace(args[0], args[1], string(text))
}
