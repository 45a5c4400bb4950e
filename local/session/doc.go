// Package session starts the local run as a process of its own, talks to it as
// a user would, and ends it.
//
// The demo and the end-to-end suite use it. What it reports comes from where a
// user would look: the HTTP answer, the table, the log groups, the alerts that
// subscribers received. It knows names from the stack's outputs only.
package session
