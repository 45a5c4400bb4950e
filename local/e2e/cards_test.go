package e2e

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/session"
)

// card is a number that no other digits of a test resemble.
const card = "4929381332664295"

// cardDresses are ways to write it.
var cardDresses = []string{
	card, "4929 3813 3266 4295", "4929-3813-3266-4295", "4929.3813.3266.4295", "4929\u00a03813\u00a03266\u00a04295",
	"4929\u200b3813\u200b3266\u200b4295", "４９２９３８１３３２６６４２９５", "4929_3813_3266_4295", "4929%203813%203266%204295",
}

// Card numbers are sent in every place of a request, and then every place is searched in
// which the stack writes something.
func TestCardNumbersAreNowhere(t *testing.T) {
	inParallel(t)
	s := ownSessionWith(t, append(session.SecretFlags(secrets), "--egress", egressDir))
	var responses []string
	send := func(d delivery) {
		t.Helper()
		res, err := s.Do(t.Context(), d.method, d.path, d.header, []byte(d.body))
		if err != nil {
			t.Fatal(err)
		}
		responses = append(responses, fmt.Sprint(res.Status, " ", string(res.Body), " ", res.Header))
	}
	dressed := func(i int) string { return cardDresses[i%len(cardDresses)] }
	metadata := func() string {
		var members []string
		for i, dress := range cardDresses {
			members = append(members, fmt.Sprintf(`"note %d": %q, "%s": {"%d": ["%s"]}`, i, "paid with "+dress+".", dress, i, dress))
		}
		return `, "metadata": {"number": ` + card + `, ` + strings.Join(members, ", ") + `}`
	}
	accepted := map[string]string{} // id by amount
	everywhere := func() {
		for i, amount := range []string{"1", "5000", "15000"} {
			id := newID(t) + "_"
			accepted[amount] = id
			body := strings.Replace(string(payment(id, amount, "USD", metadata())), "cust_789", dressed(i), 1)
			d := plain(body).with("User-Agent", "Shop/1 "+card).with("X-Request-Id", card).with("X-Amzn-Requestid", card).with("Referer", "https://shop.example.com/"+card)
			d.path += "?card=" + card
			send(d)
		}
	}
	everywhere()

	// What is refused.
	for i := range cardDresses {
		value := `"` + dressed(i) + `"`
		for _, member := range []string{"transaction_id", "amount", "currency", "provider"} {
			send(canonical(t, member, value))
		}
		send(plain(`{` + value + `: 1, "transaction_id": ` + value))
		send(plain(value))
		send(plain(string(payment(newID(t), "1", "USD", `, `+value+`: `+value))))
	}
	for _, path := range []string{"/webhook/" + card, "/webhook/4929%203813%203266%204295", "/webhook/stripe/" + card, "/" + card, "/webhook/stripe?" + card} {
		d := plain("{}")
		d.path = path
		send(d)
		d.method = http.MethodPut
		send(d)
	}
	send(plain("{}").with("Content-Type", "application/json; charset="+card))
	send(plain("{}").with("Content-Encoding", card))
	for _, header := range []string{"Stripe-Signature", "X-Square-Hmacsha256-Signature", "Paypal-Transmission-Id", "Paypal-Cert-Url", "Webhook-Id", "X-Amzn-Trace-Id"} {
		for _, provider := range providers {
			d := plain("{}").with(header, card)
			d.path = "/webhook/" + provider
			send(d)
		}
	}

	// What is authentic, and cannot be processed or is ignored.
	asStripe := func(content string) {
		sent, err := s.Send(t.Context(), sender, "stripe", secrets["stripe"], "--file", file(t, content))
		if err != nil {
			t.Fatal(err)
		}
		responses = append(responses, fmt.Sprint(sent))
	}
	quarantined := 0
	for i, dress := range cardDresses {
		for _, content := range []string{
			`{"object": "event", "type": "payment_intent.succeeded", "data": {"object": {"object": "payment_intent", "id": "pi_1", "amount_received": "` + dress + `", "currency": "usd"}}}`,
			"no JSON " + dress,
			base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf(`{"card": %q, "n": %d}`, dress, i))),
		} {
			asStripe(content)
			quarantined++
		}
		asStripe(`{"object": "event", "type": "` + strings.ReplaceAll(dress, " ", "") + `", "data": {}}`)
	}

	eventually(t, "the alerts", func(ctx context.Context) (bool, error) {
		medium, err := s.Alerts(ctx, accepted["5000"])
		high, err2 := s.Alerts(ctx, accepted["15000"])
		return len(medium) > 1 && len(high) > 1, errors.Join(err, err2)
	})
	eventually(t, "the event in the log", func(ctx context.Context) (bool, error) {
		lines, err := s.Logged(ctx, s.LowValueLogGroup(), accepted["1"])
		return len(lines) > 0, err
	})

	// Nothing can be alerted any more, so that dead letters are written.
	if _, err := sns.NewFromConfig(s.AWS).DeleteTopic(t.Context(), &sns.DeleteTopicInput{TopicArn: aws.String(s.Outputs[contract.OutputTopic])}); err != nil {
		t.Fatal(err)
	}
	everywhere()
	awaitMessage(t, s, "medium-value-dlq-"+s.Suffix(), accepted["5000"])
	awaitMessage(t, s, contract.WorkflowDeadLetterPrefix+s.Suffix(), accepted["15000"])
	if err := s.FireRule(t.Context(), s.ArchivalRule(), time.Now().Add(26*time.Hour)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the archive", func(ctx context.Context) (bool, error) {
		objects, err := s.Archived(ctx, "transactions/")
		return len(objects) > 0, err
	})

	sinks := sinksOf(t, s)
	sinks["responses"] = responses
	for name, least := range map[string]int{
		"responses": 100, "table " + s.Outputs[contract.OutputTable]: 6, "alerts": 4, "traces": 6, "archive": 1,
		"queue quarantine-" + s.Suffix(): quarantined,
		"log group " + contract.FunctionLogGroupPrefix + contract.WebhookValidator + "-" + s.Suffix(): 100,
		"log group " + contract.AccessLogGroupPrefix + s.Suffix():                                     100,
		"log group " + contract.StateMachineLogGroupPrefix + s.Suffix():                               1,
	} {
		if n := len(sinks[name]); n < least {
			t.Errorf("%s: %d entries, want %d or more", name, n, least)
		}
	}
	for name, entries := range sinks {
		for _, entry := range entries {
			if strings.Contains(digits(entry), card) {
				t.Errorf("%s: %s", name, entry)
			}
		}
	}
}

