// Package redact finds card numbers (primary account numbers, PANs) in text and
// masks them, keeping the first six and last four digits, which is the most
// that may be shown (PCI DSS v4.0, requirement 3.4.1). webhook-validator masks them
// before it stores or logs anything, so no component behind it ever sees one.
package redact
