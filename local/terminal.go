package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// terminal prints whole lines, whoever writes them.
type terminal struct {
	mu    sync.Mutex
	out   io.Writer
	quiet bool
}

func newTerminal(out io.Writer, quiet bool) *terminal { return &terminal{out: out, quiet: quiet} }

// say prints what the user must see.
func (t *terminal) say(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, format+"\n", args...) // nobody to tell when the terminal is gone
}

// line prints a line of a source, prefixed with its name, unless quiet.
func (t *terminal) line(source, text string) {
	if !t.quiet {
		t.say("%-22s | %s", source, text)
	}
}

// functionLine prints a function's log line. The platform's lines and metrics
// go to CloudWatch only: on the terminal they would bury the rest.
func (t *terminal) functionLine(source, text string) {
	if strings.HasPrefix(text, `{"time":`) && strings.Contains(text, `"type":"platform.`) ||
		strings.HasPrefix(text, "{") && strings.Contains(text, `"_aws":`) {
		return
	}
	t.line(source, text)
}

// logger logs for the parts of the local run itself. Warnings and errors are
// printed also when quiet: they are what went wrong.
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
	p.terminal.say("%-22s | %s", p.source, strings.TrimRight(string(text), "\n"))
	return len(text), nil
}
