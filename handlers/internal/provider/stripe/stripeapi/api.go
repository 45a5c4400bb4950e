package stripeapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/internal/provider/history"
	"payment-webhooks/handlers/internal/provider/stripe"
)

// Provider describes the API.
var Provider = history.Provider{
	Name:        stripe.Name,
	Keeps:       30 * 24 * time.Hour, // https://docs.stripe.com/api/events/list
	URL:         "https://api.stripe.com",
	Credentials: keyForm,
	Permission:  "a restricted key with the permission Events: Read",
	New:         newAPI,
}

// pageSize is the largest that Stripe allows.
const pageSize = 100

// keyForm and keyPattern are the form of a key. https://docs.stripe.com/keys
const keyForm = "an API key, rk_live_… or sk_live_…; rk_test_… or sk_test_… of a sandbox"

var keyPattern = regexp.MustCompile(`^(rk|sk)_(live|test)_[A-Za-z0-9_]{16,250}$`)

type api struct{ history.Access }

func newAPI(a history.Access) (history.API, error) {
	if !keyPattern.MatchString(a.Credentials) {
		return nil, fmt.Errorf("%w: not %s", history.ErrCredentials, keyForm)
	}
	return api{a}, nil
}

// Page implements history.API. The cursor is the id of the last event before the page.
// https://docs.stripe.com/api/pagination
func (a api) Page(ctx context.Context, from, until time.Time, cursor string) (history.Page, error) {
	query := url.Values{
		"created[gte]": {strconv.FormatInt(from.Unix(), 10)},
		"created[lt]":  {strconv.FormatInt(until.Add(time.Second-1).Unix(), 10)}, // whole seconds
		"limit":        {strconv.Itoa(pageSize)},
	}
	if cursor != "" {
		query.Set("starting_after", cursor)
	}
	var list struct {
		Object  string           `json:"object"`
		Data    []jsontext.Value `json:"data"`
		HasMore bool             `json:"has_more"`
	}
	err := a.Client.Read(ctx, func(ctx context.Context) (*http.Request, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL+"/v1/events?"+query.Encode(), nil)
		if err == nil {
			request.Header.Set("Authorization", "Bearer "+a.Credentials)
		}
		return request, err
	}, &list)
	if err != nil {
		return history.Page{}, err
	}
	if list.Object != "list" {
		return history.Page{}, fmt.Errorf("%w: not a list", history.ErrResponse)
	}
	var page history.Page
	for _, body := range list.Data {
		page.Events = append(page.Events, event(body))
	}
	if list.HasMore {
		if len(page.Events) == 0 || page.Events[len(page.Events)-1].ID == "" {
			return history.Page{}, fmt.Errorf("%w: has_more without an event to continue from", history.ErrResponse)
		}
		page.Next = page.Events[len(page.Events)-1].ID
	}
	return page, nil
}

// event reads the members of an event that the list is about. What cannot be read is
// empty, and for the decoder to report.
func event(body []byte) history.Event {
	var of struct {
		ID      string `json:"id"`
		Type    string `json:"type"`
		Created int64  `json:"created"`
	}
	e := history.Event{Body: body}
	if json.Unmarshal(body, &of, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) == nil {
		e.ID, e.Type = of.ID, of.Type
		if of.Created > 0 {
			e.CreatedAt = time.Unix(of.Created, 0).UTC()
		}
	}
	return e
}
