package endpoint

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"payment-webhooks/local/cloudformation"
	"payment-webhooks/local/events"
	"payment-webhooks/local/faults"
	"payment-webhooks/local/iam"
	"payment-webhooks/local/lambda"
	"payment-webhooks/local/sns"
	"payment-webhooks/local/states"
)

// StateMachine is a state machine, for Step Functions' API.
type StateMachine interface {
	// Describe returns the response of DescribeStateMachine.
	Describe() states.Description
	Start(name string, input []byte) (executionARN string, started time.Time, err error)
}

// Bus is EventBridge's API. Its methods process the body of a call and return that of the
// response.
type Bus interface {
	PutEvents(ctx context.Context, body []byte) ([]byte, error)
	Call(operation string, body []byte) ([]byte, error) // every other operation
}

// Config holds what the endpoint dispatches calls to.
type Config struct {
	Moto     *url.URL
	Scope    iam.Scope // account and region of resources that a request names by name only
	Policies *iam.Policies
	Stacks   cloudformation.Handler
	// Image reports whether the local run can build the image of a tag; nil: it can build none.
	Image func(tag string) bool
	// Functions by physical name.
	Functions map[string]*lambda.Function
	Bus       Bus
	Mappings  map[string]Mapping      // by UUID
	Machines  map[string]StateMachine // by ARN
	SNS       *sns.Delivery
	Faults    *faults.Set // nil: none is injected
	// SQS receives each SQS call that moto accepted, with the bodies of request and response, before
	// the response begins; nil: none does.
	SQS func(operation string, request, response []byte)
	// DynamoDB receives each DynamoDB call with its response, once that has been sent; nil: none does.
	DynamoDB func(operation string, request []byte, status int, response []byte)
	Topics   map[string]bool // ARNs of the template's topics
	// Flush sends what was logged so far to moto.
	Flush   func(ctx context.Context)
	Control http.Handler // paths under /_local/
	Log     *slog.Logger
	Now     func() time.Time
}

// Endpoint responds to AWS API calls.
type Endpoint struct {
	config        Config
	moto          *httputil.ReverseProxy
	topicsChanged atomic.Bool // a call may have changed topics or subscriptions
}

// New returns the endpoint.
func New(config Config) *Endpoint {
	e := &Endpoint{config: config}
	e.moto = &httputil.ReverseProxy{
		FlushInterval: -1, // stream responses as they arrive
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(config.Moto)
			r.Out.Host = r.In.Host // queue URLs are made of it
			// The body is passed on unchanged: the proxy must not add an encoding.
			if _, ok := r.In.Header["Accept-Encoding"]; !ok {
				r.Out.Header.Set("Accept-Encoding", "identity")
			}
		},
		Transport:      newSerializer(&http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 30 * time.Second}),
		ModifyResponse: streamPosition,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				config.Log.Error("moto did not respond", "path", r.URL.Path, "error", err)
			}
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	return e
}

// Continue takes over, after an update of the stack, what calls to the endpoint before have changed.
func (e *Endpoint) Continue(before *Endpoint) {
	if before.topicsChanged.Load() {
		e.topicsChanged.Store(true)
	}
}

// credential is in "AWS4-HMAC-SHA256 Credential=KEY/20261122/us-east-1/sqs/aws4_request, …".
var credential = regexp.MustCompile(`Credential=([^/,\s]+)/\d{8}/[^/]+/([^/]+)/aws4_request`)

// maxBuffered bounds the requests that are read into memory, in bytes: DynamoDB's, the
// largest of them, may have 16 MB.
const maxBuffered = 16 << 20

