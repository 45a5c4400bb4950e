// Package endpoint is the one AWS endpoint of the local run: the address in
// AWS_ENDPOINT_URL. It looks at the service name in a request's signature, and
//
//   - answers DescribeStacks, Lambda's Invoke, EventBridge's PutEvents and Step
//     Functions' StartExecution itself, from the packages that play them;
//   - passes everything else on to moto, DynamoDB's and SQS's calls one at a
//     time, because moto keeps their promises only then, and tells the mail
//     carrier (package alerts) of each accepted SNS Publish;
//   - checks the policies of the role whose access key signed the request
//     (package iam). Signatures themselves are not verified.
//
// An operation of a played service that is not played is refused with 501 and
// its name. Paths under /_local/ are the local run's own: see the command's
// documentation.
package endpoint
