// Package providerstest has a provider for tests that differs from the supported ones: it
// posts a form with base64 inside and checks the address with a challenge, as Braintree
// does. It shows what a declaration can express. Only tests may import it, and it cannot
// be configured.
//
// Its rules are Braintree's, with JSON where Braintree has XML:
//
//   - POST, application/x-www-form-urlencoded, with bt_payload and bt_signature. The
//     payload is base64 in lines of 60 characters. The signature is a list of
//     "<public key>|<HMAC>" joined by "&"; the HMAC is HMAC-SHA1 of the payload as it
//     is written, in hexadecimal, under the SHA-1 of the private key.
//   - GET with bt_challenge, 20 to 32 hexadecimal digits. The response is
//     "<public key>|<HMAC of the challenge>".
//
// https://github.com/braintree/braintree_ruby/blob/master/lib/braintree/webhook_notification_gateway.rb
//
// The secret is both keys, "<public key>:<private key>".
package providerstest
