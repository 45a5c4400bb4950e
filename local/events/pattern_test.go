package events

import (
	"errors"
	"strings"
	"testing"
)

// patternCases are the examples of "Comparison operators for use in event patterns
// in Amazon EventBridge" (eb-create-pattern-operators), "Matching on arrays"
// (eb-event-patterns-arrays), "Null values and empty strings"
// (eb-event-patterns-null-values), with values on both sides, and behaviour that the guide
// leaves open and aws/event-ruler's source settles.
var patternCases = []struct {
	name    string
	pattern string
	event   string
	want    bool
}{
	{"equal string", `{"source":["aws.ec2"]}`, `{"source":"aws.ec2"}`, true},
	{"other string", `{"source":["aws.ec2"]}`, `{"source":"aws.ec3"}`, false},
	{"strings are case-sensitive", `{"source":["aws.ec2"]}`, `{"source":"AWS.ec2"}`, false},
	{"an array of values means or", `{"source":["a","b"]}`, `{"source":"b"}`, true},
	{"several fields mean and", `{"source":["a"],"region":["r"]}`, `{"source":"a","region":"s"}`, false},
	{"nested field", `{"detail":{"state":["terminated"]}}`, `{"detail":{"state":"terminated"}}`, true},
	{"missing field", `{"detail":{"state":["terminated"]}}`, `{"detail":{}}`, false},
	{"missing object", `{"detail":{"state":["terminated"]}}`, `{}`, false},
	{"scalar where an object is meant", `{"detail":{"state":["x"]}}`, `{"detail":"x"}`, false},
	{"object where a value is meant", `{"detail":["x"]}`, `{"detail":{"x":"x"}}`, false},
	{"boolean", `{"detail":{"b":[true]}}`, `{"detail":{"b":true}}`, true},
	{"boolean is no string", `{"detail":{"b":[true]}}`, `{"detail":{"b":"true"}}`, false},
	{"null", `{"detail":{"n":[null]}}`, `{"detail":{"n":null}}`, true},
	{"null is no empty string", `{"detail":{"n":[""]}}`, `{"detail":{"n":null}}`, false},
	{"empty string", `{"detail":{"n":[""]}}`, `{"detail":{"n":""}}`, true},
	{"null is not absence", `{"detail":{"n":[null]}}`, `{"detail":{}}`, false},
	{"number", `{"detail":{"n":[100]}}`, `{"detail":{"n":100}}`, true},
	{"number is no string", `{"detail":{"n":[100]}}`, `{"detail":{"n":"100"}}`, false},
	{"equal numbers with other texts", `{"detail":{"n":[300]}}`, `{"detail":{"n":3.0e2}}`, true},
	{"incomparable numbers with the same text", `{"detail":{"n":[0.12345678901234567890]}}`, `{"detail":{"n":0.12345678901234567890}}`, true},
	{"incomparable numbers with other texts", `{"detail":{"n":[0.12345678901234567890]}}`, `{"detail":{"n":0.1234567890123456789}}`, false},
	// localstack/localstack, test_event_pattern[dot_joining_…], recorded on AWS.
	{"dots in the event's name", `{"detail":{"state":{"status":["running"]}}}`, `{"detail":{"state.status":"running"}}`, true},
	{"dots in the pattern's name", `{"detail":{"state.status":["running"]}}`, `{"detail":{"state":{"status":"running"}}}`, true},
	{"dots in the pattern's name, below an array", `{"detail.items.x":[1]}`, `{"detail":{"items":[{"x":2},{"x":1}]}}`, true},
	{"dots in the event's name, another value", `{"detail":{"state":{"status":["running"]}}}`, `{"detail":{"state.status":"stopped"}}`, false},
	{"a field with and without dots", `{"a":{"b":[2],"c":[3]}}`, `{"a":{"b":1,"c":3},"a.b":2}`, true},

	{"array in the event", `{"resources":["b"]}`, `{"resources":["a","b"]}`, true},
	{"array in the event without the value", `{"resources":["c"]}`, `{"resources":["a","b"]}`, false},
	{"fields of one element", `{"detail":{"items":{"x":[1],"y":[2]}}}`, `{"detail":{"items":[{"x":1,"y":2},{"x":3,"y":4}]}}`, true},
	{"fields of different elements", `{"detail":{"items":{"x":[1],"y":[4]}}}`, `{"detail":{"items":[{"x":1,"y":2},{"x":3,"y":4}]}}`, false},
	{"empty array", `{"resources":["a"]}`, `{"resources":[]}`, false},

	{"prefix", `{"time":[{"prefix":"2017-10-02"}]}`, `{"time":"2017-10-02T18:43:48Z"}`, true},
	{"no prefix", `{"time":[{"prefix":"2017-10-02"}]}`, `{"time":"2018-10-02T18:43:48Z"}`, false},
	{"prefix of a number", `{"detail":{"n":[{"prefix":"1"}]}}`, `{"detail":{"n":12}}`, false},
	{"prefix ignoring case", `{"detail":{"service":[{"prefix":{"equals-ignore-case":"EventB"}}]}}`, `{"detail":{"service":"eventbridge"}}`, true},
	{"no prefix ignoring case", `{"detail":{"service":[{"prefix":{"equals-ignore-case":"EventB"}}]}}`, `{"detail":{"service":"even"}}`, false},
	{"suffix", `{"detail":{"FileName":[{"suffix":".png"}]}}`, `{"detail":{"FileName":"a.png"}}`, true},
	{"no suffix", `{"detail":{"FileName":[{"suffix":".png"}]}}`, `{"detail":{"FileName":"a.png.txt"}}`, false},
	{"suffix ignoring case", `{"detail":{"FileName":[{"suffix":{"equals-ignore-case":".png"}}]}}`, `{"detail":{"FileName":"a.PNG"}}`, true},
	{"ignoring case", `{"detail-type":[{"equals-ignore-case":"ec2 instance"}]}`, `{"detail-type":"EC2 Instance"}`, true},
	{"ignoring case, other text", `{"detail-type":[{"equals-ignore-case":"ec2 instance"}]}`, `{"detail-type":"EC2 Instances"}`, false},

	{"anything but a string", `{"detail":{"state":[{"anything-but":"initializing"}]}}`, `{"detail":{"state":"running"}}`, true},
	{"anything but this string", `{"detail":{"state":[{"anything-but":"initializing"}]}}`, `{"detail":{"state":"initializing"}}`, false},
	{"anything but: absent field", `{"detail":{"state":[{"anything-but":"initializing"}]}}`, `{"detail":{}}`, false},
	{"anything but a number", `{"detail":{"x":[{"anything-but":123}]}}`, `{"detail":{"x":123.0}}`, false},
	{"anything but a number, another", `{"detail":{"x":[{"anything-but":123}]}}`, `{"detail":{"x":124}}`, true},
	{"anything but several strings", `{"detail":{"state":[{"anything-but":["stopped","overloaded"]}]}}`, `{"detail":{"state":"overloaded"}}`, false},
	{"anything but several numbers", `{"detail":{"x":[{"anything-but":[100,200,300]}]}}`, `{"detail":{"x":201}}`, true},
	{"anything but a prefix", `{"detail":{"state":[{"anything-but":{"prefix":"init"}}]}}`, `{"detail":{"state":"initializing"}}`, false},
	{"anything but several prefixes", `{"detail":{"state":[{"anything-but":{"prefix":["init","error"]}}]}}`, `{"detail":{"state":"error-1"}}`, false},
	{"anything but a suffix", `{"detail":{"FileName":[{"anything-but":{"suffix":".txt"}}]}}`, `{"detail":{"FileName":"a.png"}}`, true},
	{"anything but, ignoring case", `{"detail":{"state":[{"anything-but":{"equals-ignore-case":["initializing","stopped"]}}]}}`, `{"detail":{"state":"STOPPED"}}`, false},
	{"anything but a wildcard", `{"detail":{"FilePath":[{"anything-but":{"wildcard":"*/lib/*"}}]}}`, `{"detail":{"FilePath":"/usr/lib/x"}}`, false},
	{"anything but a wildcard, other text", `{"detail":{"FilePath":[{"anything-but":{"wildcard":"*/lib/*"}}]}}`, `{"detail":{"FilePath":"/usr/bin/x"}}`, true},

	{"numeric range, inside", `{"detail":{"c":[{"numeric":[">",0,"<=",5]}]}}`, `{"detail":{"c":5}}`, true},
	{"numeric range, at the open end", `{"detail":{"c":[{"numeric":[">",0,"<=",5]}]}}`, `{"detail":{"c":0}}`, false},
	{"numeric equal", `{"detail":{"x":[{"numeric":["=",3.018e2]}]}}`, `{"detail":{"x":301.8}}`, true},
	{"numeric below", `{"detail":{"d":[{"numeric":["<",10]}]}}`, `{"detail":{"d":9.999999}}`, true},
	{"numeric of a string", `{"detail":{"d":[{"numeric":["<",10]}]}}`, `{"detail":{"d":"9"}}`, false},
	{"numeric: six billion", `{"detail":{"d":[{"numeric":[">",10000]}]}}`, `{"detail":{"d":6e9}}`, true},
	{"numeric: more digits than a double", `{"detail":{"d":[{"numeric":["<",10]}]}}`, `{"detail":{"d":0.12345678901234567890}}`, false},
	{"numeric: trailing zeros are no decimals", `{"detail":{"d":[{"numeric":["<",10]}]}}`, `{"detail":{"d":0.50000000000}}`, true},
	{"numeric: absurd exponent", `{"detail":{"d":[{"numeric":[">",0]}]}}`, `{"detail":{"d":1e999999999}}`, false},
	{"two matchers in one array mean or", `{"detail":{"d":[{"numeric":[">=",1000]},{"numeric":["<",1]}]}}`, `{"detail":{"d":0}}`, true},

	{"exists", `{"detail":{"state":[{"exists":true}]}}`, `{"detail":{"state":null}}`, true},
	{"exists, absent", `{"detail":{"state":[{"exists":true}]}}`, `{"detail":{}}`, false},
	{"exists looks at leaves only", `{"detail":[{"exists":true}]}`, `{"detail":{"state":"x"}}`, false},
	{"does not exist", `{"detail":{"state":[{"exists":false}]}}`, `{"detail":{"other":1}}`, true},
	{"does not exist, present", `{"detail":{"state":[{"exists":false}]}}`, `{"detail":{"state":"x"}}`, false},
	{"does not exist below an absent object", `{"detail":{"a":{"b":[{"exists":false}]}}}`, `{"detail":{}}`, true},
	{"does not exist in an empty array", `{"detail":{"a":{"b":[{"exists":false}]}}}`, `{"detail":{"a":[]}}`, true},
	{"numeric: absurdly small", `{"detail":{"d":[{"numeric":["<",1]}]}}`, `{"detail":{"d":1e-999999999}}`, false},
	{"does not exist in any element", `{"detail":{"a":{"b":[{"exists":false}]}}}`, `{"detail":{"a":[{"b":1},{"c":1}]}}`, false},

	{"wildcard", `{"detail":{"f":[{"wildcard":"dir/*.png"}]}}`, `{"detail":{"f":"dir/a/b.png"}}`, true},
	{"wildcard in the middle and at the end", `{"detail":{"f":[{"wildcard":"*/lib/*/x*"}]}}`, `{"detail":{"f":"/usr/lib/y/xz"}}`, true},
	{"wildcard does not match", `{"detail":{"f":[{"wildcard":"dir/*.png"}]}}`, `{"detail":{"f":"dir/a.jpg"}}`, false},
	{"wildcard parts do not overlap", `{"detail":{"f":[{"wildcard":"ab*ba"}]}}`, `{"detail":{"f":"aba"}}`, false},
	{"wildcard literal asterisk", `{"detail":{"f":[{"wildcard":"a\\*b"}]}}`, `{"detail":{"f":"a*b"}}`, true},
	{"wildcard literal asterisk only", `{"detail":{"f":[{"wildcard":"a\\*b"}]}}`, `{"detail":{"f":"axb"}}`, false},

	{"cidr", `{"detail":{"ip":[{"cidr":"10.0.0.0/24"}]}}`, `{"detail":{"ip":"10.0.0.255"}}`, true},
	{"cidr, outside", `{"detail":{"ip":[{"cidr":"10.0.0.0/24"}]}}`, `{"detail":{"ip":"10.0.1.0"}}`, false},

	{"or, first branch", `{"detail":{"$or":[{"c":[{"numeric":[">",0,"<=",5]}]},{"d":[{"numeric":["<",10]}]}]}}`, `{"detail":{"c":1,"d":50}}`, true},
	{"or, second branch", `{"detail":{"$or":[{"c":[{"numeric":[">",0,"<=",5]}]},{"d":[{"numeric":["<",10]}]}]}}`, `{"detail":{"c":9,"d":5}}`, true},
	{"or, no branch", `{"detail":{"$or":[{"c":[{"numeric":[">",0,"<=",5]}]},{"d":[{"numeric":["<",10]}]}]}}`, `{"detail":{"c":9,"d":50}}`, false},
	{"or and another field", `{"source":["a"],"$or":[{"x":[1]},{"y":[1]}]}`, `{"source":"b","x":1}`, false},
	{"or within an or", `{"$or":[{"x":[1]},{"$or":[{"y":[1]},{"z":[1]}]}]}`, `{"z":1}`, true},
	{
		"high value by number", `{"detail":{"$or":[{"amount":[{"numeric":[">",10000]}]},{"amount_beyond_matching":[true]}]}}`,
		`{"detail":{"amount":10000.01}}`, true,
	},
	{
		"high value beyond matching", `{"detail":{"$or":[{"amount":[{"numeric":[">",10000]}]},{"amount_beyond_matching":[true]}]}}`,
		`{"detail":{"amount":6000000000,"amount_beyond_matching":true}}`, true,
	},
}

