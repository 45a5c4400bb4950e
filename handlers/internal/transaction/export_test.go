package transaction

import "bytes"

// Canonical returns what Fingerprint hashes.
func (t Transaction) Canonical() []byte {
	var b bytes.Buffer
	t.writeCanonical(&b)
	return b.Bytes()
}
