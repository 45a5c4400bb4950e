package alerts

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// maxKept bounds the memory: the oldest alerts are forgotten.
const maxKept = 5000

// Subscriber is one subscription of a topic.
type Subscriber struct{ TopicARN, Protocol, Endpoint string }

// Alert is one text as one subscriber receives it.
type Alert struct {
	At       time.Time `json:"at"`
	TopicARN string    `json:"topic_arn"`
	Protocol string    `json:"protocol"` // "email" or "sms"; "none" when the topic has no subscriber
	Endpoint string    `json:"endpoint"` // address or number
	Subject  string    `json:"subject,omitempty"`
	Message  string    `json:"message"`
}

// Carrier delivers messages. It is safe for concurrent use.
type Carrier struct {
	subscribers []Subscriber
	deliver     func(Alert)

	mu   sync.Mutex
	kept []Alert
}

// NewCarrier delivers to subscribers; deliver is told of each delivery, one at
// a time. A message to a topic without subscribers is kept once, with protocol
// "none" and its default text, so that it can be seen in a stack without any.
func NewCarrier(subscribers []Subscriber, deliver func(Alert)) *Carrier {
	return &Carrier{subscribers: subscribers, deliver: deliver}
}

// Message is a Publish call's. Structure is "" or "json".
type Message struct{ TopicARN, Subject, Message, Structure string }

// ErrStructure is SNS's answer to a message whose structure is no JSON object
// of texts with a default.
type ErrStructure struct{ Reason string }

func (e ErrStructure) Error() string {
	return "Invalid parameter: Message Structure - " + e.Reason
}

// Texts returns the text for each protocol; "default" is always there.
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

// Publish delivers the message to the topic's email and SMS subscribers.
func (c *Carrier) Publish(m Message, at time.Time) error {
	texts, err := m.Texts()
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	subscribed := false
	for _, s := range c.subscribers {
		if s.TopicARN != m.TopicARN {
			continue
		}
		subscribed = true
		text, ok := texts[s.Protocol]
		if !ok {
			text = texts["default"]
		}
		alert := Alert{At: at, TopicARN: m.TopicARN, Protocol: s.Protocol, Endpoint: s.Endpoint, Message: text}
		if s.Protocol != "sms" { // a text message has no subject
			alert.Subject = m.Subject
			if alert.Subject == "" && s.Protocol == "email" {
				alert.Subject = "AWS Notification Message"
			}
		}
		c.keep(alert)
	}
	if !subscribed {
		c.keep(Alert{At: at, TopicARN: m.TopicARN, Protocol: "none", Subject: m.Subject, Message: texts["default"]})
	}
	return nil
}

func (c *Carrier) keep(a Alert) {
	c.kept = append(c.kept, a)
	if extra := len(c.kept) - maxKept; extra > 0 {
		c.kept = append([]Alert(nil), c.kept[extra:]...)
	}
	c.deliver(a)
}

// Delivered returns what was delivered, oldest first.
func (c *Carrier) Delivered() []Alert {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Alert{}, c.kept...)
}

// String is the alert as the terminal shows it.
func (a Alert) String() string {
	to := a.Protocol + " to " + a.Endpoint
	if a.Protocol == "none" {
		to = "nobody subscribes (set ALERT_EMAIL or ALERT_PHONE and synthesize again)"
	}
	if a.Subject != "" {
		return fmt.Sprintf("%s: %s: %s", to, a.Subject, a.Message)
	}
	return fmt.Sprintf("%s: %s", to, a.Message)
}
