// Command sender posts a transaction of your own system to POST /webhook, signed
// by the Standard Webhooks specification:
//
//	export WEBHOOK_SECRET=whsec_…
//	go run ./examples/sender -url "$API_URL/webhook" examples/payloads/payment.json
//
// It is meant to be copied: [Sender] depends only on the specification's own library
// and the standard library. It does everything that a sender must do:
//
//   - sign the bytes that are sent, with a clock that is right within five minutes
//   - bound each attempt in time
//   - send again when there was no response, or one of 429 or 5xx, and wait as
//     long as Retry-After says; this is safe, because a transaction is stored
//     once however often it is sent
//   - not send again after any other status: the same bytes will be rejected again
//
// Exit status: 0 if the transaction is stored, 1 if not, 2 for wrong usage.
package main
