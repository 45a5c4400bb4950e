// Package handlers_test holds what must be true of the module as a whole.
package handlers_test

import (
	"errors"
	"go/build"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "payment-webhooks/handlers/"

// imports returns the packages of the module, by their path below it, with what
// they import themselves. It reads the files itself, so that the test's result is
// not kept in the cache when one changes.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	graph := map[string][]string{}
	err := filepath.WalkDir(".", func(dir string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() || entry.Name() == "testdata" {
			return err
		}
		pkg, err := build.ImportDir(dir, 0)
		if _, none := errors.AsType[*build.NoGoError](err); none {
			return nil
		}
		graph[filepath.ToSlash(dir)] = pkg.Imports
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(graph) < 20 {
		t.Fatalf("%d packages: %v", len(graph), graph)
	}
	return graph
}

// Adapters are the packages beneath the port of a domain package, named by their
// technology. They alone speak to AWS or Lambda, beside what starts a function and
// what reports about it.
var adapters = []string{
	"awsclient",
	"internal/archive/lambdainvoke", "internal/archive/s3store", "internal/archive/schedule",
	"internal/digest/snstopic", "internal/digest/sqsbatch",
	"internal/fraud/stepfunctions",
	"internal/intake/apigateway", "internal/intake/sqsqueue",
	"internal/ledger/dynamodbledger",
	"internal/logrole/apigatewayaccount", "internal/logrole/customresource", "internal/logrole/iamroles",
	"operations/lookup", "operations/publication", "operations/quarantine", "operations/reconcile/table",
	"internal/relay/dynamodbstream", "internal/relay/eventbridgebus",
	"internal/secrets/awssecrets",
	"internal/startup", "internal/telemetry",
}

func TestLayers(t *testing.T) {
	mains := []string{"alert-digest", "api-gateway-account", "event-relay", "fraud-detector", "payment-reconciler", "transaction-archival", "webhook-validator"}
	graph := imports(t)
	for _, name := range append(slices.Clone(adapters), mains...) {
		if graph[name] == nil {
			t.Errorf("there is no package %s", name)
		}
	}
	for name, imported := range graph {
		for _, other := range imported {
			below, ours := strings.CutPrefix(other, module)
			// What is below operations wires for the operators' tool, as mains do for Lambda.
			wires := slices.Contains(mains, name) || strings.HasPrefix(name, "operations/")
			switch {
			case strings.HasPrefix(other, "github.com/aws/") && !slices.Contains(adapters, name) && !wires:
				t.Errorf("%s imports %s: the domain knows neither AWS nor Lambda", name, other)
			case ours && name == "contract":
				t.Errorf("%s imports %s: it holds constants only", name, other)
			case ours && slices.Contains(adapters[:len(adapters)-2], below) && !wires && !slices.Contains(adapters, name):
				t.Errorf("%s imports %s: only mains choose an adapter", name, other)
			case other == "testing" && !strings.HasSuffix(name, "test"):
				t.Errorf("%s imports testing", name)
			case ours && strings.HasSuffix(below, "test") && !strings.HasSuffix(name, "test"):
				t.Errorf("%s imports %s: no function runs on a test double", name, other)
			}
		}
	}
}
