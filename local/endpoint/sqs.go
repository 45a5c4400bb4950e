package endpoint

import (
	"bytes"
	"net/http"
)

// sqs passes the call on to moto, and reports one that moto accepted. SQS responses are small
// and complete at once, so the response is held back until then.
func (e *Endpoint) sqs(w http.ResponseWriter, r *http.Request, operation string, body []byte) {
	if e.config.SQS == nil || operation == "" {
		e.moto.ServeHTTP(w, r)
		return
	}
	held := &heldWriter{header: w.Header(), status: http.StatusOK}
	e.moto.ServeHTTP(held, r)
	if held.status/100 == 2 {
		e.config.SQS(operation, body, held.body.Bytes())
	}
	w.WriteHeader(held.status)
	_, _ = w.Write(held.body.Bytes()) // a client that went away
}

// heldWriter holds a response back.
type heldWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *heldWriter) Header() http.Header         { return h.header }
func (h *heldWriter) WriteHeader(status int)      { h.status = status }
func (h *heldWriter) Write(p []byte) (int, error) { return h.body.Write(p) }
