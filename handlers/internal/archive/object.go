package archive

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"payment-webhooks/handlers/internal/ledger"
)

// Object describes an object of the archive, as its manifest lists it.
type Object struct {
	Key    string `json:"key"`
	Count  int    `json:"count"`  // number of transactions, one per line
	Scored int    `json:"scored"` // how many of them have a fraud result
	Bytes  int64  `json:"bytes"`  // compressed size
	SHA256 string `json:"sha256"` // of the compressed bytes, lower-case hex

	// VersionID is the version of the object that the manifest describes: a later run
	// that failed before its manifest may have written another one. It is empty in a
	// bucket that keeps no versions, and in manifests of version 1.
	VersionID string `json:"version_id,omitempty"`
}

// object is an upload in progress: gzip writes into a pipe, from which the store reads.
type object struct {
	description Object
	digest      hash.Hash
	gzip        *gzip.Writer
	pipe        *io.PipeWriter
	uploaded    chan upload // receives the result of the upload, once
}

type upload struct {
	version string
	err     error
}

func open(ctx context.Context, store Store, key string) *object {
	reader, writer := io.Pipe()
	o := &object{description: Object{Key: key}, digest: sha256.New(), pipe: writer, uploaded: make(chan upload, 1)}
	// The zero gzip header has no name and no time, so the same lines give the same
	// bytes (as long as Go's compressor stays the same).
	o.gzip = gzip.NewWriter(io.MultiWriter(writer, o.digest, (*counter)(&o.description.Bytes)))
	go func() {
		version, err := store.Put(ctx, key, reader)
		_ = reader.CloseWithError(err) // makes blocked writes fail with the cause
		o.uploaded <- upload{version, err}
	}()
	return o
}

func (o *object) write(r ledger.Record) error {
	body, err := EncodeLine(r)
	if err != nil {
		return err
	}
	o.description.Count++
	if r.Fraud != nil {
		o.description.Scored++
	}
	_, err = o.gzip.Write(body)
	return err
}

// abort makes the upload fail and waits for its end. The cause is wrapped, because a
// bare io.EOF would mark the end of the object.
func (o *object) abort(cause error) {
	_ = o.pipe.CloseWithError(fmt.Errorf("object given up: %w", cause))
	<-o.uploaded
}

func (o *object) close() (Object, error) {
	if err := o.gzip.Close(); err != nil {
		o.abort(err)
		return Object{}, err
	}
	_ = o.pipe.Close() // never fails
	uploaded := <-o.uploaded
	if uploaded.err != nil {
		return Object{}, uploaded.err
	}
	o.description.VersionID = uploaded.version
	o.description.SHA256 = hex.EncodeToString(o.digest.Sum(nil))
	return o.description, nil
}

// counter counts the bytes written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
