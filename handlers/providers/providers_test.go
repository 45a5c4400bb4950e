package providers_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/standardwebhooks"
	"payment-webhooks/handlers/providers"
	"payment-webhooks/handlers/providers/providerstest"
)

var update = flag.Bool("update", false, "write the tables of docs/providers.md and docs/provider-events.md")

// declared returns the supported providers and the test provider.
func declared() []providers.Declaration {
	return append(providers.All(), providerstest.Declaration)
}

// settings are empty, for providers without members.
var settings = provider.Settings{}

func TestDeclarations(t *testing.T) {
	for _, d := range declared() {
		t.Run(d.Name, func(t *testing.T) {
			if !regexp.MustCompile(`^[a-z]+$`).MatchString(d.Name) || d.Name == providers.Canonical().Name {
				t.Errorf("name %q", d.Name)
			}
			if !slices.Contains(d.RequestMethods(), http.MethodPost) {
				t.Errorf("methods %v, want POST among them", d.Methods)
			}
			_, responds := d.New(settings).(provider.Challenger)
			if gets := slices.Contains(d.Methods, http.MethodGet); gets != responds || gets != (d.Sender.Challenge != nil) {
				t.Errorf("declares GET: %v, responds to a challenge: %v, sends one: %v", gets, responds, d.Sender.Challenge != nil)
			}
			for _, m := range d.Members {
				if m.Context == "" || m.Environment == "" || m.Doc == "" || m.Accepted == "" || m.Valid("\x00") {
					t.Errorf("member %+v", m)
				}
			}
			if first, second := d.Sender.MakeSecret(), d.Sender.MakeSecret(); d.Secret == "" || first == second {
				t.Errorf("secret %q, MakeSecret returned %q and %q", d.Secret, first, second)
			}
			for _, name := range []string{"payment", "ignored"} {
				if _, err := fs.Stat(d.Sender.Fixtures, "testdata/"+name+".json"); err != nil {
					t.Errorf("fixture %s: %v", name, err)
				}
			}
		})
	}
}

func TestValidSecrets(t *testing.T) {
	for _, d := range append(declared(), providers.Canonical()) {
		t.Run(d.Name, func(t *testing.T) {
			if d.ValidSecret == nil {
				t.Fatal("the declaration has no ValidSecret")
			}
			secret := d.Sender.MakeSecret()
			for range 1000 {
				if another := d.Sender.MakeSecret(); !d.AcceptsSecret(another) {
					t.Errorf("when it is the provider's: %q is refused", another)
				}
			}
			half := len(secret) / 2
			for name, text := range map[string]string{
				"when it is empty":          "",
				"when it is one character":  "x",
				"when it is a placeholder":  "changeme",
				"when it is to be replaced": "REPLACE_ME",
				"when it is a JSON object":  `{"square": "wbBB2iN4TjNhHrm5r3vSyw"}`,
				"when it is in an object":   fmt.Sprintf("{%q:%q}", d.Name, secret),
				"when it is a sentence":     "the secret that the provider shows in its console",
				"when it is too long":       strings.Repeat(secret, 300/len(secret)+1),
				"when it is one letter":     strings.Repeat("a", 300),
				"when it has a space":       secret[:half] + " " + secret[half:],
				"when it has a line feed":   secret[:half] + "\n" + secret[half:],
				"when it has a return":      secret[:half] + "\r\n" + secret[half:],
				"when it has a tab":         secret[:half] + "\t" + secret[half:],
				"when it has a quote":       secret[:half] + `"` + secret[half:],
				"when it is quoted":         `"` + secret + `"`,
				"when it has a NUL":         secret[:half] + "\x00" + secret[half:],
				"when it has no-break":      secret[:half] + "\u00a0" + secret[half:],
			} {
				if d.AcceptsSecret(text) {
					t.Errorf("%s: %q is accepted", name, text)
				}
			}
		})
	}
}

// A provider's list of event types is complete enough to be generated into a page, and
// says of each type what becomes of it.
func TestEventTypes(t *testing.T) {
	kinds := []string{contract.KindPayment, contract.KindRefund, contract.KindDispute, contract.KindPayout, contract.KindReversal}
	for _, d := range declared() {
		t.Run(d.Name, func(t *testing.T) {
			if d.EventTypes == nil || len(d.EventTypes()) == 0 {
				t.Error("the declaration has no EventTypes")
			}
			names := map[string]bool{}
			for _, e := range d.EventTypes() {
				if e.Name == "" || names[e.Name] {
					t.Errorf("%q is empty or twice in the list", e.Name)
				}
				names[e.Name] = true
				if e.Becomes == "" && e.Reason == "" {
					t.Errorf("%s is ignored without a reason", e.Name)
				}
				if e.Becomes != "" {
					for kind := range strings.SplitSeq(e.Becomes, ", ") {
						if !slices.Contains(kinds, kind) {
							t.Errorf("%s becomes %q, which is no kind", e.Name, kind)
						}
					}
				}
				if strings.ContainsAny(e.Name, "|`\n ") || strings.ContainsAny(e.Reason, "|\n") || strings.HasSuffix(e.Reason, ".") {
					t.Errorf("%s: %q is no phrase for a table", e.Name, e.Reason)
				}
			}
		})
	}
}

