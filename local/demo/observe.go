package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/session"
)

// effectsTimeout is how long the demo waits for the effects of the last transaction. It
// is generous: only a fault makes the demo wait that long.
const effectsTimeout = 3 * time.Minute

// observe records the effects of each row, until all rows are as expected or
// effectsTimeout has passed.
func observe(ctx context.Context, s *stack, rows []row) error {
	limited, cancel := context.WithTimeout(ctx, effectsTimeout)
	defer cancel()
	err := session.Until(limited, func() (bool, error) {
		for i := range rows {
			if err := rows[i].inspect(ctx, s, rows); err != nil {
				return false, err
			}
		}
		for _, r := range rows {
			if r.got != r.want {
				return false, nil
			}
		}
		return true, nil
	})
	if limited.Err() != nil && ctx.Err() == nil {
		return nil // printTable shows what is missing
	}
	return err
}

// inspect reads the row's effects from the table, the alerts, and the log groups and
// queues of tiers.
func (r *row) inspect(ctx context.Context, s *stack, rows []row) error {
	if r.id == "" {
		n, err := s.Count(ctx)
		if err != nil {
			return err
		}
		r.got.stored = "nothing"
		if n != len(stored(rows)) {
			r.got.stored = fmt.Sprintf("%d items", n)
		}
		return nil
	}
	item, err := s.Item(ctx, r.id, r.provider)
	if err != nil {
		return err
	}
	switch {
	case item == nil:
		r.got.stored = "nothing"
	case r.before == nil:
		r.got.stored = "new"
	case same(r.before, item):
		r.got.stored = "unchanged"
	default:
		r.got.stored = "changed"
	}
	if r.before != nil {
		return nil // the other effects are those of the first delivery
	}

	r.got.kind, _ = item["kind"].(string)
	alerts, err := alertsOf(ctx, s.Session, r.id)
	if err != nil {
		return err
	}
	r.got.alerts = len(alerts)
	var routes []string
	r.got.fraud = ""
	if fraud, ok := item["fraud"].(map[string]any); ok {
		r.got.fraud = fmt.Sprint(fraud["risk_level"])
		routes = append(routes, "workflow")
	} else if r.got.alerts > 0 {
		routes = append(routes, "alert")
	}
	for _, t := range s.tiers {
		arrived, err := arrivedAt(ctx, s.Session, t, r.id)
		if err != nil {
			return err
		}
		for range arrived {
			routes = append(routes, t.Target+" "+t.Name)
		}
	}
	r.got.route = strings.Join(routes, "+")
	if item != nil {
		return r.expect(s.tiers, item)
	}
	return nil
}

// arrivedAt counts the events of a transaction in a tier's log group or queue.
func arrivedAt(ctx context.Context, s *session.Session, t session.Tier, id string) (n int, err error) {
	quoted := fmt.Sprintf("%q", id)
	switch t.Target {
	case "log":
		lines, err := s.Logged(ctx, t.TargetName, quoted)
		return len(lines), err
	case "queue":
		messages, err := s.Messages(ctx, t.TargetName)
		for _, m := range messages {
			if strings.Contains(*m.Body, quoted) {
				n++
			}
		}
		return n, err
	}
	return 0, nil
}

// expect completes the expected result of a new transaction: the effects of its tier's
// target.
func (r *row) expect(tiers []session.Tier, item map[string]any) error {
	t, err := tierOf(tiers, fmt.Sprint(item["amount"]), fmt.Sprint(item["currency"]))
	if err != nil {
		return err
	}
	r.want.route, r.want.fraud, r.want.alerts = t.Target, "", 0
	switch t.Target {
	case "workflow":
		r.want.fraud, r.want.alerts = r.risk, 2
		if r.risk == "" {
			r.want.fraud = r.got.fraud
		}
		if r.want.fraud == "high" {
			r.want.alerts = 4 // the fraud alert too
		}
	case "alert":
		r.want.alerts = 2
	default:
		r.want.route += " " + t.Name
	}
	return nil
}

// alertsOf returns the alerts about a transaction. In a message, a comma or a period
// follows the id, so txn_1 does not find txn_11.
func alertsOf(ctx context.Context, s *session.Session, id string) ([]session.Alert, error) {
	all, err := s.Alerts(ctx, id)
	return slices.DeleteFunc(all, func(a session.Alert) bool {
		return !strings.Contains(a.Message, id+",") && !strings.Contains(a.Message, id+".")
	}), err
}

