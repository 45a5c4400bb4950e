package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"payment-webhooks/local/assembly"
	"payment-webhooks/local/clock"
	"payment-webhooks/local/cloudwatch"
	"payment-webhooks/local/eventsource"
	"payment-webhooks/local/moto"
	"payment-webhooks/local/xray"
)

// TestMain is a function's binary if it is started as one.
func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		function()
		return
	}
	os.Exit(m.Run())
}

// function asks the Runtime API for events. It asks the test for the response to each.
func function() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	read := func(response *http.Response, err error) ([]byte, string) {
		if err != nil {
			panic(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			panic(err)
		}
		return body, response.Header.Get("Lambda-Runtime-Aws-Request-Id")
	}
	for {
		event, id := read(http.Get(api + "next"))
		response, _ := read(http.Post(os.Getenv("TEST")+"/"+os.Getenv("VERSION"), "", bytes.NewReader(event)))
		read(http.Post(api+id+"/response", "", bytes.NewReader(response)))
	}
}

// fakeRegion is what a stack is deployed to: the data server with one stream, and the code of the
// stack's function.
type fakeRegion struct {
	*testing.T
	host *Host
	data *httptest.Server // of records
	code *httptest.Server // responds to functions

	later atomic.Int64 // nanoseconds by which the alarms' clock is ahead

	mu      sync.Mutex
	records []string      // of the stream, by their sequence numbers
	handled []string      // "VERSION:RECORD"
	held    chan struct{} // responses to what holds wait until it is closed
	holding chan string   // receives the version of each function that is held
	printed bytes.Buffer
}

// Write implements io.Writer for what the host prints.
func (f *fakeRegion) Write(line []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.printed.Write(line)
}

func (f *fakeRegion) add(records ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.records = append(f.records, records...)
}

// serveData responds as DynamoDB Streams, and accepts every other call.
func (f *fakeRegion) serveData(w http.ResponseWriter, r *http.Request) {
	var in struct{ StreamArn, ShardIterator string }
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &in) // other calls have no such member
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	switch _, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "."); action {
	case "DescribeStream":
		fmt.Fprint(w, `{"StreamDescription": {"Shards": [{"ShardId": "shardId-000"}]}}`)
	case "GetShardIterator": // of TRIM_HORIZON
		fmt.Fprintf(w, `{"ShardIterator": "%s|0"}`, in.StreamArn)
	case "GetRecords":
		stream, position, _ := strings.Cut(in.ShardIterator, "|")
		from, _ := strconv.Atoi(position)
		var records []string
		for _, record := range f.records[from:] {
			records = append(records, fmt.Sprintf(`{"eventName": "INSERT", "dynamodb": {"SequenceNumber": %q, "ApproximateCreationDateTime": %d, "Keys": {"id": {"S": %q}}}}`,
				record, time.Now().Unix(), record))
		}
		fmt.Fprintf(w, `{"Records": [%s], "NextShardIterator": "%s|%d"}`, strings.Join(records, ","), stream, len(f.records))
	default:
		fmt.Fprint(w, "{}")
	}
}

// serveCode responds for a function of the version in the path.
func (f *fakeRegion) serveCode(w http.ResponseWriter, r *http.Request) {
	version := strings.TrimPrefix(r.URL.Path, "/")
	var event struct {
		Path    string
		Records []struct {
			Dynamodb struct{ SequenceNumber string }
		}
	}
	body, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(body, &event); err != nil {
		f.Errorf("event %s: %v", body, err)
	}
	hold := event.Path == "/held" || slices.ContainsFunc(event.Records, func(r struct {
		Dynamodb struct{ SequenceNumber string }
	},
	) bool {
		return strings.HasPrefix(r.Dynamodb.SequenceNumber, "9")
	})
	if hold {
		f.holding <- version
		<-f.held
	}
	f.mu.Lock()
	for _, record := range event.Records {
		f.handled = append(f.handled, version+":"+record.Dynamodb.SequenceNumber)
	}
	f.mu.Unlock()
	if event.Path != "" {
		fmt.Fprintf(w, `{"statusCode": 200, "body": %q}`, "version "+version)
		return
	}
	fmt.Fprint(w, "{}")
}

