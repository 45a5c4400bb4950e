package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/spf13/cobra"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/operations/reconcile"
	ledgertable "payment-webhooks/handlers/operations/reconcile/table"
	"payment-webhooks/scripts/internal/stack"
)

// reconcileFlags are the flags of reconcile.
type reconcileFlags struct {
	provider, credentials, apiURL string
	from, to                      time.Time
	deliver, execute              bool
	rate                          float64
}

// maxRate bounds --rate. A route of the API lets 1000 requests a second through, which the
// provider's own deliveries need.
const maxRate = 100

// newReconcile returns the command that compares what a provider says happened with what
// the ledger holds.
func newReconcile(a *app) *cobra.Command {
	var f reconcileFlags
	command := &cobra.Command{
		Use:   "reconcile",
		Short: "Compare what a provider says happened with what the table holds",
		Long: `Compare what a provider says happened with what the table holds.

It lists the provider's events by its API, decodes each as the webhook endpoint does, and
looks its transactions up. What is missing or different ends it with exit status 1. The
credentials are read from Secrets Manager:

` + credentialForms() + `
With --deliver, it brings in what is missing: posted to the webhook endpoint, signed as the
provider signs, or sent again by the provider where only it can sign (PayPal). It prints
what it would deliver; with --execute, it does so, each event once, and reads the table
again. A run that was interrupted continues where it stopped: what is there is not sent.`,
		Example: `  scripts/ops reconcile --provider stripe --credentials payments/stripe-api
  scripts/ops reconcile --provider square --from 2026-11-20 --to 2026-11-23 --json
  scripts/ops reconcile --provider paypal --deliver --execute`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return a.reconcile(command.Context(), f) },
	}
	flags := command.Flags()
	flags.StringVar(&f.provider, "provider", "", "`one` of "+strings.Join(reconcile.Providers(), ", "))
	flags.StringVar(&f.credentials, "credentials", "", "`name` of the secret with the API's credentials; by default that of the daily comparison, if the stack has one")
	flags.StringVar(&f.apiURL, "api-url", "", "`address` of the provider's API, such as that of its sandbox; by default that of the daily comparison, else the live one")
	timeFlags(command, &f.from, &f.to,
		fmt.Sprintf("first `time` of the events; by default %d days before --to", reconcile.DefaultDays), "`time` before which the events happened; by default now")
	flags.BoolVar(&f.deliver, "deliver", false, "bring in what is missing")
	flags.Float64Var(&f.rate, "rate", 5, "deliver at most this `many` events a second")
	executeFlag(command, &f.execute)
	return command
}

// credentialForms lists the form of each provider's credentials.
func credentialForms() string {
	var text strings.Builder
	for _, name := range reconcile.Providers() {
		form, permission := reconcile.Describe(name)
		fmt.Fprintf(&text, "  %-7s %s;\n          %s\n", name, form, permission)
	}
	return text.String()
}

func (a *app) reconcile(ctx context.Context, f reconcileFlags) error {
	switch {
	case !slices.Contains(reconcile.Providers(), f.provider):
		return usagef("--provider %q: want one of %s", f.provider, strings.Join(reconcile.Providers(), ", "))
	case f.execute && !f.deliver:
		return usagef("--execute: there is nothing to do without --deliver")
	case !(f.rate > 0 && f.rate <= maxRate):
		return usagef("--rate %v: want more than 0 and at most %d", f.rate, maxRate)
	case f.apiURL != "" && !reconcile.ValidURL(f.apiURL):
		return usagef("--api-url %q: want https://host, or http:// on this machine", f.apiURL)
	}
	cfg, s, err := a.connect(ctx)
	if err != nil {
		return err
	}
	tableName, err := s.Output(contract.OutputTable)
	if err != nil {
		return err
	}
	source, err := a.openSource(ctx, cfg, s, f)
	if err != nil {
		return err
	}
	from, to, err := source.Window(f.from, f.to, a.now())
	if err != nil {
		return usageError{err}
	}
	delivery, err := a.delivery(ctx, cfg, s, source, f)
	if err != nil {
		return err
	}
	report, err := reconcile.Run(ctx, reconcile.Config{
		Source: source, Ledger: ledgertable.New(cfg, tableName), From: from, To: to, Now: a.now, Delivery: delivery, Progress: a.reconcileProgress(),
	})
	if err == nil || report.Listed > 0 {
		if printed := a.print(report, func(w io.Writer) { writeReconcile(w, report) }); printed != nil {
			return errors.Join(err, printed)
		}
	}
	switch {
	case err != nil:
		return credentialsHint(f.provider, err)
	case !report.Balanced():
		return errReported
	}
	return nil
}

