package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of the flags.
const (
	maxRepeat = 100_000
	maxRate   = 1000
	maxFile   = 10 << 20 // API Gateway takes no more than 10 MB
)

// Exit statuses.
const (
	exitGood  = 0 // every answer was 2xx
	exitBad   = 1 // one was not, or there was none
	exitUsage = 2 // wrong flags
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv, time.Now, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

type options struct {
	provider, fixture, file, url, secret, notificationURL, internet, id, repo string

	tamper bool
	skew   time.Duration
	repeat int
	rate   float64 // deliveries a second; 0: one after another
}

// errUsage says that the flags are wrong; the flag package has printed why.
var errUsage = errors.New("usage")

func parse(args []string, getenv func(string) string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("send", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.provider, "provider", "", "sign as `one` of "+strings.Join(names(), ", "))
	flags.StringVar(&o.fixture, "fixture", "payment", "payload to send: payment, refund, dispute, payout, ignored, … (adyen: batch)")
	flags.StringVar(&o.file, "file", "", "payload to send instead of a fixture")
	flags.StringVar(&o.url, "url", "http://127.0.0.1:8080/v1", "the API's `address`, as the stack's WebhookApiUrl")
	flags.StringVar(&o.secret, "secret", "", "the signing `secret` (paypal: the webhook's id); by default WEBHOOK_SECRET of the environment, which other users cannot list")
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
	flags.StringVar(&o.notificationURL, "notification-url", "", "square: the `address` as configured at Square; by default --url's host and path under https")
	flags.StringVar(&o.internet, "internet", "", "paypal: the `directory` that the local run has as --internet")
	flags.StringVar(&o.id, "id", "", "give the payload's object this `id`, which makes it a new transaction; {n} stands for the delivery's number")
	flags.StringVar(&o.repo, "repo", ".", "the repository, where the fixtures are")
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
	s, ok := schemes[o.provider]
	if !ok {
		wrong("--provider %q: must be one of %s", o.provider, strings.Join(names(), ", "))
	} else if o.secret == "" {
		wrong("--secret, or WEBHOOK_SECRET in the environment, is missing: %s", s.secret)
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
	if o.provider == "adyen" && o.skew != 0 {
		wrong("--skew: Adyen signs no time, so there is nothing to skew; what bounds a replay is that a transaction is stored once")
	}
	if o.provider != "square" && given["notification-url"] {
		wrong("--notification-url: only Square signs the address")
	}
	if o.provider != "paypal" && given["internet"] {
		wrong("--internet: only PayPal signs with a certificate")
	}
	return errors.Join(problems...)
}

func names() []string { return slices.Sorted(maps.Keys(schemes)) }

// run returns the exit status.
func run(ctx context.Context, args []string, getenv func(string) string, now func() time.Time, stdout, stderr io.Writer) int {
	o, err := parse(args, getenv, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitGood
	case errors.Is(err, errUsage):
		return exitUsage
	case err != nil:
		return refuse(stderr, err)
	}
	s := schemes[o.provider]
	body, err := o.payload()
	if err != nil {
		return refuse(stderr, err)
	}
	sign, err := s.signer(o.secret, o.internet)
	if err != nil {
		return refuse(stderr, fmt.Errorf("--provider %s (secret: %s): %w", o.provider, s.secret, err))
	}

	next := func(n int) (*http.Request, error) { return o.request(s, sign, body, n, now) }
	if _, err := next(1); err != nil {
		return refuse(stderr, err)
	}
	start := time.Now()
	outcomes, err := deliver(ctx, stdout, o, next)
	if o.repeat > 1 {
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

// refuse prints each problem on a line.
func refuse(stderr io.Writer, err error) int {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintln(stderr, "send:", line)
	}
	return exitUsage
}

// payload reads what is to be sent. A file need not be JSON, unless the provider
// signs within it.
func (o options) payload() ([]byte, error) {
	path := o.file
	if path == "" {
		folder := filepath.Join(o.repo, "handlers", "internal", "provider", o.provider, "testdata")
		if o.provider == "canonical" {
			folder = filepath.Join(o.repo, "scripts", "cmd", "send", "testdata", "canonical")
		}
		path = filepath.Join(folder, o.fixture+".json")
		if _, err := os.Stat(path); err != nil {
			found, globErr := filepath.Glob(filepath.Join(folder, "*.json"))
			for i := range found {
				found[i] = strings.TrimSuffix(filepath.Base(found[i]), ".json")
			}
			return nil, errors.Join(fmt.Errorf("--fixture %s: %w; there are: %s", o.fixture, err, strings.Join(found, ", ")), globErr)
		}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	body, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(body) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return body, err
}

// request is the nth delivery, signed.
func (o options) request(s scheme, sign signer, body []byte, n int, now func() time.Time) (*http.Request, error) {
	if o.id != "" {
		if !jsontext.Value(body).IsValid(lenient) {
			return nil, errors.New("--id: the payload is not JSON")
		}
		var err error
		if body, err = s.rename(body, strings.ReplaceAll(o.id, "{n}", strconv.Itoa(n))); err != nil {
			return nil, err
		}
	}
	target := strings.TrimSuffix(o.url, "/") + s.path
	d := delivery{body: body, url: known(target), at: now().Add(o.skew)}
	if o.notificationURL != "" {
		d.url = o.notificationURL
	}
	header, body, err := sign(d)
	if err != nil {
		return nil, err
	}
	if o.tamper {
		body = s.tamper(body)
	}
	request, err := http.NewRequest(http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	header.Set("Content-Type", "application/json")
	header.Set("User-Agent", "payment-webhooks-send")
	request.Header = header
	return request, nil
}
