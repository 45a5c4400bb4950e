// Package provider is what webhook-validator asks of a payment provider's
// notifications: verify the bytes as they arrived, then decode them into zero
// or more canonical transactions.
//
// Each provider is a package below this one, named as in POST
// /webhook/{provider}; package providers lists it in one line. None of them
// reads secrets, clocks or the environment: everything comes with the call.
package provider
