package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// side is a stack to compare: a synthesized revision or a file.
type side struct {
	name     string // as the report shows it
	stacks   stacks
	settings []byte // of cdk.json
}

// git runs git in the repository and returns what it prints.
func git(ctx context.Context, repository string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", append([]string{"-C", repository}, args...)...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}

// revisions resolves the arguments: BASE HEAD, or BASE...HEAD, whose base is the merge base,
// as for git diff.
func revisions(ctx context.Context, repository string, args []string) (base, head string, err error) {
	if len(args) == 1 {
		before, after, ok := strings.Cut(args[0], "...")
		if !ok {
			return "", "", errors.New("want two revisions, BASE HEAD, or BASE...HEAD")
		}
		if before, err = git(ctx, repository, "merge-base", "--end-of-options", before, after); err != nil {
			return "", "", err
		}
		args = []string{before, after}
	}
	var commits []string
	for _, revision := range args {
		commit, err := git(ctx, repository, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
		if err != nil {
			return "", "", fmt.Errorf("%q is not a revision: %w", revision, err)
		}
		commits = append(commits, commit)
	}
	return commits[0], commits[1], nil
}

// synthesize checks a commit out into a temporary worktree, synthesizes its stack there and
// removes the worktree. Both sides of a comparison get the same environment; what identifies
// who deploys is left out. context are values for the CDK's context, KEY=VALUE.
func (a *app) synthesize(ctx context.Context, commit string, cdkContext []string) (result side, err error) {
	directory, err := os.MkdirTemp("", "review-")
	if err != nil {
		return side{}, err
	}
	tree := filepath.Join(directory, "tree")
	// Not ctx: a run that is interrupted, or whose other side fails, leaves no worktree behind,
	// nor one that git had only begun to add.
	whole := context.WithoutCancel(ctx)
	defer func() {
		if _, statErr := os.Stat(tree); statErr == nil {
			_, removeErr := git(whole, a.repository, "worktree", "remove", "--force", tree)
			err = errors.Join(err, removeErr)
		}
		err = errors.Join(err, os.RemoveAll(directory))
	}()
	if _, err := git(whole, a.repository, "worktree", "add", "--quiet", "--detach", tree, commit); err != nil {
		return side{}, err
	}
	modules := filepath.Join(a.repository, "node_modules")
	if _, err := os.Stat(filepath.Join(modules, ".bin", "cdk")); err != nil {
		return side{}, fmt.Errorf("the CDK CLI is missing: run scripts/setup: %w", err)
	}
	if err := os.Symlink(modules, filepath.Join(tree, "node_modules")); err != nil {
		return side{}, err
	}
	out := filepath.Join(directory, "cdk.out")
	args := []string{"synth", "--quiet", "--no-notices", "--output", out}
	for _, value := range cdkContext {
		args = append(args, "--context", value)
	}
	command := exec.CommandContext(ctx, filepath.Join(modules, ".bin", "cdk"), args...)
	command.Dir = tree
	command.Env = environment(a.environ, modules)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Run(); err != nil {
		return side{}, fmt.Errorf("synth of %.12s: %w\n%s", commit, err, bytes.TrimSpace(output.Bytes()))
	}
	if result.stacks, err = readStacks(out); err != nil {
		return side{}, fmt.Errorf("%.12s: %w", commit, err)
	}
	settings, err := os.ReadFile(filepath.Join(tree, "cdk.json"))
	if err != nil {
		return side{}, err
	}
	result.settings, err = withContext(settings, cdkContext)
	result.name = commit[:12]
	return result, err
}

// environment returns the variables for a synth: no credentials, and nobody's name.
func environment(environ []string, modules string) []string {
	kept := []string{"PATH=" + filepath.Join(modules, ".bin") + string(os.PathListSeparator) + os.Getenv("PATH")}
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		switch {
		case name == "PATH", name == "REPOSITORY", name == "COMMIT_AUTHOR", name == "PR_NUMBER", name == "TEAM":
		case strings.HasPrefix(name, "AWS_") && name != "AWS_REGION", strings.HasPrefix(name, "GITHUB_"), strings.HasPrefix(name, "ACTIONS_"):
		default:
			kept = append(kept, variable)
		}
	}
	return append(kept, "CGO_ENABLED=0", "AWS_EC2_METADATA_DISABLED=true", "CDK_DISABLE_CLI_TELEMETRY=true")
}

// withContext adds values of the command line to those of a cdk.json.
func withContext(settings []byte, cdkContext []string) ([]byte, error) {
	var file map[string]any
	if err := json.Unmarshal(settings, &file); err != nil {
		return nil, fmt.Errorf("cdk.json: %w", err)
	}
	values, _ := file["context"].(map[string]any)
	if values == nil {
		values = map[string]any{}
		file["context"] = values
	}
	for _, one := range cdkContext {
		key, value, ok := strings.Cut(one, "=")
		if !ok {
			return nil, fmt.Errorf("--context %s: want KEY=VALUE", one)
		}
		values[key] = value
	}
	return json.Marshal(file)
}
