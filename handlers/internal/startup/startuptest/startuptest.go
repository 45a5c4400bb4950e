// Package startuptest checks how the mains read their environment.
package startuptest

import (
	"log/slog"
	"strings"
	"testing"
)

// Run checks that build succeeds in a complete environment, and that without any
// one of its variables it fails with an error that names it.
func Run[T any](t *testing.T, complete map[string]string, build func(func(string) string, *slog.Logger) (T, error)) {
	without := func(missing string) func(string) string {
		return func(name string) string {
			if name == missing {
				return ""
			}
			return complete[name]
		}
	}
	log := slog.New(slog.DiscardHandler)
	t.Run("starts when everything is set", func(t *testing.T) {
		if _, err := build(without(""), log); err != nil {
			t.Error(err)
		}
	})
	for name := range complete {
		t.Run("names a missing "+name, func(t *testing.T) {
			if _, err := build(without(name), log); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("error %v", err)
			}
		})
	}
}
