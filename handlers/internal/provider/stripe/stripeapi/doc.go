// Package stripeapi lists Stripe's events: GET /v1/events.
// https://docs.stripe.com/api/events/list
//
// Stripe lists the events of the last 30 days, the newest first, and renders each in the API
// version of its time. An element of the list is what a webhook endpoint gets as its body.
// Events of all types are asked for, so that a new type is noticed.
//
// The credentials are an API key; one that may only read events is enough (a restricted
// key with the permission Events: Read). https://docs.stripe.com/keys/restricted-api-keys
// One account may send 25 requests a second to an endpoint, and gets 429 beyond that; the
// pages are read one after another. https://docs.stripe.com/rate-limits
package stripeapi