func TestPattern(t *testing.T) {
	t.Run("matches as EventBridge documents", func(t *testing.T) {
		for _, c := range patternCases {
			t.Run(c.name, func(t *testing.T) {
				p, err := ParsePattern([]byte(c.pattern))
				if err != nil {
					t.Fatal(err)
				}
				got, err := p.Matches([]byte(c.event))
				if err != nil {
					t.Fatal(err)
				}
				if got != c.want {
					t.Errorf("pattern %s on event %s: got %t, want %t", c.pattern, c.event, got, c.want)
				}
			})
		}
	})
}

func TestParsePattern(t *testing.T) {
	t.Run("rejects a pattern by name", func(t *testing.T) {
		cases := map[string]struct{ pattern, want string }{
			"not JSON":                 {`{`, "EOF"},
			"not an object":            {`[]`, "must be a JSON object"},
			"empty object":             {`{"detail":{}}`, "detail: empty objects"},
			"empty array":              {`{"source":[]}`, "source: empty arrays"},
			"bare value":               {`{"source":"x"}`, "source: must be an object or an array"},
			"unknown operator":         {`{"detail":{"a":[{"regex":"x"}]}}`, `detail.a: operator "regex" is not supported`},
			"two keys":                 {`{"a":[{"prefix":"x","suffix":"y"}]}`, "one key, not 2"},
			"range the wrong way":      {`{"a":[{"numeric":["<",5,">",0]}]}`, "lower bound followed by an upper bound"},
			"empty range":              {`{"a":[{"numeric":[">",5,"<",5]}]}`, "must not be empty"},
			"bound beyond a double":    {`{"a":[{"numeric":[">",1e309]}]}`, "none that EventBridge compares"},
			"bound as text":            {`{"a":[{"numeric":[">","5"]}]}`, "needs a number"},
			"numeric operator":         {`{"a":[{"numeric":["==",5]}]}`, "not one of"},
			"mixed anything-but":       {`{"a":[{"anything-but":["x",1]}]}`, "strings only or numbers only"},
			"anything-but null":        {`{"a":[{"anything-but":null}]}`, "anything-but takes"},
			"anything-but unknown":     {`{"a":[{"anything-but":{"numeric":["=",1]}}]}`, "anything-but"},
			"anything-but no prefix":   {`{"a":[{"anything-but":{"prefix":""}}]}`, "empty prefix"},
			"or with one branch":       {`{"$or":[{"a":[1]}]}`, "at least two"},
			"or of values":             {`{"$or":[1,2]}`, "objects only"},
			"operator as a field name": {`{"$or":[{"numeric":[1]},{"a":[1]}]}`, "reserved name"},
			"consecutive asterisks":    {`{"a":[{"wildcard":"x**y"}]}`, "consecutive asterisks"},
			"exists of text":           {`{"a":[{"exists":"yes"}]}`, "exists takes true or false"},
			"cidr of text":             {`{"a":[{"cidr":"x"}]}`, "cidr"},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				_, err := ParsePattern([]byte(c.pattern))
				if !errors.Is(err, ErrPattern) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got error %v, want one that says %q", err, c.want)
				}
			})
		}
	})
	t.Run("names every problem", func(t *testing.T) {
		_, err := ParsePattern([]byte(`{"a":[{"regex":"x"}],"b":[],"c":{"d":[{"numeric":[1]}]}}`))
		for _, want := range []string{"a: operator", "b: empty arrays", "c.d: numeric"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v does not say %q", err, want)
			}
		}
	})
}

