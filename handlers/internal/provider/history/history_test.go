package history_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/provider/history"
)

var (
	from  = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	until = from.Add(24 * time.Hour)
)

// fakeAPI has pages by cursor.
type fakeAPI func(cursor string) history.Page

func (f fakeAPI) Page(_ context.Context, _, _ time.Time, cursor string) (history.Page, error) {
	return f(cursor), nil
}

func events(ids ...string) (list []history.Event) {
	for _, id := range ids {
		list = append(list, history.Event{ID: id, CreatedAt: from})
	}
	return list
}

// read returns the ids that Pages yields, and how many were repeated.
func read(t *testing.T, api history.API) (ids []string, repeated int, err error) {
	t.Helper()
	for batch, err := range history.Pages(t.Context(), api, from, until) {
		if err != nil {
			return ids, repeated, err
		}
		repeated += batch.Repeated
		for _, e := range batch.Events {
			ids = append(ids, e.ID)
		}
	}
	return ids, repeated, nil
}

func TestPages(t *testing.T) {
	t.Run("have each event once when pages overlap", func(t *testing.T) {
		pages := map[string]history.Page{
			"": {Events: events("a", "b"), Next: "2"}, "2": {Events: events("b", "c"), Next: "3"}, "3": {Events: events("a", "b", "c"), Next: "4"}, "4": {Events: events("d")},
		}
		ids, repeated, err := read(t, fakeAPI(func(cursor string) history.Page { return pages[cursor] }))
		if diff := cmp.Diff([]string{"a", "b", "c", "d"}, ids); diff != "" || repeated != 4 || err != nil {
			t.Errorf("%d repeated, %v\n%s", repeated, err, diff)
		}
	})
	t.Run("have all events without an id", func(t *testing.T) {
		if ids, repeated, err := read(t, fakeAPI(func(string) history.Page { return history.Page{Events: events("", "")} })); len(ids) != 2 || repeated != 0 || err != nil {
			t.Errorf("%q, %d repeated, %v", ids, repeated, err)
		}
	})
	t.Run("have no event of another time", func(t *testing.T) {
		page := history.Page{Events: []history.Event{
			{ID: "before", CreatedAt: from.Add(-1)}, {ID: "first", CreatedAt: from}, {ID: "last", CreatedAt: until.Add(-1)}, {ID: "after", CreatedAt: until}, {ID: "no time"},
		}}
		ids, _, err := read(t, fakeAPI(func(string) history.Page { return page }))
		if diff := cmp.Diff([]string{"first", "last", "no time"}, ids); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	})
	t.Run("may be empty when more follow", func(t *testing.T) {
		n := 0
		ids, _, err := read(t, fakeAPI(func(string) history.Page {
			if n++; n == 50 {
				return history.Page{Events: events("a")}
			}
			return history.Page{Next: fmt.Sprint(n)}
		}))
		if len(ids) != 1 || err != nil {
			t.Errorf("%q, %v", ids, err)
		}
	})
	t.Run("end when new cursors lead to nothing new", func(t *testing.T) {
		n := 0
		_, _, err := read(t, fakeAPI(func(string) history.Page { n++; return history.Page{Events: events("a"), Next: fmt.Sprint(n)} }))
		if !errors.Is(err, history.ErrStuck) || n > 200 {
			t.Errorf("%v after %d pages", err, n)
		}
	})
	t.Run("end when cursors go in a circle", func(t *testing.T) {
		n := 0
		_, _, err := read(t, fakeAPI(func(cursor string) history.Page {
			n++
			return history.Page{Events: events(fmt.Sprint(n)), Next: map[string]string{"": "1", "1": "2", "2": "1"}[cursor]}
		}))
		if !errors.Is(err, history.ErrStuck) || n > 10 {
			t.Errorf("%v after %d pages", err, n)
		}
	})
}

type respond struct {
	status int
	body   string
}

func (r respond) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: r.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(r.body))}, nil
}

func TestErrorCode(t *testing.T) {
	for body, want := range map[string]string{
		`{"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "key rk_live_1234"}}`: "resource_missing",
		`{"error": {"type": "api_error"}}`:                                           "api_error",
		`{"errors": [{"category": "AUTHENTICATION_ERROR", "code": "UNAUTHORIZED"}]}`: "UNAUTHORIZED",
		`{"name": "AUTHENTICATION_FAILURE", "message": "m"}`:                         "AUTHENTICATION_FAILURE",
		`{"error": "invalid_client", "error_description": "d"}`:                      "invalid_client",
		`{"error": {"code": "4111 1111 1111 1111"}}`:                                 "",
		`{"name": "a sentence about rk_live_1234"}`:                                  "",
		`<html>`: "",
		``:       "",
	} {
		t.Run("is what the provider calls it when the response is "+body, func(t *testing.T) {
			client := history.NewClient(respond{http.StatusBadRequest, body}, nil)
			err := client.Read(t.Context(), func(ctx context.Context) (*http.Request, error) {
				return http.NewRequestWithContext(ctx, http.MethodGet, "https://api.example.com/?key=secret", nil)
			}, new(any))
			var status *history.StatusError
			if !errors.As(err, &status) || status.Status != http.StatusBadRequest || status.Code != want {
				t.Errorf("%v, want %q", err, want)
			}
			if text := err.Error(); strings.Contains(text, "1234") || strings.Contains(text, "4111") || strings.Contains(text, "secret") {
				t.Errorf("the error says %q", text)
			}
		})
	}
}
