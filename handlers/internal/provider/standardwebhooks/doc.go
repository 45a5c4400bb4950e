// Package standardwebhooks verifies deliveries of the canonical payload to POST
// /webhook by the Standard Webhooks specification, version 1.0.0:
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
//
// A delivery has the headers webhook-id, webhook-timestamp (Unix seconds) and
// webhook-signature, a list of signatures separated by spaces, each of them a
// version, a comma and base64. What is signed is "<id>.<timestamp>.<body>". One
// good signature is enough, so that senders can rotate keys.
//
// Version v1 is verified: HMAC-SHA256 under a secret of 24 to 64 bytes, written
// as whsec_ and base64; base64 alone is accepted as well. Other versions are
// ignored, v1a among them: verifying Ed25519 takes more than ten times as long,
// beyond what the endpoint may spend on a signature. Its keys, whpk_ and whsk_, are
// refused as secrets: a public key must never serve as the key of an HMAC.
//
// The specification leaves the tolerance of time to the receiver; it is
// provider.Tolerance both ways, as in the specification's own libraries. An id
// must have no full stop, since otherwise one signed text would be that of
// several deliveries. That a delivery comes twice is for the ledger to see, by
// transaction_id: the id of a message is verified and then forgotten.
package standardwebhooks
