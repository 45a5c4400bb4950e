package sendview

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"payment-webhooks/local/console"
	"payment-webhooks/local/faults"
	"payment-webhooks/local/tools"
)

// Tools run scripts/send.
type Tools interface {
	Command(ctx context.Context, name string, args ...string) (*exec.Cmd, error)
	Run(ctx context.Context, name string, args ...string) (tools.Result, error)
}

// Config configures a view. Every field but EgressDir and Providers is required.
type Config struct {
	Runs      *Runs
	Tools     Tools
	Faults    *faults.Set
	Calls     []string // AWS calls of the stack, for the choice of faults
	Stack     string   // the stack's name; "": nothing is deployed
	APIURL    string   // with the stage
	Providers string   // the validator's PROVIDERS, as the template has it
	Secret    func(ctx context.Context, name string) (string, error)
	EgressDir string // "": the local run has none
	Shell     Shell
	Now       func() time.Time
}

// canonical is the provider of POST /webhook itself, which accepts unsigned requests unless it is configured.
const canonical = "canonical"

// View is the view of a stack.
type View struct {
	Config
	settings map[string]settings // by provider
	errRead  error               // PROVIDERS could not be read

	mu       sync.Mutex
	injected []faults.Injected // when they were last seen
}

// settings are a provider's member of PROVIDERS.
type settings struct {
	Secret          string `json:"secret"` // name or ARN in Secrets Manager
	NotificationURL string `json:"notification_url"`
}

// New returns a view.
func New(c Config) *View {
	v := &View{Config: c, settings: map[string]settings{}, injected: []faults.Injected{}}
	if c.Providers != "" {
		v.errRead = json.Unmarshal([]byte(c.Providers), &v.settings)
	}
	return v
}

// Name implements console.View.
func (v *View) Name() string { return "send" }

// update is the data of the view's updates.
type update struct {
	Complete bool              `json:"complete"` // runs that are not in it are forgotten
	Runs     []Run             `json:"runs"`
	Faults   []faults.Injected `json:"faults"`
}

// Changes implements console.View. Runs and faults have one version.
func (v *View) Changes(since uint64) (any, uint64) {
	list := v.Faults.List()
	v.mu.Lock()
	defer v.mu.Unlock()
	if !reflect.DeepEqual(list, v.injected) {
		v.injected = list
		v.Runs.touch()
	}
	runs, version := v.Runs.since(since)
	if version == since {
		return nil, since
	}
	return update{since == 0, runs, list}, version
}

// listed is an entry of scripts/send --list.
type listed struct {
	Name        string   `json:"name"`
	Fixtures    []string `json:"fixtures"`
	Form        string   `json:"secretForm"`
	Secret      string   `json:"secret"` // generated
	SignsURL    bool     `json:"signsUrl"`
	SignsTime   bool     `json:"signsTime"`
	Certificate bool     `json:"certificate"`
}

// Provider is what can be sent as a provider.
type Provider struct {
	Name        string   `json:"name"`
	Fixtures    []string `json:"fixtures"`
	SignsURL    bool     `json:"signs_url"`
	SignsTime   bool     `json:"signs_time"`
	Certificate bool     `json:"certificate"`
	Path        string   `json:"path"`              // below the API's URL
	SecretName  string   `json:"secret_name"`       // in Secrets Manager; "": nothing verifies the signature
	Problem     string   `json:"problem,omitempty"` // why nothing can be sent as it, and what to do
	Note        string   `json:"note,omitempty"`

	notificationURL string
	secret          string // never sent to the browser
}

// overview is what can be sent, and injected.
type overview struct {
	APIURL    string          `json:"api_url"`
	Providers []Provider      `json:"providers"`
	MaxRepeat int             `json:"max_repeat"`
	MaxRate   int             `json:"max_rate"`
	Hops      []faults.Choice `json:"hops"`
	Kinds     []faults.Kind   `json:"kinds"`
}

// Serve implements console.View.
func (v *View) Serve(mux *http.ServeMux) {
	const path = console.Path + "page/send"
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		providers, err := v.providers(r.Context())
		if err != nil {
			console.Problem(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		console.Respond(w, http.StatusOK, overview{v.APIURL, providers, MaxRepeat, MaxRate, v.Faults.Choices(v.Calls), faults.Kinds})
	})
	mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		v.serve(w, r, func(request Request, p Provider, args []string) (any, int, error) {
			id, err := v.Runs.start(request, v.Shell.line(p, args), v.Now(), func(ctx context.Context) (*exec.Cmd, error) {
				cmd, err := v.Tools.Command(ctx, tools.Send, append([]string{"--json"}, args...)...)
				if err == nil {
					cmd.Env = append(cmd.Env, "WEBHOOK_SECRET="+p.secret)
				}
				return cmd, err
			})
			return map[string]string{"id": id}, http.StatusAccepted, err
		})
	})
	mux.HandleFunc("POST "+path+"/command", func(w http.ResponseWriter, r *http.Request) {
		v.serve(w, r, func(_ Request, p Provider, args []string) (any, int, error) {
			return map[string]string{"command": v.Shell.line(p, args)}, http.StatusOK, nil
		})
	})
	mux.HandleFunc("POST "+path+"/{id}/stop", func(w http.ResponseWriter, r *http.Request) {
		if !console.Decode(w, r, &struct{}{}) {
			return
		}
		if !v.Runs.stop(r.PathValue("id")) {
			console.Problem(w, http.StatusNotFound, fmt.Sprintf("there is no run %q", r.PathValue("id")))
			return
		}
		console.Respond(w, http.StatusOK, map[string]bool{"stopped": true})
	})
}

