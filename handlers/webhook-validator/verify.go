package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"payment-webhooks/handlers/internal/provider"
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

// route finds who signs what comes in this way: POST /webhook, or POST
// /webhook/{provider} of a configured provider. The gateway lets nothing else
// through.
func (h *handler) route(request events.APIGatewayProxyRequest) (signer, error) {
	resource := strings.TrimSuffix(request.Resource, "/")
	name, named := request.PathParameters["provider"]
	switch {
	case request.HTTPMethod != http.MethodPost:
	case resource == "/webhook" && !named:
		return h.canonical, nil
	case resource == "/webhook/{provider}" && named:
		if from, known := h.providers[name]; known {
			return from, nil
		}
		return signer{}, &refusal{errNotFound, fmt.Sprintf("There is no provider %q here; send transactions to /webhook.", redact.Echo(name))}
	}
	return signer{}, &refusal{errNotFound, "Send transactions with POST to /webhook."}
}

// address is where the provider was told to post to.
func address(from signer, request events.APIGatewayProxyRequest) string {
	if from.url != "" {
		return from.url
	}
	return "https://" + request.RequestContext.DomainName + request.RequestContext.Path
}

// body returns the body's bytes exactly as they were sent.
func body(request events.APIGatewayProxyRequest) ([]byte, error) {
	length := len(request.Body)
	if request.IsBase64Encoded { // the longest that it can decode to, less padding
		length = base64.StdEncoding.DecodedLen(length) - strings.Count(request.Body[max(0, length-2):], "=")
	}
	if length > transaction.MaxBodyBytes {
		return nil, &refusal{errTooLarge, fmt.Sprintf("The body has %d bytes; at most %d are accepted.", length, transaction.MaxBodyBytes)}
	}
	if !request.IsBase64Encoded {
		return []byte(request.Body), nil
	}
	body, err := base64.StdEncoding.DecodeString(request.Body)
	if err != nil {
		return nil, &transaction.MalformedError{Detail: "the body is not valid base64"}
	}
	return body, nil
}

// errUnverified says that whether a delivery is authentic cannot be known.
var errUnverified = errors.New("verification unavailable")

// authenticate checks the signature over a delivery. The error is
// provider.ErrSignature, or errUnverified when it cannot be checked; anything
// else that goes wrong is not a pass either.
func (h *handler) authenticate(ctx context.Context, from signer, d provider.Delivery) error {
	if from.secret == "" { // POST /webhook without a configured secret is open
		return nil
	}
	values, err := h.secrets.Get(ctx, from.secret)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnverified, err)
	}
	err = from.verify(ctx, d, values)
	if errors.Is(err, provider.ErrSignature) || errors.Is(err, provider.ErrSecret) {
		// The secret may have been rotated since it was read.
		if renewed, ok := h.secrets.Renew(ctx, from.secret, values); ok {
			err = from.verify(ctx, d, renewed)
		}
	}
	if err == nil || errors.Is(err, provider.ErrSignature) {
		return err
	}
	return fmt.Errorf("%w: %w", errUnverified, err)
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
