// Package provision creates the template's data resources in moto: tables,
// queues, topics and their subscriptions, buckets, log groups and the
// dashboard.
//
// [Plan] decodes the properties of every such resource strictly and creates
// nothing, so that all that is not played is known before anything starts.
// Plan.Create then makes them. What moto stores but nobody enforces locally
// (encryption, lifecycle, point-in-time recovery, access blocks) is decoded,
// and listed with the field that carries it as "describes".
package provision
