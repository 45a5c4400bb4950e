// Package guard keeps websites away from servers of the local run. A page in the developer's
// browser can send requests to 127.0.0.1, and with a name that resolves to it ("DNS rebinding") it
// can read the responses too.
//
// Its caller is package emulator, for both listeners.
package guard

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Handler passes on the requests of this machine, and responds to all others with 403 and a
// problem document (RFC 9457) that says which header was wrong. A request is of this machine when
//
//   - its Host is a loopback address, localhost, a name below localhost, or one of allowed;
//   - its Origin, if it has one, is on this machine, too: not one of allowed, unless the Host is the same,
//     since what others serve at a tunnel's name, now or later, is a website. "null", that of sandboxed
//     pages and files, is not;
//   - its Sec-Fetch-Site, if it has one, is not cross-site or same-site, unless it is the navigation of
//     a whole window (Sec-Fetch-Dest: document) to the page itself by GET, as by a click on a link. Other
//     addresses may do something when they are only opened: AWS's query protocol has its action in the query, and
//     a link can carry a credential, too. Browsers send no Origin with an image, a script or a form by GET.
//
// Programs such as the AWS CLI send neither Origin nor Sec-Fetch-Site.
//
// https://fetch.spec.whatwg.org/#origin-header
// https://w3c.github.io/webappsec-fetch-metadata/
func Handler(next http.Handler, allowed ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if reason := reject(r, allowed); reason != "" {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusForbidden)
			_ = json.NewEncoder(w).Encode(map[string]any{ // a client that went away
				"type": "about:blank", "title": http.StatusText(http.StatusForbidden), "status": http.StatusForbidden, "detail": reason,
			})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// page is the path of the page, console.Path, to which other websites may have links.
const page = "/_local/"

// reject returns why a request is not of this machine, or "".
func reject(r *http.Request, allowed []string) string {
	if !local(r.Host, allowed) {
		return fmt.Sprintf("the Host %q is not this machine: accepted are 127.0.0.1, [::1], localhost and what --allow-host names", r.Host)
	}
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || !local(u.Host, []string{name(r.Host)}) {
			return fmt.Sprintf("the Origin %q is not this machine", origin)
		}
	}
	switch site := r.Header.Get("Sec-Fetch-Site"); site {
	case "", "none", "same-origin":
		return ""
	default:
		if r.Header.Get("Origin") != "" { // checked above: another port of this machine
			return ""
		}
		if r.Method == http.MethodGet && r.URL.Path == page && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" {
			return ""
		}
		return fmt.Sprintf("the request is of another website (Sec-Fetch-Site: %q)", site)
	}
}

// local reports whether a host, with or without a port, is this machine.
func local(host string, allowed []string) bool {
	host = name(host)
	if address, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return address.Unmap().IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || slices.Contains(allowed, host)
}

// name returns a host without its port, in lower case.
func name(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
