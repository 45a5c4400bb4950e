package lambda

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
)

// output reads what a process writes to its standard output and error, line
// by line.
//
// The report of an invocation must come after the lines of that invocation.
// Lines travel through a pipe, so drain writes a mark into the same pipe, and
// waits until the reader has seen it: everything written before is then read.
type output struct {
	file   *os.File // the pipe's writing end: the process's stdout and stderr
	line   func(string)
	closed chan struct{} // the reader has ended

	mu    sync.Mutex
	marks map[string]chan struct{}
	count int
	ended bool
	last  []byte
}

// markPrefix begins a mark. Nothing that logs text writes these bytes.
const markPrefix = "\x00\x01drain "

func newOutput(line func(string)) (*output, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	o := &output{file: writer, line: line, closed: make(chan struct{}), marks: map[string]chan struct{}{}}
	go func() {
		defer close(o.closed)
		defer reader.Close()
		lines := bufio.NewReaderSize(reader, 64*1024)
		for {
			text, err := lines.ReadString('\n')
			o.take(strings.TrimSuffix(text, "\n"))
			if err != nil { // the end: nobody holds the writing end any more
				return
			}
		}
	}()
	return o, nil
}

func (o *output) take(text string) {
	text, mark, marked := strings.Cut(text, markPrefix)
	if text != "" {
		o.emit(text)
	}
	if marked {
		o.mu.Lock()
		if seen, ok := o.marks[mark]; ok {
			close(seen)
			delete(o.marks, mark)
		}
		o.mu.Unlock()
	}
}

// emit logs a line that the platform or the process wrote.
func (o *output) emit(text string) {
	o.line(text)
	o.mu.Lock()
	o.last = append(append(o.last, text...), '\n')
	if extra := len(o.last) - maxLogTailBytes; extra > 0 {
		o.last = bytes.Clone(o.last[extra:])
	}
	o.mu.Unlock()
}

// drain returns when every line written before it has been emitted.
func (o *output) drain() {
	o.mu.Lock()
	if o.ended {
		o.mu.Unlock()
		<-o.closed
		return
	}
	o.count++
	mark := fmt.Sprint(o.count)
	seen := make(chan struct{})
	o.marks[mark] = seen
	o.mu.Unlock()
	// Not under the lock: a full pipe takes the mark when the reader has read
	// some of it, and the reader needs the lock to go on.
	if _, err := o.file.WriteString(markPrefix + mark + "\n"); err != nil {
		<-o.closed
		return
	}
	select {
	case <-seen:
	case <-o.closed:
	}
}

// close gives up this process's hold of the pipe, once the child has ended.
func (o *output) close() {
	o.mu.Lock()
	o.ended = true
	o.mu.Unlock()
	o.file.Close()
	<-o.closed
}

func (o *output) reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = nil
}

func (o *output) tail() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.last)
}
