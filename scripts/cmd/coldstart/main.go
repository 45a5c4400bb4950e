// Command coldstart times Lambda binaries from their start to their first poll
// of the Runtime API, which is when Lambda would hand them a request.
//
//	coldstart [-n 40] NAME=BINARY …
//
// It starts them in turn, so that other load on the machine affects all of them alike.
// It prints the median, the minimum and, from the second binary on, the ratio of its
// median to the first one's. The binaries inherit the environment.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

func main() {
	n := flag.Int("n", 40, "how often each binary is started")
	flag.Parse()
	if err := run(*n, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "coldstart:", err)
		os.Exit(1)
	}
}

func run(n int, args []string) error {
	if n < 1 || len(args) == 0 {
		return errors.New("usage: coldstart [-n 40] NAME=BINARY …")
	}
	polls := make(chan time.Time, 1)
	api, err := listen(polls)
	if err != nil {
		return err
	}
	defer api.Close()

	names, binaries := make([]string, len(args)), make([]string, len(args))
	for i, arg := range args {
		var ok bool
		if names[i], binaries[i], ok = strings.Cut(arg, "="); !ok {
			return fmt.Errorf("%q is not NAME=BINARY", arg)
		}
	}
	times := make([][]time.Duration, len(args))
	for round := range n + 1 {
		for i := range args {
			took, err := start(binaries[i], api.Addr, polls)
			if err != nil {
				return fmt.Errorf("%s: %w", names[i], err)
			}
			if round > 0 { // the first round reads the file from the disk
				times[i] = append(times[i], took)
			}
		}
	}
	var first float64
	for i, name := range names {
		slices.Sort(times[i])
		median := times[i][len(times[i])/2]
		fmt.Printf("%-12s median %6.2f ms   min %6.2f ms", name, milliseconds(median), milliseconds(times[i][0]))
		if i == 0 {
			first = milliseconds(median)
		} else {
			fmt.Printf("   ratio %.2f", milliseconds(median)/first)
		}
		fmt.Println()
	}
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// listen starts a Runtime API that never returns an invocation.
func listen(polls chan<- time.Time) (*http.Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{
		Addr:              listener.Addr().String(),
		ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/invocation/next") {
				polls <- time.Now()
				<-r.Context().Done()
			}
		}),
	}
	go func() { _ = server.Serve(listener) }() // ends with Close
	return server, nil
}

// start runs a binary until it polls.
func start(binary, api string, polls <-chan time.Time) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = append(os.Environ(), "AWS_LAMBDA_RUNTIME_API="+api)
	cmd.Stderr = os.Stderr
	var out strings.Builder
	cmd.Stdout = &out
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case at := <-polls:
		_ = cmd.Process.Kill()
		<-ended
		return at.Sub(began), nil
	case err := <-ended:
		return 0, fmt.Errorf("ended before it polled: %w\n%s", err, out.String())
	}
}
