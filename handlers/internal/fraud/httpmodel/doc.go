// Package httpmodel is a fraud model behind an HTTP endpoint: an in-house service,
// or a SageMaker endpoint through a transport that signs. Nothing wires it by
// default. It is the example to start from; docs/fraud-model.md documents its
// request and response, and how fraud-detector's main would use it.
//
// One payment is one POST: no retries, no redirects, a deadline, a bounded
// response. The request has documented features only, never metadata as it came,
// a customer or a card number. Use it beneath fraud.WithFallback, so that a payment
// is scored also when the endpoint is not there.
package httpmodel
