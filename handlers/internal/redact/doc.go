// Package redact finds card numbers (primary account numbers, PANs) in text and
// masks them, keeping the first six and last four digits, which is the most
// that may be shown (PCI DSS v4.0, requirement 3.4.1). webhook-validator masks them
// before it stores or logs anything, so no component behind it ever sees one.
//
// A PAN is 13 to 19 decimal digits of any script, with a card network's prefix and
// length and a valid check digit (Luhn), bounded by something that is not a digit.
// Between two digits may stand what people and programs write there: up to
// maxSeparators characters that are neither letters nor numbers nor an asterisk, and
// any number of invisible ones. How the digits must then be grouped is at
// grouping.plausible. Digits and separators count also when they are written as
// percent-encoding, JSON escapes, or HTML character references.
//
// Not found, because any text could then hold one: digits separated or written by
// letters or words, split over two JSON values, within a longer run of digits, or
// encoded in another way (Text does not read base64; Body does).
package redact
