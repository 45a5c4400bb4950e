package problem

import "encoding/json"

// ContentType is the media type of a problem document.
const ContentType = "application/problem+json"

// Types of problems. They are identifiers, not links, and never change their
// meaning. A problem that its status code describes completely has the type
// AboutBlank, as API Gateway's own error responses do.
const (
	AboutBlank             = "about:blank"
	MalformedBody          = "/problems/malformed-body"          // 400: not one JSON object
	InvalidTransaction     = "/problems/invalid-transaction"     // 400: errors lists every field
	ConflictingTransaction = "/problems/conflicting-transaction" // 409: the key is stored with other content
)

// Problem is a problem document.
type Problem struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"` // the same for every problem of the type
	Status int          `json:"status"`
	Detail string       `json:"detail"`           // about this occurrence, for a person
	Errors []FieldError `json:"errors,omitempty"` // every broken rule at once
}

// FieldError is one broken rule.
type FieldError struct {
	Field  string `json:"field"`  // JSON pointer (RFC 6901); "" is the whole body
	Detail string `json:"detail"` // what would be accepted
}

// JSON returns the document.
func (p Problem) JSON() string {
	text, err := json.Marshal(p)
	if err != nil { // strings and an integer
		panic(err)
	}
	return string(text)
}
