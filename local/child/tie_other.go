//go:build unix && !linux

package child

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// Tie arranges, before cmd starts, that it ends when this process dies. There
// is no signal for that outside Linux, so a shell stands in between: it holds
// the reading end of a pipe whose writing end only this process has, and kills
// the process group when the pipe ends.
func Tie(cmd *exec.Cmd) error {
	reader, writer, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("watchdog pipe: %w", err)
	}
	// The child gets reader as descriptor 3; writer stays open here, on
	// purpose unreferenced by anything that closes it, until the process ends.
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
