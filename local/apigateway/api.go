package apigateway

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Config configures an API.
type Config struct {
	Account string
	// Invoke invokes a function synchronously. The error is one of the Lambda service.
	Invoke func(ctx context.Context, functionARN string, payload []byte, traceID string) (Invocation, error)
	// Allow returns why the API may not invoke a function for a method of a resource ("POST",
	// "/webhook/{provider}"); nil: it may. A nil Allow permits everything.
	Allow func(functionARN, httpMethod, resourcePath string) error
	// NewTraceID returns an X-Ray header for a request that has no valid one.
	NewTraceID func(time.Time) string
	// AccessLog receives the lines of the access log.
	AccessLog func(groupARN, line string, at time.Time)
	// Metric receives the values of AWS/ApiGateway; nil: they are not recorded. See metrics.go.
	Metric func(name string, value float64, at time.Time)
	// Observe receives each exchange before the response begins; nil: nobody looks. It must not keep
	// Headers, Response.Headers or Response.Body longer than the call.
	Observe func(Exchange)
	Now     func() time.Time
	// Skew is how far the time that requests are stamped with is ahead of Now. Nil: not at all.
	Skew func() time.Duration
}

// Invocation is the result of a function's invocation.
type Invocation struct {
	RequestID string // Lambda's, which is in the function's log
	Response  []byte
	Failed    bool // the function returned an error
}

// Exchange is a request and the response to it. The body of the request, which may hold card
// numbers, is not part of it.
type Exchange struct {
	At           time.Time
	Took         time.Duration // until the response was ready
	Integration  time.Duration // of that, the invocation; 0: the function was not called
	ID           string        // API Gateway's, X-Amzn-Requestid
	InvocationID string        // Lambda's, which is in the function's log; "": the function was not called
	Trace        string        // the X-Ray header
	Method       string
	Path         string // with the stage and as it was sent, without the query
	Resource     string // "/webhook/{provider}"; "": there is none
	Source       string // the sender's address
	Headers      http.Header
	Status       int
	Response     struct {
		Headers http.Header
		Body    []byte
	}
}

// API serves one stage of a REST API.
type API struct {
	config    Config
	template  Template
	routes    []*route
	responses map[string]GatewayResponse
}

// New checks the template and returns the API. The error lists everything unsupported.
func New(template Template, config Config) (*API, error) {
	routes, err := template.compile(config.Now)
	if unknown := unknownVariables(template.Stage.AccessLogSetting.Format); unknown != nil {
		err = errors.Join(err, fmt.Errorf("stage %s: access log variables %s are not supported", template.Stage.StageName, strings.Join(unknown, ", ")))
	}
	responses := map[string]GatewayResponse{}
	for _, r := range template.GatewayResponses {
		responses[r.ResponseType] = r
		for kind, body := range r.ResponseTemplates {
			if unknown := unknownVariables(body); unknown != nil {
				err = errors.Join(err, fmt.Errorf("gateway response %s, %s: variables %s are not supported", r.ResponseType, kind, strings.Join(unknown, ", ")))
			}
		}
		for parameter := range r.ResponseParameters {
			if !strings.HasPrefix(parameter, "gatewayresponse.header.") {
				err = errors.Join(err, fmt.Errorf("gateway response %s: parameter %s is not supported", r.ResponseType, parameter))
			}
		}
	}
	return &API{config: config, template: template, routes: routes, responses: responses}, err
}

// exchange is one request with what the access log needs to know of it.
type exchange struct {
	request   *http.Request
	at        time.Time
	stamp     time.Time // the request time that the function and the access log see
	id        string
	traceID   string
	extended  string
	path      string // with the stage and as it was sent, but for slashes before the stage
	route     *route
	gateway   gatewayResponse // set when API Gateway responds itself
	status    int
	length    int
	called    bool          // the function was called
	requestID string        // of the invocation
	latency   time.Duration // of the integration
	intStatus int           // status of the function's response
}

