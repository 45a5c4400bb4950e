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

// Sender is a built scripts/send, which signs deliveries as the providers do.
type Sender struct {
	binary string

	// Providers are the providers it can sign as, by name, including canonical.
	Providers map[string]Provider
}

// Provider is an entry of scripts/send --list.
type Provider struct {
	Name        string
	Fixtures    []string // names of its payloads
	Secret      string   // generated for this run
	SignsURL    bool     // the signature covers the address
	SignsTime   bool     // the signature covers the time of the attempt
	Certificate bool     // it signs with a certificate, which is published through --egress
}

// BuildSender builds scripts/send in the repository at root and lists its providers.
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

// Secrets returns the generated secrets, by provider.
func (s Sender) Secrets() map[string]string {
	secrets := map[string]string{}
	for name, p := range s.Providers {
		secrets[name] = p.Secret
	}
	return secrets
}

// MakeSecrets generates a new secret for each provider.
func (s Sender) MakeSecrets(ctx context.Context) (map[string]string, error) {
	var err error
	s.Providers, err = s.list(ctx)
	return s.Secrets(), err
}

// SecretFlags returns the flags of the local run that create each secret as
// payments/<provider>, the name that scripts/send --context configures.
func SecretFlags(secrets map[string]string) (flags []string) {
	for _, provider := range slices.Sorted(maps.Keys(secrets)) {
		flags = append(flags, "--secret", "payments/"+provider+"="+secrets[provider])
	}
	return flags
}

// Sent is the result of one run of scripts/send.
type Sent struct {
	Responses []SenderResponse // in the order received
	Exit      int
	Errors    string // its standard error
}

// SenderResponse is one response, as scripts/send printed it.
type SenderResponse struct {
	Status int
	Body   string
	Millis string // duration in milliseconds, from the start of the request to the end of the response
}

// responseLine matches the line of a response, such as "202 {…} (12.3 ms)".
var responseLine = regexp.MustCompile(`(?m)^([1-5]\d\d) (\{.*\}) \((\d+\.\d) ms\)$`)

// Send runs scripts/send against the session's API with the secret in the environment.
// An exit status other than 0 is in Sent, not an error.
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
			return Sent{}, err // cannot happen: the pattern matches three digits
		}
		sent.Responses = append(sent.Responses, SenderResponse{Status: status, Body: line[2], Millis: line[3]})
	}
	return sent, ctx.Err()
}
