// Package deadletters reads the messages of the stack's dead-letter queues, for the
// operators' tool: what a message is, what it is about, and what sends it on. A message is
// known by its form and not by its queue, so a message in the wrong queue is read all the
// same.
package deadletters
