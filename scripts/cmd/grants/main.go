// Command grants takes each grant of the template out in turn and expects that something stops
// working. Use it through scripts/test grants.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"payment-webhooks/local/grants"
	"payment-webhooks/local/iam"
	"payment-webhooks/local/page"
	"payment-webhooks/local/session"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "grants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	out := flag.String("cdk-out", "build/test/cdk.out", "the synthesized cloud `assembly`")
	only := flag.String("only", "*", "`pattern` of the ids of the grants to take out; * also stands for /")
	sample := flag.Int("sample", 1, "take out every `n`th grant only")
	tests := flag.Bool("tests", true, "also try the removals that need an end-to-end test each, which takes most of the time")
	parallel := flag.Int("parallel", 2, "how many grants to take out at the same time, each of a local run of its own")
	resume := flag.Bool("resume", false, "go on where an earlier run of the same template ended")
	report := flag.Bool("report", false, "write the totals into docs/local.md")
	timeout := flag.Duration("timeout", 4*time.Minute, "how long to wait for one effect of an exercise")
	flag.Parse()
	if flag.NArg() > 0 || *sample < 1 || *parallel < 1 {
		return errors.New("takes no arguments; -sample and -parallel are at least 1")
	}
	if *report && (*only != "*" || *sample != 1 || !*tests) {
		return errors.New("-report is about all grants")
	}
	done, err := openResults(*out, *resume)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done.file.Close()) }()
	work, err := os.MkdirTemp("", "payment-webhooks-grants-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	sender, err := session.BuildSender(ctx, ".")
	if err != nil {
		return err
	}
	operator, err := grants.BuildOperator(ctx, ".")
	if err != nil {
		return err
	}
	suite := &suite{out: *out, binary: filepath.Join(work, "e2e.test")}

	considered := 0
	removal := grants.Removal{
		Parallel: *parallel,
		Open: func(ctx context.Context, removed []string) (*grants.Exercise, func(), error) {
			e, end, err := open(ctx, *out, work, sender, removed)
			if err == nil {
				e.Operator, e.Timeout = operator, *timeout
			}
			return e, end, err
		},
		Test: suite.run,
		Chosen: func(g iam.Grant) bool {
			ok, _ := path.Match(flat(*only), flat(g.ID))
			ok = ok && (*tests || grants.TestOf(g) == "")
			if ok {
				considered++
			}
			return ok && (considered-1)%*sample == 0 && !done.has(g.ID)
		},
		Report: done.add,
	}
	if err := errors.Join(removal.Run(ctx), done.err); err != nil {
		return err
	}
	table := grants.Table(done.list)
	fmt.Printf("\n%s\n", table)
	if failed := grants.Failed(done.list); failed > 0 {
		return fmt.Errorf("%d grants are not needed, or no test needs them", failed)
	}
	if *report {
		return page.Replace(filepath.Join("docs", "local.md"), "grants", "`scripts/test grants -report`\n\n"+table)
	}
	return nil
}

// results are those of a template, also of earlier runs, in a file beside its assembly. It has a line of JSON
// for each.
type results struct {
	file *os.File
	list []grants.Result
	err  error // of the first result that could not be kept
}

// openResults opens the file of results of an assembly, and empties it unless its results shall be used again.
// Its name has the hash of the template, and so of the handlers' sources as well.
func openResults(out string, again bool) (*results, error) {
	templates, err := filepath.Glob(filepath.Join(out, "*.template.json"))
	if err == nil && len(templates) != 1 {
		err = fmt.Errorf("%d templates in %s, want one", len(templates), out)
	}
	if err != nil {
		return nil, err
	}
	template, err := os.ReadFile(templates[0])
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("grants-%x.jsonl", sha256.Sum256(template))
	file, err := os.OpenFile(filepath.Join(filepath.Dir(filepath.Clean(out)), name), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	r := &results{file: file}
	if !again {
		return r, file.Truncate(0)
	}
	for decoder := json.NewDecoder(file); ; {
		var one grants.Result
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			return r, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w; without -resume, it is begun again", file.Name(), err)
		}
		r.keep(one)
	}
}