// ServeHTTP responds to one call.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_local/") {
		e.config.Control.ServeHTTP(w, r)
		return
	}
	match := credential.FindStringSubmatch(r.Header.Get("Authorization"))
	if match == nil { // presigned
		match = credential.FindStringSubmatch("Credential=" + r.URL.Query().Get("X-Amz-Credential"))
	}
	if match == nil { // a browser: moto decides
		e.moto.ServeHTTP(w, r)
		return
	}
	accessKey, service := match[1], match[2]
	var body []byte
	if service != "s3" {
		var err error
		if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBuffered)); err != nil {
			fail(w, service, http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", err.Error())
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	if caller, checked := e.config.Policies.Checks(accessKey); checked {
		call, err := e.config.Scope.Identify(service, r, body)
		if err != nil {
			e.config.Log.Error("access denied", "role", caller, "error", err)
		} else {
			err = e.config.Policies.Check(caller, call)
		}
		if err != nil {
			e.deny(w, service, err)
			return
		}
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if service == "dynamodb" && e.config.DynamoDB != nil {
		kept := &keptWriter{ResponseWriter: w, status: http.StatusOK}
		w = kept
		defer func() { e.config.DynamoDB(operation, body, kept.status, kept.body.Bytes()) }()
	}
	e.inject(w, r, service, operation, body, func(w http.ResponseWriter, r *http.Request, body []byte) {
		e.dispatch(w, r, service, operation, body)
	})
}

// dispatch performs a call that is allowed.
func (e *Endpoint) dispatch(w http.ResponseWriter, r *http.Request, service, operation string, body []byte) {
	switch service {
	case "cloudformation":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			fail(w, service, http.StatusBadRequest, "MalformedQueryString", err.Error())
			return
		}
		e.config.Stacks.ServeQuery(w, form)
	case "ecr":
		e.ecr(w, r, operation, body)
	case "lambda":
		e.lambda(w, r, body)
	case "events":
		e.events(w, r, operation, body)
	case "states":
		e.states(w, r, operation, body)
	case "sns":
		e.sns(w, r, body)
	case "sqs":
		e.sqs(w, r, operation, body)
	case "logs", "monitoring":
		// What EventBridge writes to a log group need not wait for everything else.
		if operation != "PutLogEvents" && operation != "CreateLogStream" {
			// Entries that were removed from the queue must be sent, even if the caller is gone.
			e.config.Flush(context.WithoutCancel(r.Context()))
		}
		e.moto.ServeHTTP(w, r)
	default:
		e.moto.ServeHTTP(w, r)
	}
}

// deny responds to a call that is not allowed, or whose service may not use the resource's
// key for the caller.
//
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
func (e *Endpoint) deny(w http.ResponseWriter, service string, err error) {
	denied, is := errors.AsType[*iam.DeniedError](err)
	ofKey := is && denied.Key
	switch {
	case service == "sqs" && ofKey:
		fail(w, service, http.StatusBadRequest, "KmsAccessDenied", err.Error())
		return
	case service == "sns" && ofKey:
		fail(w, service, http.StatusBadRequest, "KMSAccessDenied", err.Error())
		return
	}
	switch service {
	case "monitoring":
		fail(w, service, http.StatusForbidden, "AccessDenied", err.Error())
	case "sns":
		fail(w, service, http.StatusForbidden, "AuthorizationError", err.Error())
	case "s3":
		fail(w, service, http.StatusForbidden, "AccessDenied", err.Error())
	case "lambda":
		fail(w, service, http.StatusForbidden, "AccessDeniedException", err.Error())
	default:
		fail(w, service, http.StatusBadRequest, "AccessDeniedException", err.Error())
	}
}

// fail writes an error in the service's protocol.
func fail(w http.ResponseWriter, service string, status int, code, message string) {
	switch service {
	case "s3", "sns", "cloudformation", "monitoring":
		type failure struct {
			Type    string `xml:",omitempty"`
			Code    string
			Message string
		}
		blame := "Sender"
		if status >= http.StatusInternalServerError {
			blame = "Receiver"
		}
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		var body any = struct {
			XMLName xml.Name `xml:"ErrorResponse"`
			Error   failure
		}{Error: failure{blame, code, message}}
		if service == "s3" {
			body = struct {
				XMLName xml.Name `xml:"Error"`
				failure
			}{failure: failure{Code: code, Message: message}}
		}
		_ = xml.NewEncoder(w).Encode(body) // a client that went away
	default:
		w.Header().Set("Content-Type", jsonContentType(service))
		w.Header().Set("X-Amzn-Errortype", code)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message, "Message": message})
	}
}

// jsonContentType is that of the service's JSON protocol: 1.0 or 1.1. Lambda's is REST.
func jsonContentType(service string) string {
	switch service {
	case "dynamodb", "sqs", "states":
		return "application/x-amz-json-1.0"
	case "lambda":
		return "application/json"
	}
	return "application/x-amz-json-1.1"
}

// queryAction is the operation of a call in the query protocol.
func queryAction(body []byte) string {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return ""
	}
	return form.Get("Action")
}

func notSupported(w http.ResponseWriter, service, operation string) {
	fail(w, service, http.StatusNotImplemented, "NotImplemented", "the local run does not support "+service+" "+operation)
}

