// Package journal remembers what an operator's command has sent, in a file, so that a run
// that was interrupted is resumed and sends nothing twice. A step that was sent and not yet
// recorded when the process was killed is sent again: at least once, as everywhere behind
// the webhook endpoint.
package journal

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrLocked is the error of a file that another process uses.
var ErrLocked = errors.New("another run uses it")

// Journal is an open file. Its methods are not safe for concurrent use.
type Journal struct {
	path string
	file *os.File
	done map[string]bool
}

// entry is a line of the file.
type entry struct {
	Done   string `json:"done,omitempty"`
	Forget string `json:"forget,omitempty"`
}

// Open opens or creates a file and locks it until Close. The error wraps [ErrLocked] if
// another process has it open.
func Open(path string) (*Journal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrLocked
		}
		return nil, fmt.Errorf("state file %s: %w", path, err)
	}
	j := &Journal{path: path, file: file, done: map[string]bool{}}
	if err := j.read(); err != nil {
		file.Close()
		return nil, fmt.Errorf("state file %s: %w", path, err)
	}
	return j, nil
}

func (j *Journal) read() error {
	lines := bufio.NewReader(j.file)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			if line == "" {
				return nil
			}
			// The process was killed while it wrote. The next line must not be
			// glued to this one.
			_, err := j.file.WriteString("\n")
			return err
		}
		if err != nil {
			return err
		}
		var e entry
		if strings.TrimSpace(line) == "" || json.Unmarshal([]byte(line), &e) != nil {
			continue // of a killed process
		}
		if e.Done != "" {
			j.done[e.Done] = true
		}
		delete(j.done, e.Forget)
	}
}

// Path returns the file's path.
func (j *Journal) Path() string { return j.path }

// Done reports whether a step has been recorded, by this run or an earlier one.
func (j *Journal) Done(step string) bool { return j.done[step] }

// Len returns the number of steps that are recorded and not forgotten.
func (j *Journal) Len() int { return len(j.done) }

// Record records a step. When it returns nil, the step is on the disk.
func (j *Journal) Record(step string) error {
	if j.done[step] {
		return nil
	}
	if err := j.write(entry{Done: step}); err != nil {
		return err
	}
	j.done[step] = true
	return nil
}

// Forget removes a step, because nothing can repeat it any more.
func (j *Journal) Forget(step string) error {
	if !j.done[step] {
		return nil
	}
	delete(j.done, step)
	return j.write(entry{Forget: step})
}

func (j *Journal) write(e entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err // cannot happen: strings
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	return nil
}

// Close closes the file, and removes it if no step is left in it.
func (j *Journal) Close() error {
	if len(j.done) == 0 {
		return errors.Join(os.Remove(j.path), j.file.Close())
	}
	return j.file.Close()
}

// Finish closes and removes the file: the whole command is done.
func (j *Journal) Finish() error {
	clear(j.done)
	return j.Close()
}
