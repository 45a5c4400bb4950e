// Package awsclient works around a defect of the AWS SDK for Go, for the functions, the operators' tool
// and the local run. It knows the SDK only, and nothing of the stack.
package awsclient