// credentialsHint adds what the credentials must be allowed to an error because of them.
func credentialsHint(provider string, err error) error {
	if !errors.Is(err, reconcile.ErrCredentials) {
		return err
	}
	_, permission := reconcile.Describe(provider)
	return fmt.Errorf("%w (needed: %s)", err, permission)
}

// reconcileProgress prints how far it is, at first and after each tenth page.
func (a *app) reconcileProgress() func(reconcile.Progress) {
	return func(p reconcile.Progress) {
		if p.Pages > 1 && p.Pages%10 != 0 {
			return
		}
		a.progress("page %d: %d events, %d missing, %d different, at %s", p.Pages, p.Listed, p.Missing, p.Different, p.Oldest.UTC().Format(time.RFC3339))
	}
}

// openSource opens the provider's API with the credentials of a secret.
func (a *app) openSource(ctx context.Context, cfg aws.Config, s *stack.Stack, f reconcileFlags) (*reconcile.Source, error) {
	name, apiURL := f.credentials, f.apiURL
	if fn, err := s.Named("AWS::Lambda::Function", contract.PaymentReconciler+"-"+a.suffix()); err == nil {
		daily, err := settingsOf(ctx, cfg, fn.PhysicalID, contract.EnvReconcile, f.provider)
		if err != nil {
			return nil, err
		}
		if name == "" {
			name = daily[contract.ProviderSecret]
		}
		if apiURL == "" {
			apiURL = daily[contract.ReconcileAPIURL]
		}
	}
	if name == "" {
		form, _ := reconcile.Describe(f.provider)
		return nil, usagef("--credentials: name the secret with the credentials, %s, since the stack does not compare %s daily", form, f.provider)
	}
	credentials, err := secretText(ctx, cfg, name)
	if err != nil {
		return nil, err
	}
	source, err := reconcile.Open(f.provider, reconcile.Access{
		Credentials: credentials, URL: apiURL,
		Waiting: func(reason error, wait time.Duration) { a.progress("%v; again in %s", reason, wait.Round(time.Second)) },
	})
	if err != nil {
		return nil, fmt.Errorf("secret %s: %w", name, err)
	}
	return source, nil
}

// delivery returns how to deliver what is missing, nil without --deliver. It needs the
// signing secret of the provider's route.
func (a *app) delivery(ctx context.Context, cfg aws.Config, s *stack.Stack, source *reconcile.Source, f reconcileFlags) (*reconcile.Delivery, error) {
	if !f.deliver {
		return nil, nil
	}
	base, err := s.Output(contract.OutputAPIURL)
	if err != nil {
		return nil, err
	}
	fn, err := s.Named("AWS::Lambda::Function", contract.WebhookValidator+"-"+a.suffix())
	if err != nil {
		return nil, err
	}
	route, err := settingsOf(ctx, cfg, fn.PhysicalID, contract.EnvProviders, f.provider)
	if err != nil {
		return nil, err
	}
	if route[contract.ProviderSecret] == "" {
		return nil, fmt.Errorf("--deliver: %s is not configured in the stack, so that its deliveries are rejected: see docs/providers.md", f.provider)
	}
	secret, err := secretText(ctx, cfg, route[contract.ProviderSecret])
	if err != nil {
		return nil, err
	}
	d := &reconcile.Delivery{
		Endpoint: base + "/webhook/" + f.provider, NotificationURL: route[contract.ProviderNotificationURL],
		Secret: strings.TrimSpace(secret), Rate: f.rate, Execute: f.execute,
	}
	if err := d.Prepare(source); err != nil {
		return nil, fmt.Errorf("secret %s: %w", route[contract.ProviderSecret], err)
	}
	return d, nil
}

// settingsOf reads a provider's settings in an environment variable of a function.
func settingsOf(ctx context.Context, cfg aws.Config, function, variable, provider string) (map[string]string, error) {
	out, err := lambda.NewFromConfig(cfg).GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &function})
	if err != nil {
		return nil, fmt.Errorf("read the configuration of %s: %w", function, err)
	}
	if out.Environment == nil {
		return nil, nil
	}
	entries := map[string]map[string]string{}
	if text := out.Environment.Variables[variable]; text != "" {
		if err := json.Unmarshal([]byte(text), &entries); err != nil {
			return nil, fmt.Errorf("variable %s of %s: %w", variable, function, err)
		}
	}
	return entries[provider], nil
}

