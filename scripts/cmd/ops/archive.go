package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/spf13/cobra"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/operations/archiving"
)

// newArchive returns the commands of the audit archive.
func newArchive(a *app) *cobra.Command {
	command := &cobra.Command{
		Use:   "archive",
		Short: "Show, run and verify the archive of transactions",
		Long: `Show, run and verify the archive of transactions in the audit bucket.

Hours are in UTC. An hour is due when it has been over for 24 hours; a run each night
archives the hours that are due.`,
		Args: cobra.NoArgs,
	}
	command.AddCommand(newArchiveStatus(a), newArchiveRun(a), newArchiveVerify(a))
	return command
}

// openArchive returns the archive of the stack and the configuration of AWS clients.
func (a *app) openArchive(ctx context.Context) (aws.Config, *archiving.Archive, error) {
	config, s, err := a.connect(ctx)
	if err != nil {
		return aws.Config{}, nil, err
	}
	bucket, err := s.Output(contract.OutputAuditBucket)
	if err != nil {
		return aws.Config{}, nil, err
	}
	table, err := s.Output(contract.OutputTable)
	if err != nil {
		return aws.Config{}, nil, err
	}
	return config, archiving.Open(config, bucket, table, a.now), nil
}

func newArchiveStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Show which hours are archived, due, missing, provisional or lost",
		Example: "  scripts/ops archive status\n  scripts/ops archive status --json | jq .missing",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			_, archive, err := a.openArchive(command.Context())
			if err != nil {
				return err
			}
			s, err := archive.Status(command.Context())
			if err != nil {
				return err
			}
			return a.print(s, func(w io.Writer) {
				table(w, []string{"hours", "number", ""}, [][]string{
					{"with a manifest", fmt.Sprint(s.Manifests), between(s.Oldest, s.Newest)},
					{"due and in the table", fmt.Sprint(s.Due), ""},
					{"  archived", fmt.Sprint(s.Archived), ""},
					{"  backlog", fmt.Sprint(s.Backlog), "archived by the next run"},
					{"    missing", fmt.Sprint(len(s.Missing)), some(s.Missing)},
					{"    provisional", fmt.Sprint(len(s.Provisional)), some(s.Provisional)},
					{"    overdue", fmt.Sprint(s.Overdue), "should have been archived by a nightly run"},
					{"lost", fmt.Sprint(len(s.Lost)), some(s.Lost)},
				})
			})
		},
	}
}

// between writes the first and last hour of a range; both may be empty.
func between(first, last string) string {
	if first == "" || last == "" {
		return first + last
	}
	return first + " to " + last
}

// some writes the first of many hours.
func some(hours []string) string {
	const most = 6
	if len(hours) > most {
		return strings.Join(hours[:most], " ") + " …"
	}
	return strings.Join(hours, " ")
}

// hourName writes an hour as the archiver's requests name it; "" for the zero time.
func hourName(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(contract.HourLayout)
}

// archiveRun is the result of archive run.
type archiveRun struct {
	Hours    []string           `json:"hours"`    // that the run is to archive
	Executed bool               `json:"executed"` // false: only planned
	Reports  []archiving.Report `json:"reports"`  // responses of the archiver
}

func newArchiveRun(a *app) *cobra.Command {
	var from, to time.Time
	var execute bool
	command := &cobra.Command{
		Use:   "run",
		Short: "Archive the backlog, or hours again, and wait for the result",
		Long: `Archive the backlog, or with --from and --to given hours whether or not they have
been archived, and wait for the result.

Archiving an hour again is harmless: it writes what the table has, keeps the old version,
and never replaces an archive by a smaller one. A run that ends before all hours are
archived is repeated until none is left.`,
		Example: `  scripts/ops archive run
  scripts/ops archive run --execute
  scripts/ops archive run --from 2026-11-20T15 --to 2026-11-20T16 --execute`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if from.IsZero() != to.IsZero() {
				return usagef("--from and --to come together")
			}
			config, archive, err := a.openArchive(command.Context())
			if err != nil {
				return err
			}
			result := archiveRun{Reports: []archiving.Report{}}
			result.Hours, err = archive.Plan(command.Context(), hourName(from), hourName(to))
			if errors.Is(err, archiving.ErrRange) {
				return usageError{err}
			}
			if err != nil {
				return err
			}
			if execute && len(result.Hours) > 0 {
				result.Executed = true
				result.Reports, err = a.runArchiver(command.Context(), config, from, to, result.Hours)
			}
			if printed := a.print(result, result.write); err == nil {
				err = printed
			}
			return err
		},
	}
	timeFlags(command, &from, &to, "first `hour` to archive, such as 2026-11-20T15", "last `hour` to archive")
	executeFlag(command, &execute)
	return command
}

func (r archiveRun) write(w io.Writer) {
	if !r.Executed {
		fmt.Fprintf(w, "would archive %d hours\n", len(r.Hours))
		if len(r.Hours) > 0 {
			fmt.Fprintln(w, strings.Join(r.Hours, "\n"))
		}
		return
	}
	rows := [][]string{}
	for _, report := range r.Reports {
		for _, hour := range report.Hours {
			rows = append(rows, []string{hour.Hour, fmt.Sprint(hour.Count), hour.Manifest})
		}
	}
	table(w, []string{"hour", "transactions", "manifest"}, rows)
}

