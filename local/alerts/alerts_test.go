package alerts

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
func TestEachSubscriberGetsTheTextOfItsProtocol(t *testing.T) {
	at := time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)
	subscribers := []Subscriber{{"arn:t", "email", "a@example.com"}, {"arn:t", "sms", "+15555550100"}, {"arn:other", "email", "b@example.com"}}
	cases := map[string]struct {
		message Message
		want    []Alert
	}{
		"one text for all": {
			Message{TopicARN: "arn:t", Subject: "High", Message: "text"},
			[]Alert{{at, "arn:t", "email", "a@example.com", "High", "text"}, {at, "arn:t", "sms", "+15555550100", "", "text"}},
		},
		"own text per protocol": {
			Message{TopicARN: "arn:t", Message: `{"default":"d","sms":"s","ignored":1}`, Structure: "json"},
			[]Alert{{at, "arn:t", "email", "a@example.com", "AWS Notification Message", "d"}, {at, "arn:t", "sms", "+15555550100", "", "s"}},
		},
		"nobody subscribes": {
			Message{TopicARN: "arn:lonely", Subject: "High", Message: "text"},
			[]Alert{{at, "arn:lonely", "none", "", "High", "text"}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			carrier := NewCarrier(subscribers, func(Alert) {})
			if err := carrier.Publish(c.message, at); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, carrier.Delivered()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestStructureWithoutDefaultIsRefused(t *testing.T) {
	carrier := NewCarrier(nil, func(Alert) {})
	for _, message := range []string{`{"sms":"s"}`, `text`, `[]`} {
		var refused ErrStructure
		if err := carrier.Publish(Message{Message: message, Structure: "json"}, time.Time{}); !errors.As(err, &refused) {
			t.Errorf("%s: %v", message, err)
		}
	}
	if got := carrier.Delivered(); len(got) > 0 {
		t.Errorf("delivered %+v", got)
	}
}
