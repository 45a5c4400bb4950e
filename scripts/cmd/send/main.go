package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"payment-webhooks/handlers/providers"
)

// Bounds of the flags.
const (
	maxRepeat = 100_000
	maxRate   = 1000
	maxFile   = 10 << 20 // API Gateway's limit is 10 MB
)

// userAgent is the User-Agent of every request.
const userAgent = "payment-webhooks-send"

// Exit statuses.
const (
	exitGood  = 0 // every response was 2xx
	exitBad   = 1 // a response was not 2xx, or there was none
	exitUsage = 2 // wrong flags
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, supported(), os.Args[1:], os.Getenv, time.Now, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// supported returns the providers to send as: canonical, for POST /webhook itself, and
// those of package providers.
func supported() []providers.Declaration {
	return append([]providers.Declaration{providers.Canonical()}, providers.All()...)
}

type options struct {
	provider, fixture, file, url, secret, notificationURL, egressDir, id string

	list, context, challenge, tamper, json bool

	supported []providers.Declaration
	skew      time.Duration
	repeat    int
	rate      float64 // deliveries a second; 0: one after another
}

// errUsage is returned when the flag package has rejected the flags and printed why.
var errUsage = errors.New("usage")

func parse(supported []providers.Declaration, args []string, getenv func(string) string, stderr io.Writer) (options, error) {
	o := options{supported: supported}
	flags := flag.NewFlagSet("send", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.provider, "provider", "", "sign as `one` of "+strings.Join(o.names(), ", "))
	flags.StringVar(&o.fixture, "fixture", "payment", "payload to send: payment, refund, dispute, payout, ignored, …; --list names all")
	flags.StringVar(&o.file, "file", "", "payload to send instead of a fixture")
	flags.StringVar(&o.url, "url", "http://127.0.0.1:8080/v1", "the API's `address`, as the stack's WebhookApiUrl")
	flags.StringVar(&o.secret, "secret", "", "the signing `secret`; by default WEBHOOK_SECRET of the environment, which other users of this machine cannot see")
	flags.BoolVar(&o.tamper, "tamper", false, "change the amount after signing")
	flags.DurationVar(&o.skew, "skew", 0, "sign with a clock that is `this far` ahead, such as 10m; -10m: behind")
	flags.IntVar(&o.repeat, "repeat", 1, "send it `n` times, signed anew each time, and print a summary")
	flags.Func("rate", "send `this many` a second, such as 20/s, instead of one after another", func(text string) (err error) {
		o.rate, err = strconv.ParseFloat(strings.TrimSuffix(text, "/s"), 64)
		if err != nil || !(o.rate > 0 && o.rate <= maxRate) {
			return fmt.Errorf("must be above 0 and at most %d, such as 20/s", maxRate)
		}
		return nil
	})
	flags.StringVar(&o.notificationURL, "notification-url", "", "the `address` as configured at a provider that signs it; by default --url's host and path under https")
	flags.StringVar(&o.egressDir, "egress", "", "the `directory` that the local run has as --egress, for a provider that signs with a certificate")
	flags.StringVar(&o.id, "id", "", "give the payload's object this `id`, which makes it a new transaction; {n} stands for the delivery's number")
	flags.BoolVar(&o.challenge, "challenge", false, "verify the address by a challenge instead of sending a payload")
	flags.BoolVar(&o.json, "json", false, "print each response as a line of JSON, and no summary")
	flags.BoolVar(&o.list, "list", false, "print as JSON what can be sent: the providers, with their payloads and a generated secret of each")
	flags.BoolVar(&o.context, "context", false, "print the providers as cdk's context, with their secrets named payments/PROVIDER")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, err
		}
		return o, errUsage
	}
	if o.secret == "" {
		o.secret = getenv("WEBHOOK_SECRET")
	}
	return o, o.check(flags)
}

// check returns everything that is wrong with the flags.
func (o options) check(flags *flag.FlagSet) error {
	var problems []error
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })

	if flags.NArg() > 0 {
		wrong("%q is not a flag: there are no arguments", flags.Arg(0))
	}
	if o.list || o.context {
		if flags.NFlag() > 1 {
			wrong("--list and --context: no other flags")
		}
		return errors.Join(problems...)
	}
	d, ok := o.declaration()
	if !ok {
		wrong("--provider %q: must be one of %s", o.provider, strings.Join(o.names(), ", "))
	} else if o.secret == "" {
		wrong("--secret, or WEBHOOK_SECRET in the environment, is missing: %s", d.Secret)
	}
	if u, err := url.Parse(o.url); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		wrong("--url %q: must be http://host/path or https://host/path", o.url)
	}
	if given["fixture"] && given["file"] {
		wrong("--fixture and --file: only one of them")
	}
	if strings.ContainsAny(o.fixture, `/\.`) {
		wrong("--fixture %q: must be a name such as payment; --file takes a path", o.fixture)
	}
	if o.repeat < 1 || o.repeat > maxRepeat {
		wrong("--repeat %d: must be 1 to %d", o.repeat, maxRepeat)
	}
	if ok && !d.Sender.SignsTime && o.skew != 0 {
		wrong("--skew: %s signs no time, so there is nothing to skew; a replay has no effect because a transaction is stored once", d.Name)
	}
	if ok && !d.Sender.SignsURL && given["notification-url"] {
		wrong("--notification-url: %s does not sign the address", d.Name)
	}
	if ok && d.Sender.Certificate == nil && given["egress"] {
		wrong("--egress: %s does not sign with a certificate", d.Name)
	}
	for _, name := range []string{"fixture", "file", "id", "tamper", "skew", "repeat", "rate"} {
		if o.challenge && given[name] {
			wrong("--challenge and --%s: a challenge has no payload, and is sent once", name)
		}
	}
	if ok && o.challenge && d.Sender.Challenge == nil {
		wrong("--challenge: %s has no challenge", d.Name)
	}
	return errors.Join(problems...)
}

