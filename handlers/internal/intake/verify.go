package intake

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/redact"
	"payment-webhooks/handlers/internal/transaction"
)

// Why a request is rejected before its content is looked at. The text that wraps
// them is fit for the sender.
var (
	errNotFound  = errors.New("not found")
	errMediaType = errors.New("unsupported media type")
	errTooLarge  = errors.New("content too large")
)

// rejection is one of the errors above with a sentence for the sender.
type rejection struct {
	kind   error
	detail string
}

func (r *rejection) Error() string { return r.kind.Error() + ": " + r.detail }
func (r *rejection) Unwrap() error { return r.kind }

// route finds the route of a request: POST /webhook, or POST /webhook/{provider}
// of a configured provider. The gateway passes nothing else on.
func (in *Intake) route(request Request) (Route, error) {
	resource := strings.TrimSuffix(request.Resource, "/")
	switch {
	case request.Method != http.MethodPost:
	case resource == "/webhook" && request.Provider == "":
		return in.routes.canonical, nil
	case resource == "/webhook/{provider}" && request.Provider != "":
		if route, known := in.routes.providers[request.Provider]; known {
			return route, nil
		}
		return Route{}, &rejection{errNotFound, fmt.Sprintf("There is no provider %q here; send transactions to /webhook.", redact.Echo(request.Provider))}
	}
	return Route{}, &rejection{errNotFound, "Send transactions with POST to /webhook."}
}

// body returns the body's bytes exactly as they were sent.
func body(request Request) ([]byte, error) {
	length := len(request.Body)
	if request.BodyIsBase64 { // the longest that it can decode to, less padding
		length = base64.StdEncoding.DecodedLen(length) - strings.Count(request.Body[max(0, length-2):], "=")
	}
	if length > transaction.MaxBodyBytes {
		return nil, &rejection{errTooLarge, fmt.Sprintf("The body has %d bytes; at most %d are accepted.", length, transaction.MaxBodyBytes)}
	}
	if !request.BodyIsBase64 {
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
func (in *Intake) authenticate(ctx context.Context, from Route, d provider.Delivery) error {
	if from.secret == "" { // POST /webhook without a configured secret is open
		return nil
	}
	values, err := in.secrets.Get(ctx, from.secret)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnverified, err)
	}
	err = from.verify(ctx, d, values)
	if errors.Is(err, provider.ErrSignature) || errors.Is(err, provider.ErrSecret) {
		// The secret may have been rotated since it was read.
		if renewed, ok := in.secrets.Renew(ctx, from.secret, values); ok {
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
		return &rejection{errMediaType, accepted}
	}
	types := h.Values("Content-Type")
	if len(types) != 1 {
		return &rejection{errMediaType, accepted}
	}
	mediaType, params, err := mime.ParseMediaType(types[0])
	if err != nil || mediaType != "application/json" {
		return &rejection{errMediaType, accepted}
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return &rejection{errMediaType, accepted}
	}
	return nil
}
