// Package answertest shows tests what was done when an answer begins. A service
// whose effect comes later than its answer is a race for whoever looks at once.
package answertest

import "net/http/httptest"

// Recorder calls Answered when the caller begins to hear an answer.
type Recorder struct {
	*httptest.ResponseRecorder
	Answered func()
}

// WriteHeader is http.ResponseWriter's.
func (r Recorder) WriteHeader(status int) {
	r.Answered()
	r.ResponseRecorder.WriteHeader(status)
}
