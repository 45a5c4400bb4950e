package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// Sender is scripts/send: what signs as a provider does.
type Sender struct {
	binary string

	// Providers are what it can send as, canonical among them, by name.
	Providers map[string]Provider
}

// Provider is what scripts/send --list says of a provider.
type Provider struct {
	Name        string
	Fixtures    []string // names of its payloads
	Secret      string   // made up for this run
	SignsURL    bool     // its signature is over the address too
	SignsTime   bool     // its signature is over the time of the attempt too
	Certificate bool     // it signs with a certificate, which --egress publishes
}

// BuildSender builds it from the repository.
func BuildSender(ctx context.Context, root string) (Sender, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return Sender{}, err
	}
	s := Sender{binary: filepath.Join(root, "build", "send")}
	build := exec.CommandContext(ctx, "go", "build", "-o", s.binary, "./scripts/cmd/send")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return Sender{}, fmt.Errorf("building the sender: %w\n%s", err, out)
	}
	s.Providers, err = s.list(ctx)
	return s, err
}

func (s Sender) list(ctx context.Context) (map[string]Provider, error) {
	text, err := exec.CommandContext(ctx, s.binary, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("listing the providers: %w", err)
	}
	var all []Provider
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("listing the providers: %w", err)
	}
	providers := map[string]Provider{}
	for _, p := range all {
		providers[p.Name] = p
	}
	return providers, nil
}

// Secrets are the made-up secrets, by provider.
func (s Sender) Secrets() map[string]string {
	secrets := map[string]string{}
	for name, p := range s.Providers {
		secrets[name] = p.Secret
	}
	return secrets
}

// MakeSecrets makes up another secret for each provider.
func (s Sender) MakeSecrets(ctx context.Context) (map[string]string, error) {
	var err error
	s.Providers, err = s.list(ctx)
	return s.Secrets(), err
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
	Responses []SenderResponse // in the order in which they came
	Exit      int
	Errors    string // what it said on standard error
}

// SenderResponse is one response, as scripts/send printed it.
type SenderResponse struct {
	Status int
	Body   string
	Millis string // from the first byte sent to the last one received
}

// responseLine is "202 {…} (12.3 ms)".
var responseLine = regexp.MustCompile(`(?m)^([1-5]\d\d) (\{.*\}) \((\d+\.\d) ms\)$`)

// Send runs the sender against the session's API, as a user would, with the secret in
// the environment.
func (s *Session) Send(ctx context.Context, sender Sender, provider, secret string, args ...string) (Sent, error) {
	cmd := exec.CommandContext(ctx, sender.binary, append([]string{"--url", s.APIURL, "--provider", provider}, args...)...)
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
	for _, line := range responseLine.FindAllStringSubmatch(stdout.String(), -1) {
		status, err := strconv.Atoi(line[1])
		if err != nil {
			return Sent{}, err // three digits
		}
		sent.Responses = append(sent.Responses, SenderResponse{Status: status, Body: line[2], Millis: line[3]})
	}
	return sent, ctx.Err()
}
