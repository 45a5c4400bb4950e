// Package forgery makes bodies that a captured signature verifies, for tests and for
// campaigns of faults: the webhook endpoint must reject them although the signature is right.
// Nothing that is deployed uses it.
package forgery

import (
	"bytes"
	"errors"
	"hash/crc32"
	"math/bits"
	"strings"
)

// Errors of [SameCRC32].
var (
	ErrNoObject = errors.New("the body is no JSON object")
	ErrUnlucky  = errors.New("no value of the free member makes the checksum")
)

// free is the number of characters that SameCRC32 may choose. 32 suffice if their vectors
// are independent; with twice as many, they nearly always are.
const free = 64

// SameCRC32 returns a JSON object with a further first member, "free", whose value gives it
// the CRC-32 (IEEE) of the genuine body. PayPal signs a body's CRC-32 and not the body.
//
// CRC-32 is linear: to change a certain bit of the body changes the same bits of the
// checksum whatever the rest of the body is. So each free character, which may be "A" or
// "C", is a vector of 32 bits, and the difference that is wanted is a sum of some of them
// (Gaussian elimination over two elements).
func SameCRC32(body, genuine []byte) ([]byte, error) {
	if !bytes.HasPrefix(body, []byte("{")) {
		return nil, ErrNoObject
	}
	const member = `{"free": "`
	body = append([]byte(member+strings.Repeat("A", free)+`", `), body[1:]...)
	flip := func(chosen uint64) {
		for i := range free {
			if chosen>>i&1 == 1 {
				body[len(member)+i] ^= 'A' ^ 'C'
			}
		}
	}
	// basis[b] is a vector whose highest bit is b, and the characters that it is made of.
	var basis [32]struct {
		vector uint32
		chosen uint64
	}
	reduce := func(vector uint32, chosen uint64) (uint32, uint64) {
		for vector != 0 {
			b := basis[bits.Len32(vector)-1]
			if b.vector == 0 {
				break
			}
			vector, chosen = vector^b.vector, chosen^b.chosen
		}
		return vector, chosen
	}
	before := crc32.ChecksumIEEE(body)
	for i := range free {
		flip(1 << i)
		vector, chosen := reduce(before^crc32.ChecksumIEEE(body), 1<<i)
		flip(1 << i)
		if vector != 0 {
			b := &basis[bits.Len32(vector)-1]
			b.vector, b.chosen = vector, chosen
		}
	}
	rest, chosen := reduce(before^crc32.ChecksumIEEE(genuine), 0)
	if rest != 0 {
		return nil, ErrUnlucky
	}
	flip(chosen)
	return body, nil
}