// testTemplate is a stack of one function behind an API and a stream, with an alarm and a rule.
const testTemplate = `{"Resources": {
	"Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "fn", "AssumeRolePolicyDocument": {}, "Policies": [{"PolicyName": "p", "PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}}]}},
	"Function": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": "fn", "PackageType": "Image", "Code": {"ImageUri": "images:IMAGE"}, "Role": {"Fn::GetAtt": ["Role", "Arn"]},
		"Timeout": 60, "Environment": {"Variables": {"TEST": "CODE", "VERSION": "VERSION-OF"}}}},
	"Permission": {"Type": "AWS::Lambda::Permission", "Properties": {"Action": "lambda:InvokeFunction", "FunctionName": {"Fn::GetAtt": ["Function", "Arn"]}, "Principal": "apigateway.amazonaws.com"}},
	"API": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "api"}},
	"Resource": {"Type": "AWS::ApiGateway::Resource", "Properties": {"RestApiId": {"Ref": "API"}, "ParentId": {"Fn::GetAtt": ["API", "RootResourceId"]}, "PathPart": "{path}"}},
	"Method": {"Type": "AWS::ApiGateway::Method", "Properties": {"RestApiId": {"Ref": "API"}, "ResourceId": {"Ref": "Resource"}, "HttpMethod": "GET", "AuthorizationType": "NONE",
		"Integration": {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": {"Fn::Join": ["", ["arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/", {"Fn::GetAtt": ["Function", "Arn"]}, "/invocations"]]}}}},
	"Deployment": {"Type": "AWS::ApiGateway::Deployment", "Properties": {"RestApiId": {"Ref": "API"}}},
	"Stage": {"Type": "AWS::ApiGateway::Stage", "Properties": {"RestApiId": {"Ref": "API"}, "DeploymentId": {"Ref": "Deployment"}, "StageName": "v1"}},
	"Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "bus"}},
	"Archive": {"Type": "AWS::Events::Archive", "Properties": {"ArchiveName": "all", "SourceArn": {"Fn::GetAtt": ["Bus", "Arn"]}}},
	"Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"FunctionName": "fn", "EventSourceArn": "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/s", "StartingPosition": "TRIM_HORIZON", "BatchSize": BATCH}},
	"Kept": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": "kept", "Namespace": "Test", "MetricName": "Errors", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1,
		"ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "ignore"}},
	"Changed": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": "changed", "Namespace": "Test", "MetricName": "Errors", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": BATCH,
		"ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "ignore"}}
}}`

// version returns an emulator of a version of the stack, which is not started.
func (f *fakeRegion) version(version string, replace ...string) *Emulator {
	f.Helper()
	text := strings.NewReplacer(append(replace, "IMAGE", "built", "CODE", f.code.URL, "VERSION-OF", version, "BATCH", "2")...).Replace(testTemplate)
	stack, err := assembly.Read("S", []byte(text), map[string]assembly.Image{
		"built":   {Hash: "built", Directory: f.TempDir(), BuildArgs: map[string]string{"HANDLER": "fn"}},
		"unbuilt": {Hash: "unbuilt", Directory: f.TempDir(), BuildArgs: map[string]string{"HANDLER": "fn"}},
	})
	if err != nil {
		f.Fatal(err)
	}
	if err := stack.Evaluate(f.host.env(), nil); err != nil {
		f.Fatal(err)
	}
	e, err := newEmulator(f.host.shared, stack, assembly.NewResolver(stack, types, f.host.env()))
	if err != nil {
		f.Fatal(err)
	}
	return e
}

