// Package page writes what commands measured into pages of the documentation.
package page

import (
	"fmt"
	"os"
	"strings"
)

// Replace replaces a block of a page, between the lines <!-- NAME --> and <!-- end NAME -->.
// The error names the block if the page has none.
func Replace(file, name, text string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	begin, end := "<!-- "+name+" -->\n", "<!-- end "+name+" -->\n"
	before, rest, found := strings.Cut(string(content), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return fmt.Errorf("%s has no block from %s to %s", file, strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return os.WriteFile(file, []byte(before+begin+"\n"+strings.TrimSpace(text)+"\n\n"+end+after), 0o644)
}
