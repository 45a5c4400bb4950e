package intake

import (
	"errors"
	"net/http"
	"strconv"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/problem"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/transaction"
)

// reject turns an error into a problem document. An error that is not the sender's
// fault gets 503, so that the sender delivers again.
func reject(err error) Response {
	p := problemOf(err)
	response := respond(p.Status, problem.ContentType, p.JSON())
	if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
		response.Header["Retry-After"] = strconv.Itoa(contract.RetryAfterSeconds)
	}
	return response
}

func problemOf(err error) problem.Problem {
	if malformed, ok := errors.AsType[*transaction.MalformedError](err); ok {
		return problem.Problem{
			Type: problem.MalformedBody, Title: "Malformed body", Status: http.StatusBadRequest,
			Detail: "The body must be one JSON object: " + malformed.Detail + ".",
		}
	}
	if invalid, ok := errors.AsType[*transaction.InvalidError](err); ok {
		p := problem.Problem{
			Type: problem.InvalidTransaction, Title: "Invalid transaction", Status: http.StatusBadRequest,
			Detail: "The transaction breaks the rules listed under errors.",
		}
		for _, field := range invalid.Fields {
			p.Errors = append(p.Errors, problem.FieldError(field))
		}
		return p
	}
	if isConflict(err) {
		return problem.Problem{
			Type: problem.ConflictingTransaction, Title: "Conflicting transaction", Status: http.StatusConflict,
			Detail: "Another transaction with this transaction_id and provider was accepted before, and stays as it is.",
		}
	}
	if r, ok := errors.AsType[*rejection](err); ok {
		return r.problem()
	}
	p := problem.Problem{Type: problem.AboutBlank, Title: "Service Unavailable", Status: http.StatusServiceUnavailable}
	switch {
	case errors.Is(err, provider.ErrUnproven):
		// Not a 5xx, which raises an alarm: anyone can cause this.
		p.Title, p.Status = "Too Many Requests", http.StatusTooManyRequests
		p.Detail = "The signature could not be checked now. Send the delivery again."
	case errors.Is(err, errUnverified): // checked first, because its cause may be an ErrSignature
		p.Detail = "The signature could not be checked. Send the delivery again."
	case errors.Is(err, provider.ErrChallenge):
		p.Title, p.Status = "Bad Request", http.StatusBadRequest
		p.Detail = "The query is no challenge of this provider."
	case errors.Is(err, provider.ErrSignature):
		// The sender may be a forger, so the detail does not say which it is.
		p.Title, p.Status = "Unauthorized", http.StatusUnauthorized
		p.Detail = "The signature is missing or wrong, or its time is too far from now."
	default:
		p.Detail = "The transaction could not be stored. Send it again."
	}
	return p
}

func (r *rejection) problem() problem.Problem {
	p := problem.Problem{Type: problem.AboutBlank, Title: "Not Found", Status: http.StatusNotFound, Detail: r.detail}
	switch {
	case errors.Is(r, errMediaType):
		p.Title, p.Status = "Unsupported Media Type", http.StatusUnsupportedMediaType
	case errors.Is(r, errTooLarge):
		p.Title, p.Status = "Content Too Large", http.StatusRequestEntityTooLarge
	}
	return p
}

func respond(status int, contentType, body string) Response {
	return Response{Status: status, Header: map[string]string{"Content-Type": contentType}, Body: body}
}
