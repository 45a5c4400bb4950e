package transaction

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/decimal"
	"payment-webhooks/handlers/internal/jsonvalue"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/redact"
)

// Bounds of a delivery.
const (
	// MaxBodyBytes bounds the body, in bytes. A stored transaction must fit into a
	// DynamoDB item (400 KB), and no payment notification is larger than this.
	MaxBodyBytes = 256 * 1024

	// MaxIDLength bounds transaction_id, payment_id and reverses of the canonical
	// payload, in characters. DynamoDB accepts 2048 bytes in a partition key.
	MaxIDLength = 128

	// MaxOwnIDLength bounds the ids of verified notifications, in characters. Square
	// documents at most 255 for a refund's id, and a reversal's id has a suffix.
	// https://developer.squareup.com/reference/square/objects/PaymentRefund
	MaxOwnIDLength = 300

	// MaxProviderLength bounds provider, which is also a path segment.
	MaxProviderLength = 64

	// MaxCustomerIDLength bounds customer_id in characters. Of the providers, Adyen's
	// shopper references have up to 256.
	// https://docs.adyen.com/api-explorer/Checkout/71/post/payments#request-shopperReference
	MaxCustomerIDLength = 256

	// MaxMetadataBytes bounds metadata in canonical JSON. DynamoDB counts at most
	// half as much again for it (for lists of one-digit numbers), which leaves a
	// quarter of the item's 400 KB for all other attributes.
	MaxMetadataBytes = 200 * 1024

	// MaxMetadataDepth bounds how deep objects and arrays are nested; metadata
	// itself is level 1. DynamoDB stores 32 levels and counts a scalar in the
	// innermost object or array as one more.
	// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-attributes
	MaxMetadataDepth = 31

	// MaxMetadataValues bounds the number of scalars, objects and arrays in
	// metadata together. Metadata is for notes on a payment, not for data sets.
	MaxMetadataValues = 10_000

	// MaxMetadataNameBytes bounds a member name in metadata. Empty names are
	// rejected, because DynamoDB attribute names have at least one character.
	MaxMetadataNameBytes = 255

	// MaxFieldErrors bounds how many field errors are listed: those of the
	// transaction's own fields and, in the body's order, those found while it was read.
	// If there are more, a last entry tells how many.
	MaxFieldErrors = 50

	// maxTextBytes bounds what is kept of a text: more bytes than any field other than
	// metadata may have, and than an error repeats. A longer text is rejected by what is
	// kept, so that no check reads a text as long as the body.
	maxTextBytes = 4096
)

// ErrMalformed is the error of a body that is not one JSON object; see
// MalformedError.
var ErrMalformed = errors.New("malformed body")

// ErrInvalid is the error of a well-formed delivery that breaks rules; see
// InvalidError.
var ErrInvalid = errors.New("invalid transaction")

// MalformedError tells why a body is not one JSON object. It wraps ErrMalformed.
type MalformedError struct {
	Detail string // a sentence for the sender; repeats nothing of the body
}

func (e *MalformedError) Error() string { return ErrMalformed.Error() + ": " + e.Detail }

func (e *MalformedError) Unwrap() error { return ErrMalformed }

// FieldError is one broken rule.
type FieldError struct {
	Field  string // JSON pointer (RFC 6901)
	Detail string // what would be accepted, for the sender
}

// InvalidError lists the rules that a delivery breaks, at most MaxFieldErrors, sorted by
// field. It wraps ErrInvalid. No entry repeats more than redact.MaxSanitised characters of the
// delivery, nor any card number.
type InvalidError struct{ Fields []FieldError }

func (e *InvalidError) Error() string {
	return fmt.Sprintf("%v: %d field errors, the first at %s", ErrInvalid, len(e.Fields), e.Fields[0].Field)
}

func (e *InvalidError) Unwrap() error { return ErrInvalid }

// payloadFields are the names of the canonical payload, in the order of the
// documentation.
var payloadFields = Names(Payload)

// Draft is a delivery whose syntax is correct and whose content has not been
// validated yet.
type Draft struct {
	scalars  map[string]scalar // by field name; absent and null fields have no entry
	metadata any               // nil when absent or null
	errors   fieldErrors       // found while reading
}

