package adyen

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of what is read. They are far above what Adyen sends, which is one item of
// some fifty members in five levels.
const (
	// maxItems bounds the items of a delivery. Adyen puts one into a JSON delivery and
	// at most six into a SOAP one. Without a bound, a body that repeats a captured item
	// could cause a thousand writes.
	// https://docs.adyen.com/development-resources/webhooks/webhook-types#webhook-structure
	maxItems = 64

	// maxDepth bounds the levels of objects and arrays, also of those that are skipped.
	maxDepth = 32

	// maxValueBytes bounds amount.value, which is a 64-bit integer.
	maxValueBytes = 32
)

// delivery is what is read of a body.
type delivery struct {
	items []item
	test  bool // "live" is false; not signed
}

// item is a notification item: the members that are signed and the signature, as text,
// "" if absent or null; and the members that are used although no signature covers them,
// which are left out by readSigned.
type item struct {
	pspReference, originalReference, merchantAccountCode, merchantReference string
	value, currency, eventCode, success                                     string

	signature string

	shopper, tokenShopper, recurringShopper string // the shopper's reference
	action                                  string // modification.action
	reason                                  string
}

// readSigned reads the members that are signed, and no others: it is what may be done
// with a body that is not verified yet. Everything else is skipped without building
// values, so the work is linear in the length of the body, whatever is in it.
func readSigned(body []byte) (delivery, error) { return read(body, false) }

// readAll reads the members that are used, also those that are not signed. The signed ones
// are read by the same code as in readSigned, so that what was verified is what is
// decoded.
func readAll(body []byte) (delivery, error) { return read(body, true) }

// read reads a body. An error repeats nothing of it. A name that is read must not occur
// twice in its object, in whatever spelling: a reader that takes the first of two and a
// reader that takes the last would see different notifications. Names that are skipped
// may, since nobody reads them.
func read(body []byte, all bool) (delivery, error) {
	s := scanner{dec: jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true)), all: all}
	var d delivery
	err := s.object([]member{
		{name: "live", unsigned: true, read: func() error { return s.live(&d.test) }},
		{name: "notificationItems", read: func() error { return s.items(&d.items) }},
	})
	if err != nil {
		return delivery{}, err
	}
	if _, err := s.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return delivery{}, errors.New("something follows the JSON object")
	}
	if len(d.items) == 0 {
		return delivery{}, errors.New("no notification items")
	}
	return d, nil
}

// scanner reads a body token by token.
type scanner struct {
	dec  *jsontext.Decoder
	all  bool   // whether members that are not signed are read, too
	name []byte // of the member that is being read; reused
}

// member is a member of an object that is read.
type member struct {
	name     string
	unsigned bool
	read     func() error // reads the value
	seen     bool
}

// object reads an object or null: the given members, and skips all others.
func (s *scanner) object(members []member) error {
	switch s.dec.PeekKind() {
	case 'n':
		return s.skip()
	case '{':
	default:
		return s.unexpected("an object")
	}
	if _, err := s.token(); err != nil {
		return err
	}
	for s.dec.PeekKind() == '"' {
		quoted, err := s.dec.ReadValue()
		if err != nil {
			return errNotJSON
		}
		// Compare the name that is meant: "psp\u0052eference" is pspReference.
		if s.name, err = jsontext.AppendUnquote(s.name[:0], quoted); err != nil {
			return errNotJSON
		}
		if err := s.member(members); err != nil {
			return err
		}
	}
	_, err := s.token() // the end, or whatever is wrong
	return err
}

// member reads or skips the value of the member s.name.
func (s *scanner) member(members []member) error {
	for i := range members {
		m := &members[i]
		if string(s.name) != m.name {
			continue
		}
		if m.seen {
			return fmt.Errorf("%s occurs twice in one object", m.name)
		}
		m.seen = true
		if m.unsigned && !s.all {
			break
		}
		return m.read()
	}
	return s.skip()
}

// items reads the array of notification items.
func (s *scanner) items(items *[]item) error {
	if s.dec.PeekKind() != '[' {
		return s.unexpected("an array")
	}
	if _, err := s.token(); err != nil {
		return err
	}
	for kind := s.dec.PeekKind(); kind == '{'; kind = s.dec.PeekKind() {
		if len(*items) == maxItems {
			return fmt.Errorf("more than %d notification items", maxItems)
		}
		*items = append(*items, item{})
		i := &(*items)[len(*items)-1]
		if err := s.object([]member{{name: "NotificationRequestItem", read: func() error { return s.item(i) }}}); err != nil {
			return err
		}
	}
	if s.dec.PeekKind() != ']' {
		return s.unexpected("an object")
	}
	_, err := s.token()
	return err
}

