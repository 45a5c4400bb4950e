package session

import (
	"strings"
	"testing"
)

func TestFilterPattern(t *testing.T) {
	for name, c := range map[string]struct{ part, want string }{
		"is none when everything is wanted":                  {"", ""},
		"is none when there are only quotes":                 {`""`, ""},
		"is the text when it has no quotes":                  {"ExecutionSucceeded", `"ExecutionSucceeded"`},
		"is what is between the quotes when it is in quotes": {`"txn_1_2"`, `"txn_1_2"`},
		"is the longest stretch when there are several":      {`"transaction_id":"txn_1_2"`, `"transaction_id"`},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if p := filterPattern(c.part); p != nil {
				got = *p
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if !strings.Contains(c.part, strings.Trim(got, `"`)) {
				t.Errorf("%s is not in %s: lines would be missed", got, c.part)
			}
		})
	}
}
