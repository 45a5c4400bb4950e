package emulator

import (
	"log/slog"
	"time"

	"payment-webhooks/local/cloudformation"
	"payment-webhooks/local/cloudwatch"
	"payment-webhooks/local/deliveries"
	"payment-webhooks/local/egress"
	"payment-webhooks/local/faults"
	"payment-webhooks/local/moto"
	"payment-webhooks/local/sendview"
	"payment-webhooks/local/tools"
	"payment-webhooks/local/xray"
)

// shared is what outlives an update of the stack: the data, and what is known of the past.
type shared struct {
	options         Options
	terminal        *terminal
	log             *slog.Logger
	account, region string
	endpointURL     string

	moto         *moto.Server
	stacks       *cloudformation.Service
	egress       *egress.Stub // nil: functions reach what this machine reaches
	traces       *xray.Daemon
	sampler      xray.Sampler
	metrics      *cloudwatch.Store
	now          func() time.Time // of alarms: time.Now, except in tests
	queueMetrics *cloudwatch.Queues
	faults       *faults.Set
	record       *deliveries.Record // of what passes through the services, for the page
	tools        *tools.Tools       // scripts/ops and scripts/send, for the page
	sends        *sendview.Runs     // of the page

	failed chan error // receives the first error that ends the run
}

func (s *shared) fail(err error) {
	select {
	case s.failed <- err:
	default: // an earlier error ends the run
	}
}

func (s *shared) notRecorded(err error) { s.log.Error("not recorded", "error", err) }