// scalar is the value of a field other than metadata.
type scalar struct {
	kind jsontext.Kind
	text string // the beginning of a string's content or a number's literal; "" for any other value
}

// beginning returns the first maxTextBytes of a text, without a part of a character at
// its end.
func beginning(text string) string {
	if len(text) <= maxTextBytes {
		return text
	}
	end := maxTextBytes
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// Normalise reads the canonical payload: one JSON object in UTF-8, without
// duplicate names at any level, lone surrogates, or anything after it. The
// error is a *MalformedError.
func Normalise(body []byte) (Draft, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return Draft{}, &MalformedError{"the body is empty; send one JSON object"}
	}
	if !utf8.Valid(body) {
		return Draft{}, &MalformedError{"the body is not valid UTF-8"}
	}
	dec, release := jsonvalue.NewDecoder(body)
	defer release()
	if dec.PeekKind() != '{' {
		if _, err := dec.ReadValue(); err != nil {
			return Draft{}, malformed(err)
		}
		return Draft{}, &MalformedError{"the body is JSON but not an object"}
	}
	draft, err := readDraft(dec)
	if err != nil {
		return Draft{}, malformed(err)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return Draft{}, &MalformedError{"something follows the JSON object"}
	}
	return draft, nil
}

func readDraft(dec *jsontext.Decoder) (Draft, error) {
	draft := Draft{scalars: map[string]scalar{}}
	if _, err := dec.ReadToken(); err != nil {
		return draft, err
	}
	for dec.PeekKind() != '}' {
		token, err := dec.ReadToken()
		if err != nil {
			return draft, err
		}
		if err := draft.read(dec, token.String()); err != nil {
			return draft, err
		}
	}
	_, err := dec.ReadToken()
	return draft, err
}

// read reads the value of one member.
func (d *Draft) read(dec *jsontext.Decoder, name string) error {
	switch {
	case !slices.Contains(payloadFields, name):
		// A misspelt optional name must not be dropped silently.
		if d.errors.room() {
			d.errors.add(string(dec.StackPointer()), "is not a field of a transaction; the fields are %s", strings.Join(payloadFields, ", "))
		}
		return dec.SkipValue()
	case name == contract.FieldMetadata:
		metadata, problems, err := jsonvalue.Read(dec, metadataLimits)
		d.metadata = metadata
		d.errors.addProblems("", problems)
		return err
	default:
		value, err := dec.ReadValue()
		switch kind := value.Kind(); kind {
		case 'n':
		case '"':
			text, _ := jsontext.AppendUnquote(nil, value) // the decoder has checked it
			d.scalars[name] = scalar{kind, beginning(string(text))}
		case '0':
			d.scalars[name] = scalar{kind, beginning(string(value))}
		default:
			d.scalars[name] = scalar{kind: kind}
		}
		return err
	}
}

// malformed returns an error with the place of the syntax error. It leaves out the
// decoder's own text, which repeats parts of the body.
func malformed(err error) error {
	what := "is not valid JSON"
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		what = "has a JSON object with the same member name twice"
	case errors.Is(err, io.ErrUnexpectedEOF):
		what = "ends within a JSON value"
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		what += fmt.Sprintf(", at byte %d", syntax.ByteOffset)
	}
	return &MalformedError{"the body " + what}
}

// Validate checks every rule on every field, and that each of checkNames returns "" for the
// provider, not a phrase that describes what would be accepted. The error is an
// *InvalidError. ReceivedAt is left for the caller to set.
func (d Draft) Validate(checkNames ...func(provider string) string) (Transaction, error) {
	var errs fieldErrors
	t := Transaction{
		ID: d.text(&errs, contract.FieldTransactionID, checkSentID),
		Provider: d.text(&errs, contract.FieldProvider, func(s string) string {
			accepted := checkProvider(s)
			for _, check := range checkNames {
				accepted = cmp.Or(accepted, check(s))
			}
			return accepted
		}),
		CustomerID: d.text(&errs, contract.FieldCustomerID, checkCustomerID),
		Kind:       contract.KindPayment,
	}
	if d.has(contract.FieldKind) {
		t.Kind = d.text(&errs, contract.FieldKind, checkKind)
	}
	if d.has(contract.FieldPaymentID) {
		t.PaymentID = d.text(&errs, contract.FieldPaymentID, func(s string) string {
			return cmp.Or(checkPaymentID(t.Kind), checkSentID(s))
		})
	}
	if d.has(contract.FieldReverses) {
		t.Reverses = d.text(&errs, contract.FieldReverses, func(s string) string {
			return cmp.Or(checkReverses(t.Kind), checkSentID(s))
		})
	}
	if d.has(contract.FieldReversedKind) || t.Kind == contract.KindReversal {
		t.ReversedKind = d.text(&errs, contract.FieldReversedKind, func(s string) string { return checkReversedKind(s, t.Kind) })
	}
	t.Money = d.readMoney(&errs, strings.ToUpper(d.text(&errs, contract.FieldCurrency, checkCurrency)))
	t.Metadata = d.readMetadata(&errs)
	errs.addAll(d.errors)
	if len(errs.listed) > 0 {
		return Transaction{}, errs.invalid()
	}
	return t, nil
}