// lambda responds to Invoke, GetFunctionConfiguration, and the operations of event source
// mappings.
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
func (e *Endpoint) lambda(w http.ResponseWriter, r *http.Request, body []byte) {
	if strings.HasPrefix(r.URL.Path, mappingsPath) {
		e.mappings(w, r, body)
		return
	}
	const prefix, suffix, configuration = "/2015-03-31/functions/", "/invocations", "/configuration"
	escaped := r.URL.EscapedPath()
	if r.Method == http.MethodGet && strings.HasPrefix(escaped, prefix) && strings.HasSuffix(escaped, configuration) {
		e.functionConfiguration(w, strings.TrimSuffix(strings.TrimPrefix(escaped, prefix), configuration))
		return
	}
	if r.Method != http.MethodPost || !strings.HasPrefix(escaped, prefix) || !strings.HasSuffix(escaped, suffix) {
		notSupported(w, "lambda", r.Method+" "+r.URL.Path)
		return
	}
	name, err := url.PathUnescape(strings.TrimSuffix(strings.TrimPrefix(escaped, prefix), suffix))
	if err != nil {
		fail(w, "lambda", http.StatusBadRequest, "InvalidParameterValueException", err.Error())
		return
	}
	function := e.config.Functions[lambda.NameOf(name)]
	if function == nil {
		fail(w, "lambda", http.StatusNotFound, "ResourceNotFoundException", "Function not found: "+name)
		return
	}
	if len(body) > 0 && !json.Valid(body) {
		fail(w, "lambda", http.StatusBadRequest, "InvalidRequestContentException", "Could not parse request body into json")
		return
	}
	request := lambda.Request{Payload: body, TraceID: r.Header.Get("X-Amzn-Trace-Id")}
	switch invocation := r.Header.Get("X-Amz-Invocation-Type"); invocation {
	case "Event":
		id, err := function.InvokeAsync(request)
		if err != nil {
			lambdaError(w, err)
			return
		}
		w.Header().Set("X-Amzn-Requestid", id)
		w.WriteHeader(http.StatusAccepted)
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	case "", "RequestResponse":
		response, err := function.Invoke(r.Context(), request)
		if err != nil {
			lambdaError(w, err)
			return
		}
		header := w.Header()
		header.Set("Content-Type", "application/json")
		header.Set("X-Amzn-Requestid", response.RequestID)
		header.Set("X-Amz-Executed-Version", "$LATEST")
		if response.FunctionError != "" {
			header.Set("X-Amz-Function-Error", response.FunctionError)
		}
		if r.Header.Get("X-Amz-Log-Type") == "Tail" {
			header.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(response.LogTail))
		}
		_, _ = w.Write(response.Payload) // a client that went away
	default:
		fail(w, "lambda", http.StatusBadRequest, "InvalidParameterValueException", "invocation type "+invocation)
	}
}

// functionConfiguration responds with what a function is configured with in the template.
// https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html
func (e *Endpoint) functionConfiguration(w http.ResponseWriter, escaped string) {
	name, err := url.PathUnescape(escaped)
	if err != nil {
		fail(w, "lambda", http.StatusBadRequest, "InvalidParameterValueException", err.Error())
		return
	}
	function := e.config.Functions[lambda.NameOf(name)]
	if function == nil {
		fail(w, "lambda", http.StatusNotFound, "ResourceNotFoundException", "Function not found: "+name)
		return
	}
	config := function.Config()
	variables := maps.Clone(config.Environment)
	// What Lambda or the local run sets is not part of the configuration.
	maps.DeleteFunc(variables, func(name, _ string) bool { return strings.HasPrefix(name, "AWS_") })
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // a client that went away
		"FunctionName": config.Name, "FunctionArn": config.ARN, "MemorySize": config.MemoryMB, "Timeout": int(config.Timeout.Seconds()),
		"Environment": map[string]any{"Variables": variables},
	})
}

func lambdaError(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, lambda.ErrThrottled):
		fail(w, "lambda", http.StatusTooManyRequests, "TooManyRequestsException", err.Error())
	case errors.Is(err, lambda.ErrPending):
		fail(w, "lambda", http.StatusConflict, "CodeArtifactUserPendingException", err.Error())
	case errors.Is(err, lambda.ErrTooLarge):
		fail(w, "lambda", http.StatusRequestEntityTooLarge, "RequestTooLargeException", err.Error())
	default:
		fail(w, "lambda", http.StatusInternalServerError, "ServiceException", err.Error())
	}
}

func (e *Endpoint) events(w http.ResponseWriter, r *http.Request, operation string, body []byte) {
	var response []byte
	var err error
	if operation == "PutEvents" {
		response, err = e.config.Bus.PutEvents(r.Context(), body)
	} else {
		response, err = e.config.Bus.Call(operation, body)
	}
	var rejected *events.APIError
	var unsupported events.ErrOperation
	switch {
	case errors.As(err, &unsupported):
		notSupported(w, "events", operation)
	case errors.As(err, &rejected):
		fail(w, "events", http.StatusBadRequest, rejected.Code, rejected.Message)
	case err != nil:
		fail(w, "events", http.StatusInternalServerError, "InternalException", err.Error())
	default:
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = w.Write(response) // a client that went away
	}
}

