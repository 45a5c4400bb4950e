package endpoint

import (
	"context"
	"net/http"
	"strings"
)

// turns sends a service's calls to moto one at a time, where AWS promises what
// moto keeps only then. moto answers each call in a thread of its own and locks
// nothing: of two conditional writes of one item at once both may pass, two
// records of a stream may get one sequence number (and are then read again and
// again), a query fails while an item is added, and a message that is sent
// while another one is deleted is lost.
//
// A turn ends when moto begins to answer: its state has changed by then, and
// a client that reads slowly keeps nobody waiting.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
type turns struct {
	next http.RoundTripper
	of   map[string]chan struct{} // holds a token while a call is under way
}

func newTurns(next http.RoundTripper) *turns {
	return &turns{next: next, of: map[string]chan struct{}{"dynamodb": make(chan struct{}, 1), "sqs": make(chan struct{}, 1)}}
}

// RoundTrip is http.RoundTripper.
func (t *turns) RoundTrip(r *http.Request) (*http.Response, error) {
	turn := t.of[turnOf(r)]
	if turn == nil {
		return t.next.RoundTrip(r)
	}
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
		// moto works on when its caller goes away, so the turn lasts.
		return t.next.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// turnOf is the service whose turn a call waits for. Receiving messages may
// take seconds, until one comes, so nobody waits for that; nor for calls of
// SQS's older protocol, which say what they are in their bodies.
func turnOf(r *http.Request) string {
	match := credential.FindStringSubmatch(r.Header.Get("Authorization"))
	target := r.Header.Get("X-Amz-Target")
	if match == nil || target == "" || strings.HasSuffix(target, ".ReceiveMessage") {
		return ""
	}
	return match[2]
}
