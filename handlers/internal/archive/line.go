package archive

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/go-json-experiment/json"

	"payment-webhooks/handlers/internal/event"
	"payment-webhooks/handlers/internal/fraud"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/transaction"
)

// MaxLine bounds a line, in bytes. An item of the table has at most 400 KB, of which JSON
// may escape each byte.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
const MaxLine = 4 << 20

// ErrLine is the error of a line that no release has written.
var ErrLine = errors.New("not a line of the archive")

// line is an archived transaction: the event's detail without routing fields,
// and the fraud result where there is one.
type line struct {
	event.Detail
	Fraud *fraud.Result `json:"fraud,omitzero"`
}

// EncodeLine returns the line of a record, with its line break.
func EncodeLine(r ledger.Record) ([]byte, error) {
	body, err := json.Marshal(line{event.Describe(r.Transaction, r.Fingerprint), r.Fraud})
	return append(body, '\n'), err
}

// DecodeLine reads a line without its line break, also of releases without kinds. The
// error is ErrLine and names the member, never its value.
func DecodeLine(text []byte) (ledger.Record, error) {
	received, err := event.Decode(text)
	if err != nil {
		return ledger.Record{}, fmt.Errorf("%w: %w", ErrLine, err)
	}
	if received.MetadataOmitted {
		return ledger.Record{}, fmt.Errorf("%w: metadata cannot be read", ErrLine)
	}
	r := ledger.Record{Transaction: received.Transaction, Fingerprint: received.Fingerprint}
	var members struct {
		Fraud *struct {
			fraud.Assessment
			ScoredAt string `json:"scored_at"`
		} `json:"fraud"`
	}
	if err := json.Unmarshal(text, &members); err != nil {
		return ledger.Record{}, fmt.Errorf("%w: the fraud result cannot be read", ErrLine)
	}
	if members.Fraud != nil {
		at, err := transaction.ParseTime(members.Fraud.ScoredAt)
		if err != nil {
			return ledger.Record{}, fmt.Errorf("%w: scored_at is not a time", ErrLine)
		}
		result := fraud.Result{Assessment: members.Fraud.Assessment, ScoredAt: at}.Canonical()
		r.Fraud = &result
	}
	return r, nil
}

// Lines yields the lines of a compressed object without their line breaks. A line is valid
// until the next one; memory is bounded by MaxLine. The sequence ends after the first
// error, which is ErrLine for a line that is too long or has no line break.
func Lines(object io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		text, err := gzip.NewReader(object)
		if err != nil {
			yield(nil, err)
			return
		}
		lines := bufio.NewScanner(text)
		lines.Buffer(nil, MaxLine)
		lines.Split(whole)
		for lines.Scan() {
			if !yield(lines.Bytes(), nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			if errors.Is(err, bufio.ErrTooLong) {
				err = fmt.Errorf("%w: longer than %d bytes", ErrLine, MaxLine)
			}
			yield(nil, err)
		}
	}
}

// whole is a bufio.SplitFunc for lines, of which the last one has a line break too.
func whole(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, fmt.Errorf("%w: the last line has no line break", ErrLine)
	}
	return 0, nil, nil
}
