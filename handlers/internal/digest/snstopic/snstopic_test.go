package snstopic_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/digest"
	"payment-webhooks/handlers/internal/digest/snstopic"
)

const arn = "arn:aws:sns:eu-central-1:123456789012:transaction-alerts-dev"

// open is a topic of a server that speaks SNS's protocol (AWS query), with the calls that it got.
func open(t *testing.T, status int, body string) (*snstopic.Topic, *[]url.Values) {
	t.Helper()
	var calls []url.Values
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		calls = append(calls, r.PostForm)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return snstopic.New(snstopic.NewClient(aws.Config{
		Region: "eu-central-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}), arn), &calls
}

const published = `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>`

func TestPublish(t *testing.T) {
	t.Run("sends a text for phones and one for others", func(t *testing.T) {
		topic, calls := open(t, http.StatusOK, published)
		if err := topic.Publish(t.Context(), digest.Message{Subject: "Two", Text: "a\n\"b\" <c>", SMS: "ab"}); err != nil {
			t.Fatal(err)
		}
		if len(*calls) != 1 {
			t.Fatalf("%d calls", len(*calls))
		}
		form := (*calls)[0]
		var texts map[string]string
		if err := json.Unmarshal([]byte(form.Get("Message")), &texts); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{"default": "a\n\"b\" <c>", "sms": "ab"}, texts); diff != "" {
			t.Error(diff)
		}
		if form.Get("Action") != "Publish" || form.Get("TopicArn") != arn || form.Get("Subject") != "Two" || form.Get("MessageStructure") != "json" {
			t.Errorf("%v", form)
		}
	})
	t.Run("sends the largest message that SNS accepts, and none that is larger by a byte", func(t *testing.T) {
		topic, calls := open(t, http.StatusOK, published)
		frame := len(`{"default":"","sms":"ab"}`)
		largest := digest.Message{Subject: "Many", Text: strings.Repeat("a", snstopic.MaxMessageBytes-frame), SMS: "ab"}
		if err := topic.Publish(t.Context(), largest); err != nil || len(*calls) != 1 || len((*calls)[0].Get("Message")) != 262144 {
			t.Errorf("%d calls, %v", len(*calls), err)
		}
		largest.Text += "a"
		if err := topic.Publish(t.Context(), largest); !errors.Is(err, digest.ErrTooLarge) || len(*calls) != 1 {
			t.Errorf("%d calls, %v", len(*calls), err)
		}
	})
	t.Run("fails when SNS does not accept the message", func(t *testing.T) {
		topic, _ := open(t, http.StatusNotFound, `<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code><Message>Topic does not exist</Message></Error></ErrorResponse>`)
		if err := topic.Publish(t.Context(), digest.Message{Subject: "One", Text: "a", SMS: "a"}); err == nil || errors.Is(err, digest.ErrTooLarge) || !strings.Contains(err.Error(), "Topic does not exist") {
			t.Errorf("%v", err)
		}
	})
}
