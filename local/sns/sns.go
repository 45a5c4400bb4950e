package sns

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxKept bounds the memory: the oldest notifications are discarded.
const maxKept = 5000

// Subscription is one subscription of a topic. Endpoint is the address or phone number.
type Subscription struct{ TopicARN, Protocol, Endpoint string }

// Notification is the text that one subscriber receives for one published message.
type Notification struct {
	At       time.Time `json:"at"`
	TopicARN string    `json:"topic_arn"`
	Protocol string    `json:"protocol"` // "email" or "sms"; "none" when the topic has no subscription
	Endpoint string    `json:"endpoint"` // address or number
	Subject  string    `json:"subject,omitempty"`
	Message  string    `json:"message"`
}

// Delivery delivers published messages to subscribers. It is safe for concurrent use.
type Delivery struct {
	subscriptions []Subscription
	notify        func(Notification)

	mu   sync.Mutex
	kept []Notification
}

// NewDelivery delivers to subscriptions and calls notify for each notification, one at a
// time. A message to a topic without subscriptions yields one notification with the
// protocol "none" and the default text, so that it can be seen all the same.
func NewDelivery(subscriptions []Subscription, notify func(Notification)) *Delivery {
	return &Delivery{subscriptions: subscriptions, notify: notify}
}

// Continue takes over what was delivered before an update of the stack.
func (d *Delivery) Continue(before *Delivery) {
	delivered := before.Delivered()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept = append(delivered, d.kept...)
}

// Message holds the parameters of a Publish call. Structure is "" or "json".
type Message struct{ TopicARN, Subject, Message, Structure string }

// ErrStructure is the error of SNS for a message of structure "json" that is not a JSON
// object of texts with a "default" one.
type ErrStructure struct{ Reason string }

func (e ErrStructure) Error() string {
	return "Invalid parameter: Message Structure - " + e.Reason
}

// Limits of Publish.
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
const (
	maxMessageBytes      = 256 << 10
	maxSubjectCharacters = 100
)

// invalidParameter is a rejected parameter, with the text of SNS.
type invalidParameter string

func (p invalidParameter) Error() string { return "Invalid parameter: " + string(p) }

// Check returns the error of a message that SNS would reject, such as [ErrStructure]. The texts are
// those that localstack/localstack recorded on AWS in test_sns.py.
func (m Message) Check() error {
	elements := strings.Count(m.TopicARN, ":") + 1
	switch {
	case m.TopicARN != "" && elements < 6:
		return invalidParameter(fmt.Sprintf("TopicArn Reason: An ARN must have at least 6 elements, not %d", elements))
	case m.Message == "":
		return invalidParameter("Empty message")
	case len(m.Message) > maxMessageBytes:
		return invalidParameter("Message too long")
	case utf8.RuneCountInString(m.Subject) > maxSubjectCharacters, strings.ContainsFunc(m.Subject, unicode.IsControl):
		return invalidParameter("Subject")
	}
	_, err := m.Texts()
	return err
}

// Texts returns the text for each protocol. The key "default" is always present.
func (m Message) Texts() (map[string]string, error) {
	if m.Structure != "json" {
		return map[string]string{"default": m.Message}, nil
	}
	var members map[string]any
	if err := json.Unmarshal([]byte(m.Message), &members); err != nil {
		return nil, ErrStructure{"JSON message body failed to parse"}
	}
	texts := map[string]string{}
	for protocol, text := range members {
		if s, ok := text.(string); ok { // other values are ignored, as SNS documents
			texts[protocol] = s
		}
	}
	if _, ok := texts["default"]; !ok {
		return nil, ErrStructure{"No default entry in JSON message body"}
	}
	return texts, nil
}

// Publish delivers the message to the topic's subscribers. Its error is [ErrStructure].
func (d *Delivery) Publish(m Message, at time.Time) error {
	texts, err := m.Texts()
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	subscribed := false
	for _, s := range d.subscriptions {
		if s.TopicARN != m.TopicARN {
			continue
		}
		subscribed = true
		text, ok := texts[s.Protocol]
		if !ok {
			text = texts["default"]
		}
		n := Notification{At: at, TopicARN: m.TopicARN, Protocol: s.Protocol, Endpoint: s.Endpoint, Message: text}
		if s.Protocol != "sms" { // a text message has no subject
			n.Subject = m.Subject
			if n.Subject == "" && s.Protocol == "email" {
				n.Subject = "AWS Notification Message"
			}
		}
		d.keep(n)
	}
	if !subscribed {
		d.keep(Notification{At: at, TopicARN: m.TopicARN, Protocol: "none", Subject: m.Subject, Message: texts["default"]})
	}
	return nil
}

func (d *Delivery) keep(n Notification) {
	d.kept = append(d.kept, n)
	if len(d.kept) == 2*maxKept { // seldom, since it moves them all
		d.kept = append([]Notification(nil), d.kept[maxKept:]...)
	}
	d.notify(n)
}

// Delivered returns the most recent notifications, oldest first.
func (d *Delivery) Delivered() []Notification {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Notification{}, d.kept[max(0, len(d.kept)-maxKept):]...)
}

// String formats the notification for the terminal.
func (n Notification) String() string {
	to := n.Protocol + " to " + n.Endpoint
	if n.Protocol == "none" {
		to = "no subscription (set ALERT_EMAIL or ALERT_PHONE and synthesize again)"
	}
	if n.Subject != "" {
		return fmt.Sprintf("%s: %s: %s", to, n.Subject, n.Message)
	}
	return fmt.Sprintf("%s: %s", to, n.Message)
}
