package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Marker is the first line of the Markdown: the comment of an earlier run is found by it.
const Marker = "<!-- scripts/review -->"

// maxComment keeps the Markdown within what a comment on GitHub may have, 65 536 characters.
const maxComment = 60_000

// maxValue bounds a value in the table; JSON has all of it.
const maxValue = 600

// label is the label of a pull request that allows a destructive change.
const label = "allow-destructive"

// headings of the sections, as they appear in the table.
var headings = map[section]string{
	destroyed: "⛔ **DESTROYS**", unsure: "❓ **not judged**", protections: "🛡 protection", permissions: "🔑 permissions",
	routing: "💱 routing", alarms: "🔔 alarms", cost: "💵 cost", others: "everything else",
}

// markdown writes the report as one table.
func (r *report) markdown(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n### Review of the stack: %s → %s\n\n", Marker, code(r.Base), code(r.Head))
	switch r.Result {
	case resultDestructive:
		fmt.Fprintf(&b, "**⛔ Destructive: %s.** If that is meant, add the label `%s`, or run with `--allow destructive`.\n\n", plural(r.Destructive, "change"), label)
	case resultAllowed:
		fmt.Fprintf(&b, "**⛔ Destructive: %s, allowed by the label `%s`.**\n\n", plural(r.Destructive, "change"), label)
	default:
		b.WriteString("Nothing that holds data, and nothing that users know by name, is replaced or deleted.\n\n")
	}
	b.WriteString("| | resource | what | before | after |\n|---|---|---|---|---|\n")
	left := 0
	for _, row := range r.Rows {
		resource := ""
		if row.LogicalID != "" {
			resource = code(row.Name) + " " + text(row.Type)
		}
		line := fmt.Sprintf("| %s | %s | %s | %s | %s |\n", headings[row.Section], resource, text(row.What), code(shorten(row.Before)), code(shorten(row.After)))
		if b.Len()+len(line) > maxComment {
			left++
			continue
		}
		b.WriteString(line)
	}
	if left > 0 {
		fmt.Fprintf(&b, "| … | | %s more: run `scripts/review` | | |\n", plural(left, "row"))
	}
	if c := r.Cost; c != nil {
		fmt.Fprintf(&b, "| %s | | US dollars a month for a million transactions | `%.2f` | `%.2f` |\n", headings[cost], c.Before, c.After)
		fmt.Fprintf(&b, "| %s | | of which without transactions | `%.2f` | `%.2f` |\n", headings[cost], c.IdleBefore, c.IdleAfter)
	}
	if len(r.Counts) == 0 {
		fmt.Fprintf(&b, "| %s | | nothing | | |\n", headings[others])
	}
	for _, n := range r.Counts {
		var all []string
		for _, part := range []struct {
			count int
			what  action
		}{{n.Added, added}, {n.Changed, updated}, {n.Replaced, replaced}, {n.Removed, removed}} {
			if part.count > 0 {
				all = append(all, fmt.Sprintf("%d %s", part.count, part.what))
			}
		}
		line := fmt.Sprintf("| %s | %s | %s | | |\n", headings[others], text(n.Type), strings.Join(all, ", "))
		if b.Len()+len(line) > maxComment+2_000 {
			break
		}
		b.WriteString(line)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (r *report) json(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func shorten(value string) string {
	if runes := []rune(value); len(runes) > maxValue {
		return string(runes[:maxValue]) + "…"
	}
	return value
}

// code writes a value as a code span in a cell of a table: nothing in it formats or mentions.
func code(value string) string {
	if value == "" {
		return ""
	}
	value = strings.Map(func(r rune) rune {
		switch {
		case r == '`':
			return '\''
		case unicode.IsControl(r):
			return ' '
		}
		return r
	}, value)
	return "`" + strings.ReplaceAll(value, "|", `\|`) + "`"
}

// text writes words in a cell of a table. What templates contribute to them, such as logical
// ids and names of properties, is escaped.
func text(value string) string {
	var b strings.Builder
	for _, r := range value {
		switch {
		case unicode.IsControl(r):
			b.WriteByte(' ')
		case strings.ContainsRune("\\`*_[]<>|#~!&@", r):
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
