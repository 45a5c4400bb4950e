package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"payment-webhooks/handlers/awsclient"
	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/subprocess"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Options configures [Start].
type Options struct {
	Root   string    // directory of the repository
	CDKOut string    // directory of the synthesized cloud assembly
	Log    io.Writer // receives the local run's terminal output
	Flags  []string  // additional flags of the local run
	Deploy bool      // start without a stack; [Session.Describe] once it is deployed
}

// Session is a local run that has started. Its methods may be called concurrently.
type Session struct {
	Endpoint string            // the AWS endpoint, for AWS_ENDPOINT_URL
	APIURL   string            // the stack's output WebhookApiUrl
	Outputs  map[string]string // the stack's outputs
	Stack    string            // the stack's name
	AWS      aws.Config        // for AWS clients that call Endpoint

	process *exec.Cmd
	exited  chan struct{}
	exitErr error
	dir     string

	mu       sync.Mutex
	received map[string][]sqstypes.Message // by queue name; see Messages
}

// ready is the content of --ready-file, which the local run writes once it is ready.
type ready struct {
	Endpoint string `json:"endpoint"`
	APIURL   string `json:"api_url"`
	Stack    string `json:"stack"`
}

// Start builds the local run, starts it on free ports and waits until it is ready. The
// caller must call Stop.
func Start(ctx context.Context, o Options) (*Session, error) {
	binary := filepath.Join(o.Root, "build", "local", "run")
	if err := build(ctx, o.Root, binary); err != nil {
		return nil, err
	}

	dir, err := os.MkdirTemp("", "payment-webhooks-")
	if err != nil {
		return nil, err
	}
	readyFile := filepath.Join(dir, "ready.json")
	args := append([]string{"--cdk-out", o.CDKOut, "--endpoint-port", "0", "--api-port", "0", "--ready-file", readyFile}, o.Flags...)
	if o.Deploy {
		args = append(args, "--deploy")
	}
	s := &Session{
		process: exec.Command(binary, args...), exited: make(chan struct{}), dir: dir,
	}
	s.process.Dir = o.Root
	s.process.Stdout, s.process.Stderr = o.Log, o.Log
	// In a process group of its own, Ctrl-C reaches only the caller, which then calls Stop. A caller that is killed cannot.
	if err := errors.Join(subprocess.KillWithParent(s.process), s.process.Start()); err != nil {
		return nil, fmt.Errorf("starting the local run: %w", err)
	}
	go func() {
		s.exitErr = s.process.Wait()
		close(s.exited)
	}()

	r, err := s.waitReady(ctx, readyFile)
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	s.Endpoint = r.Endpoint
	if s.AWS, err = Config(ctx, r.Endpoint); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	if o.Deploy {
		return s, nil
	}
	if err := s.Describe(ctx, r.Stack); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// built has the binaries of the local run that this process has built, so that its later
// sessions do not look for changes again, which takes a second.
var built = struct {
	sync.Mutex
	binaries map[string]bool
}{binaries: map[string]bool{}}

func build(ctx context.Context, root, binary string) error {
	built.Lock()
	defer built.Unlock()
	if built.binaries[binary] {
		return nil
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "./local")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the local run: %w\n%s", err, out)
	}
	built.binaries[binary] = true
	return nil
}

// Config returns the configuration of AWS clients that call a local run's endpoint, in
// the region AWS_REGION, by default us-east-1.
func Config(ctx context.Context, endpoint string) (aws.Config, error) {
	region := os.Getenv("AWS_REGION")
	if region == "" {
		region = "us-east-1"
	}
	c, err := config.LoadDefaultConfig(ctx,
		config.WithRegion(region),
		config.WithBaseEndpoint(endpoint),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("test", "test", "")))
	awsclient.Configure(&c)
	return c, err
}

