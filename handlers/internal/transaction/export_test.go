package transaction

import "bytes"

// Canonical returns the text that Fingerprint hashes.
func (t Transaction) Canonical() []byte {
	var b bytes.Buffer
	t.writeCanonical(&b)
	return b.Bytes()
}
