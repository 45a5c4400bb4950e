package deliveries

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"payment-webhooks/local/sns"
	"payment-webhooks/local/states"
)

// Bounds of what is kept of a transaction, and of how many.
const (
	maxTransactions = 2 * MaxDeliveries
	maxInvocations  = 2 * MaxDeliveries // of which a log line is kept
	maxWithSteps    = 1000              // executions whose states are kept
	maxOfEach       = 50                // deliveries, executions, alerts and lines of a transaction
)

// key identifies a transaction.
type key struct{ Provider, ID string }

// delivery is a request with what became of it.
type delivery struct {
	*request
	provider string
	response response
	log      *logged // of the invocation; nil: not written yet
	events   []*result
}

// response is what is understood of a response's body: the product's, a problem document
// (RFC 9457), or API Gateway's.
type response struct {
	TransactionID string  `json:"transaction_id"`
	Provider      string  `json:"provider"`
	Status        any     `json:"status"` // "accepted", or the number of a problem document
	Duplicate     bool    `json:"duplicate"`
	Ignored       *string `json:"ignored"`
	Quarantined   string  `json:"quarantined"`

	Results []response `json:"results"`

	Title  string       `json:"title"`
	Detail string       `json:"detail"`
	Errors []fieldError `json:"errors"`

	Message string `json:"message"`
}

// fieldError is a field that is not valid.
type fieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// result is what became of one event of a delivery.
type result struct {
	key         // of its transaction; zero: it has none
	kind string // accepted, duplicate, ignored, quarantined: REASON
}

// logged is a log line of a function.
type logged struct {
	text          string
	Time          time.Time `json:"timestamp"`
	Level         string    `json:"level"`
	Message       string    `json:"message"`
	Function      string    `json:"function"`
	RequestID     string    `json:"request_id"`
	TraceID       string    `json:"trace_id"`
	Provider      string    `json:"provider"`
	TransactionID string    `json:"transaction_id"`
	EventTypes    []string  `json:"event_types"`
	Transactions  []string  `json:"transaction_ids"`
	Error         string    `json:"error"`
	RiskLevel     string    `json:"risk_level"`
	Score         any       `json:"score"`
}

// transaction is what became of a transaction.
type transaction struct {
	key
	at        time.Time // of the first event
	event     []byte    // as it was on the bus, last
	relayed   string    // the trace id of the invocation that put it there
	published time.Time
	detail    detail
	rules     []string // that matched, in their order
	targets   []*progress
	runs      []*execution
	alerts    []sns.Notification
	lines     []*logged
	risk      string
	score     string
}

// detail is the detail of an event.
type detail struct {
	TransactionID string      `json:"transaction_id"`
	Provider      string      `json:"provider"`
	Kind          string      `json:"kind"`
	Amount        json.Number `json:"amount"`
	AmountText    string      `json:"amount_text"`
	Currency      string      `json:"currency"`
}

// joined is what belongs together.
type joined struct {
	mu           sync.Mutex
	deliveries   []*delivery // oldest first, with consecutive ids but for lost ones
	byInvocation map[string]*delivery
	lines        map[string]*logged // that came before their delivery, by invocation
	lineOrder    []*logged
	transactions map[key]*transaction
	order        []key
	byID         map[string][]*transaction
	withSteps    []*execution
}

func newJoined() *joined {
	return &joined{
		byInvocation: map[string]*delivery{}, lines: map[string]*logged{}, transactions: map[key]*transaction{}, byID: map[string][]*transaction{},
	}
}

func (j *joined) add(fact any) {
	switch f := fact.(type) {
	case *request:
		j.addRequest(f)
	case line:
		j.addLine(f.text)
	case event:
		if d, ok := detailOf(f.text); ok {
			t := j.transaction(key{d.Provider, d.TransactionID})
			t.event, t.detail, t.published, t.relayed = f.text, d, f.at, traceID(f.trace)
			if t.at.IsZero() {
				t.at = f.at
			}
		}
	case progress:
		j.addProgress(f)
	case *execution:
		j.addExecution(f)
	case sns.Notification:
		j.addNotification(f)
	}
}