// ServeHTTP responds to one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := a.config.Now()
	x := &exchange{request: r, at: now, id: uuid.NewString(), extended: extendedID(), traceID: r.Header.Get("X-Amzn-Trace-Id")}
	x.stamp = now
	if a.config.Skew != nil {
		x.stamp = now.Add(a.config.Skew())
	}
	if !traceHeader.MatchString(x.traceID) {
		x.traceID = a.config.NewTraceID(now)
	}
	out := a.handle(x)
	header := w.Header()
	for name, values := range out.headers {
		if name == "Transfer-Encoding" {
			continue
		}
		if slices.Contains(remapped, name) {
			name = "X-Amzn-Remapped-" + name
		}
		header[name] = values
	}
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/json") // what API Gateway adds when the function sets none
	}
	header.Set("X-Amzn-Requestid", x.id)
	header.Set("X-Amz-Apigw-Id", x.extended)
	header.Set("X-Amzn-Trace-Id", x.traceID) // whole: localstack/localstack, test_invocation_trace_id, recorded on AWS
	header.Set("Content-Length", strconv.Itoa(len(out.body)))
	// The access log is written before the response begins, so that a client can look for the
	// line at once.
	x.status, x.length = out.status, len(out.body)
	a.log(x)
	a.record(x)
	if a.config.Observe != nil {
		a.config.Observe(x.exchange(header, out.body, a.config.Now()))
	}
	w.WriteHeader(out.status)
	_, _ = w.Write(out.body) // a client that went away
}

// exchange describes the exchange for Config.Observe.
func (x *exchange) exchange(headers http.Header, body []byte, now time.Time) Exchange {
	e := Exchange{
		At: x.at, Took: now.Sub(x.at), Integration: x.latency, ID: x.id, InvocationID: x.requestID, Trace: x.traceID,
		Method: x.request.Method, Path: x.path, Source: sourceIP(x.request), Headers: x.request.Header, Status: x.status,
	}
	if x.route != nil {
		e.Resource = x.route.path
	}
	e.Response.Headers, e.Response.Body = headers, body
	return e
}

// remapped are the headers of a function that API Gateway sends under another name, because it sets
// them itself.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
var remapped = []string{"Connection", "Content-Length", "Date", "Server"}

// traceHeader is a tracing header that a sender may set. Anything else would be text of the
// sender's in traces and logs.
// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
var traceHeader = regexp.MustCompile(`^Root=1-[0-9a-f]{8}-[0-9a-f]{24}(;Parent=[0-9a-f]{16})?(;Sampled=[01?])?$`)

type output struct {
	status  int
	headers http.Header
	body    []byte
}

func (a *API) handle(x *exchange) output {
	// Slashes before the stage are ignored. Those after it are ignored too, but stay in the path of the
	// request context. Recorded on AWS in localstack/localstack, test_lambda_aws_proxy_integration.
	x.path = oneSlash(x.request.URL.EscapedPath())
	rest, inStage := strings.CutPrefix(x.path, "/"+a.template.Stage.StageName)
	if !inStage || rest != "" && rest[0] != '/' {
		return a.respond(x, notFound)
	}
	rest = oneSlash(rest)
	method, parameters := a.find(x, rest)
	if method == nil {
		return a.respond(x, missingToken)
	}
	if !method.bucket.take() {
		return a.respond(x, throttled)
	}
	body, err := io.ReadAll(io.LimitReader(x.request.Body, maxPayload+1))
	if err != nil {
		return a.respond(x, integrationFailure)
	}
	if len(body) > maxPayload {
		return a.respond(x, tooLarge)
	}
	payload, err := json.Marshal(a.event(x, rest, parameters, body))
	if err != nil {
		return a.respond(x, configError)
	}

	if a.config.Allow != nil {
		// "Execution failed due to configuration error: Invalid permissions on Lambda function"
		// https://repost.aws/knowledge-center/api-gateway-lambda-template-invoke-error
		if err := a.config.Allow(method.functionARN, x.request.Method, x.route.path); err != nil {
			return a.respond(x, configError)
		}
	}
	ctx, cancel := context.WithTimeout(x.request.Context(), method.timeout)
	defer cancel()
	begin := a.config.Now()
	x.called = true
	invoked, err := a.config.Invoke(ctx, method.functionARN, payload, x.traceID)
	x.requestID = invoked.RequestID
	x.latency = a.config.Now().Sub(begin)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return a.respond(x, integrationTimeout)
	case err != nil:
		return a.respond(x, serviceError)
	case invoked.Failed:
		return a.respond(x, malformedResponse)
	}
	out, err := decodeResponse(invoked.Response, a.decodesBody(x.request))
	if err != nil {
		return a.respond(x, malformedResponse)
	}
	x.intStatus = out.status
	return out
}

