package eventsource_test

import (
	"context"
	"testing"
	"time"

	"payment-webhooks/local/eventsource"
)

func TestBeginInvocation(t *testing.T) {
	s := eventsource.NewState(eventsource.Properties{}, "arn", time.Now)
	t.Run("when the mapping is enabled, it has begun", func(t *testing.T) {
		if !s.BeginInvocation() {
			t.Fatal("not begun")
		}
		s.SetEnabled(false)
		if state := s.Configuration().State; state != eventsource.Disabling {
			t.Errorf("%s while it is under way", state)
		}
		s.EndInvocation(eventsource.ResultOK)
	})
	t.Run("when it is disabled, none begins", func(t *testing.T) {
		if s.BeginInvocation() {
			t.Error("begun")
		}
		if state := s.Configuration().State; state != eventsource.Disabled {
			t.Errorf("%s", state)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if s.AwaitInvocation(ctx) {
			t.Error("begun after its context ended")
		}
	})
	t.Run("when the properties disable it, it is disabled from the start", func(t *testing.T) {
		no := false
		if state := eventsource.NewState(eventsource.Properties{Enabled: &no}, "arn", time.Now).Configuration().State; state != eventsource.Disabled {
			t.Errorf("%s", state)
		}
	})
}
