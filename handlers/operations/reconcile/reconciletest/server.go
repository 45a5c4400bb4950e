package reconciletest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Event is an event that a server lists.
type Event struct {
	ID        string
	CreatedAt time.Time
	Body      string // JSON
}

// Fault replaces the response to a request for a page, or changes it. Serve gives the
// response without the fault.
type Fault func(w http.ResponseWriter, r *http.Request, serve http.Handler)

// Server is a provider's API.
type Server struct {
	handler http.Handler
	isPage  func(*http.Request) bool
	now     func() time.Time

	mu       sync.Mutex
	events   []Event // the newest first
	faults   []Fault
	requests []string // method and URL
	last     *httptest.ResponseRecorder
	resent   []string // ids of events
	tokens   int
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.String())
	var fault Fault
	if s.isPage(r) && len(s.faults) > 0 {
		fault, s.faults = s.faults[0], s.faults[1:]
	}
	s.mu.Unlock()
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorded := httptest.NewRecorder()
		s.handler.ServeHTTP(recorded, r)
		if s.isPage(r) && recorded.Code == http.StatusOK {
			s.mu.Lock()
			s.last = recorded
			s.mu.Unlock()
		}
		replay(w, recorded)
	})
	if fault != nil {
		fault(w, r, serve)
		return
	}
	serve(w, r)
}

func replay(w http.ResponseWriter, recorded *httptest.ResponseRecorder) {
	for name, values := range recorded.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(recorded.Code)
	_, _ = w.Write(recorded.Body.Bytes()) // a client that went away
}

// RoundTrip implements http.RoundTripper without a network, so that tests can run in the
// bubble of testing/synctest. A response that the context cuts off is its error.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r = r.Clone(r.Context())
		r.Body = http.NoBody // as a server has it
	}
	recorded := httptest.NewRecorder()
	done := make(chan any, 1)
	go func() {
		defer func() { done <- recover() }()
		s.ServeHTTP(recorded, r)
	}()
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case aborted := <-done:
		if aborted != nil {
			return nil, io.ErrUnexpectedEOF
		}
	}
	return recorded.Result(), nil
}

// Add adds events.
func (s *Server) Add(events ...Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, events...)
	slices.SortStableFunc(s.events, func(a, b Event) int { return b.CreatedAt.Compare(a.CreatedAt) })
}

// Fail makes the following requests for a page fail, each with one of the faults.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Requests returns the requests so far.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Resent returns the ids of the events that were to be sent again.
func (s *Server) Resent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.resent)
}

// window returns the events from a time until another one, both included, the newest first.
func (s *Server) window(from, until time.Time) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var within []Event
	for _, e := range s.events {
		if !e.CreatedAt.Before(from) && !e.CreatedAt.After(until) {
			within = append(within, e)
		}
	}
	return within
}