func (e *Endpoint) states(w http.ResponseWriter, r *http.Request, operation string, body []byte) {
	var input struct{ StateMachineArn, Name, Input string }
	if err := json.Unmarshal(body, &input); err != nil {
		fail(w, "states", http.StatusBadRequest, "SerializationException", err.Error())
		return
	}
	machine := e.config.Machines[input.StateMachineArn]
	if machine == nil && (operation == "StartExecution" || operation == "DescribeStateMachine") {
		fail(w, "states", http.StatusBadRequest, "StateMachineDoesNotExist", "State Machine Does Not Exist: '"+input.StateMachineArn+"'")
		return
	}
	switch operation {
	case "DescribeStateMachine":
		respond(w, "states", http.StatusOK, machine.Describe())
	case "StartExecution":
		if input.Input == "" {
			input.Input = "{}"
		}
		arn, started, err := machine.Start(input.Name, []byte(input.Input))
		if err != nil {
			fail(w, "states", http.StatusBadRequest, "InvalidExecutionInput", err.Error())
			return
		}
		respond(w, "states", http.StatusOK, map[string]any{"executionArn": arn, "startDate": float64(started.UnixMilli()) / 1000})
	case "ListExecutions":
		// What AWS returns for an EXPRESS machine.
		// https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
		fail(w, "states", http.StatusBadRequest, "StateMachineTypeNotSupported", "This operation is not supported by this type of state machine")
	default:
		notSupported(w, "states", operation)
	}
}

// sns delivers a Publish before the response begins, so that the publisher can look for the
// message at once. A topic of the template needs no moto for that, since a subscriber that moto
// would have to deliver to comes only by a call: from the first call on that changes anything,
// messages go to moto as well.
func (e *Endpoint) sns(w http.ResponseWriter, r *http.Request, body []byte) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		fail(w, "sns", http.StatusBadRequest, "MalformedQueryString", err.Error())
		return
	}
	switch action := form.Get("Action"); {
	case action == "Publish":
		e.publish(w, r, form)
	case action == "PublishBatch":
		notSupported(w, "sns", "PublishBatch")
	default:
		if !strings.HasPrefix(action, "Get") && !strings.HasPrefix(action, "List") {
			e.topicsChanged.Store(true)
		}
		e.moto.ServeHTTP(w, r)
	}
}

// publish processes a Publish call.
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
func (e *Endpoint) publish(w http.ResponseWriter, r *http.Request, form url.Values) {
	message := sns.Message{
		TopicARN: form.Get("TopicArn"), Subject: form.Get("Subject"), Message: form.Get("Message"), Structure: form.Get("MessageStructure"),
	}
	if form.Has("Subject") && message.Subject == "" { // localstack/localstack, test_publish_with_empty_subject, recorded on AWS
		fail(w, "sns", http.StatusBadRequest, "InvalidParameter", "Invalid parameter: Subject")
		return
	}
	if err := message.Check(); err != nil {
		fail(w, "sns", http.StatusBadRequest, "InvalidParameter", err.Error())
		return
	}
	deliver := func() {
		if err := e.config.SNS.Publish(message, e.config.Now()); err != nil {
			e.config.Log.Error("notification not delivered", "error", err)
		}
	}
	if !e.config.Topics[message.TopicARN] || e.topicsChanged.Load() {
		e.moto.ServeHTTP(&acceptedWriter{ResponseWriter: w, accepted: deliver}, r)
		return
	}
	deliver()
	w.Header().Set("Content-Type", "text/xml")
	response := publishResponse{Namespace: "http://sns.amazonaws.com/doc/2010-03-31/", MessageID: uuid.NewString(), RequestID: uuid.NewString()}
	_ = xml.NewEncoder(w).Encode(response) // a client that went away
}

type publishResponse struct {
	XMLName   xml.Name `xml:"PublishResponse"`
	Namespace string   `xml:"xmlns,attr"`
	MessageID string   `xml:"PublishResult>MessageId"`
	RequestID string   `xml:"ResponseMetadata>RequestId"`
}

// acceptedWriter calls accepted before it passes on a 2xx status.
type acceptedWriter struct {
	http.ResponseWriter
	accepted func()
}

func (a *acceptedWriter) WriteHeader(status int) {
	if status/100 == 2 {
		a.accepted()
	}
	a.ResponseWriter.WriteHeader(status)
}

// keptWriter keeps a copy of the response.
type keptWriter struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (k *keptWriter) WriteHeader(status int) {
	k.status = status
	k.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (k *keptWriter) Write(p []byte) (int, error) {
	k.body.Write(p)
	return k.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the writer's Flush.
func (k *keptWriter) Unwrap() http.ResponseWriter { return k.ResponseWriter }

// Unwrap lets http.ResponseController reach the writer's Flush.
func (a *acceptedWriter) Unwrap() http.ResponseWriter { return a.ResponseWriter }
