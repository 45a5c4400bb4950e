package emulator

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"payment-webhooks/local/console"
	"payment-webhooks/local/deliveries"
	"payment-webhooks/local/events"
	"payment-webhooks/local/schedule"
)

// Resource is a line of /_local/resources.
type Resource struct {
	LogicalID  string `json:"logical_id"`
	Type       string `json:"type"`
	PhysicalID string `json:"physical_id"`
	Path       string `json:"path"`             // in the CDK app
	Emulated   bool   `json:"emulated"`         // false: the resource needs no emulation
	Reason     string `json:"reason,omitempty"` // why it needs none
}

func (e *Emulator) resources() []Resource {
	var list []Resource
	for id, r := range e.stack.Resources {
		physical, err := e.resolver.Ref(id)
		if err != nil {
			physical = err.Error()
		}
		reason := e.inertReasons[id]
		list = append(list, Resource{id, r.Type, physical, r.Path, reason == "", reason})
	}
	slices.SortFunc(list, func(a, b Resource) int {
		return strings.Compare(a.Type+a.LogicalID, b.Type+b.LogicalID)
	})
	return list
}

type ruleStates struct {
	Schedules  []schedule.Info         `json:"schedules"`
	Deliveries map[string]events.Stats `json:"deliveries"` // by rule
	// Misdirected counts the events that were accepted and dropped, by the bus that they named.
	Misdirected map[string]int `json:"misdirected"`
}

// control serves the paths under /_local/.
func (e *Emulator) control() http.Handler {
	mux := http.NewServeMux()
	get := func(path string, read func(*http.Request) any) {
		mux.HandleFunc("GET /_local/"+path, func(w http.ResponseWriter, r *http.Request) { respond(w, http.StatusOK, read(r)) })
	}
	get("resources", func(*http.Request) any { return e.resources() })
	get("alerts", func(*http.Request) any { return e.sns.Delivered() })
	get("traces", func(r *http.Request) any { return e.traces.Documents(r.URL.Query().Get("trace_id")) })
	get("rules", func(*http.Request) any {
		return ruleStates{e.schedules.List(), e.deliveries.Stats(), e.bus.Misdirected()}
	})
	get("events", func(*http.Request) any { return e.bus.Archived() })
	get("executions", func(r *http.Request) any { return e.executions(r.URL.Query().Get("data") == "true") })
	get("mappings", func(*http.Request) any { return e.mappingStats() })
	mux.HandleFunc("GET /_local/grants", e.serveGrants)
	mux.HandleFunc("POST /_local/grants/{id}", e.editGrant)
	mux.HandleFunc("POST /_local/deployment", e.serveDeployment)
	mux.Handle("/_local/faults", e.faults.Handler())
	mux.Handle("/_local/faults/", e.faults.Handler())
	mux.HandleFunc("GET /_local/alarms", e.serveAlarms)
	mux.HandleFunc("POST /_local/flush", func(w http.ResponseWriter, r *http.Request) {
		// Entries that were removed from the queue must be sent, even if the caller is gone.
		e.writer.Flush(context.WithoutCancel(r.Context()))
		respond(w, http.StatusOK, map[string]bool{"flushed": true})
	})
	mux.HandleFunc("POST /_local/idle", func(w http.ResponseWriter, r *http.Request) {
		if err := e.idle(r.Context()); err != nil {
			respondError(w, http.StatusGatewayTimeout, err)
			return
		}
		respond(w, http.StatusOK, map[string]bool{"idle": true})
	})
	mux.HandleFunc("POST /_local/rules/{name}/fire", func(w http.ResponseWriter, r *http.Request) {
		at, err := queryTime(r)
		if err != nil {
			respondError(w, http.StatusBadRequest, err)
			return
		}
		if err := e.schedules.Fire(r.Context(), r.PathValue("name"), at); err != nil {
			respondError(w, http.StatusNotFound, err)
			return
		}
		respond(w, http.StatusAccepted, map[string]string{"rule": r.PathValue("name"), "time": at.UTC().Format(time.RFC3339)})
	})
	page := console.Handler(e.ended, e.flow, deliveries.NewView(deliveries.View{
		Record: e.record, Documents: e.traces.Documents, Received: e.traces.Received, Tools: e.tools, Stack: e.stack.Name, Environment: e.environment(),
	}), e.sendView(), e.queueView(), e.dashboard)
	mux.Handle("GET "+console.Path+"{$}", page)
	mux.Handle(console.Path+"page/", page)
	mux.HandleFunc("/_local/", func(w http.ResponseWriter, r *http.Request) {
		respond(w, http.StatusNotFound, map[string]string{"error": "no " + r.Method + " " + r.URL.Path + "; see `go doc ./local`"})
	})
	return mux
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that went away
}

func respondError(w http.ResponseWriter, status int, err error) {
	respond(w, status, map[string]string{"error": err.Error()})
}

// environment returns the variables by which commands in a terminal reach the endpoint.
func (s *shared) environment() string {
	return fmt.Sprintf("AWS_ENDPOINT_URL=%s AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=local AWS_REGION=%s AWS_DEFAULT_REGION=%s",
		s.endpointURL, s.accessKey(), s.region, s.region)
}

// PrintBanner prints what there is and how to reach it.
func (h *Host) PrintBanner() {
	e := h.current()
	if !h.options.Quiet && h.first != nil {
		var text strings.Builder
		table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
		for _, r := range e.resources() {
			switch r.Type {
			case "AWS::Lambda::Function", "AWS::Events::Rule", "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::DynamoDB::Table",
				"AWS::S3::Bucket", "AWS::StepFunctions::StateMachine", "AWS::Events::EventBus", "AWS::Lambda::EventSourceMapping":
				if r.Emulated {
					physical := r.PhysicalID[strings.LastIndexAny(r.PhysicalID, "/|:")+1:]
					_, _ = table.Write([]byte(strings.TrimPrefix(r.Type, "AWS::") + "\t" + physical + "\t" + r.LogicalID + "\n"))
				}
			}
		}
		table.Flush()
		h.terminal.print("\nStack %s from %s\n\n%s", e.stack.Name, h.options.CDKOut, text.String())
	}
	h.terminal.print("Page          %s%s\nAWS endpoint  %s\nAPI           %s\n", h.endpointURL, console.Path, h.endpointURL, e.apiURL)
	if h.egress != nil {
		h.terminal.print("Egress        %s, and nothing else\n", h.options.EgressDir)
	}
	h.terminal.print("export %s\n", h.environment())
	if h.first == nil {
		h.terminal.print("no stack: with these variables, run npx cdk bootstrap and npx cdk deploy\n"+
			"images are built from what %s names, by hash\n", h.options.CDKOut)
	}
	h.terminal.print("ready; Ctrl-C ends it")
}
