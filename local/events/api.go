package events

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrOperation is the error of Call for an operation that is not supported.
type ErrOperation struct{ Operation string }

func (e ErrOperation) Error() string { return "events " + e.Operation + " is not supported" }

// Call performs an operation of EventBridge's API other than PutEvents and returns the body
// of its response. The operations read buses, rules, archives and replays, enable and disable
// rules, and start replays. The error is an *APIError or an ErrOperation.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Operations.html
func (b *Bus) Call(operation string, body []byte) ([]byte, error) {
	var in apiRequest
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, &APIError{"SerializationException", err.Error()}
	}
	operations := map[string]func(apiRequest) (any, error){
		"DescribeEventBus": b.describeBus, "ListEventBuses": b.listBuses,
		"ListRules": b.listRules, "DescribeRule": b.describeRule, "ListTargetsByRule": b.listTargets,
		"EnableRule":   func(in apiRequest) (any, error) { return b.setEnabled(in, true) },
		"DisableRule":  func(in apiRequest) (any, error) { return b.setEnabled(in, false) },
		"ListArchives": b.listArchives, "DescribeArchive": b.describeArchive,
		"StartReplay": b.startReplay, "DescribeReplay": b.describeReplay, "ListReplays": b.listReplays,
	}
	perform, supported := operations[operation]
	if !supported {
		return nil, ErrOperation{operation}
	}
	out, err := perform(in)
	if err != nil {
		return nil, err
	}
	if out == nil { // an operation without a response
		return nil, nil
	}
	return json.Marshal(out)
}

// apiRequest has the members of all requests.
type apiRequest struct {
	Name, NamePrefix, EventBusName, Rule, Description string
	ArchiveName, EventSourceArn, State                string
	ReplayName                                        string
	EventStartTime, EventEndTime                      epoch
	Destination                                       struct {
		Arn        string
		FilterArns []string
	}
	Limit     int
	NextToken string
}

// epoch is a timestamp in JSON 1.1: seconds since 1970, with a fraction.
type epoch struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (e epoch) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(e.UnixMilli())/1000, 'f', -1, 64), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (e *epoch) UnmarshalJSON(text []byte) error {
	seconds, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return err
	}
	e.Time = time.UnixMilli(int64(seconds * 1000))
	return nil
}

func optional(t time.Time) *epoch {
	if t.IsZero() {
		return nil
	}
	return &epoch{t}
}

func notFound(format string, args ...any) error {
	return &APIError{"ResourceNotFoundException", fmt.Sprintf(format, args...)}
}

// page returns a page of a list and the token of the next one, "" after the last. A token is
// the position at which its page begins.
func page[T any](in apiRequest, all []T) (part []T, next *string, err error) {
	begin := 0
	if in.NextToken != "" {
		if begin, err = strconv.Atoi(in.NextToken); err != nil || begin < 0 || begin > len(all) {
			return nil, nil, &APIError{"ValidationException", "The NextToken is not valid."}
		}
	}
	end := len(all)
	if in.Limit < 0 || in.Limit > 100 {
		return nil, nil, &APIError{"ValidationException", "The Limit is not 1 to 100."}
	}
	limit := in.Limit
	if limit == 0 {
		limit = 100
	}
	if begin+limit < end {
		end = begin + limit
		token := strconv.Itoa(end)
		next = &token
	}
	return append([]T{}, all[begin:end]...), next, nil
}

// busNamed returns the name of a bus, which may be given by ARN. Empty is the default bus.
func (b *Bus) busNamed(nameOrARN string) (string, error) {
	name := nameOrARN[strings.LastIndex(nameOrARN, "/")+1:]
	switch name {
	case "", defaultBus:
		return defaultBus, nil
	case b.config.Name:
		return name, nil
	}
	return "", notFound("Event bus %s does not exist.", name)
}

type busOut struct{ Name, Arn string }

func (b *Bus) bus(name string) busOut {
	scope := b.scope
	scope.Bus = name
	return busOut{name, scope.busARN()}
}

func (b *Bus) describeBus(in apiRequest) (any, error) {
	name, err := b.busNamed(in.Name)
	if err != nil {
		return nil, err
	}
	return b.bus(name), nil
}

func (b *Bus) listBuses(in apiRequest) (any, error) {
	var all []busOut
	for _, name := range []string{defaultBus, b.config.Name} {
		if strings.HasPrefix(name, in.NamePrefix) && (name != defaultBus || b.config.Name != defaultBus) {
			all = append(all, b.bus(name))
		}
	}
	buses, next, err := page(in, all)
	return struct {
		EventBuses []busOut
		NextToken  *string `json:",omitempty"`
	}{buses, next}, err
}

