package endpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"payment-webhooks/local/faults"
)

// CallerToken returns the session token by which a caller names itself. Calls with another
// token are a user's.
func CallerToken(caller string) string { return callerPrefix + caller }

const callerPrefix = "caller:"

func callerOf(r *http.Request) string {
	if caller, ok := strings.CutPrefix(r.Header.Get("X-Amz-Security-Token"), callerPrefix); ok {
		return caller
	}
	return faults.User
}

// hop returns the hop of a call: the service, by the name of its permissions, and the
// operation.
func (e *Endpoint) hop(service, operation string, r *http.Request, body []byte) string {
	switch {
	case operation != "": // a JSON protocol
	case service == "s3" || service == "lambda":
		call, err := e.config.Scope.Identify(service, r, body)
		if err != nil {
			return ""
		}
		_, operation, _ = strings.Cut(call.Action, ":")
		if operation == "InvokeFunction" { // the permission of the operation Invoke
			operation = "Invoke"
		}
	default:
		operation = queryAction(body)
	}
	if service == "monitoring" {
		service = "cloudwatch"
	}
	return service + ":" + operation
}

// inject performs a call, or the fault that strikes it. serve performs a request with a body
// that may be another one than the caller's.
func (e *Endpoint) inject(w http.ResponseWriter, r *http.Request, service, operation string, body []byte, serve func(http.ResponseWriter, *http.Request, []byte)) {
	hop := e.hop(service, operation, r, body)
	strike := e.config.Faults.Strike(hop, callerOf(r))
	switch strike.Fault {
	case faults.Throttle, faults.Error, faults.Denied:
		failure := faults.ErrorAt(hop, strike.Fault)
		fail(w, service, failure.Status, failure.Code, failure.Message)
	case faults.Timeout:
		// The server notices that a client went away once the request's body has been read.
		_, _ = io.Copy(io.Discard, r.Body)
		_ = e.config.Faults.Hold(r.Context()) // whoever gave up first
		panic(http.ErrAbortHandler)
	case faults.Cut:
		serve(newRecorder(), r, body)
		panic(http.ErrAbortHandler) // net/http closes the connection
	case faults.Partial:
		e.partial(w, r, service, hop, strike, body, serve)
	default:
		serve(w, r, body)
	}
}

// recorder keeps a response that is not sent as it is.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newRecorder() *recorder { return &recorder{header: http.Header{}, status: http.StatusOK} }

// Header implements http.ResponseWriter.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) { r.status = status }

// Write implements http.ResponseWriter.
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

// partial performs the entries of a batch that do not fail, and adds the others to the
// response as failed.
func (e *Endpoint) partial(w http.ResponseWriter, r *http.Request, service, hop string, strike faults.Strike, body []byte, serve func(http.ResponseWriter, *http.Request, []byte)) {
	b, err := splitBatch(hop, body, strike)
	if err != nil { // no such batch: the service says what is wrong with it
		serve(w, r, body)
		return
	}
	performed := []byte("{}")
	if b.rest != nil {
		request := r.Clone(r.Context())
		request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(b.rest)), int64(len(b.rest))
		request.Header.Set("Content-Length", strconv.Itoa(len(b.rest)))
		recorder := newRecorder()
		serve(recorder, request, b.rest)
		if recorder.status != http.StatusOK {
			maps.Copy(w.Header(), recorder.header)
			w.WriteHeader(recorder.status)
			_, _ = w.Write(recorder.body.Bytes()) // a client that went away
			return
		}
		performed = recorder.body.Bytes()
	}
	merged, err := b.merge(performed)
	if err != nil {
		fail(w, service, http.StatusInternalServerError, "InternalFailure", err.Error())
		return
	}
	w.Header().Set("Content-Type", jsonContentType(service))
	_, _ = w.Write(merged) // a client that went away
}

// batch is a batch call of which some entries fail.
type batch struct {
	rest  []byte                                          // the request with the other entries; nil: none is left
	merge func(response []byte) (whole []byte, err error) // adds the failed entries to the response
}

var errNoBatch = errors.New("the request has no entries")

func splitBatch(hop string, body []byte, strike faults.Strike) (batch, error) {
	request := map[string]json.RawMessage{}
	if err := json.Unmarshal(body, &request); err != nil {
		return batch{}, err
	}
	switch hop {
	case "events:PutEvents":
		return splitEvents(request, strike)
	case "sqs:SendMessageBatch", "sqs:DeleteMessageBatch":
		return splitMessages(request, strike)
	default:
		return splitItems(hop, request, strike)
	}
}

// encode is for values that always encode.
func encode(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}

