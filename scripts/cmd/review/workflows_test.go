package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const github = "../../../.github/"

// workflows reads the workflows, the example included, by file name.
func workflows(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(github + "workflows/*")
	if err != nil || len(files) < 4 {
		t.Fatalf("workflows %v, %v", files, err)
	}
	all := map[string]string{}
	for _, file := range append(files, github+"deploy.yml.example") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(file)] = string(text)
	}
	return all
}

func TestWorkflows(t *testing.T) {
	uses := regexp.MustCompile(`(?m)^\s*(?:- )?uses:.*$`)
	// An action is pinned by commit, with the version beside it for people and Dependabot.
	// https://docs.github.com/en/actions/reference/security/secure-use#using-third-party-actions
	pinned := regexp.MustCompile(`^\s*(?:- )?uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+$`)
	permissions := regexp.MustCompile(`(?m)^permissions:( \{\})?$`)
	versions := map[string]string{} // by action, so that all workflows use one
	for name, text := range workflows(t) {
		t.Run("when "+name+" uses an action, it is pinned", func(t *testing.T) {
			for _, line := range uses.FindAllString(text, -1) {
				if !pinned.MatchString(line) {
					t.Errorf("not pinned by commit and version: %s", line)
					continue
				}
				action, version, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "- ")), "@")
				repository := strings.Join(strings.SplitN(action, "/", 3)[:2], "/")
				if other := versions[repository]; other != "" && other != version {
					t.Errorf("%s is %s here and %s elsewhere", repository, version, other)
				}
				versions[repository] = version
			}
		})
		t.Run("when "+name+" runs, its token has the least rights", func(t *testing.T) {
			if !permissions.MatchString(text) {
				t.Error("no permissions for the whole workflow: it would get the repository's default")
			}
			if strings.Contains(text, "pull_request_target") {
				t.Error("pull_request_target gives a pull request's code the rights of main")
			}
		})
	}
	if len(versions) < 5 {
		t.Errorf("actions %v", versions)
	}
}

func TestCommentWorkflow(t *testing.T) {
	all := workflows(t)
	granted := regexp.MustCompile(`(?m)^\s+[a-z-]+: write\b|\$\{\{[^}]*(secrets\.|github\.token)`)
	t.Run("when code of a pull request runs, nothing is secret and nothing can be written", func(t *testing.T) {
		for name, text := range all {
			if strings.Contains(text, "\n  pull_request:") && granted.MatchString(text) {
				t.Errorf("%s gives a pull request's code a token or a secret", name)
			}
			if checkouts, without := strings.Count(text, "actions/checkout@"), strings.Count(text, "persist-credentials: false"); checkouts != without {
				t.Errorf("%s leaves the token in %d of %d checkouts", name, checkouts-without, checkouts)
			}
		}
	})
	t.Run("when it may write, it executes nothing of a pull request", func(t *testing.T) {
		text := all["comment.yml"]
		if strings.Contains(text, "uses:") || !strings.Contains(text, "workflow_run:") {
			t.Error("comment.yml checks something out or runs otherwise than after a review")
		}
		_, script, _ := strings.Cut(text, "run: |")
		if strings.Contains(script, "${{") {
			t.Error("an expression within a script is executed: pass it by env")
		}
	})
	t.Run("when the command changes, the workflows know its words", func(t *testing.T) {
		if !strings.Contains(all["comment.yml"], "'"+Marker+"'") {
			t.Errorf("comment.yml does not look for %s", Marker)
		}
		if !strings.Contains(all["review.yml"], "'"+label+"'") || !strings.Contains(all["review.yml"], "--allow destructive") {
			t.Errorf("review.yml does not know the label %s", label)
		}
	})
}