// secretText reads a secret's current text.
func secretText(ctx context.Context, cfg aws.Config, name string) (string, error) {
	out, err := secretsmanager.NewFromConfig(cfg).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		return "", fmt.Errorf("read secret %s: %w", name, err)
	}
	return aws.ToString(out.SecretString), nil
}

// writeReconcile writes a report for people.
func writeReconcile(w io.Writer, r reconcile.Report) {
	stamp := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
	fmt.Fprintf(w, "%s lists %d events from %s to %s.\n", r.Provider, r.Listed, stamp(r.From), stamp(r.To))
	if !r.Complete {
		fmt.Fprintln(w, "The comparison ended with an error: this is what was compared until then.")
	}
	if len(r.Types) > 0 {
		header := []string{"event type", "events"}
		for _, state := range reconcile.States() {
			header = append(header, string(state))
		}
		var rows [][]string
		for _, t := range r.Types {
			row := []string{t.Name, fmt.Sprint(t.Events)}
			for _, state := range reconcile.States() {
				row = append(row, fmt.Sprint(t.States[state]))
			}
			rows = append(rows, row)
		}
		fmt.Fprintln(w)
		table(w, header, rows)
	}
	if len(r.Items) > 0 {
		var rows [][]string
		for _, item := range r.Items {
			rows = append(rows, itemRow(item))
		}
		fmt.Fprintln(w)
		table(w, []string{"state", "transaction", "kind", "amount", "event", "event type", "happened", "age", "listed until", "what"}, rows)
	}
	if r.Omitted > 0 {
		fmt.Fprintf(w, "… and %d more.\n", r.Omitted)
	}
	fmt.Fprintf(w, "\n%d missing, %d different, %d in flight.\n",
		r.Transactions[reconcile.Missing], r.Transactions[reconcile.Different], r.Transactions[reconcile.Flying])
	for _, warning := range r.Warnings {
		fmt.Fprintln(w, "Warning:", warning)
	}
	writeDelivery(w, r.Delivery)
}

func itemRow(item reconcile.Item) []string {
	row := []string{string(item.State), item.TransactionID, item.Kind, strings.TrimSpace(item.Amount + " " + item.Currency), item.EventID, item.EventType, "", "", ""}
	if item.CreatedAt != nil {
		row[6] = item.CreatedAt.UTC().Format("2006-01-02T15:04:05Z")
		row[7] = ageText(time.Duration(item.AgeSeconds) * time.Second)
		row[8] = item.KeptUntil.UTC().Format(time.DateOnly)
	}
	var what []string
	for _, d := range item.Differs {
		what = append(what, fmt.Sprintf("%s: %s there, %s here", d.Name, d.Provider, d.Ledger))
	}
	if item.Detail != "" {
		what = append(what, item.Detail)
	}
	if item.Delivery != "" {
		what = append(what, "delivery: "+item.Delivery)
	}
	return append(row, strings.Join(what, "; "))
}

// ageText writes an age in its two largest units.
func ageText(age time.Duration) string {
	switch days := age / (24 * time.Hour); {
	case days > 0:
		return fmt.Sprintf("%dd%dh", days, age%(24*time.Hour)/time.Hour)
	case age >= time.Hour:
		return fmt.Sprintf("%dh%dm", age/time.Hour, age%time.Hour/time.Minute)
	}
	return age.Truncate(time.Second).String()
}

func writeDelivery(w io.Writer, d *reconcile.DeliveryReport) {
	switch {
	case d == nil:
	case d.Events == 0:
		fmt.Fprintln(w, "Nothing to deliver.")
	case !d.Executed:
		fmt.Fprintf(w, "%d events would be delivered by %s. Add --execute to do so.\n", d.Events, d.By)
	default:
		fmt.Fprintf(w, "%d events were delivered by %s: %d got 202, %d got 200, %d something else.\n",
			d.Events, d.By, d.Statuses[202], d.Statuses[200], d.Events-d.Statuses[202]-d.Statuses[200])
		fmt.Fprintf(w, "In the table now: %d of %d transactions.\n", d.NowPresent, d.NowPresent+d.StillGone)
	}
}
