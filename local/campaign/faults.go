package campaign

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/session"
)

// Fault is one way in which the campaign breaks the stack: a fault that the local run
// injects (see go doc ./local), or an action of the campaign's own.
type Fault struct {
	Name string

	// What the local run injects.
	Hop, Fault  string
	Probability float64           // of striking a call; 0: always
	Times       int               // strikes at most; 0: no bound
	Where       map[string]string // which calls
	Seconds     int               // of clock skew
	longer      int64             // attempts for which it stays in force in addition

	// begin and end are the campaign's own actions, for a fault without a hop. They are
	// called while senders are under way.
	begin, end func(*injector, context.Context, *rand.Rand) error
}

// excludes reports whether the fault is in force only without others that do: it stops
// records, or begins and ends when the stack is quiet.
func (f Fault) excludes() bool { return f.end != nil || f.longer > 0 }

// by narrows an AWS call to a caller.
func by(caller string) map[string]string { return map[string]string{"caller": caller} }

// Callers that are no function; see package local/faults.
const (
	fromEvents = "events"
	fromStates = "states"
)

// faults lists the faults of a campaign by hop. Left out is what nothing can outlast: a
// dead-letter queue that rejects its messages loses them, and an alarm says so.
var faults = slices.Concat(
	// The validator and its write.
	calls("store", "dynamodb:PutItem", contract.WebhookValidator, 0.3, "throttle", "error", "cut", "denied"),
	[]Fault{{Name: "store-timeout", Hop: "dynamodb:PutItem", Fault: "timeout", Probability: 0.1, Times: 5, Where: by(contract.WebhookValidator)}},
	calls("secret", "secretsmanager:GetSecretValue", contract.WebhookValidator, 0.5, "error", "denied"),
	calls("quarantine", "sqs:SendMessage", contract.WebhookValidator, 0.5, "error", "cut"),
	function("validator", contract.WebhookValidator, 0.1),

	// The stream and the relay.
	calls("bus", "events:PutEvents", contract.EventRelay, 0.3, "throttle", "error", "cut", "denied", "partial"),
	[]Fault{
		{Name: "bus-timeout", Hop: "events:PutEvents", Fault: "timeout", Probability: 0.2, Times: 2, Where: by(contract.EventRelay)},
		{Name: "stream-duplicate", Hop: "stream", Fault: "duplicate", Probability: 0.3},
		{Name: "stream-reorder", Hop: "stream", Fault: "reorder", Probability: 0.5},
	},
	function("relay", contract.EventRelay, 0.3),
	[]Fault{{Name: "relay-outage", Hop: "function:" + contract.EventRelay, Fault: "crash-before", longer: 150}},

	// The rules' targets, the workflow and the scoring.
	calls("start", "states:StartExecution", fromEvents, 0.5, "throttle", "error", "denied"),
	calls("alert", "sns:Publish", fromEvents, 0.5, "throttle", "error", "cut", "denied"),
	calls("log", "logs:PutLogEvents", fromEvents, 0.5, "throttle", "error", "denied"),
	calls("notify", "sns:Publish", fromStates, 0.6, "throttle", "error", "cut", "denied"),
	calls("score", "dynamodb:UpdateItem", contract.FraudDetector, 0.6, "throttle", "error", "cut", "denied"),
	function("detector", contract.FraudDetector, 0.3),

	// What operators do, and what happens to machines.
	[]Fault{
		{Name: "kill", begin: (*injector).kill},
		{
			Name: "mapping-disabled", begin: func(c *injector, ctx context.Context, _ *rand.Rand) error { return setMapping(ctx, c.session, false) },
			end: func(c *injector, ctx context.Context, _ *rand.Rand) error { return setMapping(ctx, c.session, true) },
		},
		{Name: "rule-disabled", begin: (*injector).disableRule, end: (*injector).enableRule},
		{Name: "group-deleted", begin: (*injector).deleteGroups, end: (*injector).createGroups},
		{Name: "clock-ahead", Hop: "clock", Fault: "clock-skew", Seconds: 40},
	},
	archiverFaults(),
	[]Fault{{Name: silentRules}, {Name: silentMapping}},
)

