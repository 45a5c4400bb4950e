package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// answerTimeout bounds one invocation under an emulator on a busy machine.
const answerTimeout = 3 * time.Minute

// invoke starts a function's binary as Lambda does, gives it one event over the Runtime API
// and returns its answer. Each call to AWS is refused by a server on this machine.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
func invoke(ctx context.Context, run []string, binary, repository string, i image) (string, error) {
	e := i.event()
	payload, err := e.read(repository)
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	api := &runtimeAPI{event: payload, answers: make(chan string, 1), deadline: time.Now().Add(answerTimeout)}
	server := &http.Server{Handler: api, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // ends with Close
	defer func() { _ = server.Close() }()

	address := listener.Addr().String()
	command := exec.CommandContext(ctx, append(run, binary)[0], append(run, binary)[1:]...)
	command.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + address, "AWS_LAMBDA_FUNCTION_NAME=" + i.handler, "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none", "AWS_ENDPOINT_URL=http://" + address + "/aws",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=1",
	}
	for name, value := range i.environment {
		command.Env = append(command.Env, name+"="+value)
	}
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		return "", err
	}
	exited := make(chan error, 1)
	go func() { exited <- command.Wait() }()
	defer func() {
		cancel() // kills it
		<-exited
	}()
	select {
	case answer := <-api.answers:
		if !strings.Contains(answer, e.want) {
			return "", fmt.Errorf("the answer has no %s: %s", e.want, answer)
		}
		return clip(answer), nil
	case err := <-exited:
		exited <- err
		return "", fmt.Errorf("the binary ended without an answer: %w\n%s", errors.Join(err, ctx.Err()), output.Bytes())
	}
}

func clip(text string) string {
	const most = 100
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.Join(strings.Fields(text), " ")
}

// runtimeAPI is the Runtime API for one invocation, and an AWS that refuses everything.
type runtimeAPI struct {
	event    []byte
	deadline time.Time
	answers  chan string
	once     sync.Once
}

const prefix = "/2018-06-01/runtime/"

func (a *runtimeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	switch path := strings.TrimPrefix(r.URL.Path, prefix); {
	case path == "invocation/next":
		first := false
		a.once.Do(func() { first = true })
		if !first { // there is one event
			<-r.Context().Done()
			return
		}
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(a.deadline.UnixMilli()))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:check")
		w.Header().Set("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0")
		_, _ = w.Write(a.event) // the function's failure to read shows as no answer
	case strings.HasPrefix(path, "invocation/"), path == "init/error":
		a.answers <- string(body)
		w.WriteHeader(http.StatusAccepted)
	default: // a refusal that no client retries
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"AccessDeniedException","message":"refused"}`)
	}
}
