package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/cobra"

	"payment-webhooks/handlers/awsclient"
	"payment-webhooks/handlers/contract"
	"payment-webhooks/scripts/internal/stack"
)

// The stack that is used when nothing names one.
const (
	stackPrefix   = contract.StackPrefix
	defaultSuffix = "dev"
)

// app is what all commands share. Fields that flags set are valid once a command runs.
type app struct {
	out, err io.Writer
	getenv   func(string) string
	now      func() time.Time

	stackName, region, endpoint string
	json                        bool

	started bool // a command runs: its flags and arguments were accepted
}

// commands returns the command groups.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		newDescribe(a),
		newDLQ(a),
		newRepublish(a),
		newReplay(a),
		newFind(a),
		newArchive(a),
		newReconcile(a),
	}
}

// connect returns the configuration of AWS clients and the stack.
func (a *app) connect(ctx context.Context) (aws.Config, *stack.Stack, error) {
	c, err := a.config(ctx)
	if err != nil {
		return aws.Config{}, nil, err
	}
	s, err := stack.Find(ctx, c, a.stackName)
	return c, s, err
}

// config returns the configuration of AWS clients. Credentials, region and endpoint come from the
// environment and the shared files, as for the AWS CLI.
func (a *app) config(ctx context.Context) (aws.Config, error) {
	options := []func(*config.LoadOptions) error{}
	if a.region != "" {
		options = append(options, config.WithRegion(a.region))
	}
	if a.endpoint != "" {
		options = append(options, config.WithBaseEndpoint(a.endpoint))
	}
	c, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, err
	}
	if c.Region == "" {
		return aws.Config{}, usagef("no region: set AWS_REGION or --region")
	}
	awsclient.Configure(&c)
	return c, nil
}

// suffix returns the environment suffix of the stack's physical names.
func (a *app) suffix() string { return strings.TrimPrefix(a.stackName, stackPrefix) }

// print writes a result: as JSON with --json, and as text otherwise.
func (a *app) print(result any, text func(w io.Writer)) error {
	if a.json {
		encoder := json.NewEncoder(a.out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(result)
	}
	text(a.out)
	return nil
}

// progress writes a line about long work to stderr.
func (a *app) progress(format string, values ...any) { fmt.Fprintf(a.err, format+"\n", values...) }

// table writes rows below a header, in aligned columns.
func table(w io.Writer, header []string, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(header, "\t"))
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	_ = t.Flush() // the writer's error shows in the caller's last write
}

// executeFlag adds --execute to a command that changes data.
func executeFlag(command *cobra.Command, execute *bool) {
	command.Flags().BoolVar(execute, "execute", false, "do it; without this flag, only print what would be done")
}

// timeFlags adds --from and --to, which parse as RFC 3339, as a date, or as an hour
// such as 2026-11-22T15; all are UTC unless the text has an offset.
func timeFlags(command *cobra.Command, from, to *time.Time, fromUsage, toUsage string) {
	command.Flags().Var((*timeValue)(from), "from", fromUsage)
	command.Flags().Var((*timeValue)(to), "to", toUsage)
}

// timeValue is a flag's value.
type timeValue time.Time

var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02T15", time.DateOnly}

// Set implements pflag.Value.
func (v *timeValue) Set(text string) error {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			*v = timeValue(t.UTC())
			return nil
		}
	}
	return fmt.Errorf("want a time in UTC such as 2026-11-22T15:04:05Z, 2026-11-22T15 or 2026-11-22")
}

// String implements pflag.Value.
func (v *timeValue) String() string {
	if time.Time(*v).IsZero() {
		return ""
	}
	return time.Time(*v).Format(time.RFC3339)
}

// Type implements pflag.Value.
func (v *timeValue) Type() string { return "time" }
