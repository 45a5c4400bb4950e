// Command pictures makes the pictures of the documentation from the running page: it starts the local run,
// sends payments for some minutes, as providers do, and takes a screenshot of views. scripts/pictures calls it.
//
//	go run ./local/pictures -cdk-out build/demo/cdk.out -out docs [-minutes 3]
//	go run ./local/pictures -endpoint http://127.0.0.1:4566 -out DIR
//
// It needs Chromium or Chrome. Exit status: 0 if every picture was written, 1 if not, 2 for wrong flags.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"payment-webhooks/local/browser"
	"payment-webhooks/local/session"
)

// picture is a screenshot of a view.
type picture struct {
	file   string
	view   string // the part of the address after the page's
	ready  string // an expression that is true once the view shows what there is
	width  int64
	height int64
	dark   bool
}

var pictures = []picture{
	{file: "flow.webp", view: "#/flow", ready: `document.querySelector('main svg') !== null`, width: 1280, height: 830},
	{file: "flow-dark.webp", view: "#/flow", ready: `document.querySelector('main svg') !== null`, width: 1280, height: 830, dark: true},
	{file: "dashboard.webp", view: "#/dashboard", ready: `document.querySelectorAll('.dashboard .legend li').length > 20`, width: 1280, height: 1180},
	{file: "deliveries.webp", view: "#/deliveries", ready: `document.querySelectorAll('main tbody tr').length > 10`, width: 1280, height: 720},
}

func main() {
	cdkOut := flag.String("cdk-out", "cdk.out", "the synthesized assembly")
	out := flag.String("out", "docs", "where the pictures are written")
	endpoint := flag.String("endpoint", "", "take the pictures of the page at this AWS endpoint, such as http://127.0.0.1:4566, as it is, and start nothing")
	minutes := flag.Int("minutes", 3, "how long payments come in before the pictures are taken, so that graphs have points; at most 30")
	flag.Parse()
	if flag.NArg() > 0 || *minutes < 1 || *minutes > 30 {
		fmt.Fprintln(os.Stderr, "pictures: takes no arguments; -minutes is 1 to 30")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *cdkOut, *endpoint, *out, time.Duration(*minutes)*time.Minute); err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, cdkOut, endpoint, out string, duration time.Duration) (err error) {
	b, end, err := browser.Start(ctx) // first: without one, nothing else is needed
	if err != nil {
		return err
	}
	defer end()
	if endpoint != "" {
		return take(b, endpoint, out)
	}
	sender, err := session.BuildSender(ctx, ".")
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(filepath.Dir(cdkOut), "pictures.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	egress := filepath.Join(filepath.Dir(cdkOut), "egress")
	secrets := sender.Secrets()
	s, err := session.Start(ctx, session.Options{
		Root: ".", CDKOut: cdkOut, Log: log, Flags: append(session.SecretFlags(secrets), "--egress", egress),
	})
	if err != nil {
		return fmt.Errorf("%w; see %s", err, log.Name())
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if err := traffic(ctx, s, sender, secrets, egress, duration); err != nil {
		return err
	}
	return take(b, s.Endpoint, out)
}

func take(b context.Context, endpoint, out string) error {
	for _, p := range pictures {
		if err := p.take(b, endpoint, out); err != nil {
			return fmt.Errorf("%s: %w", p.file, err)
		}
	}
	return nil
}

// amounts are of every tier, more of the small ones, as in life.
var amounts = []string{"12.90", "249.00", "1840.00", "35.50", "999.99", "12800.00", "88.00", "5200.00", "420.00", "15.00"}

// pace is the time between two payments.
const pace = 700 * time.Millisecond

// traffic sends payments until the duration has passed: your own, each provider's, repeated ones, and some that are rejected.
func traffic(ctx context.Context, s *session.Session, sender session.Sender, secrets map[string]string, egress string, duration time.Duration) error {
	var providers []string
	for name := range secrets {
		providers = append(providers, name)
	}
	slices.Sort(providers)
	tick := time.NewTicker(pace)
	defer tick.Stop()
	shown := time.Duration(0)
	for i, start := 0, time.Now(); time.Since(start) < duration; i++ {
		var err error
		switch provider := providers[i/4%len(providers)]; {
		case i%17 == 16: // not valid
			_, err = s.Post(ctx, "/webhook", "application/json", fmt.Appendf(nil, `{"transaction_id": "order_%d", "amount": -1}`, i))
		case i%4 == 3:
			args := []string{"--id", fmt.Sprintf("pay_%s_%d", provider, i)}
			if i%24 == 23 {
				args = append(args, "--tamper")
			}
			if sender.Providers[provider].Certificate {
				args = append(args, "--egress", egress)
			}
			_, err = s.Send(ctx, sender, provider, secrets[provider], args...)
		default:
			_, err = s.Post(ctx, "/webhook", "application/json", fmt.Appendf(nil,
				`{"transaction_id": "order_%d", "amount": %s, "currency": "EUR", "provider": "shop", "customer_id": "cust_%d"}`, i-i%11/10, amounts[i%len(amounts)], 700+i%40))
		}
		if err != nil {
			return err
		}
		if passed := time.Since(start).Truncate(30 * time.Second); passed > shown {
			shown = passed
			fmt.Printf("%s of %s: %d deliveries\n", passed, duration, i+1)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// timeout bounds one picture.
const timeout = 2 * time.Minute

// quality of the pictures, in percent: text stays sharp, and a picture is some ten kilobytes.
const quality = 82

func (p picture) take(b context.Context, endpoint, out string) error {
	ctx, closeTab := chromedp.NewContext(b)
	defer closeTab()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	scheme := "light"
	if p.dark {
		scheme = "dark"
	}
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	if err != nil {
		return err
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(p.width, p.height), chromedp.Navigate(endpoint+"/_local/"+p.view)); err != nil {
		return err
	}
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](p.ready, chromedp.WithPollingTimeout(timeout))); err != nil {
		return err
	}
	image, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatWebp, Quality: new(int64(quality))})
	if err != nil {
		return err
	}
	file := filepath.Join(out, p.file)
	if err := os.WriteFile(file, image.Data, 0o644); err != nil {
		return err
	}
	fmt.Printf("%s: %d bytes\n", file, len(image.Data))
	return nil
}
