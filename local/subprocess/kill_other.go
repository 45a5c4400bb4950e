//go:build unix && !linux

package subprocess

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
)

// KillWithParent makes cmd end when this process dies. Call it before cmd starts. Only
// Linux has a signal for that, so elsewhere a shell wraps the command: it holds the
// reading end of a pipe whose writing end only this process has, and kills the process
// group when the pipe closes.
func KillWithParent(cmd *exec.Cmd) error {
	reader, err := pipe()
	if err != nil {
		return fmt.Errorf("watchdog pipe: %w", err)
	}
	// The subprocess gets reader as descriptor 3.
	cmd.ExtraFiles = []*os.File{reader}
	const script = `{ cat <&3; kill -9 0; } >/dev/null 2>&1 & exec 3<&-; exec "$@"`
	cmd.Args = append([]string{"/bin/sh", "-c", script, "sh", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return nil
}

// pipe returns the reading end of a pipe, the same for all subprocesses: there may be many of them, at the
// same time. The writing end stays open until this process ends, since nothing closes it.
var pipe = sync.OnceValues(func() (reader *os.File, err error) {
	reader, held, err = os.Pipe()
	return reader, err
})

var held *os.File
