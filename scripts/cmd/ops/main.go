package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// Exit statuses.
const (
	exitDone   = 0
	exitFailed = 1 // something failed or differs
	exitUsage  = 2 // wrong usage
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	a := &app{out: os.Stdout, err: os.Stderr, getenv: os.Getenv, now: time.Now}
	code := a.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// errReported is returned by a command that has already printed what failed or differs.
var errReported = errors.New("reported")

// usageError is wrong usage that a command finds in the values of flags.
type usageError struct{ error }

// usagef returns an error that ends the command with exit status 2.
func usagef(format string, values ...any) error { return usageError{fmt.Errorf(format, values...)} }

// run executes a command line and returns the exit status.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetOut(a.out)
	root.SetErr(a.err)
	command, err := root.ExecuteContextC(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errReported):
		return exitFailed
	case !a.started || errors.As(err, &usage):
		fmt.Fprintf(a.err, "%s: %v\nSee %s --help.\n", command.CommandPath(), err, command.CommandPath())
		return exitUsage
	default:
		fmt.Fprintf(a.err, "%s: %v\n", command.CommandPath(), err)
		return exitFailed
	}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "ops",
		Short: "Operate a deployed stack of payment webhooks, on AWS or in the local run",
		Long: `Operate a deployed stack of payment webhooks, on AWS or in the local run.

Commands that change data print what they would do; with --execute they do it.
Results are on stdout, progress and errors on stderr.
Exit status: 0 done, 1 something failed or differs, 2 wrong usage.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRun: func(*cobra.Command, []string) {
			a.started = true // later errors are not wrong usage
		},
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	suffix := a.getenv("ENVIRONMENT_SUFFIX")
	if suffix == "" {
		suffix = defaultSuffix
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.stackName, "stack", stackPrefix+suffix, "`name` of the stack; the default follows ENVIRONMENT_SUFFIX")
	flags.StringVar(&a.region, "region", "", "AWS `region`; by default that of the environment")
	flags.StringVar(&a.endpoint, "endpoint-url", "", "`address` of the AWS endpoint, such as the local run's; by default AWS_ENDPOINT_URL")
	flags.BoolVar(&a.json, "json", false, "print results as JSON")
	root.AddCommand(a.commands()...)
	return root
}
