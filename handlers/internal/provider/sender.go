package provider

import (
	"crypto"
	"io/fs"
	"net/http"
	"time"
)

// Sender is how scripts/send acts as a provider. It checks what Verify does, so
// it is written from the provider's documentation once more: a package's send.go
// uses nothing of the package's other files but the declaration.
type Sender struct {
	// Fixtures holds a file testdata/<name>.json for each payload, named "payment",
	// "refund", "dispute", "payout" and "ignored" at least.
	Fixtures fs.FS

	// MakeSecret makes up a secret of the provider's form.
	MakeSecret func() string

	// IDs lists where a payload may have the id of the object that it is about,
	// as member names and indices joined by "/": the first that exists is the one.
	// "%d" stands for the index of each element of a batch. Amounts likewise.
	IDs, Amounts []string

	// SignsURL reports whether the address is signed, SignsTime whether the time of
	// the attempt is.
	SignsURL, SignsTime bool

	// Certificate is the one that the provider signs with; nil if it signs with its
	// secret.
	Certificate *Certificate

	// Sign returns the headers and the body of a delivery: some providers sign
	// within the body, and a payload may be only a part of the body. An error says
	// what is wrong with the secret or the payload.
	Sign func(Attempt) (http.Header, []byte, error)

	// Challenge returns the query of a GET that asks for the address, and the body
	// of the right answer. It is nil if the provider asks no such thing.
	Challenge func(secret string) (query, answer string, err error)

	// Tampered changes a signed body. If it is nil, a digit of the first of
	// Amounts is changed in a body that is JSON.
	Tampered func(body []byte) []byte
}

// Attempt is one attempt to deliver a payload.
type Attempt struct {
	Secret string
	Key    crypto.Signer // that of the certificate; nil if the provider has none
	Body   []byte        // the payload
	URL    string        // the address as the provider knows it
	At     time.Time     // the provider's clock
}

// Certificate says what a provider's signing certificate looks like. In the local
// run, scripts/send makes one and publishes it.
type Certificate struct {
	URL     string // where it is published, below https
	DNSName string // what it is issued to
}
