package intake

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/redact"
	"payment-webhooks/handlers/internal/transaction"
)

// Reasons for rejecting a request before its content is read. Each is wrapped by a
// rejection.
var (
	errNotFound  = errors.New("not found")
	errMediaType = errors.New("unsupported media type")
	errTooLarge  = errors.New("content too large")
)

// rejection wraps one of the errors above, with a sentence for the sender.
type rejection struct {
	reason error
	detail string
}

func (r *rejection) Error() string { return r.reason.Error() + ": " + r.detail }
func (r *rejection) Unwrap() error { return r.reason }

// route finds the route of a request: POST /webhook, or that of a configured provider
// with a method that the provider declares. API Gateway lets no other requests through.
func (in *Intake) route(request Request) (Route, error) {
	resource := strings.TrimSuffix(request.Resource, "/")
	if resource == "/webhook" && request.Provider == "" && request.Method == http.MethodPost {
		return in.routes.canonical, nil
	}
	if name := providerName(resource, request.Provider); name != "" {
		route, known := in.routes.providers[name]
		if !known {
			return Route{}, &rejection{errNotFound, fmt.Sprintf("There is no provider %q here; send transactions to /webhook.", redact.Sanitise(name))}
		}
		if slices.Contains(route.declared.RequestMethods(), request.Method) {
			return route, nil
		}
	}
	return Route{}, &rejection{errNotFound, "Send transactions with POST to /webhook."}
}

// providerName returns the provider that a resource is for, or "". A configured provider
// has a resource of its own, /webhook/<name>, for which API Gateway passes no parameter;
// all other names come through /webhook/{provider}, which works for every name.
func providerName(resource, parameter string) string {
	switch name, below := strings.CutPrefix(resource, "/webhook/"); {
	case !below:
		return ""
	case name == "{provider}":
		return parameter
	case parameter == "" && !strings.ContainsAny(name, "/{}"):
		return name
	default:
		return ""
	}
}

// body returns the body's bytes exactly as they were sent.
func body(request Request) ([]byte, error) {
	length := len(request.Body)
	if request.BodyIsBase64 { // the decoded length without padding
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

// errUnverified is the error of a delivery of which it could not be determined whether
// it is authentic.
var errUnverified = errors.New("verification unavailable")

// authenticate checks the signature of a delivery. The error is provider.ErrSignature,
// or errUnverified when the signature cannot be checked for any other reason.
func (in *Intake) authenticate(ctx context.Context, from Route, d provider.Delivery) error {
	if from.secret == "" { // POST /webhook without a configured secret is open
		return nil
	}
	err := in.withSecrets(ctx, from, func(secrets []string) error { return from.verify(ctx, d, secrets) })
	if err == nil || errors.Is(err, provider.ErrSignature) {
		return err
	}
	return fmt.Errorf("%w: %w", errUnverified, err)
}

// respondToChallenge returns the body of the response to a provider's challenge. The
// error is provider.ErrChallenge, or errUnverified when there can be no response.
func (in *Intake) respondToChallenge(ctx context.Context, from Route, query url.Values) (response string, err error) {
	err = in.withSecrets(ctx, from, func(secrets []string) (err error) {
		response, err = from.challenge(ctx, query, secrets)
		return err
	})
	if err == nil || errors.Is(err, provider.ErrChallenge) {
		return response, err
	}
	return "", fmt.Errorf("%w: %w", errUnverified, err)
}

// withSecrets calls use with the route's secrets in force. If that fails because of
// the secrets and they have been rotated meanwhile, it calls use again with the new
// ones.
func (in *Intake) withSecrets(ctx context.Context, from Route, use func(secrets []string) error) error {
	values, err := in.secrets.Get(ctx, from.secret)
	if err != nil {
		return err
	}
	err = from.withValid(values, use)
	if errors.Is(err, provider.ErrSignature) || errors.Is(err, provider.ErrSecret) {
		// The secret may have been rotated since it was read.
		if renewed, ok := in.secrets.Renew(ctx, from.secret, values); ok {
			return from.withValid(renewed, use)
		}
	}
	return err
}

// withValid calls use with the values that can be the provider's secret, the current one
// first. A current one that cannot be is an error: something else was stored by mistake,
// and it must be noticed, not become a key. A previous one that cannot be is left out.
func (from Route) withValid(values []string, use func(secrets []string) error) error {
	if !from.declared.AcceptsSecret(values[0]) {
		return fmt.Errorf("%w malformed: the current value of %s is not %s", provider.ErrSecret, from.secret, from.declared.Secret)
	}
	return use(slices.DeleteFunc(slices.Clone(values), func(value string) bool { return !from.declared.AcceptsSecret(value) }))
}

// checkMediaType returns an error unless the headers declare an uncompressed body in
// UTF-8 with one of the media types.
func checkMediaType(h http.Header, mediaTypes []string) error {
	unsupported := &rejection{errMediaType, fmt.Sprintf("Send the body as %s in UTF-8, without a content encoding.", strings.Join(mediaTypes, " or "))}
	if encodings := h.Values("Content-Encoding"); len(encodings) > 0 && !strings.EqualFold(strings.Join(encodings, ","), "identity") {
		return unsupported
	}
	types := h.Values("Content-Type")
	if len(types) != 1 {
		return unsupported
	}
	mediaType, params, err := mime.ParseMediaType(types[0])
	if err != nil || !slices.Contains(mediaTypes, mediaType) {
		return unsupported
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return unsupported
	}
	return nil
}
