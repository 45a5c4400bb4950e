package faults

import (
	"encoding/json"
	"net/http"
)

// Handler serves the control endpoint of the faults:
//
//	POST   /_local/faults        inject a [Spec]; the response is 201 with the [Injected] fault
//	GET    /_local/faults        the faults with their counts
//	DELETE /_local/faults[/ID]   end one or all; the response is what ended, with its counts
//
// A fault that is not supported gets 400 with {"error": what is supported}.
func (s *Set) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /_local/faults", func(w http.ResponseWriter, r *http.Request) {
		spec, err := decode(json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)))
		if err != nil {
			respond(w, http.StatusBadRequest, failure{err.Error()})
			return
		}
		injected, err := s.Add(spec)
		if err != nil {
			respond(w, http.StatusBadRequest, failure{err.Error()})
			return
		}
		respond(w, http.StatusCreated, injected)
	})
	mux.HandleFunc("GET /_local/faults", func(w http.ResponseWriter, _ *http.Request) { respond(w, http.StatusOK, s.List()) })
	mux.HandleFunc("DELETE /_local/faults", func(w http.ResponseWriter, _ *http.Request) { respond(w, http.StatusOK, s.Remove("")) })
	mux.HandleFunc("DELETE /_local/faults/{id}", func(w http.ResponseWriter, r *http.Request) {
		removed := s.Remove(r.PathValue("id"))
		if len(removed) == 0 {
			respond(w, http.StatusNotFound, failure{"no fault has the id " + r.PathValue("id")})
			return
		}
		respond(w, http.StatusOK, removed)
	})
	return mux
}

type failure struct {
	Error string `json:"error"`
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that went away
}
