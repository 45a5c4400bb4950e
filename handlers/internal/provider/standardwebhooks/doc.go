// Package standardwebhooks verifies deliveries of the canonical payload to POST
// /webhook by the Standard Webhooks specification, version 1.0.0:
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
//
// A delivery has the headers webhook-id, webhook-timestamp (Unix seconds) and
// webhook-signature, a list of signatures separated by spaces, each of them a
// version, a comma and base64. The signed text is "<id>.<timestamp>.<body>". One
// valid signature is enough, so that senders can rotate keys.
//
// Version v1 is verified: HMAC-SHA256 under a secret of 24 to 64 bytes, written
// as whsec_ and base64; base64 alone is accepted as well. Other versions are
// ignored, among them v1a: verifying Ed25519 takes more than ten times as long as the
// endpoint may spend on a signature. The keys of v1a, whpk_ and whsk_, are
// rejected as secrets, because a public key must never be the key of an HMAC.
//
// The specification leaves the tolerance of the timestamp to the receiver; here it is
// provider.Tolerance in both directions, as in the specification's own libraries. An
// id must have no full stop, since otherwise several deliveries could have the same
// signed text. The ledger recognises duplicates by transaction_id; the id of a message
// is verified and not kept.
package standardwebhooks
