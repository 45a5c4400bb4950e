package endpoint

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"payment-webhooks/local/eventsource"
	"payment-webhooks/local/lambda"
)

// Mapping is an event source mapping, for Lambda's API.
type Mapping interface {
	Configuration() eventsource.Configuration
	// SetEnabled takes effect before it returns.
	SetEnabled(enabled bool)
}

const mappingsPath = "/2015-03-31/event-source-mappings" // and "/UUID"

// mappingOut is a mapping in responses. Timestamps are seconds since 1970.
// https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
type mappingOut struct {
	UUID                  string
	EventSourceMappingArn string
	FunctionArn           string
	State                 string
	StateTransitionReason string
	LastModified          float64
	LastProcessingResult  string
	// What the template has.
	BatchSize                      *int `json:",omitempty"`
	BisectBatchOnFunctionError     bool
	DestinationConfig              any `json:",omitempty"`
	EventSourceArn                 string
	FilterCriteria                 any      `json:",omitempty"`
	FunctionResponseTypes          []string `json:",omitempty"`
	MaximumBatchingWindowInSeconds int
	MaximumRecordAgeInSeconds      *int   `json:",omitempty"`
	MaximumRetryAttempts           *int   `json:",omitempty"`
	ParallelizationFactor          *int   `json:",omitempty"`
	ScalingConfig                  any    `json:",omitempty"`
	StartingPosition               string `json:",omitempty"`
}

func (e *Endpoint) mapping(id string) mappingOut {
	c := e.config.Mappings[id].Configuration()
	out := mappingOut{
		UUID: id, EventSourceMappingArn: "arn:aws:lambda:" + e.config.Scope.Region + ":" + e.config.Scope.Account + ":event-source-mapping:" + id,
		FunctionArn: c.FunctionARN, State: c.State, StateTransitionReason: "User action",
		LastModified: float64(c.LastModified.UnixMilli()) / float64(time.Second/time.Millisecond), LastProcessingResult: c.LastProcessingResult,
		BatchSize: c.BatchSize, BisectBatchOnFunctionError: c.BisectBatchOnFunctionError, DestinationConfig: c.DestinationConfig,
		EventSourceArn: c.EventSourceArn, FilterCriteria: c.FilterCriteria, FunctionResponseTypes: c.FunctionResponseTypes,
		MaximumBatchingWindowInSeconds: c.MaximumBatchingWindowInSeconds, MaximumRecordAgeInSeconds: c.MaximumRecordAgeInSeconds,
		MaximumRetryAttempts: c.MaximumRetryAttempts, ParallelizationFactor: c.ParallelizationFactor, StartingPosition: c.StartingPosition,
	}
	if c.ScalingConfig != nil {
		out.ScalingConfig = c.ScalingConfig
	}
	return out
}

// mappings responds to ListEventSourceMappings, GetEventSourceMapping and
// UpdateEventSourceMapping, which can enable and disable.
// https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html
func (e *Endpoint) mappings(w http.ResponseWriter, r *http.Request, body []byte) {
	id := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, mappingsPath), "/")
	if id == "" && r.Method == http.MethodGet {
		e.listMappings(w, r)
		return
	}
	if e.config.Mappings[id] == nil {
		fail(w, "lambda", http.StatusNotFound, "ResourceNotFoundException", "The resource you requested does not exist.")
		return
	}
	switch r.Method {
	case http.MethodGet:
		respond(w, "lambda", http.StatusOK, e.mapping(id))
	case http.MethodPut:
		var update struct {
			Enabled      *bool
			FunctionName *string
		}
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&update); err != nil {
			notSupported(w, "lambda", "UpdateEventSourceMapping of anything but Enabled: "+err.Error())
			return
		}
		if update.FunctionName != nil && lambda.NameOf(*update.FunctionName) != lambda.NameOf(e.mapping(id).FunctionArn) {
			notSupported(w, "lambda", "UpdateEventSourceMapping of FunctionName")
			return
		}
		if update.Enabled != nil {
			e.config.Mappings[id].SetEnabled(*update.Enabled)
		}
		respond(w, "lambda", http.StatusAccepted, e.mapping(id))
	default:
		notSupported(w, "lambda", r.Method+" "+r.URL.Path)
	}
}

// listMappings responds with one page: a stack has few mappings.
func (e *Endpoint) listMappings(w http.ResponseWriter, r *http.Request) {
	function, source := r.URL.Query().Get("FunctionName"), r.URL.Query().Get("EventSourceArn")
	listed := []mappingOut{}
	for id := range e.config.Mappings {
		m := e.mapping(id)
		if (function == "" || lambda.NameOf(function) == lambda.NameOf(m.FunctionArn)) && (source == "" || source == m.EventSourceArn) {
			listed = append(listed, m)
		}
	}
	slices.SortFunc(listed, func(a, b mappingOut) int { return strings.Compare(a.UUID, b.UUID) })
	respond(w, "lambda", http.StatusOK, map[string]any{"EventSourceMappings": listed})
}

// respond writes the response of an operation in the service's JSON protocol.
func respond(w http.ResponseWriter, service string, status int, body any) {
	w.Header().Set("Content-Type", jsonContentType(service))
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that went away
}