// oneSlash returns a path that begins with one slash.
func oneSlash(path string) string { return "/" + strings.TrimLeft(path, "/") }

func (a *API) find(x *exchange, path string) (*method, map[string]string) {
	// API Gateway treats "/webhook/" like "/webhook".
	segments := split(path)
	for _, r := range a.routes {
		parameters, ok := r.match(segments)
		if !ok {
			continue
		}
		method := r.methods[x.request.Method]
		if method == nil {
			method = r.methods["ANY"]
		}
		if method == nil {
			return nil, nil
		}
		x.route = r
		if len(parameters) == 0 {
			parameters = nil
		}
		return method, parameters
	}
	return nil, nil
}

func (a *API) event(x *exchange, path string, parameters map[string]string, body []byte) proxyEvent {
	r := x.request
	event := proxyEvent{
		Resource: x.route.path, Path: path, HTTPMethod: r.Method, PathParameters: parameters, StageVariables: a.template.Stage.Variables,
	}
	event.Headers, event.MultiValueHeaders = headers(r, x.traceID)
	event.QueryStringParameters, event.MultiValueQueryStringParameters = query(r.URL.Query())
	event.Body, event.IsBase64Encoded = encodeBody(body, r.Header.Get("Content-Type"), a.template.API.BinaryMediaTypes)
	event.RequestContext = requestContext{
		ResourceID: a.resourceID(x.route.path), ResourcePath: x.route.path, HTTPMethod: r.Method, ExtendedRequestID: x.extended,
		RequestTime: clf(x.stamp), Path: x.path, DeploymentID: a.template.Stage.DeploymentId, AccountID: a.config.Account, Protocol: r.Proto, Stage: a.template.Stage.StageName,
		DomainPrefix: strings.Split(r.Host, ".")[0], RequestTimeEpoch: x.stamp.UnixMilli(), RequestID: x.id, DomainName: r.Host, APIID: a.template.APIID,
	}
	event.RequestContext.Identity.SourceIP = sourceIP(r)
	event.RequestContext.Identity.UserAgent = r.UserAgent()
	return event
}

func (a *API) resourceID(path string) string {
	for _, r := range a.template.Resources {
		if segments := split(path); len(segments) > 0 && r.PathPart == segments[len(segments)-1] {
			return r.ID
		}
	}
	return a.template.RootResourceID
}

// decodesBody reports whether API Gateway decodes a function's body that is base64: when the first
// media type that the request accepts is a binary one.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html
func (a *API) decodesBody(r *http.Request) bool {
	accept, _, _ := strings.Cut(r.Header.Get("Accept"), ",")
	return isBinary(strings.TrimSpace(accept), a.template.API.BinaryMediaTypes)
}

