package endpoint

import (
	"context"
	"net/http"
	"strings"
)

// serializer passes the calls of some services to moto one at a time. moto handles each
// call in a thread of its own without locks, so that promises of AWS hold only without
// concurrency: otherwise two conditional writes of one item may both succeed, two records
// of a stream may get the same sequence number (and are then read again and again), a query
// fails while an item is added, a message is lost that is sent while another is deleted, and
// two conditional writes of one object may both succeed.
//
// A call holds its service's token until moto begins to respond: moto's state has changed by
// then, and a client that reads slowly does not delay others.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
type serializer struct {
	next   http.RoundTripper
	tokens map[string]chan struct{} // by service; holds one element while a call is under way
}

func newSerializer(next http.RoundTripper) *serializer {
	return &serializer{next: next, tokens: map[string]chan struct{}{"dynamodb": make(chan struct{}, 1), "sqs": make(chan struct{}, 1), "s3": make(chan struct{}, 1)}}
}

// RoundTrip implements http.RoundTripper.
func (s *serializer) RoundTrip(r *http.Request) (*http.Response, error) {
	token := s.tokens[serializedService(r)]
	if token == nil {
		return s.next.RoundTrip(r)
	}
	select {
	case token <- struct{}{}:
		defer func() { <-token }()
		// moto completes the call when its caller goes away, so the token is held until then.
		return s.next.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// serializedService returns the service of a call that must be serialized, or "". A
// ReceiveMessage may wait seconds for a message and changes nothing that other calls need
// to see, so it is not serialized; nor are calls of SQS's older query protocol, whose
// operation is in their body. Of S3's calls, conditional writes alone are serialized.
func serializedService(r *http.Request) string {
	match := credential.FindStringSubmatch(r.Header.Get("Authorization"))
	target := r.Header.Get("X-Amz-Target")
	if match != nil && match[2] == "s3" && r.Method == http.MethodPut && (r.Header.Get("If-Match") != "" || r.Header.Get("If-None-Match") != "") {
		return "s3"
	}
	if match == nil || target == "" || strings.HasSuffix(target, ".ReceiveMessage") {
		return ""
	}
	return match[2]
}
