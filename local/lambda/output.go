package lambda

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
)

// output reads the lines that a process writes to its standard output and error.
//
// The report of an invocation must follow the lines of that invocation. drain therefore writes a
// mark into the pipe of the lines and waits until the reader has read it: everything written
// before has then been read.
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

// markPrefix begins a mark. No text log has these bytes.
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
			o.add(strings.TrimSuffix(text, "\n"))
			if err != nil { // the writing end is closed in all processes
				return
			}
		}
	}()
	return o, nil
}

func (o *output) add(text string) {
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

// emit logs a line of the platform or the process.
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
	// Not under the lock: with a full pipe, the write waits for the reader, and the reader
	// needs the lock.
	if _, err := o.file.WriteString(markPrefix + mark + "\n"); err != nil {
		<-o.closed
		return
	}
	select {
	case <-seen:
	case <-o.closed:
	}
}

// close closes this process's end of the pipe, after the subprocess has ended.
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
