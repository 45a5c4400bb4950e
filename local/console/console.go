package console

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"time"
)

//go:embed assets
var embedded embed.FS

// Path is where the page is, at the AWS endpoint.
const Path = "/_local/"

// View is a part of the page.
type View interface {
	// Name is the name of the view's updates and of its script.
	Name() string
	// Serve adds the view's paths, below /_local/page/, to mux.
	Serve(mux *http.ServeMux)
	// Changes returns what is new since a version, which is 0 at first, and the version that the data
	// has. The data is nil if nothing is. It is called a few times a second for each open page, so it
	// must be cheap when nothing changed.
	Changes(since uint64) (data any, version uint64)
}

// interval is the time between two looks at the views, for each open page.
const interval = 250 * time.Millisecond

// writeTimeout bounds the sending of what one look at the views found, for each open page.
const writeTimeout = 10 * time.Second

// Handler serves the page and its views. Streams of updates end with closed.
func Handler(closed <-chan struct{}, views ...View) http.Handler {
	assets, err := fs.Sub(embedded, "assets")
	if err != nil {
		panic(err) // the folder is embedded
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Path+"{$}", func(w http.ResponseWriter, _ *http.Request) { serveAsset(w, assets, "index.html") })
	mux.HandleFunc("GET "+Path+"page/assets/{name}", func(w http.ResponseWriter, r *http.Request) {
		serveAsset(w, assets, r.PathValue("name"))
	})
	mux.HandleFunc("GET "+Path+"page/updates", func(w http.ResponseWriter, r *http.Request) { stream(w, r, closed, views) })
	for _, v := range views {
		v.Serve(mux)
	}
	return secure(mux)
}

// policy lets the page load and ask nothing but this server, and no other page frame it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func serveAsset(w http.ResponseWriter, assets fs.FS, name string) {
	text, err := fs.ReadFile(assets, name)
	if err != nil {
		Problem(w, http.StatusNotFound, fmt.Sprintf("the page has no %q", name))
		return
	}
	w.Header().Set("Content-Type", mediaType(name))
	_, _ = w.Write(text) // a client that went away
}

// mediaType does not depend on the files of this machine, as mime.TypeByExtension does.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".html":
		return "text/html; charset=utf-8"
	default:
		return mime.TypeByExtension(path.Ext(name))
	}
}

// stream sends the changes of all views until the client goes away.
func stream(w http.ResponseWriter, r *http.Request, closed <-chan struct{}, views []View) {
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	versions := make([]uint64, len(views))
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		// A client that does not read any more, such as a laptop that was closed, must not hold a goroutine.
		if control.SetWriteDeadline(time.Now().Add(writeTimeout)) != nil {
			return
		}
		for i, v := range views {
			data, version := v.Changes(versions[i])
			versions[i] = version
			if data == nil {
				continue
			}
			text, err := json.Marshal(data)
			if err != nil {
				return // the page connects again, and the next one says why
			}
			if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", v.Name(), text); err != nil {
				return
			}
		}
		if control.Flush() != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		case <-closed:
			return
		}
	}
}

// Respond responds with JSON.
func Respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that went away
}

// Problem responds with a problem document (RFC 9457).
func Problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail})
}