func (s *scanner) item(i *item) error {
	return s.object([]member{
		{name: "pspReference", read: s.signedText(&i.pspReference)},
		{name: "originalReference", read: s.signedText(&i.originalReference)},
		{name: "merchantAccountCode", read: s.signedText(&i.merchantAccountCode)},
		{name: "merchantReference", read: s.signedText(&i.merchantReference)},
		{name: "amount", read: func() error {
			return s.object([]member{
				{name: "value", read: func() error { return s.value(&i.value) }},
				{name: "currency", read: s.signedText(&i.currency)},
			})
		}},
		{name: "eventCode", read: s.signedText(&i.eventCode)},
		{name: "success", read: func() error { return s.success(&i.success) }},
		{name: "additionalData", read: func() error {
			return s.object([]member{
				{name: "hmacSignature", read: s.signedText(&i.signature)},
				{name: "shopperReference", unsigned: true, read: s.text(&i.shopper)},
				{name: "tokenization.shopperReference", unsigned: true, read: s.text(&i.tokenShopper)},
				{name: "recurring.shopperReference", unsigned: true, read: s.text(&i.recurringShopper)},
				{name: "modification.action", unsigned: true, read: s.text(&i.action)},
			})
		}},
		{name: "reason", unsigned: true, read: s.text(&i.reason)},
	})
}

// signedText returns a function that reads a string, or null as "".
func (s *scanner) signedText(to *string) func() error {
	return func() error {
		switch s.dec.PeekKind() {
		case '"', 'n':
			return s.text(to)()
		}
		return s.unexpected("text")
	}
}

// text returns a function that reads a string, or any other value as "".
func (s *scanner) text(to *string) func() error {
	return func() error {
		if s.dec.PeekKind() != '"' {
			return s.skip()
		}
		token, err := s.token()
		if err == nil {
			*to = token.String()
		}
		return err
	}
}

// success reads "true" or "false". Adyen sends a string; a boolean is accepted too,
// because Adyen's libraries sign the same word for it.
func (s *scanner) success(to *string) error {
	if kind := s.dec.PeekKind(); kind != 't' && kind != 'f' {
		return s.signedText(to)()
	}
	token, err := s.token()
	if err == nil {
		*to = strconv.FormatBool(token.Bool())
	}
	return err
}

// live reads the member live, "true" or "false", also as a boolean.
func (s *scanner) live(test *bool) error {
	var live string
	if kind := s.dec.PeekKind(); kind != '"' && kind != 't' && kind != 'f' {
		return s.skip()
	}
	err := s.success(&live)
	*test = live == "false"
	return err
}

// value reads the number of minor units as it is written, because it was signed so.
func (s *scanner) value(to *string) error {
	switch s.dec.PeekKind() {
	case 'n':
		return s.skip()
	case '0':
	default:
		return s.unexpected("a number")
	}
	token, err := s.token()
	if err != nil {
		return err
	}
	if *to = token.String(); len(*to) > maxValueBytes {
		return fmt.Errorf("amount.value has more than %d digits", maxValueBytes)
	}
	return nil
}

// skip skips a value.
func (s *scanner) skip() error {
	for depth := s.dec.StackDepth(); ; {
		if _, err := s.token(); err != nil {
			return err
		}
		if s.dec.StackDepth() <= depth {
			return nil
		}
	}
}

// Errors without any part of the body.
var (
	errNotJSON = errors.New("the body is not JSON in UTF-8")
	errTooDeep = fmt.Errorf("the body is nested deeper than %d levels", maxDepth)
)

// token reads a token.
func (s *scanner) token() (jsontext.Token, error) {
	token, err := s.dec.ReadToken()
	if err != nil {
		return token, errNotJSON
	}
	if s.dec.StackDepth() > maxDepth {
		return token, errTooDeep
	}
	return token, nil
}

// unexpected returns the error for a next value that is not what it should be.
func (s *scanner) unexpected(want string) error {
	if s.dec.PeekKind() == 0 {
		return errNotJSON
	}
	return fmt.Errorf("something is not %s, as it should be", want)
}
