package provider

import (
	"crypto"
	"io/fs"
	"net/http"
	"time"
)

// Sender lets scripts/send act as a provider. It is an independent check of Verify, so
// it is written from the provider's documentation a second time: a package's send.go
// uses nothing of the package's other files but the declaration.
type Sender struct {
	// Fixtures holds a file testdata/<name>.json for each payload. "payment" and
	// "ignored" must exist; "refund", "dispute" and "payout" if the provider has them.
	Fixtures fs.FS

	// MakeSecret returns a new random secret in the provider's form.
	MakeSecret func() string

	// IDs lists where a payload may have the id of the object that it is about, as
	// member names and indices joined by "/"; the first place that exists is used.
	// "%d" stands for the index of each element of a batch. Amounts lists the places
	// of the amount in the same way.
	IDs, Amounts []string

	// SignsURL is true if the address is signed, SignsTime if the time of the attempt
	// is signed.
	SignsURL, SignsTime bool

	// Certificate is the certificate that the provider signs with; nil if it signs
	// with its secret.
	Certificate *Certificate

	// Sign returns the headers and the body of a delivery. The body may differ from
	// the payload, because some providers put the signature into the body or wrap the
	// payload. An error tells what is wrong with the secret or the payload.
	Sign func(Attempt) (http.Header, []byte, error)

	// Challenge returns the query of a GET with a challenge, and the body of the
	// correct response. It is nil if the provider sends no challenges.
	Challenge func(secret string) (query, response string, err error)

	// Tampered returns a changed copy of a signed body. If it is nil, Sender.Tamper
	// changes a digit of the amount in a JSON body.
	Tampered func(body []byte) []byte
}

// Attempt is one attempt to deliver a payload.
type Attempt struct {
	Secret string
	Key    crypto.Signer // the certificate's private key; nil if the provider has no certificate
	Body   []byte        // the payload
	URL    string        // the address as the provider knows it
	At     time.Time     // the provider's clock
}

// Certificate describes a provider's signing certificate. In the local run,
// scripts/send creates one and publishes it.
type Certificate struct {
	URL     string // the https address at which it is published
	DNSName string // the name that it is issued to
}