// sinksOf reads everything that a session's stack has written, by place.
func sinksOf(t *testing.T, s *session.Session) map[string][]string {
	t.Helper()
	sinks := map[string][]string{}
	groups, err := cloudwatchlogs.NewFromConfig(s.AWS).DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range groups.LogGroups {
		name := aws.ToString(group.LogGroupName)
		if sinks["log group "+name], err = s.Logged(t.Context(), name, ""); err != nil {
			t.Fatal(err)
		}
	}
	queues, err := sqs.NewFromConfig(s.AWS).ListQueues(t.Context(), &sqs.ListQueuesInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range queues.QueueUrls {
		name := address[strings.LastIndex(address, "/")+1:]
		var entries []string
		for {
			messages, err := s.Messages(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if len(messages) == len(entries) {
				break
			}
			entries = nil
			for _, m := range messages {
				text := aws.ToString(m.Body)
				for attribute, value := range m.MessageAttributes {
					text += fmt.Sprint(" ", attribute, "=", aws.ToString(value.StringValue))
				}
				entries = append(entries, text)
			}
		}
		sinks["queue "+name] = entries
	}
	db := dynamodb.NewFromConfig(s.AWS)
	tables, err := db.ListTables(t.Context(), &dynamodb.ListTablesInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables.TableNames {
		pages := dynamodb.NewScanPaginator(db, &dynamodb.ScanInput{TableName: aws.String(table)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range page.Items {
				var plain map[string]any
				if err := attributevalue.UnmarshalMapWithOptions(item, &plain, func(o *attributevalue.DecoderOptions) { o.UseNumber = true }); err != nil {
					t.Fatal(err)
				}
				sinks["table "+table] = append(sinks["table "+table], fmt.Sprint(plain))
			}
		}
	}
	objects, err := s.Archived(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		sinks["archive"] = append(append(sinks["archive"], object.Key), object.Lines...)
	}
	alerts, err := s.Alerts(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, alert := range alerts {
		sinks["alerts"] = append(sinks["alerts"], alert.Subject+" "+alert.Message)
	}
	documents, err := traces(t.Context(), s, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range documents {
		sinks["traces"] = append(sinks["traces"], string(d.JSON))
	}
	return sinks
}
