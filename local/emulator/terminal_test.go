package emulator

import (
	"strings"
	"testing"
)

func TestTerminal(t *testing.T) {
	t.Run("when a function's line has commands to the terminal, they are shown as text", func(t *testing.T) {
		for text, want := range map[string]string{
			"{\"id\":\"\u009b2J\"}":       `{"id":"\u009b2J"}`,
			"panic: \x1b]0;title\a\r\x7f": `panic: \u001b]0;title\u0007\u000d\u007f`,
			"a\x9b2Jb":                    "a\ufffd2Jb",
			"goroutine 1:\n\tmain.go é":   "goroutine 1:\n\tmain.go é",
		} {
			var out strings.Builder
			(&terminal{out: &out}).functionLine("validator", text)
			if got := strings.TrimPrefix(out.String(), "validator              | "); got != want+"\n" {
				t.Errorf("%q: %q, want %q", text, got, want)
			}
		}
	})
}
