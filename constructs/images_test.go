//go:build !race

package constructs

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
)

// handlerNames are all handlers, sorted.
var handlerNames = []string{contract.AlertDigest, contract.APIGatewayAccount, contract.EventRelay, contract.FraudDetector, contract.PaymentReconciler, contract.TransactionArchival, contract.WebhookValidator}

// imageHashes returns the asset hash of each handler's image, built from the
// handlers' module in root.
func imageHashes(t *testing.T, root string) map[string]string {
	t.Helper()
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(t.TempDir())})
	images := awscdk.NewStack(app, jsii.String("Images"), nil)
	for _, handler := range handlerNames {
		newFunction(images, handler, functionProps{Handler: handler, Suffix: "dev", Code: imagesFrom(root)})
	}
	assets, err := os.ReadFile(filepath.Join(*app.Synth(nil).Directory(), "Images.assets.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		DockerImages map[string]struct {
			Source struct{ DockerBuildArgs map[string]string }
		}
	}
	if err := json.Unmarshal(assets, &manifest); err != nil {
		t.Fatal(err)
	}
	hashes := map[string]string{}
	for hash, image := range manifest.DockerImages {
		hashes[image.Source.DockerBuildArgs["HANDLER"]] = hash
	}
	if diff := cmp.Diff(handlerNames, slices.Sorted(maps.Keys(hashes))); diff != "" {
		t.Fatalf("images (-want +got):\n%s", diff)
	}
	return hashes
}

// checkout is a copy of the repository that a test may edit. It returns the
// repository's root.
func checkout(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.CopyFS(filepath.Join(root, "handlers"), os.DirFS("../handlers")); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestImages(t *testing.T) {
	root := checkout(t)
	module := filepath.Join(root, "handlers")
	before := imageHashes(t, module)

	all := handlerNames
	for _, tt := range []struct {
		name    string
		edited  []string // files of the repository
		changed []string // handlers
	}{
		{"stay when what is outside the handlers' module is edited", []string{
			"go.mod", "go.sum", "cdk.json", "README.md", ".env", "app.go", "constructs/stack.go", "local/main.go", "scripts/demo",
			"docs/operations.md", "examples/sender/main.go", "node_modules/x/index.js", "build/synth", ".git/HEAD",
		}, nil},
		{"stay when a test, testdata or a page of the module is edited", []string{
			"handlers/event-relay/main_test.go", "handlers/internal/money/testdata/seed", "handlers/event-relay/README.md",
			"handlers/README.md", "handlers/internal/ledger/ledgertest/memory.go",
			"handlers/internal/provider/stripe/send.go", "handlers/internal/provider/send.go", "handlers/providers/providerstest/formpay.go",
			"handlers/operations/reconcile/reconciletest/server.go", "handlers/operations/reconcile/table/table.go",
		}, nil},
		{"follow their own main", []string{"handlers/event-relay/main.go"}, []string{contract.EventRelay}},
		{"follow a package that one handler imports", []string{"handlers/internal/intake/intake.go"}, []string{contract.WebhookValidator}},
		{"follow a fraud rule where it is applied alone", []string{"handlers/internal/fraud/rules/rules.go"}, []string{contract.FraudDetector}},
		{"follow the digest where it is sent", []string{"handlers/internal/digest/message.go"}, []string{contract.AlertDigest}},
		{"follow a provider's API where it is called", []string{"handlers/internal/provider/stripe/stripeapi/api.go"}, []string{contract.PaymentReconciler}},
		{"follow a provider's decoder", []string{"handlers/internal/provider/stripe/refund.go"}, []string{contract.PaymentReconciler, contract.WebhookValidator}},
		{"follow the list of providers", []string{"handlers/providers/providers.go"}, []string{contract.WebhookValidator}},
		{"follow a package that four handlers import", []string{"handlers/internal/event/detail.go"}, []string{contract.AlertDigest, contract.EventRelay, contract.FraudDetector, contract.TransactionArchival}},
		{"follow the account's role where it is set", []string{"handlers/internal/logrole/logrole.go"}, []string{contract.APIGatewayAccount}},
		{"follow a package that every handler of transactions imports", []string{"handlers/internal/money/money.go"}, slices.DeleteFunc(slices.Clone(all), func(handler string) bool {
			return handler == contract.APIGatewayAccount
		})},
		{"follow a package that every handler imports", []string{"handlers/internal/telemetry/log.go"}, all},
		{"follow a new file of a package", []string{"handlers/internal/archive/more.go"}, []string{contract.TransactionArchival}},
		{"follow the contract", []string{"handlers/contract/contract.go"}, all},
		{"follow the module's dependencies", []string{"handlers/go.mod"}, all},
		{"follow the checksums of those", []string{"handlers/go.sum"}, all},
		{"follow the Dockerfile", []string{"handlers/Dockerfile"}, all},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, name := range tt.edited {
				edit(t, filepath.Join(root, name))
			}
			after := imageHashes(t, module)
			var changed []string
			for _, handler := range handlerNames {
				if before[handler] != after[handler] {
					changed = append(changed, handler)
				}
			}
			if diff := cmp.Diff(tt.changed, changed); diff != "" {
				t.Errorf("edits of %q changed (-want +got):\n%s", tt.edited, diff)
			}
			before = after
		})
	}
}

