package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"

	"payment-webhooks/local/apigateway"
	"payment-webhooks/local/assembly"
	"payment-webhooks/local/cloudformation"
	"payment-webhooks/local/cloudwatch"
	"payment-webhooks/local/deliveries"
	"payment-webhooks/local/egress"
	"payment-webhooks/local/events"
	"payment-webhooks/local/faults"
	"payment-webhooks/local/guard"
	"payment-webhooks/local/moto"
	"payment-webhooks/local/sendview"
	"payment-webhooks/local/tools"
	"payment-webhooks/local/xray"
)

// Options configure a host. Every field but Deploy, EgressDir, Secrets, RemovedGrants, Quiet, FaultSeed
// and Faults is required.
type Options struct {
	CDKOut          string        // the synthesized cloud assembly; with Deploy, only its images are read
	Deploy          bool          // start without a stack, and wait for one to be deployed
	BuildDir        string        // where built handlers are kept
	Region          string        // for a template that does not name one
	TimeScale       float64       // divides the waits between asynchronous retries, at least 1
	MaxEnvironments int           // processes per function, at least 1
	Secrets         []Secret      // to create in Secrets Manager
	RemovedGrants   []string      // ids of grants to take out of their policies
	EgressDir       string        // served to functions in place of the internet; empty: they reach what this machine reaches
	Quiet           bool          // print neither log lines nor the table of resources
	FaultSeed       uint64        // seeds the choices of faults
	Faults          []faults.Spec // to inject from the start

	AllowHosts    []string     // further names by which this machine may be called, such as that of a tunnel
	Endpoint, API net.Listener // of the AWS endpoint and of the API
	Output        io.Writer    // the terminal
	Getenv        func(string) string
}

// Ready is what a program that started the local run needs to know of it.
type Ready struct {
	Endpoint string `json:"endpoint"` // the AWS endpoint's URL
	APIURL   string `json:"api_url"`  // the API's URL, with the stage; without a stack, the address
	PID      int    `json:"pid"`
	Stack    string `json:"stack"` // the stack's name; "" without one
	Region   string `json:"region"`
}

// Host is the account and region that stacks are deployed to. One stack at a time has code, which
// an [Emulator] runs.
type Host struct {
	*shared

	first *deployment // of the assembly; nil: nothing is deployed at the start

	mu      sync.Mutex
	serving *Emulator // never nil once started; that of an empty stack when nothing is deployed
	stack   string    // the name of the stack that it runs; "" when nothing is deployed

	cleanups []func()
	running  sync.WaitGroup
}

// defaultAccount is the account of a template that does not name one.
const defaultAccount = "123456789012"

// New reads the assembly, unless a stack is to be deployed later, and starts nothing. The error
// lists everything unsupported in the template.
func New(o Options) (*Host, error) {
	t := &terminal{out: o.Output, quiet: o.Quiet}
	h := &Host{shared: &shared{
		options: o, terminal: t, log: t.logger("local"), account: defaultAccount, region: o.Region,
		endpointURL: "http://" + o.Endpoint.Addr().String(),
		metrics:     cloudwatch.NewStore(), now: time.Now, faults: faults.New(o.FaultSeed, nil),
		record: deliveries.NewRecord(time.Now),
		failed: make(chan error, 1),
	}}
	h.queueMetrics = cloudwatch.NewQueues(h.metrics, time.Now)
	h.sends = sendview.NewRuns(t.logger("page"))
	if o.Deploy {
		h.open()
		return h, nil
	}
	stack, err := assembly.Open(o.CDKOut)
	if err != nil {
		return nil, err
	}
	if stack.Account != "" {
		h.account = stack.Account
	}
	if stack.Region != "" {
		h.region = stack.Region
	}
	h.open()
	if err := stack.Evaluate(h.env(), nil); err != nil {
		return nil, unsupported(o.CDKOut, err)
	}
	resolver := assembly.NewResolver(stack, types, h.env())
	e, err := newEmulator(h.shared, stack, resolver)
	if err != nil {
		return nil, unsupported(o.CDKOut, err)
	}
	h.first = newDeployment(h, stack, resolver, e, nil)
	h.faults.Serve(e.handlers())
	return h, h.addFaults()
}

// open opens what needs the account and the region, once they are known.
func (h *Host) open() {
	h.tools = tools.New(".", h.endpointURL, h.region, h.terminal.logger("page"))
	h.stacks = cloudformation.New(cloudformation.Config{
		Account: h.account, Region: h.region, Read: h.read, Object: h.object, Announce: h.announce, Now: time.Now, NewID: uuid.NewString,
	})
}

func unsupported(what string, err error) error {
	return fmt.Errorf("%s asks for what the local run does not support:\n%w", what, err)
}

func (h *Host) env() assembly.Env {
	return assembly.Env{Account: h.account, Region: h.region, Endpoint: h.endpointURL}
}

// startTimeout bounds the start of moto and the creation of resources. It is generous for slow
// machines: a moto that exits instead of responding is noticed at once.
const startTimeout = 5 * time.Minute

