package paypalapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/internal/provider/history"
	"payment-webhooks/handlers/internal/provider/paypal"
)

// Provider describes the API.
var Provider = history.Provider{
	Name:        paypal.Name,
	Keeps:       30 * 24 * time.Hour, // https://developer.paypal.com/api/rest/webhooks/events-dashboard/
	URL:         "https://api-m.paypal.com",
	Credentials: credentialsForm,
	Permission:  "client id and secret of the app that has the webhook; PayPal has no read-only ones",
	New:         newAPI,
}

// pageSize is how many events are asked for. PayPal documents the default, 10, and no
// largest number; a page may have fewer.
const pageSize = 100

const eventsPath = "/v1/notifications/webhooks-events"

const credentialsForm = `JSON such as {"client_id": "A…", "client_secret": "E…"}`

// wordPattern is the form of a client's id and secret.
var wordPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{16,256}$`)

type api struct {
	history.Access
	id, secret string
	token      string // "" before the first one
}

var _ history.Resender = (*api)(nil)

func newAPI(a history.Access) (history.API, error) {
	var credentials struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	err := json.Unmarshal([]byte(a.Credentials), &credentials, json.RejectUnknownMembers(true))
	if err != nil || !wordPattern.MatchString(credentials.ID) || !wordPattern.MatchString(credentials.Secret) {
		return nil, fmt.Errorf("%w: not %s", history.ErrCredentials, credentialsForm)
	}
	return &api{Access: a, id: credentials.ID, secret: credentials.Secret}, nil
}

// Page implements history.API. The cursor is the query of PayPal's link to the page.
// https://developer.paypal.com/api/rest/responses/#link-hateoaslinks
func (a *api) Page(ctx context.Context, from, until time.Time, cursor string) (history.Page, error) {
	if cursor == "" {
		cursor = url.Values{
			"start_time": {from.UTC().Format(time.RFC3339)},
			"end_time":   {until.UTC().Format(time.RFC3339)}, // included
			"page_size":  {strconv.Itoa(pageSize)},
		}.Encode()
	}
	var list struct {
		Events []jsontext.Value `json:"events"`
		Links  []struct {
			Rel  string `json:"rel"`
			Href string `json:"href"`
		} `json:"links"`
	}
	if err := a.authorized(ctx, func() error {
		return a.Client.Read(ctx, func(ctx context.Context) (*http.Request, error) {
			return a.request(ctx, http.MethodGet, eventsPath+"?"+cursor, nil)
		}, &list)
	}); err != nil {
		return history.Page{}, err
	}
	var page history.Page
	for _, body := range list.Events {
		page.Events = append(page.Events, event(body))
	}
	for _, link := range list.Links {
		if link.Rel != "next" {
			continue
		}
		// The query alone: the token is for our address, whatever the link says.
		next, err := url.Parse(link.Href)
		if err != nil || !strings.HasSuffix(next.Path, eventsPath) || next.RawQuery == "" {
			return history.Page{}, fmt.Errorf("%w: the link to the next page is none", history.ErrResponse)
		}
		page.Next = next.RawQuery
	}
	return page, nil
}

// Resend implements history.Resender.
// https://developer.paypal.com/api/webhooks/v1/#webhooks-events_resend
func (a *api) Resend(ctx context.Context, eventID, webhookID string) error {
	body, err := json.Marshal(map[string][]string{"webhook_ids": {webhookID}})
	if err != nil {
		return err
	}
	return a.authorized(ctx, func() error {
		_, err := a.Client.Send(ctx, func(ctx context.Context) (*http.Request, error) {
			request, err := a.request(ctx, http.MethodPost, eventsPath+"/"+url.PathEscape(eventID)+"/resend", body)
			if err == nil {
				request.Header.Set("Content-Type", "application/json")
			}
			return request, err
		})
		return err
	})
}

func (a *api) request(ctx context.Context, method, path string, body []byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, a.URL+path, bytes.NewReader(body))
	if err == nil {
		request.Header.Set("Authorization", "Bearer "+a.token)
		request.Header.Set("Accept", "application/json")
	}
	return request, err
}

// authorized calls do with a token. If the token has expired, it does so once more with
// another one.
func (a *api) authorized(ctx context.Context, do func() error) error {
	fresh := a.token == ""
	if fresh {
		if err := a.authenticate(ctx); err != nil {
			return err
		}
	}
	err := do()
	var status *history.StatusError
	if fresh || !errors.As(err, &status) || status.Status != http.StatusUnauthorized {
		return err
	}
	if err := a.authenticate(ctx); err != nil {
		return err
	}
	return do()
}

// authenticate gets a token.
// https://developer.paypal.com/api/rest/authentication/
func (a *api) authenticate(ctx context.Context) error {
	var granted struct {
		Token string `json:"access_token"`
	}
	if err := a.Client.Read(ctx, func(ctx context.Context) (*http.Request, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL+"/v1/oauth2/token", strings.NewReader("grant_type=client_credentials"))
		if err == nil {
			request.SetBasicAuth(a.id, a.secret)
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			request.Header.Set("Accept", "application/json")
		}
		return request, err
	}, &granted); err != nil {
		return fmt.Errorf("token: %w", err)
	}
	if granted.Token == "" {
		return fmt.Errorf("token: %w: there is none", history.ErrResponse)
	}
	a.token = granted.Token
	return nil
}

// event reads the members of an event that the list is about. What cannot be read is
// empty, and for the decoder to report.
func event(body []byte) history.Event {
	var of struct {
		ID         string `json:"id"`
		Type       string `json:"event_type"`
		CreateTime string `json:"create_time"`
	}
	e := history.Event{Body: body}
	if json.Unmarshal(body, &of, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) == nil {
		e.ID, e.Type = of.ID, of.Type
		if at, err := time.Parse(time.RFC3339, of.CreateTime); err == nil {
			e.CreatedAt = at.UTC()
		}
	}
	return e
}