// serve reads a request and responds with what use makes of it.
func (v *View) serve(w http.ResponseWriter, r *http.Request, use func(Request, Provider, []string) (any, int, error)) {
	var request Request
	if !console.Decode(w, r, &request) {
		return
	}
	providers, err := v.providers(r.Context())
	if err != nil {
		console.Problem(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	i := slices.IndexFunc(providers, func(p Provider) bool { return p.Name == request.Provider })
	if i < 0 {
		console.Problem(w, http.StatusBadRequest, fmt.Sprintf("there is no provider %q", request.Provider))
		return
	}
	if problem := providers[i].Problem; problem != "" {
		console.Problem(w, http.StatusConflict, problem)
		return
	}
	args, err := request.arguments(providers[i], v.APIURL, v.EgressDir)
	if err != nil {
		console.Problem(w, http.StatusBadRequest, strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	body, status, err := use(request, providers[i], args)
	switch {
	case errors.Is(err, errBusy):
		console.Problem(w, http.StatusConflict, err.Error())
	case err != nil:
		console.Problem(w, http.StatusServiceUnavailable, err.Error())
	default:
		console.Respond(w, status, body)
	}
}

// providers returns what scripts/send can send as, with what the stack verifies.
func (v *View) providers(ctx context.Context) ([]Provider, error) {
	all, err := v.Runs.list(ctx, v.Tools)
	if err != nil {
		return nil, err
	}
	providers := make([]Provider, len(all))
	for i, l := range all {
		providers[i] = v.provider(ctx, l)
	}
	// What can be sent comes first.
	slices.SortStableFunc(providers, func(a, b Provider) int {
		return cmp.Or(cmp.Compare(min(1, len(a.Problem)), min(1, len(b.Problem))), cmp.Compare(a.Name, b.Name))
	})
	return providers, nil
}

func (v *View) provider(ctx context.Context, l listed) Provider {
	p := Provider{
		Name: l.Name, Fixtures: l.Fixtures, SignsURL: l.SignsURL, SignsTime: l.SignsTime, Certificate: l.Certificate, Path: "/webhook/" + l.Name,
	}
	if l.Name == canonical {
		p.Path = "/webhook"
	}
	configured, has := v.settings[l.Name]
	switch {
	case v.Stack == "":
		p.Problem = "no stack is deployed: run npx cdk bootstrap and npx cdk deploy against this local run"
		return p
	case v.errRead != nil:
		p.Problem = fmt.Sprintf("the validator's variable PROVIDERS in the template is not an object of providers: %v", v.errRead)
		return p
	case !has && l.Name == canonical:
		p.Note, p.secret = "POST /webhook is open: it verifies no signature, so a tampered or late delivery is accepted, too.", l.Secret
		return p
	case !has:
		p.Problem = fmt.Sprintf("the stack has no provider %s: add %q: {\"secret\": \"payments/%s\"} to providers in cdk.json, and synthesize or deploy again", l.Name, l.Name, l.Name)
		return p
	case l.Certificate && v.EgressDir == "":
		p.Problem = l.Name + " signs with a certificate, which functions fetch: start the local run with --egress DIR"
		return p
	}
	p.SecretName, p.notificationURL = configured.Secret, configured.NotificationURL
	secret, err := v.Secret(ctx, configured.Secret)
	if p.secret = strings.TrimSpace(secret); err != nil || p.secret == "" {
		p.Problem = fmt.Sprintf("the secret %s is not set (%s): run aws secretsmanager create-secret --name %s --secret-string …, or start the local run with --secret %s=…",
			configured.Secret, l.Form, quote(configured.Secret), configured.Secret)
	}
	return p
}

// touch counts a change that is not of the runs.
func (r *Runs) touch() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.version++
}

// list returns what scripts/send --list prints, and asks it once.
func (r *Runs) list(ctx context.Context, t Tools) ([]listed, error) {
	r.mu.Lock()
	known := r.listing
	r.mu.Unlock()
	if known != nil {
		return known, nil
	}
	result, err := t.Run(ctx, tools.Send, "--list")
	if err != nil {
		return nil, err
	}
	var all []listed
	if err := json.Unmarshal(result.Stdout, &all); err != nil || result.Status != 0 {
		return nil, fmt.Errorf("scripts/send --list: status %d: %s: %w", result.Status, result.Stderr, err)
	}
	r.mu.Lock()
	r.listing = all
	r.mu.Unlock()
	return all, nil
}
