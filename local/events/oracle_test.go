package events

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// motoMatcher reads pairs of pattern and event and prints whether moto matches them. moto's API
// TestEventPattern returns nothing, so its matcher is called as a library.
const motoMatcher = `
import json, sys
from moto.events.models import EventPattern
print(json.dumps([EventPattern(p, json.loads(p)).matches_event(json.loads(e)) for p, e in json.load(sys.stdin)]))
`

// motoDiffers are the cases in which moto 5.2.1 is known to be wrong: AWS's
// documentation or aws/event-ruler says otherwise.
var motoDiffers = map[string]string{
	"fields of one element":                      "moto does not look into arrays of objects",
	"numeric: more digits than a double":         "moto compares any number as a double",
	"numeric: absurdly small":                    "moto compares zero",
	"numeric: absurd exponent":                   "moto compares infinity",
	"incomparable numbers with other texts":      "moto compares any number as a double",
	"dots in the pattern's name, below an array": "moto does not look into arrays of objects",
	"does not exist in any element":              "moto does not look into arrays of objects",
}

// TestPattern_moto compares the matcher with another implementation.
func TestPattern_moto(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not on the PATH: nothing to compare with")
	}
	if err := exec.Command(python, "-c", "import moto.events.models").Run(); err != nil {
		t.Skip("python3 has no moto (pip install 'moto[server]==5.2.1'): nothing to compare with")
	}
	pairs := make([][2]string, len(patternCases))
	for i, c := range patternCases {
		pairs[i] = [2]string{c.pattern, c.event}
	}
	stdin, err := json.Marshal(pairs)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(python, "-c", motoMatcher)
	command.Stdin = strings.NewReader(string(stdin))
	stdout, err := command.Output()
	if err != nil {
		t.Fatalf("moto's matcher: %v", err)
	}
	var results []bool
	if err := json.Unmarshal(stdout, &results); err != nil {
		t.Fatal(err)
	}
	for i, c := range patternCases {
		t.Run(c.name, func(t *testing.T) {
			p, err := ParsePattern([]byte(c.pattern))
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.Matches([]byte(c.event))
			if err != nil {
				t.Fatal(err)
			}
			reason, differs := motoDiffers[c.name]
			if agrees := got == results[i]; agrees == differs {
				t.Errorf("pattern %s on event %s: got %t, moto says %t (known difference: %q)", c.pattern, c.event, got, results[i], reason)
			}
		})
	}
}
