// Package provider defines how a payment provider is added to the system: Provider
// verifies a notification's bytes as they arrived and decodes them into zero or more
// transactions, and Declaration describes the provider to all other packages.
//
// Each provider is a package below this one, named as in POST
// /webhook/{provider}; package providers lists it in one line. None of them
// reads secrets, clocks or the environment: the caller passes them in.
package provider
