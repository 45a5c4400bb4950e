// Package console is the page of the local run, at /_local/ of the AWS endpoint: what happens to
// payments, while it happens.
//
// Its caller is package emulator. The page is HTML, CSS and JavaScript modules without a build
// step, embedded in the binary; the browser asks nobody else for anything. Each view of the
// page has a file of its own in assets, and an implementation of [View], which serves its data
// below /_local/page/.
//
// # Updates
//
// GET /_local/page/updates is a stream of server-sent events. An event has the name of a view and,
// as its data, JSON that the view's script understands. A view is asked for changes a few times a second while a page
// is open, and never otherwise: nothing is computed for a page that nobody looks at.
//
// # Text of senders
//
// Ids, names and headers in deliveries are what a stranger sent. The scripts put text into the document by
// textContent only (element in assets/dom.js), and the Content-Security-Policy permits neither
// inline scripts nor markup from strings.
package console
