// Package campaign breaks a local run of the stack on purpose and then balances its books.
//
// Concurrent senders deliver as payment providers do: signed, again until they get 2xx,
// sometimes twice, out of order, with other content under a known id, or forged. Meanwhile
// faults strike at every hop. Then the faults stop, an operator's repairs are made, and
// every transaction is looked for: in the table, on the bus, at its tier's target and in
// the archive. What is expected is computed from what was sent, by code that the handlers
// do not share.
//
// All choices come from a seed: which transactions, which deliveries, which faults and
// when, counted in deliveries. The interleaving of processes does not, so two runs of a
// seed are alike but not identical.
//
// The command is local/chaos; scripts/chaos and scripts/removals call it.
package campaign
