package schedule_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"payment-webhooks/handlers/internal/archive"
	"payment-webhooks/handlers/internal/archive/schedule"
)

// dueOnly is an archiver that keeps the time of a run of the due hours.
type dueOnly struct {
	schedule.Archiver
	asOf time.Time
}

func (d *dueOnly) Due(_ context.Context, asOf time.Time) (archive.Report, error) {
	d.asOf = asOf
	return archive.Report{}, nil
}

// The event with which a deployment ends starts a run as the schedule does.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/event-detail-stack-status-change.html
func TestDeployment(t *testing.T) {
	const event = `{"version":"0","id":"5ce8e7a1-7d2c-4b0e-9b0b-1c2f1d3e4f50","detail-type":"CloudFormation Stack Status Change",
		"source":"aws.cloudformation","account":"111122223333","time":"2026-11-22T15:04:05Z","region":"eu-west-1",
		"resources":["arn:aws:cloudformation:eu-west-1:111122223333:stack/TapStackdev/7f1c"],
		"detail":{"stack-id":"arn:aws:cloudformation:eu-west-1:111122223333:stack/TapStackdev/7f1c",
		"status-details":{"status":"CREATE_COMPLETE","status-reason":""},"client-request-token":""}}`
	t.Run("archives what is due when it ends", func(t *testing.T) {
		a := &dueOnly{}
		if _, err := lambda.NewHandler(schedule.Handler(a, time.Now)).Invoke(t.Context(), []byte(event)); err != nil {
			t.Fatal(err)
		}
		if want := time.Date(2026, 11, 22, 15, 4, 5, 0, time.UTC); !a.asOf.Equal(want) {
			t.Errorf("as of %s", a.asOf)
		}
	})
}