// What the fixtures become is what the declaration says of their event types.
func TestEventsOfTheFixturesAreListed(t *testing.T) {
	for _, d := range providers.All() {
		t.Run(d.Name, func(t *testing.T) {
			files, err := fs.Glob(d.Sender.Fixtures, "testdata/*.json")
			if err != nil {
				t.Fatal(err)
			}
			stored := 0
			for _, file := range files {
				body, err := fs.ReadFile(d.Sender.Fixtures, file)
				if err != nil {
					t.Fatal(err)
				}
				// The provider's own tests say which fixtures are unreadable or ignored.
				decoded, _ := d.New(settings).Decode(provider.Delivery{Header: http.Header{}, Body: body, ReceivedAt: time.Date(2026, 11, 22, 15, 4, 5, 0, time.UTC)})
				for _, event := range decoded {
					if event.Transaction == nil {
						continue
					}
					stored++
					becomes := ""
					for _, e := range d.EventTypes() {
						if e.Name == event.Type {
							becomes = e.Becomes
						}
					}
					if !slices.Contains(strings.Split(becomes, ", "), event.Transaction.Kind) {
						t.Errorf("%s: %s became a %s, and the list says %q", file, event.Type, event.Transaction.Kind, becomes)
					}
				}
			}
			if stored == 0 {
				t.Error("no fixture became a transaction")
			}
		})
	}
}

// A sent payment verifies, and no longer after a change. (scripts/send and the end-to-end
// suite test providers with a certificate.)
func TestSentPayments(t *testing.T) {
	verify := func(d providers.Declaration, delivery provider.Delivery, secret string) error {
		if d.New == nil {
			return standardwebhooks.Verify(delivery, []string{secret})
		}
		return d.New(settings).Verify(t.Context(), delivery, []string{secret})
	}
	for _, d := range append(declared(), providers.Canonical()) {
		if d.Sender.Certificate != nil {
			continue
		}
		t.Run(d.Name, func(t *testing.T) {
			body, err := fs.ReadFile(d.Sender.Fixtures, "testdata/payment.json")
			if err != nil {
				t.Fatal(err)
			}
			if body, err = d.Sender.Rename(body, "renamed_1"); err != nil {
				t.Fatal(err)
			}
			const address = "https://pay.example.com/webhook"
			at, secret := time.Date(2026, 11, 22, 15, 4, 5, 0, time.UTC), d.Sender.MakeSecret()
			header, body, err := d.Sender.Sign(providers.Attempt{Secret: secret, Body: body, URL: address, At: at})
			if err != nil {
				t.Fatal(err)
			}
			delivery := provider.Delivery{Header: http.Header{}, Body: body, URL: address, ReceivedAt: at}
			for name, values := range header {
				delivery.Header[http.CanonicalHeaderKey(name)] = values
			}
			if err := verify(d, delivery, secret); err != nil {
				t.Errorf("authentic: %v", err)
			}
			if err := verify(d, delivery, d.Sender.MakeSecret()); err == nil {
				t.Error("verified with another secret")
			}
			delivery.Body = d.Sender.Tamper(body)
			if err := verify(d, delivery, secret); err == nil {
				t.Error("verified after a change")
			}
			if d.New == nil {
				return
			}
			delivery.Body = body
			events, err := d.New(settings).Decode(delivery)
			if err != nil || len(events) != 1 || events[0].Transaction == nil || events[0].Transaction.ID != "renamed_1" {
				t.Errorf("decoded %+v, %v, want the renamed payment", events, err)
			}
		})
	}
}

const packages = "../internal/provider"

func TestEveryProviderIsListed(t *testing.T) {
	fixtures, err := filepath.Glob(packages + "/*/declaration.go")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range fixtures {
		if name := filepath.Base(filepath.Dir(file)); name != "standardwebhooks" {
			found = append(found, name)
		}
	}
	var listed []string
	for _, d := range providers.All() {
		listed = append(listed, d.Name)
	}
	if diff := cmp.Diff(found, listed); diff != "" {
		t.Errorf("(-packages +listed):\n%s", diff)
	}
}

