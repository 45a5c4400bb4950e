// Package queueview is the view of the page that shows the stack's queues, and sends on or discards what
// the dead-letter queues hold, by running scripts/ops dlq.
//
// Its caller is package emulator. Counts are those of SQS, and no message is read for them. Messages are
// read, and so hidden from others for the moment, when a user asks for them.
//
//	GET  /_local/page/queues                   the queues
//	GET  /_local/page/queues/{name}/messages   messages of a dead-letter queue, decoded and masked
//	POST /_local/page/queues/{name}/redrive    what sending messages on does, or do it: a [Request]
//	POST /_local/page/queues/{name}/discard    what discarding messages does, or do it: a [Request]
package queueview
