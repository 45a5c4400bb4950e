// Package lambdainvoke requests archiving from other functions, by invoking the function
// transaction-archival asynchronously.
package lambdainvoke