// Start brings everything up. Close ends what was started, also after an error.
func (h *Host) Start(ctx context.Context) error {
	path, err := moto.Find(".", h.options.Getenv)
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if h.moto, err = moto.Start(waiting, path, h.account); err != nil {
		return err
	}
	h.cleanup(h.moto.Stop)
	h.cleanup(h.faults.Close)
	h.cleanup(h.sends.Close)
	if err := h.createSecrets(waiting, h.configAt(h.moto.URL, userKey)); err != nil {
		return err
	}
	h.traces = xray.New(h.notRecorded)
	h.cleanup(h.traces.Close)
	if dir := h.options.EgressDir; dir != "" {
		if h.egress, err = egress.Open(dir, h.options.Getenv("SSL_CERT_FILE"), h.terminal.logger("egress"), time.Now); err != nil {
			return fmt.Errorf("--egress %s: %w", dir, err)
		}
		h.cleanup(h.egress.Close)
	}
	if h.serving, err = h.empty(); err != nil {
		return err
	}
	h.cleanup(func() { h.current().Close() })
	if err := h.serving.start(ctx); err != nil {
		return err
	}
	h.serving.run()
	h.serve(h.options.Endpoint, http.HandlerFunc(h.serveEndpoint)) // the stack's mappings use it at once
	if d := h.first; d != nil {
		text, err := json.Marshal(d.stack.Tree)
		if err != nil {
			return err
		}
		if err := h.stacks.Create(ctx, d.resolver.StackID(), d.stack.Name, text, d); err != nil {
			return err
		}
	}
	h.serve(apigateway.Listener(h.options.API), http.HandlerFunc(h.serveAPI))
	h.cleanup(h.stacks.Close)
	return nil
}

// empty returns the emulator of no stack, which responds that there is nothing.
func (h *Host) empty() (*Emulator, error) {
	stack := &assembly.Stack{}
	return newEmulator(h.shared, stack, assembly.NewResolver(stack, types, h.env()))
}

func (h *Host) current() *Emulator {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.serving
}

// drainTimeout is how long the emulator of a template is kept for what is under way when another
// one has taken over.
const drainTimeout = 30 * time.Second

// replace puts an emulator, whose resources exist, into service. After an error the one before is
// in service still.
func (h *Host) replace(ctx context.Context, name string, next *Emulator) error {
	before := h.current()
	if err := next.start(ctx); err != nil {
		next.Close()
		return err
	}
	for queue, retention := range next.retentions {
		h.queueMetrics.Add(queue, retention)
	}
	draining, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	next.continueMappings(draining, before)
	next.alarms.Continue(before.alarms)
	next.defaultBus.Continue(before.defaultBus)
	events.Continue(next.schedules.Rules(), before.schedules.Rules())
	next.endpoint.Continue(before.endpoint)
	h.faults.Serve(next.handlers())
	if err := h.addFaults(); err != nil {
		h.log.Error("not injected", "error", err)
	}
	h.mu.Lock()
	h.serving, h.stack = next, name
	h.mu.Unlock()
	next.sns.Continue(before.sns)
	next.bus.Continue(before.bus)
	next.run()
	if err := before.drain(draining); err != nil && ctx.Err() == nil {
		h.log.Warn("ended by the update", "error", err)
	}
	before.Close()
	return nil
}

func (h *Host) serveEndpoint(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	e := h.serving
	if strings.HasPrefix(r.URL.Path, "/2015-03-31/functions/") { // an invocation
		e.requests.Add(1)
		defer e.requests.Done()
	}
	h.mu.Unlock()
	e.endpoint.ServeHTTP(w, r)
}

func (h *Host) serveAPI(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	e := h.serving
	e.requests.Add(1)
	defer e.requests.Done()
	h.mu.Unlock()
	if e.api == nil { // what API Gateway responds with where there is no API
		respond(w, http.StatusForbidden, map[string]any{"message": "Forbidden"})
		return
	}
	e.api.ServeHTTP(w, r)
}

// Ready returns what another program needs to use the host.
func (h *Host) Ready() Ready {
	e := h.current()
	return Ready{Endpoint: h.endpointURL, APIURL: e.apiURL, PID: os.Getpid(), Stack: e.stack.Name, Region: h.region}
}

// Wait returns nil when ctx ends, or an error when a part of the host fails before that.
func (h *Host) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		h.terminal.print("ending")
		h.current().printMisdirected()
		return nil
	case <-h.moto.Done():
		return h.moto.Err()
	case err := <-h.failed:
		// Without moto, everything else fails sooner or later: moto's error is the reason.
		if motoErr := h.moto.Err(); motoErr != nil {
			return motoErr
		}
		return err
	}
}

// Close ends everything in the reverse order of its start.
func (h *Host) Close() {
	if e := h.current(); e != nil {
		e.endStreams() // or the end of the listener would wait for open pages
	}
	for _, end := range slices.Backward(h.cleanups) {
		end()
	}
	h.cleanups = nil
	h.running.Wait()
}

func (h *Host) cleanup(end func()) { h.cleanups = append(h.cleanups, end) }

// serve accepts connections until Close.
func (h *Host) serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{Handler: guard.Handler(h.stamped(handler), h.options.AllowHosts...), ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelWarn)}
	apigateway.KeepNames(server)
	h.running.Add(1)
	go func() {
		defer h.running.Done()
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			h.fail(err)
		}
	}()
	h.cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			server.Close() // requests that are still running are aborted
		}
	})
}

// object returns an object of S3: the template of a deployment.
func (h *Host) object(ctx context.Context, bucket, key string) ([]byte, error) {
	client := s3.NewFromConfig(h.configAt(h.moto.URL, userKey), func(o *s3.Options) { o.UsePathStyle = true })
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	return io.ReadAll(out.Body)
}

// announce publishes the event of a stack's new status.
func (h *Host) announce(stackID, status, reason string) {
	h.current().announce(stackID, status, reason)
}
