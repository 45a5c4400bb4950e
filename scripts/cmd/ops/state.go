package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"payment-webhooks/scripts/internal/journal"
)

// stateFlag adds --state to a command that resumes.
func stateFlag(command *cobra.Command, state *string) {
	command.Flags().StringVar(state, "state", "", "`file` that remembers what an interrupted run has sent; by default in your cache directory, one for each stack and command")
}

// openState opens the state file of a command, by default one for each stack, region,
// endpoint and what else tells runs apart.
func (a *app) openState(path, command string, parts ...string) (*journal.Journal, error) {
	if path == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("no place for the state file (give one with --state): %w", err)
		}
		id := sha256.Sum256([]byte(strings.Join(append([]string{a.region, a.endpoint, a.getenv("AWS_REGION"), a.getenv("AWS_ENDPOINT_URL")}, parts...), "\n")))
		path = filepath.Join(cache, "payment-webhooks", "ops", fmt.Sprintf("%s-%s-%s.jsonl", a.stackName, command, hex.EncodeToString(id[:6])))
	}
	return journal.Open(path)
}
