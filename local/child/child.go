package child

import (
	"errors"
	"os/exec"
	"syscall"
	"time"
)

// Stop asks the child's process group to end, waits up to grace for done
// (closed by whoever waits for the process), then kills it. It returns when
// done is closed.
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

// Kill ends the child's process group at once.
func Kill(cmd *exec.Cmd) {
	if cmd.Process != nil {
		signalGroup(cmd, syscall.SIGKILL)
	}
}

func signalGroup(cmd *exec.Cmd, signal syscall.Signal) {
	err := syscall.Kill(-cmd.Process.Pid, signal)
	if errors.Is(err, syscall.EPERM) { // macOS says so for a group of zombies
		_ = cmd.Process.Signal(signal)
	}
}
