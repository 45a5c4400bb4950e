package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// repository makes a git repository of two commits, whose CDK CLI copies the template of the
// tree into an assembly.
func repository(t *testing.T, cdk string) string {
	t.Helper()
	folder := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) {
		command := exec.CommandContext(t.Context(), "git", append([]string{"-C", folder, "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"}, args...)...)
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	run("init", "--quiet", "--initial-branch", "main")
	write("cdk.json", `{"context": {}}`, 0o600)
	write(".gitignore", "node_modules\n", 0o600)
	write("node_modules/.bin/cdk", "#!/bin/sh\nset -eu\n"+cdk, 0o700)
	write("template.json", edited(t).text, 0o600)
	run("add", ".")
	run("commit", "--quiet", "-m", "one")
	write("template.json", edited(t, edit{"Resources/DeadLetters/Properties/QueueName", `"other"`}).text, 0o600)
	run("commit", "--quiet", "-a", "-m", "two")
	return folder
}

// copies is a CDK CLI that writes an assembly of the tree's template, and what it was given.
const copies = `
while [ $# -gt 0 ]; do case "$1" in --output) out=$2; shift ;; esac; shift; done
[ -z "${PR_NUMBER:-}${AWS_SECRET_ACCESS_KEY:-}${GITHUB_TOKEN:-}" ] || { echo "has secrets" >&2; exit 1; }
mkdir "$out"
cp template.json "$out/T.template.json"
echo '{"artifacts": {"T": {"type": "aws:cloudformation:stack", "properties": {"templateFile": "T.template.json"}}}}' >"$out/manifest.json"
`

func TestRevisions(t *testing.T) {
	run := func(t *testing.T, folder string, args ...string) (int, string, string) {
		t.Helper()
		t.Setenv("TMPDIR", t.TempDir())
		var stdout, stderr bytes.Buffer
		environ := append(os.Environ(), "PR_NUMBER=1", "AWS_SECRET_ACCESS_KEY=x", "GITHUB_TOKEN=x")
		a := &app{out: &stdout, err: &stderr, environ: environ, schema: func(string) (*schema, error) { return spec() }}
		status := a.run(t.Context(), append([]string{"--repository", folder}, args...))
		left, err := os.ReadDir(os.Getenv("TMPDIR"))
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
		trees, err := git(t.Context(), folder, "worktree", "list")
		if err != nil || strings.Count(trees, "\n") > 0 {
			t.Errorf("worktrees: %s, %v", trees, err)
		}
		return status, stdout.String(), stderr.String()
	}
	t.Run("when they differ, their templates are compared", func(t *testing.T) {
		folder := repository(t, copies)
		for _, args := range [][]string{{"HEAD~1", "HEAD"}, {"HEAD~1...main"}} {
			status, out, errs := run(t, folder, args...)
			if status != exitDestructive || !strings.Contains(out, "REPLACED (QueueName changes)") {
				t.Errorf("%v: status %d\n%s\n%s", args, status, out, errs)
			}
		}
	})
	t.Run("when the order is the other, so is the change", func(t *testing.T) {
		status, out, _ := run(t, repository(t, copies), "HEAD", "HEAD~1")
		if status != exitDestructive || !strings.Contains(out, "`QueueName: other` | `QueueName: high-value-dlq-test`") {
			t.Errorf("status %d\n%s", status, out)
		}
	})
	t.Run("when a synth fails, its output is shown", func(t *testing.T) {
		status, out, errs := run(t, repository(t, "echo the reason >&2; exit 1"), "HEAD~1", "HEAD")
		if status != exitError || out != "" || !strings.Contains(errs, "the reason") {
			t.Errorf("status %d\n%s\n%s", status, out, errs)
		}
	})
	t.Run("when a revision is unknown, it is named", func(t *testing.T) {
		folder := repository(t, copies)
		for _, args := range [][]string{{"HEAD", "no-such"}, {"--", "HEAD", "--output=x"}, {"HEAD"}, {"HEAD...no-such"}, {"HEAD", "HEAD", "HEAD"}} {
			if status, out, errs := run(t, folder, args...); status != exitError || out != "" || errs == "" {
				t.Errorf("%v: status %d\n%s\n%s", args, status, out, errs)
			}
		}
	})
}
