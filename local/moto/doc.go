// Package moto starts and ends moto_server, the AWS API implementation that holds the local
// run's data (tables, queues, topics, buckets, logs, metrics).
//
// The server is a process of its own on a free port of 127.0.0.1. It keeps everything in
// memory and ends with the local run, however that ends (package subprocess).
package moto
