//go:build !race

// The jsii runtime's Go side is not free of data races, so everything that
// starts it is left out under -race; it has no concurrency of ours to check.

package constructs

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// TestMain starts jsii on the Node.js that package.json pins, where that is
// installed, and ends the one jsii process of all tests.
func TestMain(m *testing.M) {
	if pinned, err := filepath.Abs("../node_modules/.bin"); err == nil {
		os.Setenv("PATH", pinned+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	code := m.Run()
	os.Stderr, _ = os.OpenFile(os.DevNull, os.O_WRONLY, 0) // see app.go
	jsii.Close()
	os.Exit(code)
}

// resource is one of the template.
type resource struct {
	Type                string
	Properties          map[string]any
	DependsOn           any
	DeletionPolicy      string
	UpdateReplacePolicy string
}

// template is the synthesized stack.
type template struct {
	t         *testing.T
	text      []byte            // as written
	assets    []byte            // the stack's asset manifest
	dir       string            // the cloud assembly, for as long as the test lasts that synthesized it
	files     map[string][]byte // JSON files in it, by name
	Resources map[string]resource
	Outputs   map[string]struct{ Value any }
}

// synthesize builds a stack the way the CDK CLI does: a binary that is run
// directly does not see the feature flags in cdk.json, and without them the
// template is another one. Aspects look at the stack and do not change it.
func synthesize(t *testing.T, cfg Config, aspects ...awscdk.IAspect) template {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Fatalf("synthesize: %v", r)
		}
	}()
	text, err := os.ReadFile("../cdk.json")
	if err != nil {
		t.Fatal(err)
	}
	var settings struct{ Context map[string]any }
	if err := json.Unmarshal(text, &settings); err != nil {
		t.Fatal(err)
	}
	settings.Context["aws:cdk:enable-path-metadata"] = true
	// What aspects find is for the tests to judge, and fails no synthesis.
	settings.Context["@aws-cdk/core:annotationsInValidationReport"] = len(aspects) == 0
	dir := t.TempDir()
	app := awscdk.NewApp(&awscdk.AppProps{
		Outdir: jsii.String(dir), Context: &settings.Context, AnalyticsReporting: jsii.Bool(false),
	})
	stack := NewStack(app, cfg)
	for _, aspect := range aspects {
		awscdk.Aspects_Of(stack).Add(aspect, nil)
	}
	app.Synth(nil)
	return readTemplate(t, dir, cfg.StackName())
}

func readTemplate(t *testing.T, dir, stack string) template {
	t.Helper()
	read := func(name string) []byte {
		content, err := os.ReadFile(filepath.Join(dir, stack+name))
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	got := template{t: t, dir: dir, text: read(".template.json"), assets: read(".assets.json"), files: map[string][]byte{}}
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if got.files[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.Unmarshal(got.text, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func config(t *testing.T, env map[string]string) Config {
	t.Helper()
	cfg, err := configFromEnv(getenvFrom(env))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

var defaultOnce sync.Once

var defaultTemplate template

// stack is the template of the default configuration, synthesized once, and looked at by
// cdk-nag.
func stack(t *testing.T) template {
	t.Helper()
	defaultOnce.Do(func() { defaultTemplate = synthesize(t, config(t, nil), nagPacks()...) })
	if defaultTemplate.Resources == nil {
		t.Fatal("synthesis failed before")
	}
	got := defaultTemplate
	got.t = t
	return got
}

// warns reports whether the synthesis made a warning with this id.
func (s template) warns(id string) bool {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "*.json"))
	if err != nil || len(files) == 0 {
		s.t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			s.t.Fatal(err)
		}
		if strings.Contains(string(text), "payment-webhooks:"+id) {
			return true
		}
	}
	return false
}

// all are the logical ids of a type, sorted.
func (s template) all(resourceType string) []string {
	var ids []string
	for id, r := range s.Resources {
		if r.Type == resourceType {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// named finds the resource of a type whose property has a value.
func (s template) named(resourceType, property, value string) (string, resource) {
	s.t.Helper()
	for _, id := range s.all(resourceType) {
		if s.render(s.Resources[id].Properties[property]) == value {
			return id, s.Resources[id]
		}
	}
	s.t.Fatalf("no %s with %s %s", resourceType, property, value)
	return "", resource{}
}

// only is the one resource of a type.
func (s template) only(resourceType string) (string, resource) {
	s.t.Helper()
	ids := s.all(resourceType)
	if len(ids) != 1 {
		s.t.Fatalf("want one %s, got %q", resourceType, ids)
	}
	return ids[0], s.Resources[ids[0]]
}

// render writes a value with its intrinsic functions in the notation of
// Fn::Sub: ${Id}, ${Id.Attribute}, ${AWS::Region}. What is no string and no
// intrinsic becomes JSON, with its keys in order.
func (s template) render(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case map[string]any:
		if len(v) == 1 {
			if id, ok := v["Ref"].(string); ok {
				return "${" + id + "}"
			}
			if path, ok := v["Fn::GetAtt"].([]any); ok {
				return fmt.Sprintf("${%s.%s}", path[0], path[1])
			}
			if join, ok := v["Fn::Join"].([]any); ok {
				var parts []string
				for _, part := range join[1].([]any) {
					parts = append(parts, s.render(part))
				}
				return strings.Join(parts, join[0].(string))
			}
		}
		var fields []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			fields = append(fields, fmt.Sprintf("%q:%s", key, s.renderInside(v[key])))
		}
		return "{" + strings.Join(fields, ",") + "}"
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, s.renderInside(item))
		}
		return "[" + strings.Join(items, ",") + "]"
	default:
		text, err := json.Marshal(v)
		if err != nil {
			s.t.Fatal(err)
		}
		return string(text)
	}
}

func (s template) renderInside(value any) string {
	text := s.render(value)
	if _, ok := value.(string); ok || strings.HasPrefix(text, "${") || isJoin(value) {
		quoted, err := json.Marshal(text)
		if err != nil {
			s.t.Fatal(err)
		}
		return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(quoted))
	}
	return text
}

func isJoin(value any) bool {
	object, ok := value.(map[string]any)
	return ok && object["Fn::Join"] != nil
}

// at follows keys and indices into a resource's properties.
func (r resource) at(path ...any) any {
	var value any = r.Properties
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, ok := value.(map[string]any)
			if !ok {
				return nil
			}
			value = object[step]
		case int:
			list, ok := value.([]any)
			if !ok || step >= len(list) {
				return nil
			}
			value = list[step]
		}
	}
	return value
}

// expect compares properties, given as JSON-like text of their rendered value.
func (s template) expect(r resource, want map[string]string) {
	s.t.Helper()
	for _, property := range slices.Sorted(maps.Keys(want)) {
		var path []any
		for step := range strings.SplitSeq(property, ".") {
			path = append(path, step)
		}
		got := "absent"
		if value := r.at(path...); value != nil {
			got = s.render(value)
		}
		if got != want[property] {
			s.t.Errorf("%s %s: got %s, want %s", r.Type, property, got, want[property])
		}
	}
}
