// Command send signs a payload as a payment provider would and posts it to the
// door: to see what a delivery does, to try a secret, to load-test.
//
//	scripts/send --provider stripe --fixture refund --secret whsec_…
//
// It shares no code with the handlers, so that it also checks them: the signing
// rules here are written from the providers' documentation once more.
//
//   - stripe: https://docs.stripe.com/webhooks#verify-manually
//   - adyen: https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures
//   - paypal: https://developer.paypal.com/api/rest/webhooks/rest/#link-selfverificationmethod
//   - square: https://developer.squareup.com/docs/webhooks/step3validate
//   - canonical: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
//
// The only address it contacts is --url's.
package main