// decodeResponse decodes a proxy integration's output. No member is required, but an object without
// any is malformed: recorded on AWS in localstack/localstack,
// test_aws_proxy_response_payload_format_validation.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-output-format
func decodeResponse(response []byte, base64Body bool) (output, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(response, &members); err != nil {
		return output{}, err
	}
	if len(members) == 0 {
		return output{}, errors.New("the response is empty")
	}
	var decoded struct {
		StatusCode        json.RawMessage     `json:"statusCode"`
		Headers           map[string]any      `json:"headers"`
		MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
		Body              *string             `json:"body"`
		IsBase64Encoded   bool                `json:"isBase64Encoded"`
	}
	decoder := json.NewDecoder(strings.NewReader(string(response)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&decoded); err != nil {
		return output{}, err
	}
	// 200 and "200" are both accepted; without one the status is 200.
	status := 200
	if text := strings.Trim(string(decoded.StatusCode), `"`); text != "" && text != "null" {
		var err error
		if status, err = strconv.Atoi(text); err != nil || status < 100 || status > 599 {
			return output{}, fmt.Errorf("statusCode %s", text)
		}
	}
	out := output{status: status, headers: http.Header{}}
	for name, values := range decoded.MultiValueHeaders {
		for _, value := range values {
			out.headers.Add(name, value)
		}
	}
	for name, value := range decoded.Headers {
		if text := fmt.Sprint(value); !slices.Contains(out.headers.Values(name), text) { // the same pair twice is sent once
			out.headers.Add(name, text)
		}
	}
	if decoded.Body != nil {
		out.body = []byte(*decoded.Body)
		if decoded.IsBase64Encoded && base64Body {
			body, err := base64.StdEncoding.DecodeString(*decoded.Body)
			if err != nil {
				return output{}, err
			}
			out.body = body
		}
	}
	return out, nil
}

// respond returns the response of API Gateway itself.
func (a *API) respond(x *exchange, response gatewayResponse) output {
	x.gateway = response
	r := response.render(a.responses, x.lookup(a), x.request.Header.Get)
	headers := http.Header{}
	for name, value := range r.headers {
		headers.Set(name, value)
	}
	return output{r.status, headers, []byte(r.body)}
}

// lookup returns the values of $context variables.
func (x *exchange) lookup(a *API) func(string) (string, bool) {
	values := map[string]string{
		"accountId": a.config.Account, "apiId": a.template.APIID, "stage": a.template.Stage.StageName,
		"requestId": x.id, "extendedRequestId": x.extended,
		"httpMethod": x.request.Method, "path": x.path, "protocol": x.request.Proto, "domainName": x.request.Host,
		"identity.sourceIp": sourceIP(x.request), "identity.userAgent": x.request.UserAgent(),
		"requestTime": clf(x.stamp), "requestTimeEpoch": strconv.FormatInt(x.stamp.UnixMilli(), 10),
		"status": strconv.Itoa(x.status), "responseLength": strconv.Itoa(x.length),
		"responseLatency": strconv.FormatInt(a.config.Now().Sub(x.at).Milliseconds(), 10),
		"error.message":   x.gateway.message, "error.responseType": x.gateway.name,
	}
	if x.gateway.message != "" {
		quoted, _ := json.Marshal(x.gateway.message)
		values["error.messageString"] = string(quoted)
	}
	if x.route != nil {
		values["resourcePath"], values["resourceId"] = x.route.path, a.resourceID(x.route.path)
	}
	if a.template.Stage.TracingEnabled {
		root, _, _ := strings.Cut(strings.TrimPrefix(x.traceID, "Root="), ";")
		values["xrayTraceId"] = root
	}
	if x.called {
		latency := strconv.FormatInt(x.latency.Milliseconds(), 10)
		values["integrationLatency"], values["integration.latency"] = latency, latency
		values["integration.requestId"], values["awsEndpointRequestId"] = x.requestID, x.requestID
		// The first is Lambda's status, the second the function's.
		values["integrationStatus"], values["integration.integrationStatus"] = "200", "200"
		if x.intStatus != 0 {
			values["integration.status"] = strconv.Itoa(x.intStatus)
		}
		if x.gateway.name != "" {
			values["integrationErrorMessage"], values["integration.error"] = x.gateway.message, x.gateway.message
		}
	}
	return func(name string) (string, bool) { value, ok := values[name]; return value, ok }
}

func (a *API) log(x *exchange) {
	setting := a.template.Stage.AccessLogSetting
	if setting.DestinationArn == "" {
		return
	}
	a.config.AccessLog(setting.DestinationArn, expand(strings.TrimSpace(setting.Format), x.lookup(a)), x.at)
}

func extendedID() string {
	var b [11]byte
	_, _ = rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}
