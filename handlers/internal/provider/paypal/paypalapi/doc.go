// Package paypalapi lists PayPal's events, GET /v1/notifications/webhooks-events, and asks
// PayPal to send one again, POST /v1/notifications/webhooks-events/{id}/resend.
// https://developer.paypal.com/api/webhooks/v1/
//
// PayPal lists the events of the last 30 days
// (https://developer.paypal.com/api/rest/webhooks/events-dashboard/). An element of the list is
// what a webhook gets as its body. Only PayPal can sign it, so that an event that is missing is
// sent by PayPal again, to the one webhook whose id is ours. PayPal accepts that with 202
// and delivers later. It does not document whether the delivery has a new transmission time:
// if it has that of the first attempt, the webhook endpoint rejects an event that is older
// than paypal.MaxAge, and the event stays missing.
//
// The credentials are those of the app that the webhook belongs to; they get a token that is
// used until it expires (https://developer.paypal.com/api/rest/authentication/). Its scope for
// webhooks, https://uri.paypal.com/services/applications/webhooks, every app has. PayPal
// publishes no rate, and asks to reuse tokens and to wait after 429:
// https://developer.paypal.com/api/rest/reference/rate-limiting/
package paypalapi
