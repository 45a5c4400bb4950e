package campaign

import (
	"bytes"
	"errors"
	"hash/crc32"
	"math/bits"
	"strings"
)

// Two signatures do not bind what they come with (decision 17): PayPal signs a CRC-32 of
// the body, and Adyen leaves out the member that tells a cancellation from a refund. The
// campaign captures genuine ones and uses them for something else.

// forge returns the facts of a payload that a captured signature of the shape verifies.
func (s shape) forge(f facts) (facts, bool) {
	switch {
	case s.provider == "paypal":
		f.minor += 99_00
		return f, true
	case s.provider == "adyen" && s.fixture == "cancellation":
		return f, true
	}
	return f, false
}

// dated reports whether the provider signs the time of an attempt, so that an old
// signature is refused.
func (s shape) dated() bool {
	d, ok := declaration(s.provider)
	return ok && d.Sender.SignsTime
}

// captured returns the body to send with the signature of a genuine one in place of it.
func (d Delivery) captured(genuine []byte) ([]byte, error) {
	if d.Provider == "paypal" {
		free := bytes.Replace(d.Body, []byte(`{`), []byte(`{"free": "`+strings.Repeat("A", free)+`", `), 1)
		return withCRC(free, crc32.ChecksumIEEE(genuine))
	}
	action := bytes.Replace(genuine, []byte(`"cancel"`), []byte(`"refund"`), 1)
	if bytes.Equal(action, genuine) {
		return nil, errors.New("the payload has no action to change")
	}
	return action, nil
}

// free is the number of characters of a forged body that withCRC may change. 32 suffice
// if their vectors are independent; with twice as many, they nearly always are.
const free = 64

// withCRC returns a copy of a body that has another CRC-32, by changing some of a run of
// "A" in a member that nobody reads.
//
// CRC-32 is linear: to change a certain bit of the body changes the same bits of the
// checksum whatever the rest of the body is. So each free character, which may be "A" or
// "C", is a vector of 32 bits, and the difference that is wanted is a sum of some of them
// (Gaussian elimination over two elements).
func withCRC(body []byte, want uint32) ([]byte, error) {
	start := bytes.Index(body, []byte(strings.Repeat("A", free)))
	if start < 0 {
		return nil, errors.New("the body has no free characters")
	}
	body = bytes.Clone(body)
	flip := func(chosen uint64) {
		for i := range free {
			if chosen>>i&1 == 1 {
				body[start+i] ^= 'A' ^ 'C'
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
	rest, chosen := reduce(before^want, 0)
	flip(chosen)
	if rest != 0 {
		return nil, errors.New("the free characters cannot make the checksum")
	}
	return body, nil
}
