package child

import (
	"os/exec"
	"syscall"
)

// Tie arranges, before cmd starts, that the kernel kills it when this process
// dies (prctl(2), PR_SET_PDEATHSIG). The signal follows the thread that
// started the child; the Go runtime keeps its threads, unless a goroutine ends
// while locked to one, which none here does.
func Tie(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return nil
}