// rulesOf returns the rules of a bus. Those of the default bus are scheduled.
func (b *Bus) rulesOf(bus string) ([]*Rule, error) {
	name, err := b.busNamed(bus)
	if err != nil {
		return nil, err
	}
	if name == b.config.Name {
		return b.Rules(), nil
	}
	if b.config.Scheduled == nil {
		return nil, nil
	}
	return b.config.Scheduled(), nil
}

func (b *Bus) rule(bus, name string) (*Rule, error) {
	rules, err := b.rulesOf(bus)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(rules, func(r *Rule) bool { return r.Name == name })
	if i < 0 {
		return nil, notFound("Rule %s does not exist on EventBus %s.", name, b.displayed(bus))
	}
	return rules[i], nil
}

func (b *Bus) displayed(bus string) string {
	if bus == "" {
		return defaultBus
	}
	return bus
}

type ruleOut struct {
	Name, Arn          string
	EventPattern       string `json:",omitempty"`
	ScheduleExpression string `json:",omitempty"`
	State              string
	Description        string `json:",omitempty"`
	EventBusName       string
	CreatedBy          string `json:",omitempty"` // of DescribeRule only
}

func (b *Bus) describe(r *Rule) ruleOut {
	state := "ENABLED"
	if !r.Enabled() {
		state = "DISABLED"
	}
	bus := b.config.Name
	if r.Expression != "" {
		bus = defaultBus
	}
	return ruleOut{
		Name: r.Name, Arn: r.ARN, EventPattern: string(r.properties.EventPattern), ScheduleExpression: r.Expression,
		State: state, Description: r.properties.Description, EventBusName: bus,
	}
}

func (b *Bus) listRules(in apiRequest) (any, error) {
	rules, err := b.rulesOf(in.EventBusName)
	if err != nil {
		return nil, err
	}
	var all []ruleOut
	for _, r := range rules {
		if strings.HasPrefix(r.Name, in.NamePrefix) {
			all = append(all, b.describe(r))
		}
	}
	listed, next, err := page(in, all)
	return struct {
		Rules     []ruleOut
		NextToken *string `json:",omitempty"`
	}{listed, next}, err
}

func (b *Bus) describeRule(in apiRequest) (any, error) {
	r, err := b.rule(in.EventBusName, in.Name)
	if err != nil {
		return nil, err
	}
	out := b.describe(r)
	out.CreatedBy = b.config.Account
	return out, nil
}

func (b *Bus) listTargets(in apiRequest) (any, error) {
	r, err := b.rule(in.EventBusName, in.Rule)
	if err != nil {
		return nil, err
	}
	targets, next, err := page(in, r.properties.Targets)
	return struct {
		Targets   []TargetProperties
		NextToken *string `json:",omitempty"`
	}{targets, next}, err
}

// setEnabled takes effect for the next event. AWS asks for patience: "allow a short period of
// time for changes to take effect".
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DisableRule.html
func (b *Bus) setEnabled(in apiRequest, enabled bool) (any, error) {
	r, err := b.rule(in.EventBusName, in.Name)
	if err != nil {
		return nil, err
	}
	r.enabled.Store(enabled)
	return nil, nil //nolint:nilnil // the operation has no response
}

type archiveOut struct {
	ArchiveArn     string `json:",omitempty"` // of DescribeArchive only
	ArchiveName    string
	CreationTime   epoch
	Description    string `json:",omitempty"` // of DescribeArchive only
	EventCount     int
	EventPattern   string `json:",omitempty"` // of DescribeArchive only
	EventSourceArn string
	RetentionDays  int
	SizeBytes      int
	State          string
}

func (a *Archive) summary() archiveOut {
	count, size := a.size()
	return archiveOut{
		ArchiveName: a.name, CreationTime: epoch{a.created}, EventCount: count, SizeBytes: size,
		EventSourceArn: a.busARN, RetentionDays: a.retentionDays, State: "ENABLED",
	}
}

func (b *Bus) allArchives() []*Archive {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.Clone(b.archives)
}

func (b *Bus) listArchives(in apiRequest) (any, error) {
	var all []archiveOut
	for _, a := range b.allArchives() {
		if strings.HasPrefix(a.name, in.NamePrefix) && (in.EventSourceArn == "" || in.EventSourceArn == a.busARN) && (in.State == "" || in.State == "ENABLED") {
			all = append(all, a.summary())
		}
	}
	listed, next, err := page(in, all)
	return struct {
		Archives  []archiveOut
		NextToken *string `json:",omitempty"`
	}{listed, next}, err
}

func (b *Bus) describeArchive(in apiRequest) (any, error) {
	for _, a := range b.allArchives() {
		if a.name == in.ArchiveName {
			out := a.summary()
			out.ArchiveArn, out.Description, out.EventPattern = a.arn, a.description, string(a.text)
			return out, nil
		}
	}
	return nil, notFound("Archive %s does not exist.", in.ArchiveName)
}