// A send.go checks the code that verifies, so it uses none of it.
func TestSendersAreIndependent(t *testing.T) {
	files, err := filepath.Glob(packages + "/*/send.go")
	if err != nil || len(files) != len(providers.All())+1 {
		t.Fatalf("%d files (%v), want one of each provider", len(files), err)
	}
	for _, file := range append(files, "providerstest/send.go") {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			others, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*.go"))
			if err != nil {
				t.Fatal(err)
			}
			foreign := map[string]bool{}
			for _, other := range others {
				if other == file || strings.HasSuffix(other, "_test.go") {
					continue
				}
				for _, decl := range parse(t, other).Decls {
					for _, name := range namesOf(decl) {
						foreign[name] = true
					}
				}
			}
			delete(foreign, "Declaration")
			delete(foreign, "_")
			own := map[string]bool{}
			f := parse(t, file)
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.AssignStmt:
					if n.Tok == token.DEFINE {
						for _, e := range n.Lhs {
							own[e.(*ast.Ident).Name] = true
						}
					}
				case *ast.Field:
					for _, name := range n.Names {
						own[name.Name] = true
					}
				case *ast.GenDecl:
					for _, name := range namesOf(n) {
						own[name] = true
					}
				}
				return true
			})
			selected := map[*ast.Ident]bool{}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.SelectorExpr:
					selected[n.Sel] = true
				case *ast.KeyValueExpr:
					if key, ok := n.Key.(*ast.Ident); ok {
						selected[key] = true
					}
				case *ast.Ident:
					if foreign[n.Name] && !own[n.Name] && !selected[n] {
						t.Errorf("%s uses %s", file, n.Name)
					}
				}
				return true
			})
		})
	}
}

func parse(t *testing.T, file string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// namesOf returns the names that a declaration declares, without methods.
func namesOf(decl ast.Decl) (names []string) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return []string{d.Name.Name}
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, s.Name.Name)
			case *ast.ValueSpec:
				for _, name := range s.Names {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

func TestOnlyTestsKnowTheTestProvider(t *testing.T) {
	err := filepath.WalkDir("../..", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && len(entry.Name()) > 2 || entry.Name() == "node_modules" || entry.Name() == "build" || strings.HasPrefix(entry.Name(), "cdk.out")) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(file)
		if strings.Contains(string(text), "providers/providerstest\"") {
			t.Errorf("%s imports it", file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The generated table of docs/providers.md.
func TestDocumentedTable(t *testing.T) {
	generated(t, "../../docs/providers.md", "<!-- declarations: begin -->\n", "<!-- declarations: end -->", table())
}

// The generated tables of docs/provider-events.md.
func TestDocumentedEvents(t *testing.T) {
	generated(t, "../../docs/provider-events.md", "<!-- events: begin -->\n", "<!-- events: end -->", events())
}

// generated checks the part of a page between two marks, or writes it.
func generated(t *testing.T, page, begin, end, want string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	got, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("%s has no part between %s and %s", page, begin, end)
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("run go test ./providers -update in handlers (-declared +documented):\n%s", diff)
	}
}

func events() string {
	var out strings.Builder
	for _, d := range providers.All() {
		fmt.Fprintf(&out, "\n## %s\n\n| event type | becomes | on which condition, or why not |\n|---|---|---|\n", d.Name)
		for _, e := range d.EventTypes() {
			becomes := e.Becomes
			if becomes == "" {
				becomes = "ignored"
			}
			fmt.Fprintf(&out, "| `%s` | %s | %s |\n", e.Name, becomes, e.Reason)
		}
	}
	out.WriteString("\n")
	return out.String()
}

func table() string {
	var out strings.Builder
	out.WriteString("| provider | requests | its secret | its members in `cdk.json` | headers kept in quarantine |\n|---|---|---|---|---|\n")
	for _, d := range append(providers.All(), providers.Canonical()) {
		var members, headers []string
		for _, m := range d.Members {
			members = append(members, fmt.Sprintf("`%s`: %s (%s)", m.Context, m.Doc, m.Accepted))
		}
		for _, h := range d.KeptHeaders {
			headers = append(headers, "`"+h+"`")
		}
		fmt.Fprintf(&out, "| `%s` | %s of `%s` | %s | %s | %s |\n", d.Name,
			strings.Join(d.RequestMethods(), ", "), strings.Join(d.BodyMediaTypes(), "`, `"), d.Secret,
			strings.Join(members, "; "), strings.Join(headers, ", "))
	}
	return out.String()
}

// The tables that people write name every provider too.
func TestDocumentedProviders(t *testing.T) {
	text, err := os.ReadFile("../../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	written := strings.Replace(string(text), table(), "", 1)
	for _, d := range providers.All() {
		for section, row := range map[string]string{
			"Configure one": "| `" + d.Name + "` |", "What becomes a transaction": "| " + d.Name + " |", "Signatures": "| " + d.Name + " |",
		} {
			_, rest, ok := strings.Cut(written, "\n## "+section+"\n")
			part, _, _ := strings.Cut(rest, "\n## ")
			if !ok || !strings.Contains(strings.ToLower(part), row) {
				t.Errorf("section %q has no row of %s", section, d.Name)
			}
		}
	}
}