// keep keeps a result, in the place of an earlier one of its grant.
func (r *results) keep(one grants.Result) {
	r.list = append(slices.DeleteFunc(r.list, func(old grants.Result) bool { return old.Grant == one.Grant }), one)
}

// has reports whether a removal was noticed. What was not is tried again.
func (r *results) has(id string) bool {
	return slices.ContainsFunc(r.list, func(one grants.Result) bool { return one.Grant == id && one.Outcome == grants.Noticed })
}

// add prints a result and writes it to the file.
func (r *results) add(one grants.Result) {
	r.keep(one)
	if one.Outcome != grants.Explained {
		fmt.Printf("%-9s %6.1fs  %s  %s: %s\n", one.Outcome, one.Seconds, one.Grant, one.By, strings.ReplaceAll(one.How, "\n", "; "))
	}
	r.err = errors.Join(r.err, json.NewEncoder(r.file).Encode(one))
}

// open starts a local run with grants removed, and returns an exercise of it. The logs of all runs go to
// grants.log beside the assembly.
func open(ctx context.Context, out, work string, sender session.Sender, removed []string) (*grants.Exercise, func(), error) {
	dir, err := os.MkdirTemp(work, "run-")
	if err != nil {
		return nil, nil, err
	}
	log, err := os.OpenFile(filepath.Join(filepath.Dir(filepath.Clean(out)), "grants.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, nil, err
	}
	egress := filepath.Join(dir, "egress")
	if err := os.Mkdir(egress, 0o700); err != nil {
		return nil, nil, errors.Join(err, log.Close())
	}
	secrets := sender.Secrets()
	flags := append(session.SecretFlags(secrets), "--egress", egress)
	for _, id := range removed {
		flags = append(flags, "--remove-grant", id)
	}
	s, err := session.Start(ctx, session.Options{Root: ".", CDKOut: out, Log: log, Flags: flags})
	if err != nil {
		return nil, nil, errors.Join(err, log.Close())
	}
	return &grants.Exercise{Session: s, Sender: sender, Egress: egress, Secrets: secrets}, func() {
		_ = s.Stop() // what a run without a grant says at its end is not the point
		_ = log.Close()
	}, nil
}

// flat takes from "/" its meaning in patterns.
func flat(text string) string { return strings.ReplaceAll(text, "/", ":") }

// suite runs single end-to-end tests.
type suite struct {
	out, binary string
	built       sync.Once
	err         error // of the build
}

// run runs one end-to-end test with a grant removed from every local run that it starts. It ends with the
// first failure.
func (s *suite) run(ctx context.Context, test, id string) (failure, err error) {
	s.built.Do(func() {
		text, err := exec.CommandContext(ctx, "go", "test", "-vet=off", "-c", "-o", s.binary, "./local/e2e").CombinedOutput()
		if err != nil {
			s.err = fmt.Errorf("building the end-to-end tests: %w\n%s", err, text)
		}
	})
	if s.err != nil {
		return nil, s.err
	}
	out, err := filepath.Abs(s.out)
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, s.binary, "-test.run", "^"+test+"$", "-test.failfast", "-test.timeout=1h")
	command.Dir = filepath.Join("local", "e2e")
	command.Env = append(os.Environ(), "CDK_OUT="+out, "E2E_REMOVE_GRANT="+id)
	text, err := command.CombinedOutput()
	exit := (*exec.ExitError)(nil)
	switch {
	case err == nil || ctx.Err() != nil || !errors.As(err, &exit):
		return nil, err
	case !strings.Contains(string(text), "is not authorized to perform"):
		return nil, fmt.Errorf("%w: %s\n%s", grants.ErrUnrelated, test, text)
	}
	return errors.New(reason(string(text))), nil
}

// reason returns the first line of a test's output that says what failed.
func reason(output string) string {
	for line := range strings.Lines(output) {
		if strings.Contains(line, "_test.go:") {
			return strings.TrimSpace(line)
		}
	}
	return "it failed"
}
