// Package tools runs the repository's command-line tools (scripts/ops, scripts/send) against the
// local run, so that the page shows what they print, from the same code.
//
// Its callers are the views of the page. The local run knows nothing of the stack's Go code: a
// tool is built from the source in the working directory when it is first needed, and run as a
// subprocess that does not outlive this process.
package tools
