package xray

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
)

// maxDocuments bounds the memory: the oldest documents are discarded.
const maxDocuments = 5000

// maxDatagram is the largest UDP payload and therefore the largest document, in bytes.
const maxDatagram = 64 * 1024

// readBuffer is the size of the socket's buffer for documents that wait to be read, in bytes.
const readBuffer = 4 << 20

// Document is a segment or subsegment, as the SDK sent it.
type Document struct {
	TraceID  string          `json:"trace_id"`
	ID       string          `json:"id"`
	ParentID string          `json:"parent_id,omitempty"`
	Name     string          `json:"name"`
	Function string          `json:"function,omitempty"` // the handler that sent it, by its port
	JSON     json.RawMessage `json:"document"`
}

// Daemon receives documents until Close.
type Daemon struct {
	report func(error)

	mu        sync.Mutex
	receivers []receiver
	documents []Document // a ring of up to maxDocuments
	oldest    int        // its first element, once it is full
	received  uint64     // documents so far
}

// receiver is one port of the daemon.
type receiver struct {
	connection *net.UDPConn
	done       chan struct{}
}

// New returns a daemon. report is called for datagrams that are not segment documents.
func New(report func(error)) *Daemon { return &Daemon{report: report} }

// Listen opens a free UDP port of 127.0.0.1 for a function and returns the value of
// AWS_XRAY_DAEMON_ADDRESS for it. allow, unless nil, returns the error of sending a document to
// X-Ray for who uses this port: the document is dropped then, as the daemon drops it after failed
// calls.
func (d *Daemon) Listen(function string, allow func() error) (address string, err error) {
	connection, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return "", fmt.Errorf("X-Ray daemon: %w", err)
	}
	// The kernel drops datagrams that do not fit into the buffer. Many functions may send
	// at once while this process waits for the processor.
	_ = connection.SetReadBuffer(readBuffer) // a system that allows less keeps its own size
	r := receiver{connection, make(chan struct{})}
	d.mu.Lock()
	d.receivers = append(d.receivers, r)
	d.mu.Unlock()
	go d.receive(r, function, allow)
	return connection.LocalAddr().String(), nil
}

// Documents returns the documents of a trace, or all when traceID is empty, oldest first.
func (d *Daemon) Documents(traceID string) []Document {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := []Document{}
	for i := range d.documents {
		document := d.documents[(d.oldest+i)%len(d.documents)]
		if traceID == "" || document.TraceID == traceID {
			found = append(found, document)
		}
	}
	return found
}

// Received returns how many documents have been kept so far, also those that were discarded since.
func (d *Daemon) Received() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.received
}

// Close ends the daemon.
func (d *Daemon) Close() {
	d.mu.Lock()
	receivers := d.receivers
	d.mu.Unlock()
	for _, r := range receivers {
		r.connection.Close()
		<-r.done
	}
}

func (d *Daemon) receive(r receiver, function string, allow func() error) {
	defer close(r.done)
	buffer := make([]byte, maxDatagram)
	for {
		n, err := r.connection.Read(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			d.report(fmt.Errorf("X-Ray daemon: %w", err))
			continue
		}
		document, err := parse(buffer[:n])
		if err != nil {
			d.report(fmt.Errorf("X-Ray daemon: %w", err))
			continue
		}
		if allow != nil && allow() != nil {
			continue
		}
		document.Function = function
		d.keep(document)
	}
}

// keep adds a document in place of the oldest, if there are maxDocuments. Moving the others
// would cost more than everything else that is done for a payment.
func (d *Daemon) keep(document Document) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.received++
	if len(d.documents) < maxDocuments {
		d.documents = append(d.documents, document)
		return
	}
	d.documents[d.oldest] = document
	d.oldest = (d.oldest + 1) % maxDocuments
}

// parse parses a datagram: a header line, {"format": "json", "version": 1}, and the
// document.
func parse(datagram []byte) (Document, error) {
	head, body, _ := bytes.Cut(datagram, []byte("\n"))
	var header struct {
		Format  string
		Version int
	}
	if err := json.Unmarshal(head, &header); err != nil || header.Format != "json" || header.Version != 1 {
		return Document{}, fmt.Errorf("header %q: want {\"format\": \"json\", \"version\": 1}", head)
	}
	var document Document
	if err := json.Unmarshal(body, &document); err != nil {
		return Document{}, fmt.Errorf("document: %w", err)
	}
	if document.TraceID == "" || document.ID == "" || document.Name == "" {
		return Document{}, errors.New("document without trace_id, id or name")
	}
	document.JSON = bytes.Clone(body)
	return document, nil
}
