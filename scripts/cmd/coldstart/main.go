// Command coldstart times Lambda binaries from their start to their first poll
// of the Runtime API, which is when Lambda would hand them a request.
//
//	coldstart [-n 40] NAME=BINARY[,IMAGE] …
//
// It starts them in turn, so that other load on the machine affects all of them alike.
// It prints a table in Markdown: the median, the minimum and, from the second binary on, the
// ratio of its median to the first one's; the size of IMAGE, which is the same program as it is
// in the image of the function, and its size after gzip -9, about what a registry stores. The
// binaries inherit the environment.
package main

import (
	"bytes"
	"compress/gzip"
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
		return errors.New("usage: coldstart [-n 40] NAME=BINARY[,IMAGE] …")
	}
	polls := make(chan time.Time, 1)
	api, err := listen(polls)
	if err != nil {
		return err
	}
	defer api.Close()

	names, binaries, images := make([]string, len(args)), make([]string, len(args)), make([]string, len(args))
	for i, arg := range args {
		var ok bool
		if names[i], binaries[i], ok = strings.Cut(arg, "="); !ok {
			return fmt.Errorf("%q is not NAME=BINARY", arg)
		}
		binaries[i], images[i], _ = strings.Cut(binaries[i], ",")
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
	fmt.Println("| program | start to first poll, median | fastest | ratio | in the image | gzipped |\n|---|---|---|---|---|---|")
	first := median(times[0])
	for i, name := range names {
		size, gzipped, err := sizes(images[i])
		if err != nil {
			return err
		}
		ratio := "1"
		if i > 0 {
			ratio = fmt.Sprintf("%.2f", milliseconds(median(times[i]))/milliseconds(first))
		}
		fmt.Printf("| %s | %.1f ms | %.1f ms | %s | %s | %s |\n", name, milliseconds(median(times[i])), milliseconds(slices.Min(times[i])), ratio, size, gzipped)
	}
	return nil
}

func median(times []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(times))[len(times)/2]
}

// sizes returns the size of a file, and the size of it compressed; both are empty without one.
func sizes(file string) (size, gzipped string, err error) {
	if file == "" {
		return "", "", nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", "", err
	}
	var compressed bytes.Buffer
	w, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
	if err != nil {
		return "", "", err
	}
	_, err = w.Write(content)
	if err := errors.Join(err, w.Close()); err != nil {
		return "", "", err
	}
	return megabytes(len(content)), megabytes(compressed.Len()), nil
}

func megabytes(n int) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

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
