package cloudwatch

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"payment-webhooks/local/assembly"
)

// maxAhead bounds how far in the future alarms are evaluated.
const maxAhead = 62 * 24 * time.Hour

// Config configures alarms. Every field is required.
type Config struct {
	Store           *Store
	Account, Region string
	Now             func() time.Time
	// Refresh makes the store complete up to now, before an evaluation.
	Refresh func(context.Context)
	// Notify performs an action of an alarm: it publishes a notification to a topic.
	Notify func(ctx context.Context, alarmARN, topicARN, subject string, message []byte)
}

// Alarms are the alarms of a stack. They are safe for concurrent use.
type Alarms struct {
	config  Config
	started minute

	evaluating sync.Mutex // one evaluation at a time, with its calls of other services

	mu        sync.Mutex // of what follows, held for a moment only: the page waits for it
	alarms    []*tracked
	evaluated minute // the last one that was not in the future
	performed map[performed]bool

	version atomic.Uint64 // increases with each evaluation that may have changed a state
}

// tracked is an alarm with its state. The history begins with INSUFFICIENT_DATA at its creation.
type tracked struct {
	*alarm
	history []transition // oldest first, never empty
	next    minute       // until then, nothing that it watches changes
}

type transition struct {
	at     minute
	state  State
	reason string
}

// performed is a transition whose actions have been performed.
type performed struct {
	alarm string
	at    minute
	state State
}

// Status is the state of an alarm.
type Status struct {
	Name    string       `json:"name"`
	State   State        `json:"state"`
	Reason  string       `json:"reason"`
	Since   time.Time    `json:"since"`
	History []Transition `json:"history"` // oldest first
}

// Transition is a change of an alarm's state.
type Transition struct {
	At    time.Time `json:"at"`
	State State     `json:"state"`
}

// NewAlarms loads the stack's alarms. The error lists everything unsupported, with logical ids.
func NewAlarms(stack *assembly.Stack, resolver *assembly.Resolver, c Config) (*Alarms, error) {
	a := &Alarms{config: c, started: minuteOf(c.Now()), performed: map[performed]bool{}}
	a.evaluated = a.started
	var problems []error
	for _, resource := range stack.ByType(alarmType.Name) {
		var p AlarmProperties
		if err := resolver.Into(resource, &p); err != nil {
			problems = append(problems, err)
			continue
		}
		name, errName := resolver.Ref(resource.LogicalID)
		arn, errARN := resolver.Att(resource.LogicalID, "Arn")
		p.AlarmName = name
		one, err := newAlarm(resource.LogicalID, arn, p)
		if problems = append(problems, errName, errARN, err); err == nil {
			a.add(one)
		}
	}
	return a, assembly.Join(problems...)
}

func (a *Alarms) add(one *alarm) {
	for _, q := range one.queries {
		if q.expression == nil && q.statistic.rank != 0 {
			a.config.Store.rank(q.metric)
		}
	}
	a.alarms = append(a.alarms, &tracked{alarm: one, history: []transition{{a.started, InsufficientData, "Unchecked: Initial alarm creation"}}})
}

// Continue takes over, from the alarms of the template before, the state of those that are still there, as an update
// of the stack does: "When updating an existing alarm, its StateValue is left unchanged." Call it before Evaluate.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
func (a *Alarms) Continue(before *Alarms) {
	before.mu.Lock()
	defer before.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.started, a.evaluated = min(a.started, before.started), min(a.evaluated, before.evaluated)
	for _, one := range a.alarms {
		if i := slices.IndexFunc(before.alarms, func(old *tracked) bool { return old.arn == one.arn }); i >= 0 {
			one.history = slices.Clone(before.alarms[i].history)
		}
	}
	maps.Copy(a.performed, before.performed)
}

