package emulator

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// terminal prints whole lines. It is safe for concurrent use.
type terminal struct {
	mu    sync.Mutex
	out   io.Writer
	quiet bool
}

// print prints a line, also when quiet.
func (t *terminal) print(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, format+"\n", args...) // an error means that the terminal is gone
}

// line prints a line of a source, prefixed with its name, unless quiet. Text of senders may be in it, which
// must not be a command to the terminal.
func (t *terminal) line(source, text string) {
	if !t.quiet {
		t.print("%-22s | %s", source, printable(text))
	}
}

// printable escapes control characters but for tabs and line breaks. JSON does so for those below U+0020
// only, and terminals also act on U+0080 to U+009F (ECMA-48, section 5.3).
func printable(text string) string {
	control := func(r rune) bool { return unicode.IsControl(r) && r != '\t' && r != '\n' }
	if utf8.ValidString(text) && !strings.ContainsFunc(text, control) {
		return text
	}
	var b strings.Builder
	for _, r := range text { // a byte that is no UTF-8 is U+FFFD
		if control(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// functionLine prints a function's log line. Lines of the platform and metrics go only to
// CloudWatch: on the terminal they would hide the others.
func (t *terminal) functionLine(source, text string) {
	if strings.HasPrefix(text, `{"time":`) && strings.Contains(text, `"type":"platform.`) ||
		strings.HasPrefix(text, "{") && strings.Contains(text, `"_aws":`) {
		return
	}
	t.line(source, text)
}

// logger returns the logger of a part of the local run. Warnings and errors are printed also
// when quiet.
func (t *terminal) logger(source string) *slog.Logger {
	level := slog.LevelInfo
	if t.quiet {
		level = slog.LevelWarn
	}
	return slog.New(slog.NewTextHandler(prefixed{t, source}, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

type prefixed struct {
	terminal *terminal
	source   string
}

func (p prefixed) Write(text []byte) (int, error) {
	p.terminal.print("%-22s | %s", p.source, strings.TrimRight(string(text), "\n"))
	return len(text), nil
}
