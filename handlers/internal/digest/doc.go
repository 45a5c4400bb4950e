// Package digest sends the alerts of a tier of amounts together: one message that says how many
// transactions there were, adds up their amounts by kind and currency, and names each of them.
//
// The function alert-digest gives it what a queue collected. Delivery is at least once: a
// transaction is named once in a message, but if its event is delivered twice, or a message was
// published and the response got lost, a later message names it again. An alert is reported as
// sent only after the topic has accepted the message that names it. Transactions that do not
// fit into one message are named by several, each complete in itself; none is left out.
package digest
