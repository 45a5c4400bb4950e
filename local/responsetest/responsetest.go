// Package responsetest lets a test look at the moment when an HTTP response begins.
// An effect that a handler promises to have made by then must not come later: a client
// that looks for it at once would race with it.
package responsetest

import "net/http/httptest"

// Recorder records a response and calls Begun before its status is written.
type Recorder struct {
	*httptest.ResponseRecorder
	Begun func()
}

// WriteHeader implements http.ResponseWriter.
func (r Recorder) WriteHeader(status int) {
	r.Begun()
	r.ResponseRecorder.WriteHeader(status)
}
