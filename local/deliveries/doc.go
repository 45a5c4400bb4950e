// Package deliveries keeps what became of the requests to the API, and shows it: the view "deliveries"
// of the page.
//
// Its caller is package emulator. The emulated services report to a [Record] what passes through
// them: exchanges of the API, log lines, events, their deliveries to targets, executions and
// notifications. Reporting appends to a queue. What belongs together is found when the page asks, by
// the ids in the texts: that of the invocation, and provider and transaction_id. A [View] serves
// the page.
//
// # Bounds
//
// A record keeps the last [MaxDeliveries] requests, twice as many transactions, and the states of the last
// 1 000 executions. What is older is forgotten, and links to it say so.
//
// # Secrets and card numbers
//
// The body of a request is not kept. Of headers that carry secrets or signatures, the first characters and
// the length are kept. Card numbers are masked in headers and paths before they are kept, and in everything
// that is shown.
package deliveries