// Status responds with a status, with headers as name, value, name, value.
func Status(status int, headers ...string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"error": {"type": "api_error", "message": "made up 4111111111111111"}}`)
	}
}

// Good responds without a fault, so that a later request has one.
func Good() Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.Handler) { serve.ServeHTTP(w, r) }
}

// Truncated cuts the response off in the middle of its JSON.
func Truncated() Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.Handler) {
		recorded := httptest.NewRecorder()
		serve.ServeHTTP(recorded, r)
		recorded.Body.Truncate(recorded.Body.Len() / 2)
		replay(w, recorded)
	}
}

// Cut breaks the connection without a response.
func Cut() Fault {
	return func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }
}

// Again responds with the page before, once more.
func (s *Server) Again() Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.Handler) {
		s.mu.Lock()
		last := s.last
		s.mu.Unlock()
		if last == nil {
			serve.ServeHTTP(w, r)
			return
		}
		replay(w, last)
	}
}

// Slow responds once the request is canceled.
func Slow() Fault {
	return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body) // so that net/http notices a canceled request
		<-r.Context().Done()
	}
}

// Replaced responds with a text in place of a page.
func Replaced(body string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { _, _ = io.WriteString(w, body) }
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body) // a client that went away
}

// only returns an error if a query has other parameters, or one twice.
func only(r *http.Request, names ...string) error {
	for name, values := range r.URL.Query() {
		if !slices.Contains(names, name) || len(values) != 1 {
			return fmt.Errorf("parameter %q", name)
		}
	}
	return nil
}

func limit(text string, standard, most int) (int, error) {
	if text == "" {
		return standard, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("limit %q", text)
	}
	return n, nil
}

func bodies(events []Event) []json.RawMessage {
	list := []json.RawMessage{}
	for _, e := range events {
		list = append(list, json.RawMessage(e.Body))
	}
	return list
}

// NewStripe returns Stripe's GET /v1/events for a key.
// https://docs.stripe.com/api/events/list
func NewStripe(now func() time.Time, key string, events ...Event) *Server {
	s := &Server{now: now, isPage: func(r *http.Request) bool { return r.URL.Path == "/v1/events" }}
	s.Add(events...)
	refuse := func(w http.ResponseWriter, status int, message string) {
		respond(w, status, map[string]any{"error": map[string]string{"type": "invalid_request_error", "message": message}})
	}
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		size, err := limit(query.Get("limit"), 10, 100)
		from, errFrom := strconv.ParseInt(query.Get("created[gte]"), 10, 64)
		until, errUntil := strconv.ParseInt(query.Get("created[lt]"), 10, 64)
		switch {
		case r.Method != http.MethodGet || r.URL.Path != "/v1/events":
			refuse(w, http.StatusNotFound, "Unrecognized request URL")
			return
		case r.Header.Get("Authorization") != "Bearer "+key:
			refuse(w, http.StatusUnauthorized, "Invalid API Key provided: "+key[:8]+"****")
			return
		case err != nil || errFrom != nil || errUntil != nil || only(r, "created[gte]", "created[lt]", "limit", "starting_after") != nil:
			refuse(w, http.StatusBadRequest, "a parameter is wrong")
			return
		}
		listed := s.window(time.Unix(from, 0), time.Unix(until, 0).Add(-1))
		if after := query.Get("starting_after"); after != "" {
			i := slices.IndexFunc(listed, func(e Event) bool { return e.ID == after })
			if i < 0 {
				refuse(w, http.StatusBadRequest, "No such event")
				return
			}
			listed = listed[i+1:]
		}
		more := len(listed) > size
		respond(w, http.StatusOK, map[string]any{
			"object": "list", "url": "/v1/events", "has_more": more, "data": bodies(listed[:min(size, len(listed))]),
		})
	})
	return s
}

// NewSquare returns Square's POST /v2/events for an access token.
// https://developer.squareup.com/reference/square/events-api/search-events
func NewSquare(now func() time.Time, token string, events ...Event) *Server {
	s := &Server{now: now, isPage: func(r *http.Request) bool { return r.URL.Path == "/v2/events" }}
	s.Add(events...)
	refuse := func(w http.ResponseWriter, status int, category, code string) {
		respond(w, status, map[string]any{"errors": []map[string]string{{"category": category, "code": code, "detail": "made up"}}})
	}
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var search struct {
			Cursor string `json:"cursor"`
			Limit  int    `json:"limit"`
			Query  struct {
				Filter struct {
					CreatedAt struct {
						StartAt time.Time `json:"start_at"`
						EndAt   time.Time `json:"end_at"`
					} `json:"created_at"`
				} `json:"filter"`
				Sort struct {
					Field string `json:"field"`
					Order string `json:"order"`
				} `json:"sort"`
			} `json:"query"`
		}
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		err := decoder.Decode(&search)
		created := search.Query.Filter.CreatedAt
		switch {
		case r.Method != http.MethodPost || r.URL.Path != "/v2/events":
			refuse(w, http.StatusNotFound, "INVALID_REQUEST_ERROR", "NOT_FOUND")
			return
		case r.Header.Get("Authorization") != "Bearer "+token:
			refuse(w, http.StatusUnauthorized, "AUTHENTICATION_ERROR", "UNAUTHORIZED")
			return
		case err != nil || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Square-Version") == "" ||
			search.Limit < 1 || search.Limit > 100 || len(search.Cursor) > 256 || search.Query.Sort.Field != "DEFAULT" ||
			created.StartAt.Before(s.now().Add(-28*24*time.Hour)) || !created.StartAt.Before(created.EndAt):
			refuse(w, http.StatusBadRequest, "INVALID_REQUEST_ERROR", "BAD_REQUEST")
			return
		}
		listed := s.window(created.StartAt, created.EndAt)
		if search.Query.Sort.Order != "DESC" {
			slices.Reverse(listed)
		}
		from, _ := strconv.Atoi(strings.TrimPrefix(search.Cursor, "at-"))
		listed = listed[min(from, len(listed)):]
		page := map[string]any{}
		if len(listed) > search.Limit {
			listed = listed[:search.Limit]
			page["cursor"] = fmt.Sprintf("at-%d", from+search.Limit)
		}
		if len(listed) > 0 {
			page["events"] = bodies(listed)
		}
		respond(w, http.StatusOK, page)
	})
	return s
}

// NewPayPal returns PayPal's /v1/notifications/webhooks-events and /v1/oauth2/token for an
// app. Resend makes PayPal deliver an event to a webhook; it may be nil.
// https://developer.paypal.com/api/webhooks/v1/
func NewPayPal(now func() time.Time, clientID, clientSecret string, resend func(e Event, webhookID string), events ...Event) *Server {
	const list = "/v1/notifications/webhooks-events"
	s := &Server{now: now, isPage: func(r *http.Request) bool { return r.URL.Path == list }}
	s.Add(events...)
	refuse := func(w http.ResponseWriter, status int, name string) {
		respond(w, status, map[string]string{"name": name, "message": "made up", "debug_id": "90957fca61718"})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/oauth2/token", func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if id != clientID || secret != clientSecret {
			respond(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client", "error_description": "Client Authentication failed"})
			return
		}
		if r.PostFormValue("grant_type") != "client_credentials" {
			respond(w, http.StatusBadRequest, map[string]string{"error": "unsupported_grant_type"})
			return
		}
		s.mu.Lock()
		s.tokens++
		token := fmt.Sprintf("A21AAMadeUp%d", s.tokens)
		s.mu.Unlock()
		respond(w, http.StatusOK, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 32400, "scope": "https://uri.paypal.com/services/applications/webhooks"})
	})
	authorized := func(w http.ResponseWriter, r *http.Request) bool {
		s.mu.Lock()
		want := fmt.Sprintf("Bearer A21AAMadeUp%d", s.tokens)
		s.mu.Unlock()
		if r.Header.Get("Authorization") != want {
			refuse(w, http.StatusUnauthorized, "AUTHENTICATION_FAILURE")
			return false
		}
		return true
	}
	mux.HandleFunc("GET "+list, func(w http.ResponseWriter, r *http.Request) {
		if !authorized(w, r) {
			return
		}
		query := r.URL.Query()
		size, err := limit(query.Get("page_size"), 10, 1000)
		from, errFrom := time.Parse(time.RFC3339, query.Get("start_time"))
		until, errUntil := time.Parse(time.RFC3339, query.Get("end_time"))
		if err != nil || errFrom != nil || errUntil != nil || only(r, "page_size", "start_time", "end_time", "offset", "move_to") != nil ||
			from.Before(s.now().Add(-30*24*time.Hour-time.Minute)) {
			refuse(w, http.StatusBadRequest, "INVALID_REQUEST")
			return
		}
		listed := s.window(from, until)
		offset, _ := strconv.Atoi(query.Get("offset"))
		listed = listed[min(offset, len(listed)):]
		links := []map[string]string{{"rel": "self", "method": "GET", "href": "https://api.paypal.com" + r.URL.String()}}
		if len(listed) > size {
			listed = listed[:size]
			query.Set("offset", strconv.Itoa(offset+size))
			query.Set("move_to", "next")
			links = append(links, map[string]string{"rel": "next", "method": "GET", "href": "https://api.paypal.com" + list + "?" + query.Encode()})
		}
		respond(w, http.StatusOK, map[string]any{"events": bodies(listed), "count": len(listed), "links": links})
	})
	mux.HandleFunc("POST "+list+"/{id}/resend", func(w http.ResponseWriter, r *http.Request) {
		if !authorized(w, r) {
			return
		}
		var request struct {
			WebhookIDs []string `json:"webhook_ids"`
		}
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&request); err != nil || len(request.WebhookIDs) != 1 || r.Header.Get("Content-Type") != "application/json" {
			refuse(w, http.StatusBadRequest, "INVALID_REQUEST")
			return
		}
		s.mu.Lock()
		i := slices.IndexFunc(s.events, func(e Event) bool { return e.ID == r.PathValue("id") })
		if i < 0 {
			s.mu.Unlock()
			refuse(w, http.StatusNotFound, "RESOURCE_NOT_FOUND")
			return
		}
		event := s.events[i]
		s.resent = append(s.resent, event.ID)
		s.mu.Unlock()
		if resend != nil {
			go resend(event, request.WebhookIDs[0])
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		_, _ = bytes.NewBufferString(event.Body).WriteTo(w)
	})
	s.handler = mux
	return s
}

// Expire makes PayPal's access tokens invalid, as they become after some hours.
func (s *Server) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens++
}
