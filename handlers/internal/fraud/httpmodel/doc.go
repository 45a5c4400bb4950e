// Package httpmodel is a fraud model behind an HTTP endpoint: an in-house service,
// or a SageMaker endpoint through a transport that signs requests. It is an example to
// start from, which fraud-detector does not use by default. docs/fraud-model.md documents
// its request and response, and how to use it in fraud-detector's main.
//
// Each payment is one POST without retries or redirects, with a deadline and a bounded
// response. The request has documented features only, never raw metadata, a customer or
// a card number. Use it with fraud.WithFallback, so that a payment is scored even if the
// endpoint is not available.
package httpmodel