// TestNumbers has the numbers that versions of event-ruler compare differently. Those of Doubles
// are from event-ruler's ComparableNumberTest and RangeTest, and from the definition of its
// ComparableNumber.
func TestNumbers(t *testing.T) {
	const (
		both, doubles, none = "both", "doubles", "none"
	)
	for number, compared := range map[string]string{
		"0": both, "-0.0": both, "1e2": both, "5000000000": both, "-5000000000": both, "4999999999.999999": both, "0.000001": both,
		"0.50000000000": both, "123.456000000000000000000": both,
		"5000000000.01": doubles, "6e9": doubles, "-5000000001": doubles, "500000000000.01": doubles, "9999999999999.99": doubles, "999999999999999": doubles,
		"0.0000001": doubles, "27.80780792169409": doubles, "1.7976931348623157e308": doubles, "5e-324": doubles,
		// Their double is another number.
		"0.12345678901234567890": none, "9007199254740993": none, "99999999999999.999": none,
		"1e309": none, "1e999999999": none, "1e-400": none, "1e-999999999": none,
	} {
		t.Run("when the number is "+number, func(t *testing.T) {
			for numbers, want := range map[Numbers]bool{SixDecimals: compared == both, Doubles: compared != none} {
				p, err := numbers.ParsePattern([]byte(`{"a":[{"numeric":["<",1]},{"numeric":[">=",1]}]}`))
				if err != nil {
					t.Fatal(err)
				}
				got, err := p.Matches([]byte(`{"a":` + number + `}`))
				if err != nil {
					t.Fatal(err)
				}
				if got != want {
					t.Errorf("version %d: compared: %t, want %t", numbers, got, want)
				}
			}
		})
	}
	t.Run("when neighbours have six decimals, their order is kept", func(t *testing.T) {
		for _, numbers := range []Numbers{Doubles, SixDecimals} {
			p, err := numbers.ParsePattern([]byte(`{"a":[{"numeric":["<",4999999999.999999]}]}`))
			if err != nil {
				t.Fatal(err)
			}
			for number, want := range map[string]bool{"4999999999.999998": true, "4999999999.999999": false, "5000000000": false} {
				if got, err := p.Matches([]byte(`{"a":` + number + `}`)); got != want || err != nil {
					t.Errorf("version %d, %s: %t, %v", numbers, number, got, err)
				}
			}
		}
	})
}
