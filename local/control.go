package main

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"payment-webhooks/local/events"
	"payment-webhooks/local/schedule"
)

type resourceLine struct {
	LogicalID  string `json:"logical_id"`
	Type       string `json:"type"`
	PhysicalID string `json:"physical_id"`
	Path       string `json:"path"`             // in the CDK app
	Played     bool   `json:"played"`           // false: only describes
	Reason     string `json:"reason,omitempty"` // why describing is enough
}

func (b *bench) resources() []resourceLine {
	providers := b.providers()
	var list []resourceLine
	for id, r := range b.stack.Resources {
		physical, err := b.resolver.Ref(id)
		if err != nil {
			physical = err.Error()
		}
		line := resourceLine{id, r.Type, physical, r.Path, played[r.Type], describes[r.Type]}
		if providers[id] {
			line.Played, line.Reason = false, "serves a custom resource that only describes"
		}
		list = append(list, line)
	}
	slices.SortFunc(list, func(a, b resourceLine) int {
		return strings.Compare(a.Type+a.LogicalID, b.Type+b.LogicalID)
	})
	return list
}

type ruleStates struct {
	Schedules  []schedule.Info         `json:"schedules"`
	Deliveries map[string]events.Stats `json:"deliveries"` // by rule
}

// control answers the paths under /_local/.
func (b *bench) control() http.Handler {
	mux := http.NewServeMux()
	get := func(path string, read func(*http.Request) any) {
		mux.HandleFunc("GET /_local/"+path, func(w http.ResponseWriter, r *http.Request) { answer(w, http.StatusOK, read(r)) })
	}
	get("resources", func(*http.Request) any { return b.resources() })
	get("alerts", func(*http.Request) any { return b.carrier.Delivered() })
	get("traces", func(r *http.Request) any { return b.traces.Documents(r.URL.Query().Get("trace_id")) })
	get("rules", func(*http.Request) any {
		return ruleStates{b.schedules.List(), b.deliveries.Stats()}
	})
	get("executions", func(r *http.Request) any { return b.executions(r.URL.Query().Get("data") == "true") })
	get("mappings", func(*http.Request) any { return b.mappingStats() })
	mux.HandleFunc("POST /_local/flush", func(w http.ResponseWriter, r *http.Request) {
		// What is taken from the queue is sent, whether or not the caller waits.
		b.writer.Flush(context.WithoutCancel(r.Context()))
		answer(w, http.StatusOK, map[string]bool{"flushed": true})
	})
	mux.HandleFunc("POST /_local/rules/{name}/fire", func(w http.ResponseWriter, r *http.Request) {
		at := time.Now()
		if text := r.URL.Query().Get("time"); text != "" {
			var err error
			if at, err = time.Parse(time.RFC3339, text); err != nil {
				problem(w, http.StatusBadRequest, err)
				return
			}
		}
		if err := b.schedules.Fire(r.Context(), r.PathValue("name"), at); err != nil {
			problem(w, http.StatusNotFound, err)
			return
		}
		answer(w, http.StatusAccepted, map[string]string{"rule": r.PathValue("name"), "time": at.UTC().Format(time.RFC3339)})
	})
	mux.HandleFunc("/_local/", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusNotFound, map[string]string{"error": "no " + r.Method + " " + r.URL.Path + "; see `go doc ./local`"})
	})
	return mux
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that went away
}

func problem(w http.ResponseWriter, status int, err error) {
	answer(w, status, map[string]string{"error": err.Error()})
}

// introduce tells the user what there is and how to reach it.
func (b *bench) introduce() {
	if !b.quiet {
		var text strings.Builder
		table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
		for _, r := range b.resources() {
			switch r.Type {
			case "AWS::Lambda::Function", "AWS::Events::Rule", "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::DynamoDB::Table",
				"AWS::S3::Bucket", "AWS::StepFunctions::StateMachine", "AWS::Events::EventBus", "AWS::Lambda::EventSourceMapping":
				if r.Played {
					physical := r.PhysicalID[strings.LastIndexAny(r.PhysicalID, "/|:")+1:]
					_, _ = table.Write([]byte(strings.TrimPrefix(r.Type, "AWS::") + "\t" + physical + "\t" + r.LogicalID + "\n"))
				}
			}
		}
		table.Flush()
		b.terminal.say("\nStack %s from %s\n\n%s", b.stack.Name, b.cdkOut, text.String())
	}
	b.terminal.say("AWS endpoint  %s\nAPI           %s\n", b.endpointURL, b.apiURL)
	if b.outside != nil {
		b.terminal.say("Internet      %s, and nothing else\n", b.internet)
	}
	b.terminal.say("export AWS_ENDPOINT_URL=%s AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=%s AWS_DEFAULT_REGION=%s\n", b.endpointURL, b.region, b.region)
	b.terminal.say("ready; Ctrl-C ends it")
}
