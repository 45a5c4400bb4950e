package failures

import (
	"flag"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the tables of docs/failures.md")

const (
	page  = "../../docs/failures.md"
	begin = "<!-- The tables below are written by: go test ./constructs/failures -update -->\n"
)

func TestPage(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(string(text), begin)
	if !ok {
		t.Fatalf("%s has no line %s", page, begin)
	}
	want := head + begin + "\n" + strings.TrimRight(Markdown(), "\n") + "\n"
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s is not that of the package; run go test ./constructs/failures -update:\n%s", page, diff)
	}
}

func TestRowsAreComplete(t *testing.T) {
	for _, h := range All() {
		for _, f := range h.Failures {
			t.Run(h.Name+"/"+f.Fails, func(t *testing.T) {
				if f.Fails == "" || f.Retries == "" || f.Ends == "" && len(f.Queues) == 0 {
					t.Errorf("it does not say what fails, what retries it or where it ends: %+v", f)
				}
				if len(f.Alarms) == 0 && f.Reason == "" {
					t.Error("no alarm, and no reason for that")
				}
				if len(f.Tests) == 0 && f.Reason == "" {
					t.Error("no test, and no reason for that")
				}
			})
		}
	}
}

// TestTestsExist finds each named test: "directory TestName" of a package of the
// repository, with a subtest's name after a slash if one shows it.
func TestTestsExist(t *testing.T) {
	named := regexp.MustCompile(`^([a-z0-9/.-]+) (Test[A-Za-z0-9_]+)(?:/(.+))?$`)
	for _, h := range All() {
		for _, f := range h.Failures {
			for _, test := range f.Tests {
				t.Run(test, func(t *testing.T) {
					match := named.FindStringSubmatch(test)
					if match == nil {
						t.Fatalf("want a directory, a space and a test's name")
					}
					files, err := exec.Command("grep", "-l", "func "+match[2]+"(t ", "-r", "--include=*_test.go", "../../"+match[1]).Output()
					if err != nil {
						t.Fatalf("%s has no %s", match[1], match[2])
					}
					if match[3] == "" {
						return
					}
					found := slices.ContainsFunc(strings.Fields(string(files)), func(file string) bool {
						text, err := os.ReadFile(file)
						return err == nil && strings.Contains(string(text), `"`+match[3]+`"`)
					})
					if !found {
						t.Errorf("%s has no subtest %q", match[2], match[3])
					}
				})
			}
		}
	}
}
