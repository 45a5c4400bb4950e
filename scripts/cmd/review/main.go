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
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"

	bills "payment-webhooks/scripts/internal/cost"
)

// Exit statuses.
const (
	exitDone        = 0
	exitError       = 1
	exitDestructive = 2 // and not allowed
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	a := &app{out: os.Stdout, err: os.Stderr, environ: os.Environ(), schema: readSchema}
	status := a.run(ctx, os.Args[1:])
	stop()
	os.Exit(status)
}

// app is the command.
type app struct {
	out, err   io.Writer
	environ    []string
	schema     func(path string) (*schema, error)
	repository string
}

// transactions a month for which the bill is shown.
const transactions = 1e6

const usage = `usage: scripts/review [--json] [--allow destructive] [--context KEY=VALUE] BASE HEAD
       scripts/review [--json] [--allow destructive] --before TEMPLATE --after TEMPLATE

Compares the stacks of two git revisions (or, for BASE...HEAD, with their merge base), or two
templates or cloud assemblies. Exit status: 0 if nothing is destroyed or that is allowed, 2 if
something is, 1 for an error.

`

// run executes a command line and returns the exit status.
func (a *app) run(ctx context.Context, args []string) int {
	status, err := a.review(ctx, args)
	if err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(a.err, "review:", err)
			return exitError
		}
		return exitDone
	}
	return status
}

func (a *app) review(ctx context.Context, args []string) (int, error) {
	flags := flag.NewFlagSet("scripts/review", flag.ContinueOnError)
	flags.SetOutput(a.err)
	flags.Usage = func() { fmt.Fprint(a.err, usage); flags.PrintDefaults() }
	asJSON := flags.Bool("json", false, "print JSON rather than Markdown")
	before := flags.String("before", "", "`template` or cloud assembly before the change, instead of BASE")
	after := flags.String("after", "", "`template` or cloud assembly after the change, instead of HEAD")
	markdown := flags.String("markdown", "", "write the Markdown to a `file` as well")
	flags.StringVar(&a.repository, "repository", ".", "the `folder` of the repository")
	allowed := false
	flags.Func("allow", "`destructive`: end with status 0 in spite of it; the label "+label+" of a pull request", func(text string) error {
		if allowed = text == "destructive"; !allowed {
			return errors.New("want destructive")
		}
		return nil
	})
	var cdkContext []string
	flags.Func("context", "`KEY=VALUE` for the CDK's context of both revisions; may be repeated", func(text string) error {
		if !strings.Contains(text, "=") {
			return errors.New("want KEY=VALUE")
		}
		cdkContext = append(cdkContext, text)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return exitError, err
	}
	var err error
	if a.repository, err = filepath.Abs(a.repository); err != nil {
		return exitError, err
	}
	s, err := a.schema(filepath.Join(a.repository, filepath.FromSlash(database)))
	if err != nil {
		return exitError, err
	}
	var base, head side
	switch files := *before != "" && *after != ""; {
	case files && flags.NArg() == 0:
		base, head, err = a.files(*before, *after, cdkContext)
	case *before == "" && *after == "" && (flags.NArg() == 1 || flags.NArg() == 2):
		base, head, err = a.revisions(ctx, flags.Args(), cdkContext)
	default:
		flags.Usage()
		err = errors.New("want two revisions, or both --before and --after")
	}
	if err != nil {
		return exitError, err
	}
	r := compare(s, base.stacks, head.stacks)
	r.Base, r.Head = base.name, head.name
	a.bill(r, base, head)
	if r.Result == resultDestructive && allowed {
		r.Result = resultAllowed
	}
	if *markdown != "" {
		if err := writeMarkdown(*markdown, r); err != nil {
			return exitError, err
		}
	}
	if *asJSON {
		err = r.json(a.out)
	} else {
		err = r.markdown(a.out)
	}
	if err != nil {
		return exitError, err
	}
	if r.Result == resultDestructive {
		return exitDestructive, nil
	}
	return exitDone, nil
}

func writeMarkdown(path string, r *report) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return r.markdown(file)
}

// files reads two templates or assemblies. Their tiers, for the bill, are those of the
// repository's cdk.json.
func (a *app) files(before, after string, cdkContext []string) (base, head side, err error) {
	settings, err := os.ReadFile(filepath.Join(a.repository, "cdk.json"))
	if err != nil {
		return side{}, side{}, err
	}
	if settings, err = withContext(settings, cdkContext); err != nil {
		return side{}, side{}, err
	}
	base, head = side{name: before, settings: settings}, side{name: after, settings: settings}
	if base.stacks, err = readStacks(before); err != nil {
		return side{}, side{}, err
	}
	head.stacks, err = readStacks(after)
	return base, head, err
}

// revisions synthesizes two revisions, at the same time: the compiler shares what they share.
func (a *app) revisions(ctx context.Context, args, cdkContext []string) (base, head side, err error) {
	before, after, err := revisions(ctx, a.repository, args)
	if err != nil {
		return side{}, side{}, err
	}
	fmt.Fprintf(a.err, "synthesizing %.12s and %.12s\n", before, after)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { base, err = a.synthesize(ctx, before, cdkContext); return err })
	group.Go(func() (err error) { head, err = a.synthesize(ctx, after, cdkContext); return err })
	return base, head, group.Wait()
}

// bill adds what a million transactions cost before and after.
func (a *app) bill(r *report, base, head side) {
	estimate := func(s side) (total, idle float64, err error) {
		for _, t := range s.stacks {
			b, err := bills.Estimate([]byte(t.text), s.settings, transactions)
			if err != nil {
				return 0, 0, err
			}
			total, idle = total+b.Total, idle+b.Idle
		}
		return total, idle, nil
	}
	c := &costs{}
	var errBefore, errAfter error
	c.Before, c.IdleBefore, errBefore = estimate(base)
	c.After, c.IdleAfter, errAfter = estimate(head)
	if err := errors.Join(errBefore, errAfter); err != nil {
		r.Rows = append(r.Rows, row{Section: unsure, Direction: worsens, What: "the bill could not be estimated", After: err.Error()})
		return
	}
	r.Cost = c
}