// runArchiver invokes the archiver until it has archived all hours.
func (a *app) runArchiver(ctx context.Context, config aws.Config, from, to time.Time, hours []string) ([]archiving.Report, error) {
	function := contract.TransactionArchival + "-" + a.suffix()
	// A run may take the function's whole timeout, and an invocation that is cut off goes
	// on: repeating it would only start another one.
	client := lambda.NewFromConfig(config, func(o *lambda.Options) { o.RetryMaxAttempts = 1 })
	reports := []archiving.Report{}
	for left := len(hours); ; {
		request := map[string]string{}
		if !from.IsZero() {
			request[contract.ArchiveFrom], request[contract.ArchiveTo] = hourName(from), hourName(to)
		}
		payload, err := json.Marshal(request)
		if err != nil {
			return reports, err
		}
		a.progress("%s archives %d hours", function, left)
		out, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, Payload: payload})
		if err != nil {
			return reports, err
		}
		if out.FunctionError != nil {
			var failure struct {
				Message string `json:"errorMessage"`
			}
			if json.Unmarshal(out.Payload, &failure) != nil || failure.Message == "" {
				failure.Message = string(out.Payload)
			}
			return reports, fmt.Errorf("%s: %s", function, failure.Message)
		}
		var report archiving.Report
		if err := json.Unmarshal(out.Payload, &report); err != nil {
			return reports, fmt.Errorf("response of %s: %w", function, err)
		}
		reports = append(reports, report)
		if report.Backlog == 0 {
			return reports, nil
		}
		if len(report.Hours) == 0 {
			return reports, fmt.Errorf("%s left %d hours and archived none", function, report.Backlog)
		}
		left = report.Backlog
		if !from.IsZero() { // it archives in order
			from = from.Add(time.Duration(len(report.Hours)) * time.Hour)
		}
	}
}

// verifyProgress is how many hours a line of progress stands for.
const verifyProgress = 100

// archiveVerification is the result of archive verify.
type archiveVerification struct {
	archiving.Verification
	Found []archiving.Difference `json:"found"`
}

func newArchiveVerify(a *app) *cobra.Command {
	var from, to time.Time
	var provisional bool
	command := &cobra.Command{
		Use:   "verify",
		Short: "Read the archive again, check it, and compare it with the table",
		Long: `Read the archive again: check each object against its manifest (SHA-256, size, numbers,
totals), each line (form, order, fingerprint of its content), and compare the archive
with the table, in both directions, for the hours that both hold.

Differences are listed as they are found; the exit status is 1 if there are any. Without
--from and --to, all of the archive is read. Objects in Glacier are counted, not read.`,
		Example: `  scripts/ops archive verify
  scripts/ops archive verify --from 2026-11-20 --to 2026-11-20T23 --json`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if !to.IsZero() && to.Before(from) {
				return usagef("--to is before --from")
			}
			_, archive, err := a.openArchive(command.Context())
			if err != nil {
				return err
			}
			result := archiveVerification{Found: []archiving.Difference{}}
			result.Verification, err = archive.Verify(command.Context(), from, to, provisional, func(d archiving.Difference) {
				if a.json {
					result.Found = append(result.Found, d)
					return
				}
				fmt.Fprintln(a.out, describeDifference(d))
			}, func(done, all int) {
				if done%verifyProgress == 0 {
					a.progress("%d of %d hours", done, all)
				}
			})
			if err != nil {
				return err
			}
			if err := a.print(result, result.write); err != nil {
				return err
			}
			if result.Differences > 0 {
				return errReported
			}
			return nil
		},
	}
	timeFlags(command, &from, &to, "first `hour` to verify, such as 2026-11-20T15", "last `hour` to verify")
	command.Flags().BoolVar(&provisional, "provisional", false, "compare provisional archives with the table too: hours archived before they were due")
	return command
}

// describeDifference writes a difference as one line: where, of what transaction, what.
func describeDifference(d archiving.Difference) string {
	place := d.Hour
	if d.Object != "" {
		place += " " + d.Object
	}
	if d.Line > 0 {
		place += fmt.Sprintf(" line %d", d.Line)
	}
	if d.TransactionID != "" {
		place += fmt.Sprintf(" %s of %s", d.TransactionID, d.Provider)
	}
	return place + ": " + d.Text
}

func (v archiveVerification) write(w io.Writer) {
	table(w, []string{"verified", "number", ""}, [][]string{
		{"hours", fmt.Sprint(v.Hours), between(v.From, v.To)},
		{"objects", fmt.Sprint(v.Objects), fmt.Sprintf("%d bytes", v.Bytes)},
		{"transactions", fmt.Sprint(v.Transactions), ""},
		{"hours compared with the table", fmt.Sprint(v.Compared), fmt.Sprintf("%d transactions in the table", v.InTable)},
		{"objects in Glacier, not read", fmt.Sprint(len(v.Unread)), some(v.Unread)},
		{"differences", fmt.Sprint(v.Differences), ""},
	})
}
