package deadletters

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/redact"
	"payment-webhooks/handlers/internal/relay"
)

// Kind is what a message is.
type Kind string

// Kinds of message.
const (
	KindEvent      Kind = "event"      // EventBridge could not deliver it to a rule's target
	KindPositions  Kind = "positions"  // Lambda gave up records of the table's stream by their positions
	KindRecord     Kind = "record"     // event-relay can never publish a record
	KindWorkflow   Kind = "workflow"   // a state of the workflow failed
	KindDelivery   Kind = "delivery"   // webhook-validator could not process an authentic delivery
	KindAlert      Kind = "alert"      // alert-digest could not send the alert about an event
	KindInvocation Kind = "invocation" // a function failed for an asynchronous event
	KindUnknown    Kind = "unknown"    // nothing of this stack
)

// Key is the key of a transaction that a message is about.
type Key struct {
	TransactionID string `json:"transaction_id"`
	Provider      string `json:"provider"`
}

// Message is a message of a dead-letter queue. The member of its Kind is set. Summary and
// Body are fit for a terminal: card numbers are masked and nothing else than text is in them.
type Message struct {
	Kind    Kind
	Reason  string // in a word or two, the same for messages with the same cause
	Summary string // one line
	Body    string // the message, indented if it is JSON
	Keys    []Key  // the transactions that the message names

	Event      *Event // of KindAlert, too, with the members Time and JSON alone
	Positions  *Positions
	Record     *Record
	Workflow   *Workflow
	Invocation *Invocation
}

// Event is an event that EventBridge could not deliver.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
type Event struct {
	RuleARN, TargetARN      string
	ErrorCode, ErrorMessage string
	Time                    time.Time // of the event; zero if it has none
	JSON                    []byte    // the whole event
}

// Positions are consecutive records of a shard of the table's stream.
// https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
type Positions struct {
	Condition   string // such as RecordAgeExceeded
	StreamARN   string
	ShardID     string
	Start, End  string    // sequence numbers, both included
	First, Last time.Time // when they arrived in the stream, approximately
	Size        int       // number of records that Lambda selected; others may be between them
}

// Record is a record that can never be published.
type Record struct {
	relay.DeadLetter
	Arrived time.Time // zero if it is not known
}

// Workflow is a failed state of the workflow.
type Workflow struct {
	State, Execution, Error, Cause string
	Transaction                    []byte // JSON: the input of the workflow
}

// Invocation is an asynchronous invocation that failed after its retries.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
type Invocation struct {
	FunctionARN, Condition, Error string
	Payload                       []byte // JSON
}

// Read reads a message: its body, and its attributes by name.
func Read(body string, attributes map[string]string) Message {
	m := read(body, attributes)
	m.Summary = Mask(m.Summary)
	m.Body = indented(body)
	return m
}