// splitEvents fails entries of PutEvents. The response has a result at each entry's position.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
func splitEvents(request map[string]json.RawMessage, strike faults.Strike) (batch, error) {
	var entries, rest []json.RawMessage
	if err := json.Unmarshal(request["Entries"], &entries); err != nil || len(entries) == 0 {
		return batch{}, errNoBatch
	}
	failing := strike.Failing(len(entries))
	for i, entry := range entries {
		if !failing[i] {
			rest = append(rest, entry)
		}
	}
	b := batch{}
	if rest != nil {
		request["Entries"] = encode(rest)
		b.rest = encode(request)
	}
	b.merge = func(response []byte) ([]byte, error) {
		var performed struct {
			FailedEntryCount int
			Entries          []json.RawMessage
		}
		if err := json.Unmarshal(response, &performed); err != nil || len(performed.Entries) != len(rest) {
			return nil, fmt.Errorf("PutEvents responded with %d results to %d entries: %w", len(performed.Entries), len(rest), err)
		}
		results := make([]json.RawMessage, len(entries))
		for i := range results {
			if failing[i] {
				results[i] = json.RawMessage(`{"ErrorCode":"ThrottlingException","ErrorMessage":"Rate exceeded"}`)
				performed.FailedEntryCount++
				continue
			}
			results[i], performed.Entries = performed.Entries[0], performed.Entries[1:]
		}
		performed.Entries = results
		return encode(performed), nil
	}
	return b, nil
}

// splitMessages fails entries of SQS's batches, which are named by their Id.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
func splitMessages(request map[string]json.RawMessage, strike faults.Strike) (batch, error) {
	type failedEntry struct {
		ID          string `json:"Id"`
		Code        string
		Message     string
		SenderFault bool
	}
	var entries, rest []json.RawMessage
	if err := json.Unmarshal(request["Entries"], &entries); err != nil || len(entries) == 0 {
		return batch{}, errNoBatch
	}
	failing := strike.Failing(len(entries))
	var failed []failedEntry
	for i, entry := range entries {
		if !failing[i] {
			rest = append(rest, entry)
			continue
		}
		var named struct {
			ID string `json:"Id"`
		}
		if err := json.Unmarshal(entry, &named); err != nil {
			return batch{}, err
		}
		failed = append(failed, failedEntry{ID: named.ID, Code: "InternalError", Message: "We encountered an internal error. Please try again."})
	}
	b := batch{}
	if rest != nil {
		request["Entries"] = encode(rest)
		b.rest = encode(request)
	}
	b.merge = func(response []byte) ([]byte, error) {
		var performed struct {
			Successful []json.RawMessage
			Failed     []json.RawMessage
		}
		if err := json.Unmarshal(response, &performed); err != nil {
			return nil, err
		}
		if performed.Successful == nil {
			performed.Successful = []json.RawMessage{}
		}
		for _, entry := range failed {
			performed.Failed = append(performed.Failed, encode(entry))
		}
		return encode(performed), nil
	}
	return b, nil
}

// splitItems leaves items of DynamoDB's batches unprocessed.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
func splitItems(hop string, request map[string]json.RawMessage, strike faults.Strike) (batch, error) {
	// A table's entry is a list of requests, or an object with a list of keys.
	list, unprocessed := "", "UnprocessedItems"
	if hop == "dynamodb:BatchGetItem" {
		list, unprocessed = "Keys", "UnprocessedKeys"
	}
	type table struct {
		fields map[string]json.RawMessage // of BatchGetItem
		items  []json.RawMessage
	}
	var byName map[string]json.RawMessage
	if err := json.Unmarshal(request["RequestItems"], &byName); err != nil {
		return batch{}, err
	}
	names := slices.Sorted(maps.Keys(byName))
	tables := map[string]table{}
	total := 0
	for _, name := range names {
		t, items := table{}, byName[name]
		if list != "" {
			if err := json.Unmarshal(byName[name], &t.fields); err != nil {
				return batch{}, err
			}
			items = t.fields[list]
		}
		if err := json.Unmarshal(items, &t.items); err != nil {
			return batch{}, err
		}
		tables[name] = t
		total += len(t.items)
	}
	if total == 0 {
		return batch{}, errNoBatch
	}
	failing := strike.Failing(total)
	with := func(t table, items []json.RawMessage) json.RawMessage {
		if list == "" {
			return encode(items)
		}
		fields := maps.Clone(t.fields)
		fields[list] = encode(items)
		return encode(fields)
	}
	rest, failed := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	for _, name := range names {
		var kept, left []json.RawMessage
		for _, item := range tables[name].items {
			if failing[0] {
				left = append(left, item)
			} else {
				kept = append(kept, item)
			}
			failing = failing[1:]
		}
		if kept != nil {
			rest[name] = with(tables[name], kept)
		}
		if left != nil {
			failed[name] = with(tables[name], left)
		}
	}
	b := batch{}
	if len(rest) > 0 {
		request["RequestItems"] = encode(rest)
		b.rest = encode(request)
	}
	b.merge = func(response []byte) ([]byte, error) {
		var performed map[string]json.RawMessage
		if err := json.Unmarshal(response, &performed); err != nil {
			return nil, err
		}
		// moto processes every item that it is given.
		performed[unprocessed] = encode(failed)
		if list != "" && performed["Responses"] == nil {
			performed["Responses"] = json.RawMessage("{}")
		}
		return encode(performed), nil
	}
	return b, nil
}
