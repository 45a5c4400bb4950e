package sns

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDelivery_Publish(t *testing.T) {
	// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
	t.Run("delivers the text of each protocol", func(t *testing.T) {
		at := time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)
		subscriptions := []Subscription{{"arn:t", "email", "a@example.com"}, {"arn:t", "sms", "+15555550100"}, {"arn:other", "email", "b@example.com"}}
		cases := map[string]struct {
			message Message
			want    []Notification
		}{
			"one text for all": {
				Message{TopicARN: "arn:t", Subject: "High", Message: "text"},
				[]Notification{{at, "arn:t", "email", "a@example.com", "High", "text"}, {at, "arn:t", "sms", "+15555550100", "", "text"}},
			},
			"own text per protocol": {
				Message{TopicARN: "arn:t", Message: `{"default":"d","sms":"s","ignored":1}`, Structure: "json"},
				[]Notification{{at, "arn:t", "email", "a@example.com", "AWS Notification Message", "d"}, {at, "arn:t", "sms", "+15555550100", "", "s"}},
			},
			"no subscription": {
				Message{TopicARN: "arn:lonely", Subject: "High", Message: "text"},
				[]Notification{{at, "arn:lonely", "none", "", "High", "text"}},
			},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				delivery := NewDelivery(subscriptions, func(Notification) {})
				if err := delivery.Publish(c.message, at); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, delivery.Delivered()); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		}
	})
	t.Run("rejects a structure without a default", func(t *testing.T) {
		delivery := NewDelivery(nil, func(Notification) {})
		for _, message := range []string{`{"sms":"s"}`, `text`, `[]`} {
			var rejected ErrStructure
			if err := delivery.Publish(Message{Message: message, Structure: "json"}, time.Time{}); !errors.As(err, &rejected) {
				t.Errorf("%s: %v", message, err)
			}
		}
		if got := delivery.Delivered(); len(got) > 0 {
			t.Errorf("delivered %+v", got)
		}
	})
}
