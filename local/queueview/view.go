package queueview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"payment-webhooks/local/console"
	"payment-webhooks/local/tools"
)

// Bounds.
const (
	maxMessages = 100  // that are shown of a queue
	maxIDs      = 1000 // of a request, so that it fits into console.MaxBody and a command line
	maxDry      = 1000 // messages of a dry run

	countTimeout   = 10 * time.Second
	readTimeout    = 2 * time.Minute
	executeTimeout = 10 * time.Minute

	// Counts are taken again after a call of SQS, but not more often than each interval, and anyway once they
	// are as old as countAge, since messages become visible again without a call.
	interval = 500 * time.Millisecond
	countAge = 5 * time.Second
)

// Tools run scripts/ops.
type Tools interface {
	Run(ctx context.Context, name string, args ...string) (tools.Result, error)
}

// Queue is a queue of the stack, as the template has it.
type Queue struct {
	Name    string   `json:"name"`
	Alarms  []string `json:"alarms"`            // descriptions of the alarms that watch it
	Provoke *Fault   `json:"provoke,omitempty"` // by which a message gets into it
}

// Fault is a fault by which a message gets into a dead-letter queue.
type Fault struct {
	Hop    string `json:"hop"`
	Fault  string `json:"fault"`
	Caller string `json:"caller,omitempty"`
	Source string `json:"source"` // what then fails: a rule or a function
}

// Depth is how many messages a queue holds.
type Depth struct {
	Messages int        `json:"messages"` // hidden ones included
	Hidden   int        `json:"hidden"`   // somebody reads them
	Oldest   *time.Time `json:"oldest,omitempty"`
}

// Config configures a view. Every field is required.
type Config struct {
	Tools  Tools
	Stack  string // "": nothing is deployed
	Queues []Queue
	// Calls counts the calls of SQS so far, and Oldest returns when each queue's oldest message was sent.
	Calls  func() uint64
	Oldest func() map[string]time.Time
	// Count asks SQS for the messages of a queue, which are visible or hidden.
	Count func(ctx context.Context, name string) (visible, hidden int, err error)
	Log   *slog.Logger
	Now   func() time.Time
}

// View is the view of a stack.
type View struct {
	Config
	ops sync.Mutex // one command at a time, since each hides the messages that it reads from the others

	mu       sync.Mutex
	purposes map[string]purpose // by queue; nil: not asked yet
	counting bool
	counted  time.Time // when the last count began
	calls    uint64    // then
	version  uint64
	depths   map[string]Depth
}

// purpose is what scripts/ops says of a queue.
type purpose struct {
	Queue      string `json:"queue"`
	Purpose    string `json:"purpose"`
	DeadLetter bool   `json:"dead_letter"`
}

// New returns a view.
func New(c Config) *View { return &View{Config: c, depths: map[string]Depth{}} }

// Name implements console.View.
func (v *View) Name() string { return "queues" }

// Changes implements console.View. The data are the depths, by queue.
func (v *View) Changes(since uint64) (any, uint64) {
	calls, now := v.Calls(), v.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	if age := now.Sub(v.counted); !v.counting && (age >= countAge || age >= interval && calls != v.calls) {
		v.counting, v.counted, v.calls = true, now, calls
		go v.count()
	}
	if v.version == since {
		return nil, since
	}
	return v.depths, v.version
}

// count asks SQS, and keeps what changed.
func (v *View) count() {
	ctx, cancel := context.WithTimeout(context.Background(), countTimeout)
	defer cancel()
	oldest, depths := v.Oldest(), map[string]Depth{}
	var problems []error
	for _, q := range v.Queues {
		visible, hidden, err := v.Count(ctx, q.Name)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", q.Name, err))
			continue
		}
		d := Depth{Messages: visible + hidden, Hidden: hidden}
		if at, has := oldest[q.Name]; has && d.Messages > 0 {
			d.Oldest = &at
		}
		depths[q.Name] = d
	}
	if err := errors.Join(problems...); err != nil {
		v.Log.Warn("queues are not counted", "error", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.counting = false
	same := func(a, b Depth) bool {
		return a.Messages == b.Messages && a.Hidden == b.Hidden && (a.Oldest == nil) == (b.Oldest == nil) && (a.Oldest == nil || a.Oldest.Equal(*b.Oldest))
	}
	if v.version == 0 || !maps.EqualFunc(depths, v.depths, same) {
		v.version++
		v.depths = depths
	}
}

// Request is what to do with messages of a queue.
type Request struct {
	IDs     []string `json:"ids"`     // none: all that there are, which is only for a dry run
	Execute bool     `json:"execute"` // false: a dry run
}

// described is a queue with what scripts/ops says of it.
type described struct {
	Queue
	Purpose    string `json:"purpose"`
	DeadLetter bool   `json:"dead_letter"`
}

// Serve implements console.View.
func (v *View) Serve(mux *http.ServeMux) {
	const path = console.Path + "page/queues"
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		purposes, err := v.describe(r.Context())
		if err != nil {
			console.Problem(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		all := []described{}
		for _, q := range v.Queues {
			all = append(all, described{q, purposes[q.Name].Purpose, purposes[q.Name].DeadLetter})
		}
		slices.SortFunc(all, func(a, b described) int {
			if a.DeadLetter != b.DeadLetter { // dead letters first, as in scripts/ops dlq list
				return strings.Compare(strconv.FormatBool(b.DeadLetter), strconv.FormatBool(a.DeadLetter))
			}
			return strings.Compare(a.Name, b.Name)
		})
		console.Respond(w, http.StatusOK, map[string]any{"stack": v.Stack, "queues": all})
	})
	mux.HandleFunc("GET "+path+"/{name}/messages", func(w http.ResponseWriter, r *http.Request) {
		if !v.has(w, r.PathValue("name")) {
			return
		}
		v.serve(r, readTimeout, w, "show", r.PathValue("name"), "--body", "--max", strconv.Itoa(maxMessages))
	})
	mux.HandleFunc("POST "+path+"/{name}/redrive", func(w http.ResponseWriter, r *http.Request) { v.serveRequest(w, r, "redrive") })
	mux.HandleFunc("POST "+path+"/{name}/discard", func(w http.ResponseWriter, r *http.Request) { v.serveRequest(w, r, "discard") })
}

func (v *View) has(w http.ResponseWriter, name string) bool {
	if slices.ContainsFunc(v.Queues, func(q Queue) bool { return q.Name == name }) {
		return true
	}
	console.Problem(w, http.StatusNotFound, fmt.Sprintf("the stack has no queue %q", name))
	return false
}

// messageID is a message id of SQS: a UUID.
var messageID = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)