// same reports whether every attribute of before is unchanged in after, which may have
// the fraud result as well.
func same(before, after map[string]any) bool {
	for name, value := range before {
		if !reflect.DeepEqual(after[name], value) {
			return false
		}
	}
	return true
}

// stored returns the rows whose transactions must be in the table.
func stored(rows []row) (list []row) {
	for _, r := range rows {
		if r.want.stored == "new" {
			list = append(list, r)
		}
	}
	return list
}

// printTable prints the rows and returns how many are not as expected.
func printTable(out io.Writer, rows []row) (wrong int) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tsent\tHTTP\tresponse\tstored\tkind\troute\tfraud\talerts\tms\t")
	for _, r := range rows {
		mark := "ok"
		if r.got != r.want {
			mark = "WRONG"
			wrong++
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t\n", mark, r.title, r.got.status, r.note,
			r.got.stored, dash(r.got.kind), dash(r.got.route), dash(r.got.fraud), r.got.alerts, dash(r.millis))
	}
	table.Flush()
	for _, r := range rows {
		if r.got != r.want {
			fmt.Fprintf(out, "%s: got %+v, want %+v\n", r.title, r.got, r.want)
		}
	}
	return wrong
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// printAlerts prints the alerts about some of the rows.
func printAlerts(out io.Writer, ctx context.Context, s *session.Session) {
	for _, id := range []string{"txn_4", "NC6HT9CRT65ZGN82", "txn_1", "txn_8"} {
		alerts, err := alertsOf(ctx, s, id)
		if err != nil {
			fmt.Fprintln(out, err)
			return
		}
		for _, a := range alerts {
			fmt.Fprintf(out, "\n%s to %s: %s", a.Protocol, a.Endpoint, a.Message)
		}
	}
	fmt.Fprintln(out)
}

// archive fires the daily rule as of a day after this hour, and checks that the bucket has
// every stored transaction, card numbers masked.
func archive(ctx context.Context, out io.Writer, s *session.Session, rows []row) error {
	if err := s.FireRule(ctx, s.ArchivalRule(), time.Now().Truncate(time.Hour).Add(25*time.Hour)); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, effectsTimeout)
	defer cancel()
	var lines []string
	var objects []session.Object
	err := session.Until(limited, func() (bool, error) {
		// A manifest is written last: once every stored hour has one, the
		// objects are complete.
		manifests, err := s.Archived(ctx, "manifests/")
		if err != nil || len(manifests) == 0 {
			return false, err
		}
		if objects, err = s.Archived(ctx, "transactions/"); err != nil {
			return false, err
		}
		lines = nil
		for _, o := range objects {
			lines = append(lines, o.Lines...)
		}
		return len(lines) >= len(rows), nil
	})
	if err != nil {
		return fmt.Errorf("archive: %d of %d transactions after %s: %w", len(lines), len(rows), effectsTimeout, err)
	}
	ids := map[string]bool{}
	for _, line := range lines {
		var t struct {
			ID       string          `json:"transaction_id"`
			Metadata json.RawMessage `json:"metadata"`
		}
		if err := json.Unmarshal([]byte(line), &t); err != nil {
			return fmt.Errorf("archive: %w", err)
		}
		ids[t.ID] = true
		if t.ID == "txn_11" {
			fmt.Fprintf(out, "\nthe card number, as stored: %s\n", t.Metadata)
			if strings.Contains(strings.ReplaceAll(line, " ", ""), "4111111111111111") {
				return fmt.Errorf("archive: %s holds a card number", t.ID)
			}
		}
	}
	fmt.Fprintf(out, "\narchived in s3://%s:\n", s.Outputs[contract.OutputAuditBucket])
	for _, o := range objects {
		fmt.Fprintf(out, "  %s  %d\n", o.Key, len(o.Lines))
	}
	if len(lines) != len(rows) || len(ids) != len(rows) {
		return fmt.Errorf("archive: %d lines of %d transactions, want %d of each", len(lines), len(ids), len(rows))
	}
	return nil
}
