// Package session starts the local run as a subprocess, uses it as a client would, and
// stops it. The demo and the end-to-end suite call it.
//
// It observes only what a user can: HTTP responses, the table, log groups, queues, the
// audit bucket, and the alerts that subscribers received. It takes physical names from
// the stack's outputs and from handlers/contract.
package session