// calls returns faults of an AWS call, each named by its hop's name and what happens.
func calls(name, hop, caller string, probability float64, all ...string) (list []Fault) {
	for _, f := range all {
		list = append(list, Fault{Name: name + "-" + f, Hop: hop, Fault: f, Probability: probability, Where: by(caller)})
	}
	return list
}

// function returns the faults of a handler.
func function(name, handler string, probability float64) (list []Fault) {
	for _, f := range []string{"crash-before", "crash-after", "throttle", "pending", "slow-start"} {
		fault := Fault{Name: name + "-" + f, Hop: "function:" + handler, Fault: f, Probability: probability}
		if f == "slow-start" {
			fault.Seconds = 1
		}
		list = append(list, fault)
	}
	return list
}

func archiverFaults() (list []Fault) {
	for _, f := range archiveFaults {
		list = append(list, f.Fault)
	}
	return append(list, archivePartly)
}

// whileSending leaves out the faults that have a time of their own.
func whileSending(all []Fault) []Fault {
	return slices.DeleteFunc(slices.Clone(all), func(f Fault) bool {
		return strings.HasPrefix(f.Name, "archive-") || strings.HasPrefix(f.Name, "silence-")
	})
}

// FaultNames returns the names of all faults.
func FaultNames() (names []string) {
	for _, f := range faults {
		names = append(names, f.Name)
	}
	return names
}

// chosen returns the faults of a list of names and prefixes, such as "kill,store"; "all"
// and "none" are names as well.
func chosen(list string) ([]Fault, error) {
	var found []Fault
	for name := range strings.SplitSeq(list, ",") {
		if name == "none" {
			continue
		}
		n := len(found)
		for _, f := range faults {
			if name == "all" || f.Name == name || strings.HasPrefix(f.Name, name+"-") {
				found = append(found, f)
			}
		}
		if len(found) == n {
			return nil, fmt.Errorf("there is no fault %q; there are all, none, %s", name, strings.Join(FaultNames(), ", "))
		}
	}
	return found, nil
}

// block is the number of attempts over which one round of faults is spread.
const block = 60

// perBlock is the number of faults that begin in a block.
const perBlock = 3

// episode is a fault that is in force for a number of attempts.
type episode struct {
	fault    Fault
	from, to int64 // numbers of attempts
	seed     uint64
}

// episodes returns those that begin in the nth block. The faults are shuffled once and
// then come in turn, so that a campaign of any length has each of them about equally often.
func episodes(seed uint64, all []Fault, n int64) []episode {
	if len(all) == 0 {
		return nil
	}
	// Three seeds share an order and begin in it at a third each, so that small campaigns of 1-3 bring
	// every fault.
	const share = 3
	order := rand.New(rand.NewPCG((seed-1)/share, 1<<62)).Perm(len(all))
	first := int64((seed-1)%share) * int64(len(all)) / share
	r := rand.New(rand.NewPCG(seed, 1<<62|uint64(n+1)))
	var list []episode
	for i := range int64(perBlock) {
		from := n*block + r.Int64N(block)
		fault := all[order[(first+n*perBlock+i)%int64(len(all))]]
		list = append(list, episode{fault, from, from + 10 + r.Int64N(block) + fault.longer, r.Uint64()})
	}
	slices.SortFunc(list, func(a, b episode) int { return cmp.Compare(a.from, b.from) })
	return list
}

// injector begins and ends episodes as the number of attempts grows.
type injector struct {
	session  *session.Session
	senders  *senders
	observer *observer
	tiers    []session.Tier
	seed     uint64
	faults   []Fault

	mu      sync.Mutex
	planned int64     // blocks whose episodes are known
	waiting []episode // in order of their beginnings
	running []running
	log     io.Writer
	counts  map[string]int // episodes by fault
	strikes map[string]int // by fault that the local run injects
	struck  []struck       // the same and other faults, by episode
	outages []outage
	err     error // the first
}