func (j *joined) addRequest(q *request) {
	d := &delivery{request: q}
	_ = json.Unmarshal([]byte(q.Body), &d.response) // a body of another kind says nothing more
	results := d.response.Results
	if results == nil {
		results = []response{d.response}
	}
	for _, r := range results {
		one := &result{}
		switch {
		case r.Quarantined != "":
			one.kind = "quarantined: " + r.Quarantined
		case r.Ignored != nil:
			one.kind = "ignored"
		case r.TransactionID != "":
			one.key, one.kind = key{r.Provider, r.TransactionID}, "accepted"
			if r.Duplicate {
				one.kind = "duplicate"
			}
			j.transaction(one.key)
		default:
			continue
		}
		d.events = append(d.events, one)
	}
	d.provider = providerOf(d)
	j.deliveries = append(j.deliveries, d)
	if n := len(j.deliveries) - MaxDeliveries; n > 0 {
		for i := range n {
			delete(j.byInvocation, j.deliveries[i].InvocationID)
			j.deliveries[i] = nil
		}
		j.deliveries = j.deliveries[n:]
	}
	if q.InvocationID == "" {
		return
	}
	j.byInvocation[q.InvocationID] = d
	if l := j.lines[q.InvocationID]; l != nil {
		d.addLog(l)
	}
}

// providerOf returns who sent a delivery: the response says it, or else the address.
func providerOf(d *delivery) string {
	for _, e := range d.events {
		if e.Provider != "" {
			return e.Provider
		}
	}
	resource := strings.Split(strings.Trim(d.Resource, "/"), "/")
	if len(resource) < 2 {
		return ""
	}
	if !strings.HasPrefix(resource[len(resource)-1], "{") {
		return resource[len(resource)-1]
	}
	path := strings.Split(strings.TrimRight(d.Path, "/"), "/")
	return path[len(path)-1]
}

func (d *delivery) addLog(l *logged) {
	// The line about the whole delivery has a status. Others of the invocation are about what went wrong.
	if d.log == nil || strings.Contains(l.text, `"status":`) {
		d.log = l
	}
	if d.provider == "" {
		d.provider = l.Provider
	}
}

func (j *joined) addLine(text string) {
	l := &logged{text: text}
	if json.Unmarshal([]byte(text), l) != nil || l.RequestID == "" {
		return
	}
	if d := j.byInvocation[l.RequestID]; d != nil {
		d.addLog(l)
	} else {
		if before := j.lines[l.RequestID]; before == nil || strings.Contains(text, `"status":`) {
			j.lines[l.RequestID] = l
		}
		j.lineOrder = append(j.lineOrder, l)
		if len(j.lineOrder) > maxInvocations {
			oldest := j.lineOrder[0]
			j.lineOrder[0] = nil
			j.lineOrder = j.lineOrder[1:]
			delete(j.lines, oldest.RequestID)
		}
	}
	if l.TransactionID == "" || l.Provider == "" {
		return
	}
	t := j.transactions[key{l.Provider, l.TransactionID}]
	if t == nil && l.RiskLevel == "" {
		return // a line about a delivery that was not accepted creates nothing
	}
	t = j.transaction(key{l.Provider, l.TransactionID})
	t.lines = appendBounded(t.lines, l)
	if l.RiskLevel != "" {
		t.risk, t.score = l.RiskLevel, textOf(l.Score)
	}
}

func (j *joined) addProgress(p progress) {
	d, ok := detailOf(p.Event)
	if !ok {
		return
	}
	t := j.transaction(key{d.Provider, d.TransactionID})
	if t.event == nil { // a replay of what was forgotten
		t.event, t.detail = p.Event, d
	}
	if !slices.Contains(t.rules, p.rule) {
		t.rules = append(t.rules, p.rule)
	}
	if !p.Ended.IsZero() {
		for i, before := range t.targets {
			if before.Ended.IsZero() && before.TargetARN == p.TargetARN && before.Rule == p.Rule && before.Started.Equal(p.Started) {
				t.targets[i] = &p
				return
			}
		}
	}
	t.targets = appendBounded(t.targets, &p)
}