func (s *Session) waitReady(ctx context.Context, file string) (ready, error) {
	var r ready
	err := Until(ctx, func() (bool, error) {
		select {
		case <-s.exited:
			return false, fmt.Errorf("the local run ended before it was ready: %w", s.exitErr)
		default:
		}
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil // not ready yet
		}
		if err != nil {
			return false, err
		}
		if err := json.Unmarshal(text, &r); err != nil {
			return false, fmt.Errorf("ready file: %w", err)
		}
		return true, nil
	})
	return r, err
}

// Describe reads the outputs of a stack, as `aws cloudformation describe-stacks` does.
func (s *Session) Describe(ctx context.Context, stack string) error {
	s.Stack = stack
	out, err := cloudformation.NewFromConfig(s.AWS).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(s.Stack)})
	if err != nil {
		return err
	}
	if len(out.Stacks) != 1 {
		return fmt.Errorf("DescribeStacks returned %d stacks, want one", len(out.Stacks))
	}
	s.Outputs = map[string]string{}
	for _, o := range out.Stacks[0].Outputs {
		s.Outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	s.APIURL = s.Outputs[contract.OutputAPIURL]
	if s.APIURL == "" {
		return errors.New("the stack has no output WebhookApiUrl")
	}
	return nil
}

// stopTimeout is how long Stop waits for the local run to end. It is generous: only a
// fault makes Stop wait that long.
const stopTimeout = 2 * time.Minute

// Stop interrupts the local run, as Ctrl-C does, and returns the error of its exit
// status, if any. It kills a run that does not end within two minutes.
func (s *Session) Stop() error {
	defer os.RemoveAll(s.dir)
	select {
	case <-s.exited:
		return s.exitErr
	default:
	}
	if err := s.process.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.exited:
		return s.exitErr
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("the local run did not end within %s of an interrupt", stopTimeout), s.process.Process.Kill())
	}
}

// Exited returns a channel that is closed when the local run has ended.
func (s *Session) Exited() <-chan struct{} { return s.exited }

// PID returns the process id of the local run.
func (s *Session) PID() int { return s.process.Process.Pid }

// Response is an HTTP response with its whole body.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Post sends body to a path below the API's base URL.
func (s *Session) Post(ctx context.Context, path, contentType string, body []byte) (Response, error) {
	return s.Do(ctx, http.MethodPost, path, http.Header{"Content-Type": {contentType}}, body)
}

// Do sends a request to a path below the API's base URL. Header names must be in
// canonical form; a header whose first value is empty is left out.
func (s *Session) Do(ctx context.Context, method, path string, header http.Header, body []byte) (Response, error) {
	return do(ctx, method, s.APIURL+path, header, body)
}

func do(ctx context.Context, method, url string, header http.Header, body []byte) (Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return Response{}, err
	}
	for name, values := range header {
		if values[0] != "" {
			req.Header[name] = values
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return Response{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return Response{Status: res.StatusCode, Header: res.Header, Body: text}, err
}

// Control calls one of the local run's own paths, /_local/…, with a body of JSON or none, and
// decodes the response into a value, unless that is nil.
func (s *Session) Control(ctx context.Context, method, path string, body []byte, into any) error {
	res, err := do(ctx, method, s.Endpoint+path, nil, body)
	if err != nil {
		return err
	}
	if res.Status/100 != 2 {
		return fmt.Errorf("%s %s: %d %s", method, path, res.Status, strings.TrimSpace(string(res.Body)))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(res.Body, into)
}

// Until calls condition until it reports true or an error, or ctx ends. It pauses for
// twice as long as the condition took, so that asking takes at most a third of the time
// from what is waited for.
func Until(ctx context.Context, condition func() (bool, error)) error {
	for {
		start := time.Now()
		if ok, err := condition(); ok || err != nil {
			return err
		}
		pause := min(max(shortestPause, 2*time.Since(start)), longestPause)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// Bounds of the pauses of [Until].
const (
	shortestPause = 20 * time.Millisecond
	longestPause  = 2 * time.Second
)
