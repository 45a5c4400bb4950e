package jsonpath

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const document = `{"a":{"b-c":[1,{"d e":2.50}]},"n":null}`

func value(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPath(t *testing.T) {
	cases := map[string]struct {
		notation Notation
		text     string
		want     string // "": there is no such node
	}{
		"the whole value":            {States, "$", document},
		"field and index":            {EventBridge, "$.a.b-c[0]", `1`},
		"names in brackets":          {States, `$.a['b-c'][1]["d e"]`, `2.50`},
		"null is a node":             {States, "$.n", `null`},
		"no such field":              {EventBridge, "$.x", ""},
		"no such element":            {EventBridge, "$.a.b-c[2]", ""},
		"a field of an array":        {States, "$.a['b-c'].d", ""},
		"an element of an object":    {States, "$.a[0]", ""},
		"a field of a number":        {States, "$.a['b-c'][0].x", ""},
		"a slash in a name":          {EventBridge, "$.a/b", ""},
		"a letter outside of ASCII":  {EventBridge, "$.größe", ""},
		"an index of several digits": {States, "$.a['b-c'][12]", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := c.notation.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			node, found := p.Find(value(t, document))
			raw, foundText := p.FindText([]byte(document))
			if found != (c.want != "") || foundText != found || string(raw) != c.want {
				t.Errorf("found %v %v, %v %s", found, node, foundText, raw)
			}
			if found {
				if diff := cmp.Diff(value(t, c.want), node); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			}
		})
	}
}

func TestParse_rejects(t *testing.T) {
	for name, c := range map[string]struct {
		notation Notation
		text     string
	}{
		"no dollar sign":               {States, "a.b"},
		"a wildcard":                   {States, "$.a[*]"},
		"a slice":                      {States, "$.a[0:1]"},
		"a filter":                     {States, "$.a[?(@.b)]"},
		"descendants":                  {States, "$..a"},
		"brackets in EventBridge":      {EventBridge, "$['a']"},
		"a blank in EventBridge":       {EventBridge, "$.a b"},
		"an index that is no integer":  {States, "$[99999999999999999999]"},
		"an index with a minus before": {States, "$[-1]"},
	} {
		if p, err := c.notation.Parse(c.text); err == nil {
			t.Errorf("%s: parsed as %s", name, p)
		}
	}
}

func TestPut(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"the whole value":         {"$", `"x"`},
		"a new object on the way": {"$.new.deep", `{"a":{"b-c":[1,{"d e":2.50}]},"n":null,"new":{"deep":"x"}}`},
		"an object for null":      {"$.n.m", `{"a":{"b-c":[1,{"d e":2.50}]},"n":{"m":"x"}}`},
		"an element":              {"$.a['b-c'][0]", `{"a":{"b-c":["x",{"d e":2.50}]},"n":null}`},
		"no such element":         {"$.a['b-c'][2]", ""},
		"a field of a number":     {"$.a['b-c'][0].y", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := States.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			before := value(t, document)
			got, err := p.Put(before, "x")
			if diff := cmp.Diff(value(t, document), before); diff != "" {
				t.Errorf("the value was changed (-want +got)\n%s", diff)
			}
			if c.want == "" {
				if err == nil {
					t.Errorf("got %v, want an error", got)
				}
				return
			}
			if diff := cmp.Diff(value(t, c.want), got); err != nil || diff != "" {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
		})
	}
}
