package main

import (
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
)

// openers returns the commands that open an address in the user's browser, in the order in which
// they are tried. wslview is only there on Windows Subsystem for Linux, where xdg-open finds no browser.
func openers(goos string) []string {
	if goos == "darwin" {
		return []string{"open"}
	}
	return []string{"wslview", "xdg-open", "open"}
}

// openPage opens an address in the user's browser, and goes on. If that is not possible, it prints why. The
// returned channel is closed when the command has ended; with some browsers, that is when they do.
func openPage(out io.Writer, goos, address string) <-chan struct{} {
	ended := make(chan struct{})
	for _, name := range openers(goos) {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		cmd := exec.Command(path, address)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Ctrl-C is for the demonstration
		if err := cmd.Start(); err != nil {
			fmt.Fprintf(out, "not opened in a browser: %v\n", err)
			close(ended)
			return ended
		}
		go func() {
			defer close(ended)
			if err := cmd.Wait(); err != nil {
				fmt.Fprintf(out, "not opened in a browser: %s: %v; open %s yourself\n", name, err, address)
			}
		}()
		return ended
	}
	fmt.Fprintf(out, "not opened in a browser: none of %s is on PATH; open %s yourself\n", strings.Join(openers(goos), ", "), address)
	close(ended)
	return ended
}