// edit adds a comment to a file, or makes the file.
func edit(t *testing.T, name string) {
	t.Helper()
	content, err := os.ReadFile(name)
	switch {
	case os.IsNotExist(err) && strings.HasSuffix(name, ".go"):
		content = []byte("package " + filepath.Base(filepath.Dir(name)) + "\n")
	case err != nil && !os.IsNotExist(err):
		t.Fatal(err)
	}
	comment := "// edited\n"
	if filepath.Base(name) == "Dockerfile" {
		comment = "# edited\n"
	}
	write(t, name, string(content)+comment)
}

// The context of an image is complete: what the compiler needs is all that is
// staged, for each handler.
func TestImageContext(t *testing.T) {
	for _, handler := range handlerNames {
		t.Run("leaves out what "+handler+" does not import", func(t *testing.T) {
			unused, err := unusedPackages(config(t, nil).SourceRoot, handler)
			if err != nil {
				t.Fatal(err)
			}
			for _, other := range handlerNames {
				if slices.Contains(unused, other) == (other == handler) {
					t.Errorf("patterns %q", unused)
				}
			}
			if slices.Contains(unused, "contract") || !slices.Contains(unused, "internal/ledger/ledgertest") && !slices.Contains(unused, "internal/ledger") {
				t.Errorf("patterns %q", unused)
			}
		})
	}
	t.Run("is let in by .dockerignore", func(t *testing.T) {
		root := config(t, nil).SourceRoot
		ignore, err := os.ReadFile(filepath.Join(root, ".dockerignore"))
		if err != nil {
			t.Fatal(err)
		}
		allowed := strings.Split(string(ignore), "\n")
		for _, handler := range handlerNames {
			g := packageGraph{root: root, module: "payment-webhooks/handlers", used: map[string]bool{}}
			if err := g.add(handler); err != nil {
				t.Fatal(err)
			}
			for dir := range g.used {
				top, _, _ := strings.Cut(dir, "/")
				if !slices.Contains(allowed, "!"+top) {
					t.Errorf("%s imports %s, and .dockerignore has no !%s", handler, dir, top)
				}
			}
		}
	})
	t.Run("holds what only the images' build tag imports, and what is embedded", func(t *testing.T) {
		root := filepath.Join(checkout(t), "handlers")
		write(t, filepath.Join(root, "internal/tagged/tagged.go"), "package tagged\n")
		write(t, filepath.Join(root, "internal/unused/unused.go"), "package unused\n")
		write(t, filepath.Join(root, "internal/relay/sql/deep/one.sql"), "")
		write(t, filepath.Join(root, "internal/relay/tagged.go"), "//go:build lambda.norpc\n\npackage relay\n\nimport (\n\t\"embed\"\n\n"+
			"\t_ \"payment-webhooks/handlers/internal/tagged\"\n)\n\n//go:embed sql\nvar _ embed.FS\n")
		unused, err := unusedPackages(root, contract.EventRelay)
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{"internal/tagged", "internal/relay/sql", "internal/relay/sql/deep"} {
			if slices.Contains(unused, dir) {
				t.Errorf("%s is left out: %q", dir, unused)
			}
		}
		if !slices.Contains(unused, "internal/unused") {
			t.Errorf("patterns %q", unused)
		}
	})
	t.Run("fails when a package cannot be read", func(t *testing.T) {
		root := filepath.Join(checkout(t), "handlers")
		write(t, filepath.Join(root, contract.EventRelay, "broken.go"), "no Go\n")
		if _, err := unusedPackages(root, contract.EventRelay); err == nil || !strings.Contains(err.Error(), "broken.go") {
			t.Errorf("error %v", err)
		}
	})
}
