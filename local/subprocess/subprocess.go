package subprocess

import (
	"errors"
	"os/exec"
	"syscall"
	"time"
)

// Stop sends SIGTERM to the process group, waits up to grace for done (which the
// caller of cmd.Wait closes), then sends SIGKILL. It returns when done is closed.
func Stop(cmd *exec.Cmd, done <-chan struct{}, grace time.Duration) {
	if cmd.Process == nil {
		return
	}
	signalGroup(cmd, syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		Kill(cmd)
		<-done
	}
}

// Kill sends SIGKILL to the process group.
func Kill(cmd *exec.Cmd) {
	if cmd.Process != nil {
		signalGroup(cmd, syscall.SIGKILL)
	}
}

func signalGroup(cmd *exec.Cmd, signal syscall.Signal) {
	err := syscall.Kill(-cmd.Process.Pid, signal)
	if errors.Is(err, syscall.EPERM) { // what macOS returns for a group of zombies
		_ = cmd.Process.Signal(signal)
	}
}
