// Package endpoint is the one AWS endpoint of the local run: the address in
// AWS_ENDPOINT_URL. It reads the service name from a request's signature, and
//
//   - responds to DescribeStacks, Lambda's Invoke, EventBridge's PutEvents and Step
//     Functions' StartExecution itself, through the packages that emulate them;
//   - passes every other call on to moto. DynamoDB's and SQS's calls are serialized,
//     because moto is not safe for concurrent calls. An SNS Publish is delivered to the
//     subscribers (package sns), and reaches moto only if moto may have subscribers of its own;
//   - checks the call of the role whose access key signed the request, also in a presigned URL,
//     against every policy (package iam). Signatures are not verified.
//
// An unsupported operation of an emulated service gets 501 with its name. The paths under
// /_local/ belong to the local run itself: see the command's documentation.
package endpoint
