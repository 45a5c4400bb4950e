// Package reconciletest has servers that speak the providers' documented APIs for listing
// events, with events that are made up, and with faults on demand. Tests of package
// reconcile, of the APIs' packages and of the end-to-end suite use them.
//
// They reject what the documentation does not allow: other credentials, unknown or malformed
// parameters, windows beyond what the provider keeps.
package reconciletest