var replayName = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`)

// startReplay checks what AWS checks, with the errors that localstack/localstack recorded on AWS
// (test_start_replay_error_…): "you can replay events only to the same event bus that
// emitted the events".
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-replay-archived-event.html
func (b *Bus) startReplay(in apiRequest) (any, error) {
	invalid := func(format string, args ...any) (any, error) {
		return nil, &APIError{"ValidationException", fmt.Sprintf(format, args...)}
	}
	if _, err := b.busNamed(in.Destination.Arn); err != nil {
		return nil, err
	}
	archives := b.allArchives()
	i := slices.IndexFunc(archives, func(a *Archive) bool { return a.arn == in.EventSourceArn })
	switch {
	case !replayName.MatchString(in.ReplayName):
		return invalid("Parameter ReplayName is not valid. Reason: it has not 1 to 64 letters, digits, dots, _ and -.")
	case i < 0:
		return invalid("Parameter EventSourceArn is not valid. Reason: Archive %s does not exist.", in.EventSourceArn[strings.LastIndex(in.EventSourceArn, "/")+1:])
	case in.Destination.Arn != archives[i].busARN:
		return invalid("Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.")
	case in.EventStartTime.IsZero() || in.EventEndTime.IsZero() || !in.EventStartTime.Before(in.EventEndTime.Time):
		return invalid("Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.")
	}
	for _, arn := range in.Destination.FilterArns {
		if !slices.ContainsFunc(b.Rules(), func(r *Rule) bool { return r.ARN == arn }) {
			return nil, notFound("Rule %s does not exist.", arn)
		}
	}
	r := &replay{
		name: in.ReplayName, arn: fmt.Sprintf("arn:aws:events:%s:%s:replay/%s", b.scope.Region, b.scope.Account, in.ReplayName),
		description: in.Description, archive: archives[i], destination: in.Destination.Arn, filters: in.Destination.FilterArns,
		begin: in.EventStartTime.Time, end: in.EventEndTime.Time, started: b.config.Now(), state: replayStarting,
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.ContainsFunc(b.replays, func(other *replay) bool { return other.name == r.name }) {
		return nil, &APIError{"ResourceAlreadyExistsException", "Replay " + r.name + " already exists."}
	}
	b.replays = append(b.replays, r)
	go b.run(r)
	return struct {
		ReplayArn       string
		ReplayStartTime epoch
		State           string
	}{r.arn, epoch{r.started}, replayStarting}, nil
}

type replayDestination struct {
	Arn        string
	FilterArns []string `json:",omitempty"`
}

type replayOut struct {
	ReplayArn             string             `json:",omitempty"` // of DescribeReplay only
	Description           string             `json:",omitempty"` // of DescribeReplay only
	Destination           *replayDestination `json:",omitempty"` // of DescribeReplay only
	ReplayName            string
	EventSourceArn        string
	EventStartTime        epoch
	EventEndTime          epoch
	EventLastReplayedTime *epoch `json:",omitempty"`
	ReplayStartTime       epoch
	ReplayEndTime         *epoch `json:",omitempty"`
	State                 string
}

func (r *replay) summary() replayOut {
	r.mu.Lock()
	defer r.mu.Unlock()
	return replayOut{
		ReplayName: r.name, EventSourceArn: r.archive.arn, EventStartTime: epoch{r.begin}, EventEndTime: epoch{r.end},
		EventLastReplayedTime: optional(r.last), ReplayStartTime: epoch{r.started}, ReplayEndTime: optional(r.finished), State: r.state,
	}
}

func (b *Bus) allReplays() []*replay {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.Clone(b.replays)
}

func (b *Bus) describeReplay(in apiRequest) (any, error) {
	for _, r := range b.allReplays() {
		if r.name == in.ReplayName {
			out := r.summary()
			out.ReplayArn, out.Description, out.Destination = r.arn, r.description, &replayDestination{r.destination, r.filters}
			return out, nil
		}
	}
	return nil, notFound("Replay %s does not exist.", in.ReplayName)
}

func (b *Bus) listReplays(in apiRequest) (any, error) {
	var all []replayOut
	for _, r := range b.allReplays() {
		out := r.summary()
		if strings.HasPrefix(out.ReplayName, in.NamePrefix) && (in.EventSourceArn == "" || in.EventSourceArn == out.EventSourceArn) && (in.State == "" || in.State == out.State) {
			all = append(all, out)
		}
	}
	listed, next, err := page(in, all)
	return struct {
		Replays   []replayOut
		NextToken *string `json:",omitempty"`
	}{listed, next}, err
}
