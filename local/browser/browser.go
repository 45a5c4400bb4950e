// Package browser starts Chromium or Chrome, for tests of the local run's page and for pictures of it.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/chromedp/chromedp"
)

// commands of Chromium and Chrome, in the order in which they are tried.
var commands = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}

// ErrNone is returned where no browser is installed. The error says which were looked for.
var ErrNone = errors.New("no browser")

// Start starts a headless browser with a profile of its own, which end ends. Tabs are made by chromedp.NewContext
// of its context. The browser itself connects to nobody, as far as flags can tell it.
func Start(ctx context.Context) (browser context.Context, end func(), err error) {
	for _, name := range commands {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
			chromedp.NoSandbox, // containers have no user namespaces, and the pages are the local run's
			chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-gpu", true))
		allocator, cancel := chromedp.NewExecAllocator(ctx, options...)
		browser, cancelBrowser := chromedp.NewContext(allocator)
		end = func() { cancelBrowser(); cancel() }
		if err := chromedp.Do(browser); err != nil {
			end()
			return nil, nil, fmt.Errorf("%s does not start: %w", path, err)
		}
		return browser, end, nil
	}
	return nil, nil, fmt.Errorf("%w: none of %s is installed, such as by apt-get install chromium", ErrNone, strings.Join(commands, ", "))
}
