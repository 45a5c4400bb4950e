package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
)

// MaxBody bounds the body of a request of the page, in bytes.
const MaxBody = 64 << 10

// Decode reads the body of a request, which is one JSON value without members that value does not have. If it
// is not, Decode responds with a problem document, with 400, 413 or 415, and returns false.
func Decode(w http.ResponseWriter, r *http.Request, value any) bool {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		Problem(w, http.StatusUnsupportedMediaType, "the Content-Type must be application/json")
		return false
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, MaxBody))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(value)
	if err == nil {
		if _, err = decoder.Token(); errors.Is(err, io.EOF) {
			return true
		} else if err == nil {
			err = errors.New("something follows the JSON value")
		}
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		Problem(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", MaxBody))
		return false
	}
	Problem(w, http.StatusBadRequest, "the body: "+err.Error())
	return false
}