// Evaluate evaluates every alarm at the end of each minute up to a time, which is at most 62 days
// in the future, and returns the states at that time, sorted by name. It begins where the last
// evaluation ended, or earlier: where that one's future began, or with the earliest timestamp of
// what has been written since.
func (a *Alarms) Evaluate(ctx context.Context, until time.Time) ([]Status, error) {
	now := a.config.Now()
	if until.After(now.Add(maxAhead)) {
		return nil, fmt.Errorf("%s is more than %d days ahead", until.Format(time.RFC3339), int(maxAhead.Hours()/24))
	}
	a.evaluating.Lock()
	defer a.evaluating.Unlock()
	a.config.Refresh(ctx)
	list, due, err := a.evaluateUntil(ctx, now, until)
	for _, n := range due { // also after an error, or for nobody who waits: they will not be due again
		a.config.Notify(context.WithoutCancel(ctx), n.alarmARN, n.topicARN, n.subject, n.message)
	}
	return list, err
}

// notification is what [Config.Notify] takes.
type notification struct {
	alarmARN, topicARN, subject string
	message                     []byte
}

// evaluateUntil is Evaluate without calls of other services. It returns the notifications that are due.
func (a *Alarms) evaluateUntil(ctx context.Context, now, until time.Time) (list []Status, due []notification, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if written := a.config.Store.earliest(); written != 0 {
		a.evaluated = min(a.evaluated, max(written, a.started))
	}
	last := minuteOf(until)
	a.evaluated = min(a.evaluated, last)
	for _, one := range a.alarms {
		one.forget(a.evaluated)
		one.next = 0
	}
	if a.evaluated < last {
		defer a.version.Add(1)
	}
	for at := a.evaluated + 1; at <= last && ctx.Err() == nil; at++ {
		for _, one := range a.alarms {
			notifications, err := a.evaluate(one, at)
			due = append(due, notifications...)
			if err != nil {
				return nil, due, err
			}
		}
	}
	if ctx.Err() != nil {
		return nil, due, ctx.Err()
	}
	a.evaluated = min(last, minuteOf(now))
	return a.list(), due, nil
}

// forget removes the transitions after a time. The creation stays: an alarm that an update of the stack has added may
// be younger than the last evaluation.
func (t *tracked) forget(after minute) {
	after = max(after, t.created())
	t.history = slices.DeleteFunc(t.history, func(one transition) bool { return one.at > after })
}

func (t *tracked) created() minute { return t.history[0].at }

func (t *tracked) last() transition { return t.history[len(t.history)-1] }

// evaluate evaluates an alarm at the end of a minute and returns the notifications that are due.
func (a *Alarms) evaluate(one *tracked, at minute) ([]notification, error) {
	end, due := one.end(at)
	if !due || end < one.next || at <= one.created() {
		return nil, nil
	}
	one.next = one.nextChange(a.config.Store, end)
	existing, err := one.retrieve(a.config.Store, end)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", one.AlarmName, err)
	}
	state, reason := one.judge(existing)
	before := one.last()
	if state == "" || state == before.state {
		return nil, nil
	}
	after := transition{at, state, reason}
	one.history = append(one.history, after)
	this := performed{one.arn, at, state}
	if a.performed[this] || one.ActionsEnabled != nil && !*one.ActionsEnabled {
		return nil, nil
	}
	a.performed[this] = true
	var notifications []notification
	for _, topic := range one.actions(state) {
		subject, message := one.notification(a.config.Account, a.config.Region, a.started, before, after)
		notifications = append(notifications, notification{one.arn, topic, subject, message})
	}
	return notifications, nil
}

func (a *alarm) actions(s State) []string {
	switch s {
	case Alarm:
		return a.AlarmActions
	case OK:
		return a.OKActions
	default:
		return a.InsufficientDataActions
	}
}

