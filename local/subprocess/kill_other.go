//go:build unix && !linux

package subprocess

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// KillWithParent makes cmd end when this process dies. Call it before cmd starts. Only
// Linux has a signal for that, so elsewhere a shell wraps the command: it holds the
// reading end of a pipe whose writing end only this process has, and kills the process
// group when the pipe closes.
func KillWithParent(cmd *exec.Cmd) error {
	reader, writer, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("watchdog pipe: %w", err)
	}
	// The subprocess gets reader as descriptor 3. writer stays open until this process
	// ends: nothing that holds a reference closes it.
	syscall.CloseOnExec(int(writer.Fd()))
	held = append(held, writer)
	cmd.ExtraFiles = []*os.File{reader}
	const script = `{ cat <&3; kill -9 0; } >/dev/null 2>&1 & exec 3<&-; exec "$@"`
	cmd.Args = append([]string{"/bin/sh", "-c", script, "sh", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return nil
}

var held []*os.File