// has reports whether a field has a value other than null.
func (d Draft) has(field string) bool {
	_, ok := d.scalars[field]
	return ok
}

// text returns the string of a required field and adds an error if it is missing or
// not accepted. The check returns "" for an accepted value, and otherwise a phrase
// that describes what would be accepted.
func (d Draft) text(errs *fieldErrors, field string, check func(string) string) string {
	value, ok := d.scalars[field]
	if !ok {
		errs.add("/"+field, "is required: %s", check(""))
		return ""
	}
	if value.kind != '"' {
		errs.add("/"+field, "must be a JSON string: %s", check(""))
		return ""
	}
	if accepted := check(value.text); accepted != "" {
		errs.add("/"+field, "%s, not %q", accepted, redact.Sanitise(value.text))
	}
	return value.text
}

// checkSentID checks an id of the canonical payload, whose sender may have taken a card
// number for an id, but may also enter the id of a provider by hand.
func checkSentID(s string) string {
	if redact.ID(s) {
		// It may not be stored unmasked, and masking would make distinct ids equal.
		return "must not look like a card number (13 to 19 digits with a card network's prefix and a valid check digit)"
	}
	return checkID(s, MaxIDLength)
}

// IsOwnID reports whether a text can be an id that a provider gave to an object of its
// own: 1 to MaxOwnIDLength ASCII letters, digits, _ or -, and no card number.
func IsOwnID(s string) bool { return checkOwnID(s) == "" }

// checkOwnID checks an id that a provider gave to an object of its own, in a verified
// notification. With a letter in it, it is no card number, even if 13 of its digits could be
// one by chance, as in two of 280 PayPal ids. Letters after an underscore do not count:
// decoders append what happened to the id of what is reversed.
func checkOwnID(s string) string {
	if given, _, _ := strings.Cut(s, "_"); strings.ContainsFunc(given, unicode.IsLetter) {
		return checkID(s, MaxOwnIDLength)
	}
	return checkSentID(s)
}

// checkID checks the form of an id. It is part of texts for people and of the templates
// that make them, so it has no character with which a link, a sentence or an
// escape could be written: no space, dot, slash, colon, quote, bracket or backslash. The
// ids of payment providers need none.
func checkID(s string, maxLength int) string {
	allowed := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-'
	}
	if s == "" || len(s) > maxLength || strings.ContainsFunc(s, func(r rune) bool { return !allowed(r) }) {
		return fmt.Sprintf("must be 1 to %d ASCII letters, digits, _ or -", maxLength)
	}
	return ""
}

func checkProvider(s string) string {
	_, pans := redact.Text(s)
	bad := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-'
	}
	if s == "" || len(s) > MaxProviderLength || s[0] == '_' || s[0] == '-' || strings.ContainsFunc(s, bad) || pans > 0 {
		return fmt.Sprintf("must be the provider's short name: 1 to %d lower-case letters, digits, _ or -, beginning with a letter or digit", MaxProviderLength)
	}
	return ""
}

func checkCurrency(s string) string {
	// Three bytes: ToUpper would turn U+017F into an S.
	if _, ok := money.Digits(strings.ToUpper(s)); !ok || len(s) != 3 {
		return "must be the three-letter ISO 4217 code of a currency in use, such as USD"
	}
	return ""
}