// Described is the state of an alarm, and what it is about.
type Described struct {
	Name        string    `json:"name"`
	State       State     `json:"state"`
	Reason      string    `json:"reason"`
	Since       time.Time `json:"since"`
	Description string    `json:"description"`
	Condition   string    `json:"condition"` // in words
	Threshold   float64   `json:"threshold"`
	MissingData string    `json:"missing_data"` // how missing data is treated
	Actions     []string  `json:"actions"`      // ARNs of the topics that hear of ALARM
	Transitions int       `json:"transitions"`
}

// Describe returns the alarms as they were last evaluated, without an evaluation: those in alarm first, by name. What an
// evaluation of the future has found is left out.
func (a *Alarms) Describe() []Described {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := minuteOf(a.config.Now())
	list := []Described{}
	for _, one := range a.alarms {
		last, passed := one.history[0], 0
		for _, t := range one.history[1:] {
			if t.at <= now {
				last = t
				passed++
			}
		}
		list = append(list, Described{
			Name: one.AlarmName, State: last.state, Reason: last.reason, Since: last.at.time(), Description: one.AlarmDescription,
			Condition: one.condition(), Threshold: one.Threshold, MissingData: one.TreatMissingData,
			Actions: append([]string{}, one.AlarmActions...), Transitions: passed,
		})
	}
	slices.SortFunc(list, func(x, y Described) int {
		return cmp.Or(cmp.Compare(stateOrder[x.State], stateOrder[y.State]), cmp.Compare(x.Name, y.Name))
	})
	return list
}

var stateOrder = map[State]int{Alarm: 0, InsufficientData: 1, OK: 2}

// condition says when the alarm is raised.
func (a *alarm) condition() string {
	if a.datapoints == a.EvaluationPeriods {
		return fmt.Sprintf("%s %s for %s of %s", comparisons[a.ComparisonOperator].words, strconv.FormatFloat(a.Threshold, 'f', -1, 64),
			counted(a.EvaluationPeriods, "period", "periods"), time.Duration(a.period)*time.Minute)
	}
	return fmt.Sprintf("%s %s for %d of %s of %s", comparisons[a.ComparisonOperator].words, strconv.FormatFloat(a.Threshold, 'f', -1, 64),
		a.datapoints, counted(a.EvaluationPeriods, "period", "periods"), time.Duration(a.period)*time.Minute)
}

// Graph returns what an alarm watches, first, and the metrics of its expression. It reports false if there is no such
// alarm.
func (a *Alarms) Graph(name string, from, to time.Time) (g Graph, known bool, err error) {
	for _, one := range a.alarms { // none is added or changed after the start
		if one.AlarmName != name {
			continue
		}
		queries := slices.Clone(one.queries)
		var lines []line
		for i, q := range queries {
			queries[i].period = one.period
			l := line{id: q.id, stat: q.statistic.name}
			if q.id == one.watched {
				lines = slices.Insert(lines, 0, l)
			} else {
				lines = append(lines, l)
			}
		}
		g, err := a.config.Store.graph(queries, lines, spanOf(from, to))
		return g, true, err
	}
	return Graph{}, false, nil
}

func (a *Alarms) list() []Status {
	list := []Status{}
	for _, one := range a.alarms {
		last := one.last()
		s := Status{Name: one.AlarmName, State: last.state, Reason: last.reason, Since: last.at.time()}
		for _, t := range one.history {
			s.History = append(s.History, Transition{t.at.time(), t.state})
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(x, y Status) int {
		if x.Name < y.Name {
			return -1
		}
		return 1
	})
	return list
}

// Run evaluates the alarms each minute until ctx ends. Its error is that of an evaluation.
func (a *Alarms) Run(ctx context.Context) error {
	for {
		now := a.config.Now()
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(now.Add(-afterMinute).Truncate(time.Minute).Add(time.Minute + afterMinute).Sub(now)):
		}
		if _, err := a.Evaluate(ctx, a.config.Now()); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// afterMinute is how long after a minute's end Run evaluates it, so that what belongs to it has
// been written.
const afterMinute = 5 * time.Second
