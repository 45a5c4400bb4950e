package session

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Sender is scripts/send: what signs as a provider does.
type Sender struct {
	binary, root string
}

// BuildSender builds it from the repository.
func BuildSender(ctx context.Context, root string) (Sender, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return Sender{}, err
	}
	s := Sender{binary: filepath.Join(root, "build", "send"), root: root}
	build := exec.CommandContext(ctx, "go", "build", "-o", s.binary, "./scripts/cmd/send")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return Sender{}, fmt.Errorf("building the sender: %w\n%s", err, out)
	}
	return s, nil
}

// MakeSecrets makes up a secret for each provider, of the form that it uses.
func MakeSecrets() map[string]string {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	return map[string]string{
		"canonical": "whsec_" + base64.StdEncoding.EncodeToString(key),
		"stripe":    "whsec_" + rand.Text(),
		"adyen":     strings.ToUpper(hex.EncodeToString(key)),
		"paypal":    rand.Text()[:17], // the webhook's id
		"square":    base64.StdEncoding.EncodeToString(key[:24]),
	}
}

// SecretFlags are the flags of the local run that create the secrets under the
// names that the assemblies of demo and end-to-end suite ask for:
// payments/<provider>.
func SecretFlags(secrets map[string]string) (flags []string) {
	for _, provider := range slices.Sorted(maps.Keys(secrets)) {
		flags = append(flags, "--secret", "payments/"+provider+"="+secrets[provider])
	}
	return flags
}

// Sent is what a run of the sender reported.
type Sent struct {
	Answers []Answer // in the order in which they came
	Exit    int
	Errors  string // what it said on standard error
}

// Answer is one line of the sender's.
type Answer struct {
	Status int
	Body   string
	Millis string // from the first byte sent to the last one received
}

// answerLine is "202 {…} (12.3 ms)".
var answerLine = regexp.MustCompile(`(?m)^([1-5]\d\d) (\{.*\}) \((\d+\.\d) ms\)$`)

// Send runs the sender against the session's API, as a user would, with the secret in
// the environment.
func (s *Session) Send(ctx context.Context, sender Sender, provider, secret string, args ...string) (Sent, error) {
	cmd := exec.CommandContext(ctx, sender.binary, append([]string{"--repo", sender.root, "--url", s.APIURL, "--provider", provider}, args...)...)
	cmd.Env = append(os.Environ(), "WEBHOOK_SECRET="+secret)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return Sent{}, fmt.Errorf("sending as %s: %w", provider, err)
	}
	sent := Sent{Exit: cmd.ProcessState.ExitCode(), Errors: stderr.String()}
	for _, line := range answerLine.FindAllStringSubmatch(stdout.String(), -1) {
		status, err := strconv.Atoi(line[1])
		if err != nil {
			return Sent{}, err // three digits
		}
		sent.Answers = append(sent.Answers, Answer{Status: status, Body: line[2], Millis: line[3]})
	}
	return sent, ctx.Err()
}
