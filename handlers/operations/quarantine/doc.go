// Package quarantine decodes quarantined deliveries again with today's code, for the
// operators' tool. What becomes a transaction now is stored exactly as the webhook endpoint
// would store it.
package quarantine
