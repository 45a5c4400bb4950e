package deliveries

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"payment-webhooks/local/console"
	"payment-webhooks/local/tools"
	"payment-webhooks/local/xray"
)

// View shows a record. It implements console.View.
type View struct {
	Record    *Record
	Documents func(traceID string) []xray.Document
	// Received returns how many of them have arrived so far, some after everything else of a delivery.
	Received func() uint64
	Tools    *tools.Tools
	Stack    string // the name of the stack; "": there is none
	// Environment are the variables by which commands in a terminal reach the endpoint, as in A=1 B=2.
	Environment string

	finding chan struct{}
}

// maxFinding bounds how many searches run at once.
const maxFinding = 2

// findTimeout bounds a search, which takes a second or two.
const findTimeout = 2 * time.Minute

// NewView returns the view of a record.
func NewView(v View) *View {
	v.finding = make(chan struct{}, maxFinding)
	return &v
}

// Name implements console.View.
func (v *View) Name() string { return "deliveries" }

// path is where the view's data are.
const path = console.Path + "page/deliveries"

// Serve implements console.View.
func (v *View) Serve(mux *http.ServeMux) {
	mux.HandleFunc("GET "+path, v.serveList)
	mux.HandleFunc("GET "+path+"/{id}", v.serveOne)
	mux.HandleFunc("GET "+path+"/{id}/found", v.serveFound)
}

// update tells the page that there is something new.
type update struct {
	Version uint64 `json:"version"`
}

// Changes implements console.View. The page asks for the list, with its filters, if it shows it.
func (v *View) Changes(since uint64) (data any, version uint64) {
	version = v.Record.version.Load() + v.Received()
	if version == since {
		return nil, version
	}
	return update{version}, version
}

func (v *View) serveList(w http.ResponseWriter, r *http.Request) {
	f, err := parseFilter(r.URL.Query())
	if err != nil {
		console.Problem(w, http.StatusBadRequest, err.Error())
		return
	}
	var l list
	v.Record.read(func(j *joined) { l = j.list(f) })
	respond(w, l)
}

func (v *View) serveOne(w http.ResponseWriter, r *http.Request) {
	var o opened
	if !v.find(w, r, func(j *joined, d *delivery) { o = j.open(d, v.Documents, v.command) }) {
		return
	}
	respond(w, o)
}

// find calls f with the delivery that a request names, or responds that there is none.
func (v *View) find(w http.ResponseWriter, r *http.Request, f func(*joined, *delivery)) (found bool) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	if err == nil {
		v.Record.read(func(j *joined) {
			if d := j.find(id); d != nil {
				f(j, d)
				found = true
			}
		})
	}
	if !found {
		console.Problem(w, http.StatusNotFound, fmt.Sprintf("There is no delivery %s, or no longer: the last %d are kept.", r.PathValue("id"), MaxDeliveries))
	}
	return found
}

// findResult is what scripts/ops find printed.
type findResult struct {
	Found  json.RawMessage `json:"found"` // null: nothing was found
	Error  string          `json:"error"` // why nothing was
	Status int             `json:"status"`
}

// serveFound runs scripts/ops find for a transaction of a delivery.
func (v *View) serveFound(w http.ResponseWriter, r *http.Request) {
	var wanted key
	index, err := strconv.Atoi(r.URL.Query().Get("event"))
	if !v.find(w, r, func(_ *joined, d *delivery) {
		if err == nil && 0 <= index && index < len(d.events) {
			wanted = d.events[index].key
		}
	}) {
		return
	}
	if wanted.ID == "" {
		console.Problem(w, http.StatusNotFound, "The delivery has no such transaction.")
		return
	}
	select {
	case v.finding <- struct{}{}:
		defer func() { <-v.finding }()
	case <-r.Context().Done():
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), findTimeout)
	defer cancel()
	result, err := v.Tools.Run(ctx, tools.Ops, v.arguments(wanted, "--json")...)
	if err != nil {
		console.Problem(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	a := findResult{Error: strings.TrimSpace(string(result.Stderr)), Status: result.Status}
	if json.Valid(result.Stdout) {
		a.Found = json.RawMessage(result.Stdout)
	}
	respond(w, a)
}

// arguments returns those of scripts/ops for a transaction. Its id is the last, so that no id is a flag.
func (v *View) arguments(k key, more ...string) []string {
	args := append([]string{"find"}, more...)
	if v.Stack != "" {
		args = append(args, "--stack", v.Stack)
	}
	if k.Provider != "" {
		args = append(args, "--provider", k.Provider)
	}
	if strings.HasPrefix(k.ID, "-") {
		args = append(args, "--")
	}
	return append(args, k.ID)
}

// command returns the command line that finds a transaction in a terminal.
func (v *View) command(k key) string {
	words := []string{"scripts/ops"}
	for _, arg := range v.arguments(k) {
		words = append(words, quote(arg))
	}
	return strings.TrimSpace(v.Environment + " " + strings.Join(words, " "))
}

var plain = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

// quote quotes a word for the shell, if it must be. A terminal acts on control characters when they are
// pasted, before the shell sees quotes, and other characters hide what is pasted: those that do not print are escaped.
// $'…' is of POSIX.1-2024, section 2.2.4, and of Bash, Zsh and BusyBox.
func quote(word string) string {
	if plain.MatchString(word) {
		return word
	}
	if utf8.ValidString(word) && !strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	quoted := []byte("$'")
	for i := range len(word) {
		switch b := word[i]; {
		case b == '\'' || b == '\\':
			quoted = append(quoted, '\\', b)
		case b < ' ' || b > '~':
			quoted = fmt.Appendf(quoted, `\%03o`, b)
		default:
			quoted = append(quoted, b)
		}
	}
	return string(append(quoted, '\''))
}

// respond responds with JSON, without card numbers.
func respond(w http.ResponseWriter, value any) {
	masked, err := maskAll(value)
	if err != nil {
		console.Problem(w, http.StatusInternalServerError, err.Error())
		return
	}
	console.Respond(w, http.StatusOK, masked)
}