func (j *joined) addExecution(x *execution) {
	var input struct {
		detail
		Detail detail `json:"detail"`
	}
	_ = json.Unmarshal([]byte(x.Input), &input) // another kind of input is about no transaction
	k := key{input.Provider, input.TransactionID}
	if k == (key{}) {
		k = key{input.Detail.Provider, input.Detail.TransactionID}
	}
	if k.ID == "" {
		return
	}
	t := j.transaction(k)
	if risk, score, found := assessment(x.Output); found {
		t.risk, t.score = risk, score
	}
	if x.steps != nil {
		j.withSteps = append(j.withSteps, x)
		if len(j.withSteps) > maxWithSteps {
			j.withSteps[0].steps = nil
			j.withSteps = j.withSteps[1:]
		}
	}
	for i, before := range t.runs {
		if before.ARN == x.ARN {
			if before.Status == states.Running {
				t.runs[i] = x
			}
			return
		}
	}
	t.runs = appendBounded(t.runs, x)
}

// assessment finds a fraud result in the output of an execution: an object with a risk_level.
func assessment(output string) (risk, score string, found bool) {
	if !strings.Contains(output, `"risk_level"`) {
		return "", "", false
	}
	decoder := json.NewDecoder(strings.NewReader(output))
	decoder.UseNumber()
	var tree any
	if decoder.Decode(&tree) != nil {
		return "", "", false
	}
	var find func(any) bool
	find = func(value any) bool {
		switch v := value.(type) {
		case map[string]any:
			if level, is := v["risk_level"].(string); is {
				risk, score = level, textOf(v["score"])
				return true
			}
			for _, member := range v {
				if find(member) {
					return true
				}
			}
		case []any:
			return slices.ContainsFunc(v, find)
		}
		return false
	}
	found = find(tree)
	return risk, score, found
}

func (j *joined) addNotification(n sns.Notification) {
	text := n.Subject + " " + n.Message
	var told []*transaction
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool {
		return !('a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9' || r == '_' || r == '-')
	}) {
		candidates := j.byID[word]
		for _, t := range candidates {
			// Where providers have the same id, the text says which it is about.
			if (len(candidates) == 1 || strings.Contains(text, t.Provider)) && !slices.Contains(told, t) {
				told = append(told, t)
				t.alerts = appendBounded(t.alerts, n)
			}
		}
	}
}

// transaction returns a transaction, which is new if it is not known.
func (j *joined) transaction(k key) *transaction {
	if t := j.transactions[k]; t != nil {
		return t
	}
	t := &transaction{key: k}
	j.transactions[k] = t
	j.byID[k.ID] = append(j.byID[k.ID], t)
	j.order = append(j.order, k)
	if len(j.order) > maxTransactions {
		oldest := j.order[0]
		j.order = j.order[1:]
		delete(j.transactions, oldest)
		if rest := slices.DeleteFunc(j.byID[oldest.ID], func(t *transaction) bool { return t.key == oldest }); len(rest) > 0 {
			j.byID[oldest.ID] = rest
		} else {
			delete(j.byID, oldest.ID)
		}
	}
	return t
}

// find returns a delivery, or nil.
func (j *joined) find(id uint64) *delivery {
	i, found := slices.BinarySearchFunc(j.deliveries, id, func(d *delivery, id uint64) int {
		switch {
		case d.ID < id:
			return -1
		case d.ID > id:
			return 1
		}
		return 0
	})
	if !found {
		return nil
	}
	return j.deliveries[i]
}

// detailOf returns the detail of an event, if it is that of a transaction.
func detailOf(text []byte) (detail, bool) {
	var e struct {
		Detail detail `json:"detail"`
	}
	if json.Unmarshal(text, &e) != nil || e.Detail.TransactionID == "" {
		return detail{}, false
	}
	return e.Detail, true
}

// traceID returns the trace id in an X-Ray header, "Root=1-…;Parent=…;Sampled=1".
func traceID(header string) string {
	for field := range strings.SplitSeq(header, ";") {
		if id, is := strings.CutPrefix(field, "Root="); is {
			return id
		}
	}
	return ""
}

// isSampled reports whether an X-Ray header lets functions record the trace.
func isSampled(header string) bool { return !strings.Contains(header, "Sampled=0") }

func appendBounded[T any](list []T, one T) []T {
	if len(list) == maxOfEach {
		list = slices.Delete(list, 0, 1)
	}
	return append(list, one)
}

func textOf(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}
