package subprocess

import (
	"os/exec"
	"syscall"
)

// KillWithParent makes the kernel kill cmd when this process dies (prctl(2),
// PR_SET_PDEATHSIG). Call it before cmd starts. The signal is sent when the thread that
// started cmd ends. The Go runtime keeps its threads unless a goroutine exits while
// locked to one, which none does here.
func KillWithParent(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return nil
}
