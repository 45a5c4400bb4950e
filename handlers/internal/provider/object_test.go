package provider_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/provider"
)

func TestParseObject(t *testing.T) {
	nested := func(depth int) string { // the object around it is a level, too
		return `{"a":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
	}
	many := func(values int) string { // object and list are two
		return `{"a":[0` + strings.Repeat(",0", values-3) + `]}`
	}
	named := func(bytes int) string { return `{"` + strings.Repeat("x", bytes) + `":0}` }
	for _, tt := range []struct {
		name, body string
		good       bool
	}{
		{"an object", `{"a":1}`, true},
		{"nothing in it", ` {} `, true},
		{"as deep as may be", nested(32), true},
		{"deeper", nested(33), false},
		{"very deep", nested(10_000), false},
		{"deep without end", strings.Repeat(`{"a":`, 50_000), false},
		{"as many values as may be", many(10_000), true},
		{"one more", many(10_001), false},
		{"a name as long as may be", named(255), true},
		{"a longer name", named(256), false},
		{"no name", named(0), false},
		{"empty", "", false},
		{"not JSON", "a=1&b=2", false},
		{"cut off", `{"a":1,`, false},
		{"two", `{"a":1} {"a":1}`, false},
		{"a list", `[{"a":1}]`, false},
		{"a text", `"a"`, false},
		{"null", `null`, false},
		{"twice the same name", `{"a":1,"a":2}`, false},
		{"twice the same name further in", `{"a":{"b":1,"b":2}}`, false},
		{"not UTF-8", "{\"a\":\"\xff\"}", false},
		{"a number without end", `{"a":` + strings.Repeat("9", 100_000) + `}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, err := provider.ParseObject([]byte(tt.body))
			if tt.good != (err == nil) || tt.good != (o != nil) {
				t.Errorf("%d members, %v", len(o), err)
			}
		})
	}
}

func TestParseObjectOnly(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		good       bool
	}{
		{"members of all kinds", `{"skipped":[{"a":1e999}],"read":{"b":"c"},"other":"x"}`, true},
		{"one of two names", `{"read":{"b":"c"}}`, true},
		{"a name twice, skipped", `{"read":{"b":"c"},"skipped":1,"skipped":2}`, false},
		{"a name twice, read", `{"read":{"b":"c"},"read":{}}`, false},
		{"a name twice within what is skipped", `{"read":{"b":"c"},"skipped":{"a":1,"a":2}}`, false},
		{"an error in what is skipped", `{"read":{"b":"c"},"skipped":[1,}`, false},
		{"a number that cannot be stored", `{"read":{"b":1e999}}`, false},
		{"nothing after it", `{"read":{"b":"c"}`, false},
		{"something after it", `{"read":{"b":"c"}} 1`, false},
		{"a list", `[]`, false},
		{"null", `null`, false},
	} {
		t.Run("with "+tt.name, func(t *testing.T) {
			o, err := provider.ParseObject([]byte(tt.body), "read", "absent")
			if tt.good != (err == nil) || tt.good && (len(o) != 1 || o.Object("read").Text("b") != "c") {
				t.Errorf("%v, %v", o, err)
			}
		})
	}
}

// The reason goes into logs and alarms.
func TestParseObjectError(t *testing.T) {
	for _, body := range []string{
		`{"4111":4111,}`, `{"4111":1,"4111":2}`, `{"4111":4111e999}`, `"4111"`, `{} 4111`, `{"` + strings.Repeat("4111", 64) + `":0}`,
	} {
		if _, err := provider.ParseObject([]byte(body)); err == nil || strings.Contains(err.Error(), "4111") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestObject(t *testing.T) {
	o, err := provider.ParseObject([]byte(`{"text":"a","number":1.50,"object":{"text":"b"},"list":[{"text":"c"},"d"],"null":null}`))
	if err != nil {
		t.Fatal(err)
	}
	if o.Text("text") != "a" || o.Number("number") != "1.5" || o.Object("object").Text("text") != "b" {
		t.Errorf("%v", o)
	}
	if list := o.List("list"); len(list) != 2 || list[0].Text("text") != "c" || list[1] != nil {
		t.Errorf("list: %v", list)
	}
	for _, name := range []string{"absent", "null", "text", "number", "object", "list"} {
		for _, got := range []struct {
			as    string
			there bool
		}{
			{"text", o.Text(name) != ""}, {"number", o.Number(name) != ""}, {"object", o.Object(name) != nil}, {"list", len(o.List(name)) > 0},
		} {
			if got.there != (got.as == name) {
				t.Errorf("%s read as %s is there: %t", name, got.as, got.there)
			}
		}
	}
	if o.Object("absent").Object("of").Text("absent") != "" {
		t.Error("an absent object has members")
	}
}

func TestMetadata(t *testing.T) {
	got := provider.Metadata(map[string]any{"b": "1", "a": false, "empty": "", "own": map[string]any{"empty": ""}})
	if diff := cmp.Diff(`{"a":false,"b":"1","own":{"empty":""}}`, got.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got := provider.Metadata(map[string]any{"empty": ""}); !got.IsZero() {
		t.Errorf("%s, want none", got)
	}
}
