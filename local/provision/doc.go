// Package provision creates the template's data resources in moto: tables, queues, topics
// and their subscriptions, buckets, log groups and the dashboard. There is a file per type,
// with the properties it supports, its names and attributes, and its creation.
//
// [New] decodes all such resources and creates nothing, so that everything unsupported is
// known before anything starts. [Plan.Create] then creates them. Properties that moto stores
// but nothing enforces locally (encryption, lifecycle, point-in-time recovery, access blocks)
// are listed as [Inert].
package provision