// newRegion returns a region in which version 1 is in service.
func newRegion(t *testing.T) *fakeRegion {
	t.Helper()
	f := &fakeRegion{T: t, held: make(chan struct{}), holding: make(chan string, 10)}
	f.data = httptest.NewServer(http.HandlerFunc(f.serveData))
	t.Cleanup(f.data.Close)
	f.code = httptest.NewServer(http.HandlerFunc(f.serveCode))
	t.Cleanup(f.code.Close)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	builds := t.TempDir()
	if err := os.Mkdir(filepath.Join(builds, "built"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(builds, "built", "bootstrap")); err != nil {
		t.Fatal(err)
	}
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	h, err := New(Options{
		Deploy: true, CDKOut: t.TempDir(), BuildDir: builds, Region: "us-east-1", TimeScale: 1, MaxEnvironments: 10, Quiet: true,
		Endpoint: listen(), API: listen(), Output: f, Getenv: os.Getenv,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.host = h
	h.now = func() time.Time { return time.Now().Add(time.Duration(f.later.Load())) }
	h.moto = &moto.Server{URL: f.data.URL}
	h.traces = xray.New(h.notRecorded)
	t.Cleanup(func() {
		h.Close()
		if t.Failed() {
			t.Log(f.printed.String())
		}
	})
	h.cleanup(h.traces.Close)
	if h.serving, err = h.empty(); err != nil {
		t.Fatal(err)
	}
	h.cleanup(func() { h.current().Close() })
	if err := h.serving.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.serving.run()
	h.serve(h.options.Endpoint, http.HandlerFunc(h.serveEndpoint))
	h.serve(h.options.API, http.HandlerFunc(h.serveAPI))
	h.cleanup(f.release)
	if err := f.replace(f.version("1")); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fakeRegion) replace(e *Emulator) error {
	return f.host.replace(f.Context(), "S", e)
}

// release lets go of what is held, and of what would be.
func (f *fakeRegion) release() {
	select {
	case <-f.held:
	default:
		close(f.held)
	}
}

// get requests a path of the API and returns what its function responds with.
func (f *fakeRegion) get(path string) string {
	response, err := http.Get("http://" + f.host.options.API.Addr().String() + "/v1" + path)
	if err != nil {
		return err.Error()
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	_ = response.Body.Close() // only read
	return string(body)
}

// wait bounds what is waited for. It is generous for slow machines.
const wait = 2 * time.Minute

// until waits until something is so.
func (f *fakeRegion) until(what string, is func() bool) {
	f.Helper()
	for deadline := time.Now().Add(wait); !is(); clock.Sleep(f.Context(), 5*time.Millisecond) {
		if time.Now().After(deadline) {
			f.Fatalf("waited in vain until %s", what)
		}
	}
}

// wants waits until the function has handled records, by version, and no others.
func (f *fakeRegion) wants(want ...string) {
	f.Helper()
	var got []string
	f.until(fmt.Sprintf("the records %v are handled", want), func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		got = slices.Clone(f.handled)
		return len(got) >= len(want)
	})
	if !slices.Equal(got, want) {
		f.Fatalf("handled %v, want %v", got, want)
	}
}

// An update must not lose what the template before has begun.
func TestReplace(t *testing.T) {
	t.Run("when a request is under way, its function responds, and new requests go to the next", func(t *testing.T) {
		f := newRegion(t)
		old := make(chan string, 1)
		go func() { old <- f.get("/held") }()
		if version := <-f.holding; version != "1" {
			t.Fatalf("version %s", version)
		}
		replaced := make(chan error, 1)
		go func() { replaced <- f.replace(f.version("2")) }()
		f.until("version 2 is in service", func() bool { return f.get("/x") == "version 2" })
		select {
		case response := <-old:
			t.Fatalf("response before the release: %s", response)
		case err := <-replaced:
			t.Fatalf("replaced before the release: %v", err)
		default:
		}
		f.release()
		if response := <-old; response != "version 1" {
			t.Errorf("response %s", response)
		}
		if err := <-replaced; err != nil {
			t.Error(err)
		}
	})
	t.Run("when a batch is under way, the next mapping begins after it", func(t *testing.T) {
		f := newRegion(t)
		f.add("1", "2")
		f.wants("1:1", "1:2")
		f.add("9")
		<-f.holding
		f.add("10")
		replaced := make(chan error, 1)
		next := f.version("2", "BATCH", "3") // the mapping changes, and reads the same stream
		go func() { replaced <- f.replace(next) }()
		f.until("the mapping is disabled", func() bool { return f.host.current().mappingStats()[0].State == eventsource.Disabling })
		f.release()
		if err := <-replaced; err != nil {
			t.Fatal(err)
		}
		f.wants("1:1", "1:2", "1:9", "2:10")
		f.add("11")
		f.wants("1:1", "1:2", "1:9", "2:10", "2:11")
	})
	t.Run("when the next mapping reads another stream, it begins at its start", func(t *testing.T) {
		f := newRegion(t)
		f.add("1")
		f.wants("1:1")
		if err := f.replace(f.version("2", "stream/s", "stream/another")); err != nil {
			t.Fatal(err)
		}
		f.wants("1:1", "2:1")
	})
	t.Run("alarms keep their state, changed or not, and events stay archived", func(t *testing.T) {
		f := newRegion(t)
		states := func() map[string]cloudwatch.State {
			list, err := f.host.current().alarms.Evaluate(t.Context(), f.host.now())
			if err != nil {
				t.Fatal(err)
			}
			byName := map[string]cloudwatch.State{}
			for _, s := range list {
				byName[s.Name] = s.State
			}
			return byName
		}
		f.host.metrics.Put(cloudwatch.NewMetric("Test", "Errors"), 5, f.host.now())
		if _, err := f.host.current().bus.PutEvents(t.Context(), []byte(`{"Entries": [{"Source": "s", "DetailType": "d", "Detail": "{}", "EventBusName": "bus"}]}`)); err != nil {
			t.Fatal(err)
		}
		f.later.Store(int64(5 * time.Minute))
		if got := states(); got["kept"] != cloudwatch.Alarm || got["changed"] != cloudwatch.Alarm {
			t.Fatalf("before: %v", got)
		}
		if err := f.replace(f.version("2", "BATCH", "3")); err != nil {
			t.Fatal(err)
		}
		if got := states(); got["kept"] != cloudwatch.Alarm || got["changed"] != cloudwatch.Alarm {
			t.Errorf("after: %v", got)
		}
		if archived := f.host.current().bus.Archived(); len(archived) != 1 {
			t.Errorf("archived %s", archived)
		}
	})
	t.Run("an operator's switch of a mapping stays, unless the mapping changes", func(t *testing.T) {
		f := newRegion(t)
		state := func() string { return f.host.current().mappingStats()[0].State }
		for _, m := range f.host.current().mappings {
			m.SetEnabled(false)
		}
		if err := f.replace(f.version("2")); err != nil || state() != eventsource.Disabled {
			t.Errorf("%s, %v", state(), err)
		}
		f.add("1")
		if err := f.replace(f.version("3", "BATCH", "3")); err != nil || state() != eventsource.Enabled {
			t.Errorf("%s, %v", state(), err)
		}
		f.wants("3:1")
	})
	t.Run("when the next one cannot start, the one before serves on", func(t *testing.T) {
		f := newRegion(t)
		f.add("1")
		f.wants("1:1")
		if err := f.replace(f.version("2", "IMAGE", "unbuilt")); err == nil || !strings.Contains(err.Error(), "build fn") {
			t.Fatalf("error %v", err)
		}
		if response := f.get("/x"); response != "version 1" {
			t.Errorf("response %s", response)
		}
		f.add("2")
		f.wants("1:1", "1:2")
		if err := f.replace(f.version("3")); err != nil {
			t.Fatal(err)
		}
		f.add("3")
		f.wants("1:1", "1:2", "3:3")
	})
}
