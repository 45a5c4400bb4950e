// Package squareapi searches Square's events: POST /v2/events.
// https://developer.squareup.com/reference/square/events-api/search-events
//
// Square lists the events of the last 28 days, and only those that happened while events
// were enabled, which they are not by default (PUT /v2/events/enable). An element of the list
// is what a webhook subscription gets as its body.
// https://developer.squareup.com/docs/events-api/overview
//
// The credentials are the application's personal access token: events belong to the
// application, so that an OAuth token is refused (same page). Square has no narrower token for it.
// It documents no rate, only to wait after 429 RATE_LIMITED:
// https://developer.squareup.com/docs/build-basics/handling-errors
package squareapi
