package squareapi

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/internal/provider/history"
	"payment-webhooks/handlers/internal/provider/square"
)

// Provider describes the API.
var Provider = history.Provider{
	Name:        square.Name,
	Keeps:       28 * 24 * time.Hour, // https://developer.squareup.com/docs/events-api/overview
	URL:         "https://connect.squareup.com",
	Credentials: tokenForm,
	Permission:  "the personal access token of the application that has the subscription, and events enabled (PUT /v2/events/enable)",
	WhenEmpty:   "Square lists only events that happened while events were enabled for the application: see PUT /v2/events/enable",
	New:         newAPI,
}

// pageSize is the largest that Square allows.
const pageSize = 100

// apiVersion is the version of the API that the requests are written for. The events keep the
// version of the subscription.
// https://developer.squareup.com/docs/build-basics/versioning-overview
const apiVersion = "2024-11-20"

// tokenForm and tokenPattern are the form of an access token.
// https://developer.squareup.com/docs/build-basics/access-tokens
const tokenForm = "an access token of the application, EAAA…"

var tokenPattern = regexp.MustCompile(`^EAAA[A-Za-z0-9_-]{40,200}$`)

type api struct{ history.Access }

func newAPI(a history.Access) (history.API, error) {
	if !tokenPattern.MatchString(a.Credentials) {
		return nil, fmt.Errorf("%w: not %s", history.ErrCredentials, tokenForm)
	}
	return api{a}, nil
}

// search is the body of a request.
type search struct {
	Cursor string `json:"cursor,omitzero"`
	Limit  int    `json:"limit"`
	Query  query  `json:"query"`
}

type query struct {
	Filter filter `json:"filter"`
	Sort   sort   `json:"sort"`
}

type filter struct {
	CreatedAt timeRange `json:"created_at"`
}

type timeRange struct {
	StartAt string `json:"start_at"`
	EndAt   string `json:"end_at"`
}

// sort orders events by their time, which DEFAULT stands for.
// https://developer.squareup.com/reference/square/enums/SearchEventsSortField
type sort struct {
	Field string `json:"field"`
	Order string `json:"order"`
}

// Page implements history.API.
func (a api) Page(ctx context.Context, from, until time.Time, cursor string) (history.Page, error) {
	body, err := json.Marshal(search{
		Cursor: cursor, Limit: pageSize,
		Query: query{
			Filter: filter{CreatedAt: timeRange{from.UTC().Format(layout), until.UTC().Format(layout)}},
			Sort:   sort{Field: "DEFAULT", Order: "DESC"},
		},
	})
	if err != nil {
		return history.Page{}, err
	}
	var found struct {
		Events []jsontext.Value `json:"events"`
		Cursor string           `json:"cursor"`
	}
	if err := a.Client.Read(ctx, func(ctx context.Context) (*http.Request, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL+"/v2/events", bytes.NewReader(body))
		if err == nil {
			request.Header.Set("Authorization", "Bearer "+a.Credentials)
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Square-Version", apiVersion)
		}
		return request, err
	}, &found); err != nil {
		return history.Page{}, err
	}
	page := history.Page{Next: found.Cursor}
	for _, body := range found.Events {
		page.Events = append(page.Events, event(body))
	}
	return page, nil
}

// layout has milliseconds, as Square's own times.
const layout = "2006-01-02T15:04:05.000Z"

// event reads the members of an event that the list is about. What cannot be read is
// empty, and for the decoder to report.
func event(body []byte) history.Event {
	var of struct {
		EventID   string `json:"event_id"`
		Type      string `json:"type"`
		CreatedAt string `json:"created_at"`
	}
	e := history.Event{Body: body}
	if json.Unmarshal(body, &of, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) == nil {
		e.ID, e.Type = of.EventID, of.Type
		e.CreatedAt, _ = square.ParseTime(of.CreatedAt)
		e.CreatedAt = e.CreatedAt.UTC()
	}
	return e
}
