package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"payment-webhooks/handlers/internal/redact"
	"payment-webhooks/handlers/internal/transaction"
)

// What a request may be refused for before its content is looked at. The text
// that wraps them is fit for the sender.
var (
	errNotFound  = errors.New("not found")
	errMediaType = errors.New("unsupported media type")
	errTooLarge  = errors.New("content too large")
)

// refusal is one of the errors above with a sentence for the sender.
type refusal struct {
	kind   error
	detail string
}

func (r *refusal) Error() string { return r.kind.Error() + ": " + r.detail }
func (r *refusal) Unwrap() error { return r.kind }

// route refuses what is not POST /webhook. The gateway lets nothing else
// through but POST /webhook/{provider}, for providers with a payload of their
// own; none is known yet.
func route(request events.APIGatewayProxyRequest) error {
	if provider, ok := request.PathParameters["provider"]; ok {
		return &refusal{errNotFound, fmt.Sprintf("There is no provider %q here; send transactions to /webhook.", redact.Echo(provider))}
	}
	if request.HTTPMethod != http.MethodPost || strings.TrimSuffix(request.Resource, "/") != "/webhook" {
		return &refusal{errNotFound, "Send transactions with POST to /webhook."}
	}
	return nil
}

// verify checks everything about a request but what its body says, and returns
// the body's bytes exactly as they were sent. This is the place where a
// provider's signature over those bytes is to be checked.
func verify(request events.APIGatewayProxyRequest) ([]byte, error) {
	if err := checkMediaType(header(request)); err != nil {
		return nil, err
	}
	body := []byte(request.Body)
	if request.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(request.Body); err != nil {
			return nil, &transaction.MalformedError{Detail: "the body is not valid base64"}
		}
	}
	if len(body) > transaction.MaxBodyBytes {
		return nil, &refusal{errTooLarge, fmt.Sprintf("The body has %d bytes; at most %d are accepted.", len(body), transaction.MaxBodyBytes)}
	}
	return body, nil
}

// checkMediaType accepts application/json in UTF-8, uncompressed.
func checkMediaType(h http.Header) error {
	const accepted = "Send the body as application/json in UTF-8, without a content encoding."
	if encodings := h.Values("Content-Encoding"); len(encodings) > 0 && !strings.EqualFold(strings.Join(encodings, ","), "identity") {
		return &refusal{errMediaType, accepted}
	}
	types := h.Values("Content-Type")
	if len(types) != 1 {
		return &refusal{errMediaType, accepted}
	}
	mediaType, params, err := mime.ParseMediaType(types[0])
	if err != nil || mediaType != "application/json" {
		return &refusal{errMediaType, accepted}
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return &refusal{errMediaType, accepted}
	}
	return nil
}

// header returns the request's header fields, whose names arrive as the sender
// wrote them. The single-value map is for callers that send no other, such as
// the console's test button.
func header(request events.APIGatewayProxyRequest) http.Header {
	h := http.Header{}
	for name, values := range request.MultiValueHeaders {
		for _, value := range values {
			h.Add(name, value)
		}
	}
	if len(h) == 0 {
		for name, value := range request.Headers {
			h.Add(name, value)
		}
	}
	return h
}
