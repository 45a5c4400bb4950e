package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/session"
	"payment-webhooks/local/subprocess"
)

// subprocesses returns the command lines of the processes that pid started, by id.
func subprocesses(t *testing.T, pid int) map[int]string {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[int]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[1] != strconv.Itoa(pid) || strings.Contains(line, "<defunct>") {
			continue
		}
		id, err := strconv.Atoi(fields[0])
		if err != nil {
			t.Fatal(err)
		}
		found[id] = strings.Join(fields[2:], " ")
	}
	return found
}

// gone reports whether a process has ended. An ended process that its parent has not
// waited for is a zombie; in a container whose first process waits for none, it stays one.
func gone(t *testing.T, pid int) bool {
	t.Helper()
	if syscall.Kill(pid, 0) == syscall.ESRCH {
		return true
	}
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err != nil || strings.HasPrefix(string(state), "Z") // an error: no such process
}

func TestCrashLeavesNoSubprocess(t *testing.T) {
	inParallel(t)
	s := ownSession(t)
	accept(t, s, payment(newID(t), "1", "USD", "")) // starts a function
	started := subprocesses(t, s.PID())
	if len(started) < 2 {
		t.Fatalf("subprocesses %v, want moto and a function", started)
	}
	if err := syscall.Kill(s.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of every process it started", func(context.Context) (bool, error) {
		for pid := range started {
			if !gone(t, pid) {
				return false, nil
			}
		}
		return true, nil
	})
}

// What starts a local run may be killed, such as by the deadline of a build: it is this test, run once more.
func TestCrashOfTheCallerLeavesNoLocalRun(t *testing.T) {
	if os.Getenv("E2E_CALLER") != "" {
		fmt.Println(shared.PID())
		<-t.Context().Done()
		return
	}
	inParallel(t)
	caller := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	caller.Env = append(os.Environ(), "E2E_CALLER=1")
	out, err := caller.StdoutPipe()
	if err := errors.Join(err, subprocess.KillWithParent(caller), caller.Start()); err != nil {
		t.Fatal(err)
	}
	var run int
	if _, err := fmt.Fscan(out, &run); err != nil {
		t.Fatal(err)
	}
	if len(subprocesses(t, run)) == 0 {
		t.Error("the local run has no subprocess, want moto")
	}
	if err := caller.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = caller.Wait() // it was killed
	eventually(t, "the end of the local run", func(context.Context) (bool, error) { return gone(t, run), nil })
}

func TestCrashOfMotoEndsTheRunWithAnError(t *testing.T) {
	inParallel(t)
	s := ownSession(t)
	for pid, command := range subprocesses(t, s.PID()) {
		if strings.Contains(command, "moto") {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	select {
	case <-s.Exited():
	case <-time.After(timeout):
		t.Fatal("the run goes on without moto")
	}
	if err := s.Stop(); err == nil {
		t.Error("exit status 0, want an error")
	}
}

func TestInterruptEndsSubprocesses(t *testing.T) {
	inParallel(t)
	s := ownSession(t)
	accept(t, s, payment(newID(t), "1", "USD", ""))
	started := subprocesses(t, s.PID())
	if len(started) < 2 {
		t.Fatalf("subprocesses %v, want moto and a function", started)
	}
	if err := s.Stop(); err != nil {
		t.Errorf("%v, want exit status 0", err)
	}
	for pid, command := range started {
		if !gone(t, pid) {
			t.Errorf("%s still runs", command)
		}
	}
}

// The README's commands work against the local run as they are written.
// They are those of the quick start, in which no provider is configured.
func TestCommandsOfTheReadme(t *testing.T) {
	inParallel(t)
	configured := regexp.MustCompile(`"PROVIDERS": "(\\.|[^"\\])*"`)
	s := ownSession(t, func(template string) string { return configured.ReplaceAllString(template, `"PROVIDERS": "{}"`) })
	readme, err := os.ReadFile(filepath.Join(root(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(readme), "### Test\n")
	if !found {
		t.Fatal("the README has no section Test")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := regexp.MustCompile("(?s)```bash\n(.*?)```").FindAllStringSubmatch(section, -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of commands in the section Test, want 2: one that sends, and one that inspects", len(blocks))
	}
	send := blocks[0][1]
	inspect := strings.ReplaceAll(blocks[1][1], " --follow", "") // which would never end
	if strings.Contains(shell(t, s, "aws --version 2>&1"), "aws-cli/1.") {
		// Version 1, which pip installs, has no logs tail. Version 2 implements it by
		// this call.
		inspect = strings.ReplaceAll(inspect, "aws logs tail ", "aws logs filter-log-events --log-group-name ")
	}

	var out string
	rounds := 0
	eventually(t, "a response other than 503", func(context.Context) (bool, error) {
		out = shell(t, s, send)
		rounds++
		return strings.Contains(out, `"duplicate":`), nil
	})
	if !strings.Contains(out, `"duplicate":false`) && rounds == 1 && !overloaded.Load() {
		t.Errorf("the first time it printed %s, want an accepted transaction", out)
	}
	if out := shell(t, s, send+"\n"+`echo; echo "URL ${API_URL}"`); !strings.Contains(out, `"duplicate":true`) ||
		!strings.Contains(out, "URL "+s.APIURL+"\n") || strings.HasSuffix(s.APIURL, "/") {
		t.Errorf("the second time it printed %s, want a duplicate and %s", out, s.APIURL)
	}
	eventually(t, "the workflow's log", func(ctx context.Context) (bool, error) {
		lines, err := s.Logged(ctx, contract.StateMachineLogGroupPrefix+s.Suffix(), "ExecutionSucceeded")
		return len(lines) > 0, err
	})
	out = shell(t, s, inspect)
	for _, part := range []string{"txn_123456", "ExecutionSucceeded", "DashboardBody", "transaction-metrics-" + s.Suffix()} {
		if !strings.Contains(out, part) {
			t.Errorf("it printed %s, want %s in it", out, part)
		}
	}
}

func shell(t *testing.T, s *session.Session, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+s.Endpoint, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"AWS_REGION="+s.AWS.Region, "AWS_DEFAULT_REGION="+s.AWS.Region, "AWS_PAGER=", "ENVIRONMENT_SUFFIX="+s.Suffix())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, stderr.String())
	}
	return string(out)
}