func checkCustomerID(s string) string {
	if length := utf8.RuneCountInString(s); length == 0 || length > MaxCustomerIDLength ||
		strings.TrimSpace(s) == "" || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		// Operators read it, so it has no line breaks or invisible characters.
		return fmt.Sprintf("must be 1 to %d printable characters, not only spaces", MaxCustomerIDLength)
	}
	return ""
}

// CustomerID returns the customer_id for a provider's reference to the payer: the
// reference as it is if it is accepted, contract.UnknownCustomer for "", and otherwise
// "sha256:" and its SHA-256 in lower-case hex, so that no reference keeps a payment out and
// different customers stay different.
func CustomerID(reference string) string {
	if reference == "" {
		return contract.UnknownCustomer
	}
	if checkCustomerID(reference) == "" {
		return reference
	}
	sum := sha256.Sum256([]byte(reference))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Kinds of transaction, and those that a reversal takes back.
var (
	reversibleKinds = []string{contract.KindPayment, contract.KindRefund, contract.KindDispute, contract.KindPayout}
	kinds           = append(slices.Clip(reversibleKinds), contract.KindReversal)
)

func checkKind(s string) string {
	if !slices.Contains(kinds, s) {
		return "must be one of " + strings.Join(kinds, ", ")
	}
	return ""
}

// checkPaymentID checks whether a transaction of the given kind may have a payment_id.
func checkPaymentID(kind string) string {
	switch kind {
	case contract.KindRefund, contract.KindDispute, contract.KindReversal:
		return ""
	}
	return "must be absent unless kind is refund, dispute or reversal"
}

// checkReverses checks whether a transaction of the given kind may name what it reverses.
func checkReverses(kind string) string {
	if kind != contract.KindReversal {
		return "must be absent unless kind is reversal"
	}
	return ""
}

func checkReversedKind(s, kind string) string {
	switch {
	case kind != contract.KindReversal && s != "":
		return "must be absent unless kind is reversal"
	case kind == contract.KindReversal && !slices.Contains(reversibleKinds, s):
		return "must be one of " + strings.Join(reversibleKinds, ", ") + ", the kind of what the reversal takes back"
	}
	return ""
}

// acceptedAmount describes which amounts are accepted. If m's currency is in use,
// the description includes its maximum and its decimals.
func acceptedAmount(m money.Money) string {
	accepted := "must be a JSON number or a decimal string greater than 0"
	if digits, ok := money.Digits(m.Currency); ok {
		accepted += fmt.Sprintf(" and at most %s, with at most %d decimals, for %s", m.Max().Amount, digits, m.Currency)
	}
	return accepted
}

// readMoney reads the amount. The currency may be invalid: its own error has been
// added before.
func (d Draft) readMoney(errs *fieldErrors, currency string) money.Money {
	const field = "/" + contract.FieldAmount
	m := money.Money{Currency: currency}
	value, ok := d.scalars[contract.FieldAmount]
	if !ok {
		errs.add(field, "is required: %s", acceptedAmount(m))
		return m
	}
	if value.kind != '0' && value.kind != '"' {
		errs.add(field, "%s", acceptedAmount(m))
		return m
	}
	var err error
	m.Amount, err = money.Parse(value.text)
	if err == nil && fits(m) {
		return m
	}
	accepted := acceptedAmount(m)
	if errors.Is(err, decimal.ErrSyntax) {
		accepted += `; digits with an optional point and exponent, such as "15000.00"`
	}
	errs.add(field, "%s, not %s", accepted, shownAmount(value.text))
	return m
}

// fits reports whether an amount is accepted: it is positive and, if the currency
// is known, within the currency's bounds.
func fits(m money.Money) bool {
	if m.Amount.Sign() <= 0 {
		return false
	}
	if _, known := money.Digits(m.Currency); !known {
		return true
	}
	wholeUnits, withinMax := m.Fits()
	return wholeUnits && withinMax
}

// Check applies the rules of the canonical payload to a transaction that was read
// from a provider's own, verified notification, except that digits in an id that has
// letters, too, are never taken for a card number: an id that a provider gave to its own
// object is an id. The error is an *InvalidError. ReceivedAt is not checked.
func (t Transaction) Check() error {
	for _, text := range []*string{&t.ID, &t.Provider, &t.CustomerID, &t.Kind, &t.PaymentID, &t.Reverses, &t.ReversedKind, &t.Currency} {
		*text = beginning(*text)
	}
	var errs fieldErrors
	text := func(field, value, accepted string) {
		if accepted != "" {
			errs.add("/"+field, "%s, not %q", accepted, redact.Sanitise(value))
		}
	}
	text(contract.FieldTransactionID, t.ID, checkOwnID(t.ID))
	text(contract.FieldProvider, t.Provider, checkProvider(t.Provider))
	text(contract.FieldCustomerID, t.CustomerID, checkCustomerID(t.CustomerID))
	text(contract.FieldKind, t.Kind, checkKind(t.Kind))
	if t.PaymentID != "" {
		text(contract.FieldPaymentID, t.PaymentID, cmp.Or(checkPaymentID(t.Kind), checkOwnID(t.PaymentID)))
	}
	if t.Reverses != "" {
		text(contract.FieldReverses, t.Reverses, cmp.Or(checkReverses(t.Kind), checkOwnID(t.Reverses)))
	}
	text(contract.FieldReversedKind, t.ReversedKind, checkReversedKind(t.ReversedKind, t.Kind))
	text(contract.FieldCurrency, t.Currency, checkCurrency(t.Currency))
	if upper := strings.ToUpper(t.Currency); upper != t.Currency && checkCurrency(t.Currency) == "" {
		errs.add("/"+contract.FieldCurrency, "must be in upper case, not %q", redact.Sanitise(t.Currency))
	}
	if !fits(t.Money) {
		errs.add("/"+contract.FieldAmount, "%s, not %s", acceptedAmount(t.Money), shownAmount(t.Amount.String()))
	}
	t.Metadata.check(&errs)
	if len(errs.listed) > 0 {
		return errs.invalid()
	}
	return nil
}

// shownAmount writes an amount into an error. Providers send minor units, so that a card
// number in place of an amount has gained a decimal point: 41111111111111.11.
func shownAmount(text string) string {
	if minor := strings.Replace(text, ".", "", 1); redact.ID(minor) {
		text = minor
	}
	return redact.Sanitise(text)
}

// readMetadata returns no metadata when the field is absent, null or an empty
// object: the three mean the same.
func (d Draft) readMetadata(errs *fieldErrors) Metadata {
	const field = "/" + contract.FieldMetadata
	if d.metadata == nil {
		return Metadata{}
	}
	members, ok := d.metadata.(map[string]any)
	if !ok {
		errs.add(field, "must be a JSON object when present")
		return Metadata{}
	}
	metadata := NewMetadata(members)
	if n := len(metadata.text); n > MaxMetadataBytes {
		errs.add(field, "is %d bytes of JSON without white space; at most %d are accepted", n, MaxMetadataBytes)
	}
	return metadata
}

// fieldErrors collects the rules that a delivery breaks: the first MaxFieldErrors, and
// the number of further ones.
type fieldErrors struct {
	listed []FieldError
	more   int
}

// room reports whether one more error would be listed. If not, it counts the error, so
// that nothing is composed for it.
func (e *fieldErrors) room() bool {
	if len(e.listed) < MaxFieldErrors {
		return true
	}
	e.more++
	return false
}

func (e *fieldErrors) add(field, format string, args ...any) {
	if e.room() {
		e.listed = append(e.listed, FieldError{redact.Sanitise(beginning(field)), fmt.Sprintf(format, args...)})
	}
}

// addProblems adds the problems with the value of a field.
func (e *fieldErrors) addProblems(field string, problems jsonvalue.Problems) {
	for _, p := range problems.Listed {
		e.add(field+string(p.Pointer), "%s", p.Detail)
	}
	e.more += problems.More
}

func (e *fieldErrors) addAll(others fieldErrors) {
	n := min(len(others.listed), MaxFieldErrors-len(e.listed))
	e.listed = append(e.listed, others.listed[:n]...)
	e.more += others.more + len(others.listed) - n
}

func (e *fieldErrors) invalid() error {
	slices.SortStableFunc(e.listed, func(a, b FieldError) int { return cmp.Compare(a.Field, b.Field) })
	if e.more > 0 {
		e.listed = append(e.listed, FieldError{"", fmt.Sprintf("and %d more errors", e.more)})
	}
	return &InvalidError{e.listed}
}
