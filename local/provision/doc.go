// Package provision creates, updates and deletes the template's data resources in moto: tables,
// queues, topics and their subscriptions, buckets, log groups, the dashboard, and what
// `cdk bootstrap` asks for. There is a file per type, with the properties it supports, its names
// and attributes, and its creation, update and deletion.
//
// [New] decodes all such resources and creates nothing, so that everything unsupported is
// known before anything starts. Properties that moto stores
// but nothing enforces locally (encryption, lifecycle, point-in-time recovery, access blocks)
// are listed as [Inert].
package provision