type running struct {
	episode
	id string // of an injected fault
}

// struck is how often a fault struck in an episode, and when that was known.
type struck struct {
	name string
	n    int
	at   time.Time
}

// step begins and ends what is due before the nth attempt.
func (c *injector) step(ctx context.Context, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.planned*block <= n {
		c.waiting = append(c.waiting, episodes(c.seed, c.faults, c.planned)...)
		c.planned++
	}
	slices.SortStableFunc(c.waiting, func(a, b episode) int { return cmp.Compare(a.from, b.from) })
	for len(c.waiting) > 0 && c.waiting[0].from <= n {
		c.begin(ctx, c.waiting[0])
		c.waiting = c.waiting[1:]
	}
	c.running = slices.DeleteFunc(c.running, func(r running) bool {
		due := r.to <= n
		if due {
			c.end(ctx, r)
		}
		return due
	})
}

// names lists the faults in force.
func (c *injector) names() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	for _, r := range c.running {
		all = append(all, r.fault.Name)
	}
	return strings.Join(all, ", ")
}

// stop ends every fault and begins no more. It returns the first error of any.
func (c *injector) stop(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.running {
		c.end(ctx, r)
	}
	c.running, c.waiting, c.faults = nil, nil, nil
	return c.err
}

func (c *injector) begin(ctx context.Context, e episode) {
	// A fault is not begun while it is in force already, nor one that waits for quiet while
	// another keeps the stack from becoming quiet.
	if slices.ContainsFunc(c.running, func(r running) bool {
		return r.fault.Name == e.fault.Name || r.fault.excludes() && e.fault.excludes()
	}) {
		return
	}
	r := running{episode: e}
	var err error
	if e.fault.Hop != "" {
		r.id, err = c.inject(ctx, e.fault)
	} else {
		err = e.fault.begin(c, ctx, rand.New(rand.NewPCG(e.seed, 0)))
	}
	if c.failed(e.fault, err) {
		return
	}
	fmt.Fprintf(c.log, "campaign: %s begins\n", e.fault.Name)
	c.counts[e.fault.Name]++
	if r.id == "" {
		c.struck = append(c.struck, struck{e.fault.Name, 1, time.Now()})
	}
	c.running = append(c.running, r)
}

func (c *injector) end(ctx context.Context, r running) {
	var err error
	if r.id != "" {
		var ended []struct {
			Struck int `json:"struck"`
		}
		err = c.session.Control(ctx, http.MethodDelete, "/_local/faults/"+r.id, nil, &ended)
		for _, e := range ended {
			c.strikes[r.fault.Name] += e.Struck
			c.struck = append(c.struck, struck{r.fault.Name, e.Struck, time.Now()})
		}
	} else if r.fault.end != nil {
		err = r.fault.end(c, ctx, rand.New(rand.NewPCG(r.seed, 1)))
	}
	fmt.Fprintf(c.log, "campaign: %s ends\n", r.fault.Name)
	c.failed(r.fault, err)
}

func (c *injector) failed(f Fault, err error) bool {
	if err != nil && !errors.Is(err, context.Canceled) && c.err == nil {
		c.err = fmt.Errorf("fault %s: %w", f.Name, err)
	}
	return err != nil
}

func (c *injector) inject(ctx context.Context, f Fault) (id string, err error) {
	body, err := json.Marshal(struct {
		Hop         string            `json:"hop"`
		Fault       string            `json:"fault"`
		Probability float64           `json:"probability,omitempty"`
		Times       int               `json:"times,omitempty"`
		Where       map[string]string `json:"where,omitempty"`
		Seconds     int               `json:"seconds,omitempty"`
	}{f.Hop, f.Fault, f.Probability, f.Times, f.Where, f.Seconds})
	if err != nil {
		return "", err
	}
	var made struct {
		ID json.RawMessage `json:"id"`
	}
	err = c.session.Control(ctx, http.MethodPost, "/_local/faults", body, &made)
	return strings.Trim(string(made.ID), `"`), err
}