func (o options) declaration() (providers.Declaration, bool) {
	i := slices.IndexFunc(o.supported, func(d providers.Declaration) bool { return d.Name == o.provider })
	if i < 0 {
		return providers.Declaration{}, false
	}
	return o.supported[i], true
}

func (o options) names() []string {
	var names []string
	for _, d := range o.supported {
		names = append(names, d.Name)
	}
	return slices.Sorted(slices.Values(names))
}

// run returns the exit status.
func run(ctx context.Context, supported []providers.Declaration, args []string, getenv func(string) string, now func() time.Time, stdout, stderr io.Writer) int {
	o, err := parse(supported, args, getenv, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitGood
	case errors.Is(err, errUsage):
		return exitUsage
	case err != nil:
		return usageError(stderr, err)
	}
	if o.list || o.context {
		return o.print(stdout, stderr)
	}
	d, _ := o.declaration()
	if o.challenge {
		return o.ask(ctx, d, stdout, stderr)
	}
	next, err := o.prepare(d, now)
	if err == nil {
		_, err = next(1)
	}
	if err != nil {
		return usageError(stderr, err)
	}
	start := time.Now()
	outcomes, err := deliver(ctx, stdout, o, next)
	if o.repeat > 1 && !o.json {
		summarize(stdout, outcomes, time.Since(start))
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(stderr, "send:", err)
	}
	if err != nil || !good(outcomes, o.repeat) {
		return exitBad
	}
	return exitGood
}

// usageError prints each problem on a line and returns the exit status.
func usageError(stderr io.Writer, err error) int {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintln(stderr, "send:", line)
	}
	return exitUsage
}

// prepare returns a function that makes the nth request.
func (o options) prepare(d providers.Declaration, now func() time.Time) (func(n int) (*http.Request, error), error) {
	body, err := o.payload(d)
	if err != nil {
		return nil, err
	}
	var key crypto.Signer
	if c := d.Sender.Certificate; c != nil {
		if key, err = signingKey(o.egressDir, d.Name, *c); err != nil {
			return nil, fmt.Errorf("--provider %s: %w", d.Name, err)
		}
	}
	return func(n int) (*http.Request, error) { return o.request(d, key, body, n, now) }, nil
}

// payload reads the body to send. A file need not be JSON, unless the provider's signature
// is inside the body.
func (o options) payload(d providers.Declaration) ([]byte, error) {
	if o.file == "" {
		body, err := fs.ReadFile(d.Sender.Fixtures, "testdata/"+o.fixture+".json")
		if err != nil {
			return nil, fmt.Errorf("--fixture %s: %s has none of that name; there are: %s", o.fixture, d.Name, strings.Join(fixtures(d), ", "))
		}
		return body, nil
	}
	file, err := os.Open(o.file)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	body, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(body) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", o.file, maxFile)
	}
	return body, err
}

// fixtures returns the names of a provider's payloads.
func fixtures(d providers.Declaration) []string {
	found, err := fs.Glob(d.Sender.Fixtures, "testdata/*.json")
	if err != nil {
		panic(err) // the pattern is well-formed
	}
	for i := range found {
		found[i] = strings.TrimSuffix(path.Base(found[i]), ".json")
	}
	return found
}

// target returns the address that a provider posts to.
func (o options) target(d providers.Declaration) string {
	target := strings.TrimSuffix(o.url, "/") + "/webhook"
	if d.New != nil {
		target += "/" + d.Name
	}
	return target
}

// request returns the nth delivery, signed.
func (o options) request(d providers.Declaration, key crypto.Signer, body []byte, n int, now func() time.Time) (*http.Request, error) {
	if o.id != "" {
		var err error
		if body, err = d.Sender.Rename(body, strings.ReplaceAll(o.id, "{n}", strconv.Itoa(n))); err != nil {
			return nil, fmt.Errorf("--id: %w", err)
		}
	}
	target := o.target(d)
	attempt := providers.Attempt{
		Secret: o.secret, Key: key, Body: body,
		URL: cmp.Or(o.notificationURL, known(target)), At: now().Add(o.skew),
	}
	header, body, err := d.Sender.Sign(attempt)
	if err != nil {
		return nil, fmt.Errorf("--provider %s (secret: %s): %w", d.Name, d.Secret, err)
	}
	if o.tamper {
		body = d.Sender.Tamper(body)
	}
	request, err := http.NewRequest(http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	header.Set("Content-Type", d.BodyMediaTypes()[0])
	header.Set("User-Agent", userAgent)
	request.Header = header
	return request, nil
}

// ask sends a challenge and checks the response.
func (o options) ask(ctx context.Context, d providers.Declaration, stdout, stderr io.Writer) int {
	query, want, err := d.Sender.Challenge(o.secret)
	if err != nil {
		return usageError(stderr, fmt.Errorf("--provider %s (secret: %s): %w", d.Name, d.Secret, err))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, o.target(d)+"?"+query, nil)
	if err != nil {
		return usageError(stderr, err)
	}
	request.Header.Set("User-Agent", userAgent)
	start := time.Now()
	r := exchange(newClient(), request)
	r.Delivery, r.Milliseconds = 1, milliseconds(time.Since(start))
	if o.json {
		o.printResponse(stdout, r)
	} else {
		fmt.Fprintln(stdout, r)
	}
	if right := fmt.Sprintf("%d %s", http.StatusOK, want); r.String() != right {
		fmt.Fprintf(stderr, "send: the response is not %s\n", right)
		return exitBad
	}
	return exitGood
}