func read(body string, attributes map[string]string) Message {
	// The members of all forms.
	var f struct {
		// EventBridge's
		Source     string          `json:"source"`
		DetailType string          `json:"detail-type"`
		Time       time.Time       `json:"time"`
		Detail     json.RawMessage `json:"detail"`
		// Lambda's
		RequestContext *struct {
			FunctionARN string `json:"functionArn"`
			Condition   string `json:"condition"`
			Invokes     int    `json:"approximateInvokeCount"`
		} `json:"requestContext"`
		RequestPayload  json.RawMessage `json:"requestPayload"`
		ResponsePayload struct {
			ErrorMessage string `json:"errorMessage"`
			ErrorType    string `json:"errorType"`
		} `json:"responsePayload"`
		Batch *struct {
			ShardID string    `json:"shardId"`
			Start   string    `json:"startSequenceNumber"`
			End     string    `json:"endSequenceNumber"`
			First   time.Time `json:"approximateArrivalOfFirstRecord"`
			Last    time.Time `json:"approximateArrivalOfLastRecord"`
			Size    int       `json:"batchSize"`
			Stream  string    `json:"streamArn"`
		} `json:"DDBStreamBatchInfo"`
		// the workflow's
		State       string          `json:"state"`
		Execution   string          `json:"execution"`
		Error       json.RawMessage `json:"error"`
		Transaction json.RawMessage `json:"transaction"`
		// webhook-validator's
		Provider     string `json:"provider"`
		ReceivedAt   string `json:"received_at"`
		BodyEncoding string `json:"body_encoding"`
		Events       []struct {
			Type   string `json:"type"`
			Reason string `json:"reason"`
			Detail string `json:"detail"`
		} `json:"events"`
		// event-relay's
		Reason         string `json:"reason"`
		SequenceNumber string `json:"sequence_number"`
	}
	if err := json.Unmarshal([]byte(body), &f); err != nil {
		return Message{Kind: KindUnknown, Reason: "not JSON", Summary: "not a message of this stack"}
	}
	switch {
	case f.Batch != nil && f.RequestContext != nil:
		p := &Positions{
			Condition: f.RequestContext.Condition, StreamARN: f.Batch.Stream, ShardID: f.Batch.ShardID,
			Start: f.Batch.Start, End: f.Batch.End, First: f.Batch.First, Last: f.Batch.Last, Size: f.Batch.Size,
		}
		return Message{
			Kind: KindPositions, Positions: p, Reason: p.Condition,
			Summary: fmt.Sprintf("%s of the stream, arrived %s: %s after %s",
				count(p.Size, "record"), p.First.UTC().Format(time.RFC3339), p.Condition, count(f.RequestContext.Invokes, "attempt")),
		}
	case f.RequestPayload != nil && f.RequestContext != nil:
		i := &Invocation{
			FunctionARN: f.RequestContext.FunctionARN, Condition: f.RequestContext.Condition, Payload: f.RequestPayload,
			Error: strings.Trim(f.ResponsePayload.ErrorType+": "+f.ResponsePayload.ErrorMessage, ": "),
		}
		return Message{
			Kind: KindInvocation, Invocation: i, Reason: i.Condition,
			Summary: fmt.Sprintf("%s failed: %s %s", last(i.FunctionARN, ":function:"), i.Condition, i.Error),
		}
	case attributes["RULE_ARN"] != "" && f.Detail != nil:
		e := &Event{
			RuleARN: attributes["RULE_ARN"], TargetARN: attributes["TARGET_ARN"],
			ErrorCode: attributes["ERROR_CODE"], ErrorMessage: attributes["ERROR_MESSAGE"], Time: f.Time, JSON: []byte(body),
		}
		m := Message{Kind: KindEvent, Event: e, Reason: e.ErrorCode}
		about := f.DetailType
		m.Keys, about = transactionOf(f.Detail, about)
		m.Summary = fmt.Sprintf("%s not delivered by %s: %s %s", about, last(e.RuleARN, "/"), e.ErrorCode, e.ErrorMessage)
		return m
	case f.Source == contract.EventSource && f.Detail != nil:
		m := Message{Kind: KindAlert, Event: &Event{Time: f.Time, JSON: []byte(body)}, Reason: "not alerted"}
		about := f.DetailType
		m.Keys, about = transactionOf(f.Detail, about)
		m.Summary = about + ": no digest with it could be sent"
		return m
	case f.State != "" && f.Execution != "" && f.Transaction != nil:
		w := &Workflow{State: f.State, Execution: f.Execution, Transaction: f.Transaction}
		var e struct{ Error, Cause string }
		if json.Unmarshal(f.Error, &e) == nil {
			w.Error, w.Cause = e.Error, e.Cause
		}
		m := Message{Kind: KindWorkflow, Workflow: w, Reason: w.State}
		about := ""
		m.Keys, about = transactionOf(f.Transaction, "a transaction")
		m.Summary = fmt.Sprintf("%q failed for %s: %s %s", w.State, about, w.Error, w.Cause)
		return m
	case f.BodyEncoding != "" && f.Provider != "":
		m := Message{Kind: KindDelivery, Reason: "unreadable"}
		var all []string
		for i, e := range f.Events {
			if i == 0 {
				m.Reason = e.Reason
			}
			all = append(all, strings.Join(strings.Fields(e.Type+" "+e.Detail), " "))
		}
		m.Summary = fmt.Sprintf("%s, received %s: %s", f.Provider, f.ReceivedAt, strings.Join(all, "; "))
		return m
	case f.SequenceNumber != "" && f.Reason != "":
		r := &Record{}
		_ = json.Unmarshal([]byte(body), &r.DeadLetter)             // all of its members are strings and a bool, or are left empty
		r.Arrived, _ = time.Parse(time.RFC3339, r.ArrivedAt)        // zero if absent
		m := Message{Kind: KindRecord, Record: r, Reason: r.Reason} // the relay has masked the error
		m.Summary = fmt.Sprintf("record %s: %s", r.Reason, r.Error)
		if r.TransactionID != "" {
			m.Summary = fmt.Sprintf("%s of %s: %s: %s", r.TransactionID, r.Provider, r.Reason, r.Error)
			if !r.Masked {
				m.Keys = []Key{{r.TransactionID, r.Provider}}
			}
		}
		return m
	}
	return Message{Kind: KindUnknown, Reason: "unknown form", Summary: "not a message of this stack"}
}

// transactionOf returns the key of the transaction in a detail, and a few words about it;
// other if it has none.
func transactionOf(detail []byte, other string) ([]Key, string) {
	var d map[string]any
	if json.Unmarshal(detail, &d) != nil {
		return nil, other
	}
	field := func(name string) string { text, _ := d[name].(string); return text }
	key := Key{field(contract.FieldTransactionID), field(contract.FieldProvider)}
	if key.TransactionID == "" {
		return nil, other
	}
	about := strings.TrimSpace(field(contract.FieldKind) + " " + key.TransactionID + " of " + key.Provider)
	if amount := field(contract.DetailAmountText); amount != "" {
		about += ", " + amount
	}
	return []Key{key}, about
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// last returns what follows the last separator.
func last(text, separator string) string {
	if i := strings.LastIndex(text, separator); i >= 0 {
		return text[i+len(separator):]
	}
	return text
}

// Mask makes text fit for a terminal: card numbers are masked, and characters that do not
// print are replaced, line breaks and tabs excepted.
func Mask(text string) string {
	return strings.Map(func(c rune) rune {
		if c != '\n' && c != '\t' && !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, redact.Body(text))
}

// indented returns a body for people.
func indented(body string) string {
	masked := redact.Body(body)
	var out bytes.Buffer
	if json.Indent(&out, []byte(masked), "", "  ") == nil {
		masked = out.String()
	}
	return Mask(masked)
}