func (v *View) serveRequest(w http.ResponseWriter, r *http.Request, command string) {
	var request Request
	if !console.Decode(w, r, &request) || !v.has(w, r.PathValue("name")) {
		return
	}
	switch {
	case len(request.IDs) > maxIDs:
		console.Problem(w, http.StatusBadRequest, fmt.Sprintf("%d messages: at most %d at a time", len(request.IDs), maxIDs))
		return
	case slices.ContainsFunc(request.IDs, func(id string) bool { return !messageID.MatchString(id) }):
		console.Problem(w, http.StatusBadRequest, "an id of a message has letters, digits and hyphens")
		return
	case request.Execute && len(request.IDs) == 0:
		console.Problem(w, http.StatusBadRequest, "name the messages by their ids, as the dry run showed them")
		return
	}
	args := []string{}
	switch {
	case len(request.IDs) > 0:
		args = append(args, "--only", strings.Join(request.IDs, ","))
	case command == "discard":
		args = append(args, "--all")
	default:
		args = append(args, "--max", strconv.Itoa(maxDry))
	}
	limit := readTimeout
	if request.Execute {
		args, limit = append(args, "--execute"), executeTimeout
	}
	v.serve(r, limit, w, command, r.PathValue("name"), args...)
}

// result is what a command printed.
type result struct {
	Command string          `json:"command"` // for the user's shell
	Output  json.RawMessage `json:"output"`
	Status  int             `json:"status"` // the exit status: 1 if a message stays
	Log     string          `json:"log"`    // progress and errors
}

// serve runs a command of scripts/ops dlq about a queue and responds with what it printed. It goes on when the
// page is closed: a command that is killed leaves the messages hidden that it reads, for up to a minute.
func (v *View) serve(r *http.Request, limit time.Duration, w http.ResponseWriter, command, queue string, flags ...string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), limit)
	defer cancel()
	got, err := v.run(ctx, append([]string{"dlq", command, queue}, flags...)...)
	switch {
	case err != nil:
		console.Problem(w, http.StatusServiceUnavailable, err.Error())
	case !json.Valid(got.Stdout):
		status := http.StatusBadGateway
		if got.Status == 2 { // wrong usage, such as a queue that is not for dead letters
			status = http.StatusConflict
		}
		console.Problem(w, status, message(got))
	default:
		console.Respond(w, http.StatusOK, result{v.line(append([]string{"dlq", command, queue}, flags...)), got.Stdout, got.Status, strings.TrimSpace(string(got.Stderr))})
	}
}

// run runs scripts/ops.
func (v *View) run(ctx context.Context, args ...string) (tools.Result, error) {
	v.ops.Lock()
	defer v.ops.Unlock()
	if err := ctx.Err(); err != nil {
		return tools.Result{}, err // it has waited too long
	}
	return v.Tools.Run(ctx, tools.Ops, append(args, "--json", "--stack", v.Stack)...)
}

// line is a command line for the user's shell.
func (v *View) line(args []string) string {
	return "scripts/ops " + strings.Join(append(args, "--stack", v.Stack), " ") // no word needs quotes
}

// message is why a command failed, without its name and the hint at its help.
func message(r tools.Result) string {
	lines := strings.Split(strings.TrimSpace(string(r.Stderr)), "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "See ") })
	text := strings.Join(lines, "; ")
	if _, after, found := strings.Cut(text, ": "); found && strings.HasPrefix(text, "ops ") {
		text = after
	}
	if text == "" {
		text = fmt.Sprintf("scripts/ops ended with status %d", r.Status)
	}
	return text
}

// describe returns what scripts/ops says of the queues, and asks it once.
func (v *View) describe(ctx context.Context) (map[string]purpose, error) {
	v.mu.Lock()
	known := v.purposes
	v.mu.Unlock()
	if known != nil || v.Stack == "" {
		return known, nil
	}
	got, err := v.run(ctx, "dlq", "list", "--counts")
	if err != nil {
		return nil, err
	}
	var all []purpose
	if got.Status != 0 || json.Unmarshal(got.Stdout, &all) != nil {
		return nil, errors.New(message(got))
	}
	known = map[string]purpose{}
	for _, p := range all {
		known[p.Queue] = p
	}
	v.mu.Lock()
	v.purposes = known
	v.mu.Unlock()
	return known, nil
}
