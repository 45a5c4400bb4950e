package xray

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
)

// maxDocuments bounds the memory: the oldest documents are forgotten.
const maxDocuments = 5000

// maxDatagram is the largest UDP payload, hence the largest document.
const maxDatagram = 64 * 1024

// readBuffer holds the documents that wait to be read.
const readBuffer = 4 << 20

// Document is a segment or subsegment, as the SDK sent it.
type Document struct {
	TraceID  string          `json:"trace_id"`
	ID       string          `json:"id"`
	ParentID string          `json:"parent_id,omitempty"`
	Name     string          `json:"name"`
	JSON     json.RawMessage `json:"document"`
}

// Daemon receives documents until Close.
type Daemon struct {
	connection *net.UDPConn
	report     func(error)
	done       chan struct{}

	mu        sync.Mutex
	documents []Document
}

// Listen opens a free UDP port of 127.0.0.1. report is told of datagrams that
// are no segment documents.
func Listen(report func(error)) (*Daemon, error) {
	connection, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("X-Ray daemon: %w", err)
	}
	// The kernel drops what does not fit, so that the buffer is as large as it
	// allows: functions send at once, and this process may be kept waiting.
	_ = connection.SetReadBuffer(readBuffer) // where so much is refused, the system's own size has to do
	d := &Daemon{connection: connection, report: report, done: make(chan struct{})}
	go d.receive()
	return d, nil
}

// Address is the value of AWS_XRAY_DAEMON_ADDRESS.
func (d *Daemon) Address() string { return d.connection.LocalAddr().String() }

// Documents returns what arrived, oldest first; with a trace id, that trace's
// documents alone.
func (d *Daemon) Documents(traceID string) []Document {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := []Document{}
	for _, document := range d.documents {
		if traceID == "" || document.TraceID == traceID {
			found = append(found, document)
		}
	}
	return found
}

// Close ends the daemon.
func (d *Daemon) Close() {
	d.connection.Close()
	<-d.done
}

func (d *Daemon) receive() {
	defer close(d.done)
	buffer := make([]byte, maxDatagram)
	for {
		n, err := d.connection.Read(buffer)
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
		d.mu.Lock()
		d.documents = append(d.documents, document)
		if extra := len(d.documents) - maxDocuments; extra > 0 {
			d.documents = append([]Document(nil), d.documents[extra:]...)
		}
		d.mu.Unlock()
	}
}

// parse reads a datagram: a header line, {"format": "json", "version": 1}, and
// the document.
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
