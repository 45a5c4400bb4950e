package apigateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/local/responsetest"
)

const newTrace = "Root=1-6921d685-aaaaaaaaaaaaaaaaaaaaaaaa;Parent=cccccccccccccccc;Sampled=1"

const functionARN = "arn:aws:lambda:eu-west-1:123456789012:function:validator"

func template() Template {
	rate, burst := 10.0, 5
	integration := Integration{Type: "AWS_PROXY", IntegrationHttpMethod: "POST", Uri: "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/" + functionARN + "/invocations"}
	return Template{
		APIID: "api1", RootResourceID: "root",
		API:       RestAPI{Name: "webhooks", BinaryMediaTypes: []string{"*/*"}},
		Resources: []Resource{{ID: "r2", ParentId: "r1", PathPart: "{provider}"}, {ID: "r1", ParentId: "root", PathPart: "webhook"}, {ID: "r3", ParentId: "root", PathPart: "{all+}"}},
		Methods: []Method{
			{LogicalID: "M1", ResourceId: "r1", HttpMethod: "POST", AuthorizationType: "NONE", Integration: integration},
			{LogicalID: "M2", ResourceId: "r2", HttpMethod: "POST", AuthorizationType: "NONE", Integration: integration},
			{LogicalID: "M3", ResourceId: "r3", HttpMethod: "PUT", AuthorizationType: "NONE", Integration: integration},
		},
		Stage: Stage{
			StageName: "v1", TracingEnabled: true, MethodSettings: []MethodSetting{{ResourcePath: "/*", HttpMethod: "*", ThrottlingRateLimit: &rate, ThrottlingBurstLimit: &burst}},
			AccessLogSetting: struct{ DestinationArn, Format string }{"arn:group", `{"status":"$context.status","method":"$context.httpMethod","resource":"$context.resourcePath","error":"$context.error.responseType","fn":"$context.integration.status","call":"$context.integration.requestId"}`},
		},
	}
}

type fixture struct {
	*API
	events []string
	traces []string
	log    []string
	now    time.Time
	skew   time.Duration
	invoke func(ctx context.Context) ([]byte, bool, error)
}

func open(t *testing.T, tpl Template) *fixture {
	t.Helper()
	f := &fixture{now: time.Date(2026, 11, 22, 15, 4, 5, 0, time.UTC)}
	f.invoke = func(context.Context) ([]byte, bool, error) {
		return []byte(`{"statusCode":202,"body":"ok"}`), false, nil
	}
	api, err := New(tpl, Config{
		Account: "123456789012", Now: func() time.Time { return f.now }, Skew: func() time.Duration { return f.skew },
		NewTraceID: func(time.Time) string { return newTrace },
		AccessLog:  func(_, line string, _ time.Time) { f.log = append(f.log, line) },
		Invoke: func(ctx context.Context, arn string, payload []byte, traceID string) (Invocation, error) {
			if arn != functionARN {
				t.Errorf("invoked %s", arn)
			}
			f.events, f.traces = append(f.events, string(payload)), append(f.traces, traceID)
			response, failed, err := f.invoke(ctx)
			return Invocation{"invocation-1", response, failed}, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.API = api
	return f
}

func (f *fixture) send(method, target string, body []byte, header http.Header) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, target, bytes.NewReader(body))
	for name, values := range header {
		request.Header[name] = values
	}
	recorder := httptest.NewRecorder()
	f.ServeHTTP(recorder, request)
	return recorder
}

func TestProxyEvent(t *testing.T) {
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format
	t.Run("has the documented form", func(t *testing.T) {
		f := open(t, template())
		f.send("POST", "http://127.0.0.1:8080/v1/webhook/stripe?a=1&a=2", []byte(`{"x":1}`), http.Header{"Content-Type": {"application/json"}, "X-Two": {"one", "two"}})
		var event map[string]any
		if err := json.Unmarshal([]byte(f.events[0]), &event); err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(map[string]any{
			"resource": event["resource"], "path": event["path"], "method": event["httpMethod"], "params": event["pathParameters"],
			"query": event["queryStringParameters"], "multi": event["multiValueQueryStringParameters"], "stageVariables": event["stageVariables"],
			"body": event["body"], "base64": event["isBase64Encoded"],
			"two": event["headers"].(map[string]any)["X-Two"], "twos": event["multiValueHeaders"].(map[string]any)["X-Two"],
			"contextPath": event["requestContext"].(map[string]any)["path"], "stage": event["requestContext"].(map[string]any)["stage"],
			"time": event["requestContext"].(map[string]any)["requestTime"], "epoch": event["requestContext"].(map[string]any)["requestTimeEpoch"],
		})
		if err != nil {
			t.Fatal(err)
		}
		want := `{"base64":true,"body":"eyJ4IjoxfQ==","contextPath":"/v1/webhook/stripe","epoch":1795359845000,"method":"POST","multi":{"a":["1","2"]},"params":{"provider":"stripe"},` +
			`"path":"/webhook/stripe","query":{"a":"2"},"resource":"/webhook/{provider}","stage":"v1","stageVariables":null,"time":"22/Nov/2026:15:04:05 +0000","two":"two","twos":["one","two"]}`
		if string(got) != want {
			t.Errorf("event\n%s\nwant\n%s", got, want)
		}
	})
	t.Run("has the request's time by the services' clock, which limits no requests", func(t *testing.T) {
		f := open(t, template())
		f.skew = -time.Hour
		for range 2 {
			if got := f.send("POST", "http://127.0.0.1:8080/v1/webhook/stripe", []byte(`{}`), nil); got.Code/100 != 2 {
				t.Errorf("%d %s", got.Code, got.Body)
			}
		}
		if want := fmt.Sprintf(`"requestTimeEpoch":%d`, f.now.Add(-time.Hour).UnixMilli()); !strings.Contains(f.events[0], want) {
			t.Errorf("event %s, want %s", f.events[0], want)
		}
	})
	// Signatures over the notification's address are made over what this gives.
	t.Run("has the request's address", func(t *testing.T) {
		for target, want := range map[string]string{
			"http://127.0.0.1:8080/v1/webhook/square":    "https://127.0.0.1:8080/v1/webhook/square",
			"http://pay.example.com/v1/webhook/square?a": "https://pay.example.com/v1/webhook/square",
		} {
			f := open(t, template())
			f.send("POST", target, []byte(`{}`), nil)
			var event struct {
				RequestContext struct{ DomainName, Path string }
			}
			if err := json.Unmarshal([]byte(f.events[0]), &event); err != nil {
				t.Fatal(err)
			}
			if got := "https://" + event.RequestContext.DomainName + event.RequestContext.Path; got != want {
				t.Errorf("%s: got %s", target, got)
			}
		}
	})
	t.Run("has the body as text unless its type is binary", func(t *testing.T) {
		for name, c := range map[string]struct {
			types       []string
			contentType string
			base64      bool
		}{
			"everything is binary":       {[]string{"*/*"}, "application/json", true},
			"everything, without a type": {[]string{"*/*"}, "", true},
			"another type":               {[]string{"image/png"}, "application/json", false},
			"its type, with a parameter": {[]string{"application/json"}, "application/json; charset=utf-8", true},
			"its main type":              {[]string{"image/*"}, "image/png", true},
			"no binary types":            {nil, "application/octet-stream", false},
		} {
			if _, got := encodeBody([]byte("x"), c.contentType, c.types); got != c.base64 {
				t.Errorf("%s: base64 %v, want %v", name, got, c.base64)
			}
		}
		if body, base64 := encodeBody(nil, "application/json", []string{"*/*"}); body != nil || base64 {
			t.Error("a request without a body has one in its event")
		}
	})
}

// localstack/localstack, test_lambda_aws_proxy_integration, recorded on AWS.
func TestRecordedEvent(t *testing.T) {
	type event struct {
		Resource, Path    string
		PathParameters    map[string]string
		Headers           map[string]string
		MultiValueHeaders map[string][]string
		RequestContext    struct {
			Path, ResourcePath, DeploymentID string
			Identity                         map[string]any
		}
	}
	decode := func(t *testing.T, text string) (e event) {
		t.Helper()
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		return e
	}
	t.Run("has the path as it was sent", func(t *testing.T) {
		const email = "/user/test%2Balias@gmail.com/plus/test+alias@gmail.com"
		for target, want := range map[string][3]string{ // path, parameter and the request context's path
			"/v1/proxy-value":                {"/proxy-value", "proxy-value", "/v1/proxy-value"},
			"/v1/proxy-value/":               {"/proxy-value/", "proxy-value", "/v1/proxy-value/"},
			"/v1/proxy-value//double-slash":  {"/proxy-value//double-slash", "proxy-value//double-slash", "/v1/proxy-value//double-slash"},
			"//v1/proxy-value":               {"/proxy-value", "proxy-value", "/v1/proxy-value"},
			"/v1//proxy-value":               {"/proxy-value", "proxy-value", "/v1//proxy-value"},
			"/v1/proxy-value/?urlparam=test": {"/proxy-value/", "proxy-value", "/v1/proxy-value/"},
			"/v1/proxy-value" + email:        {"/proxy-value" + email, "proxy-value" + email, "/v1/proxy-value" + email},
		} {
			t.Run(target, func(t *testing.T) {
				f := open(t, template())
				// As a request's line has it: as an address, //v1 would be a host.
				request, err := http.ReadRequest(bufio.NewReader(strings.NewReader("PUT " + target + " HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n")))
				if err != nil {
					t.Fatal(err)
				}
				f.ServeHTTP(httptest.NewRecorder(), request)
				if len(f.events) != 1 {
					t.Fatal("the function was not called")
				}
				e := decode(t, f.events[0])
				if got := [3]string{e.Path, e.PathParameters["all"], e.RequestContext.Path}; got != want || e.RequestContext.ResourcePath != "/{all+}" {
					t.Errorf("got %q of %s, want %q", got, e.RequestContext.ResourcePath, want)
				}
			})
		}
	})
	t.Run("has deployment and identity", func(t *testing.T) {
		tpl := template()
		tpl.Stage.DeploymentId = "deployment-1"
		f := open(t, tpl)
		f.send("POST", "/v1/webhook", nil, http.Header{"User-Agent": {"test"}})
		e := decode(t, f.events[0])
		want := map[string]any{
			"accessKey": nil, "accountId": nil, "caller": nil, "cognitoAuthenticationProvider": nil, "cognitoAuthenticationType": nil, "cognitoIdentityId": nil,
			"cognitoIdentityPoolId": nil, "principalOrgId": nil, "sourceIp": "192.0.2.1", "user": nil, "userAgent": "test", "userArn": nil,
		}
		if diff := cmp.Diff(want, e.RequestContext.Identity); diff != "" || e.RequestContext.DeploymentID != "deployment-1" {
			t.Errorf("deployment %s, identity\n%s", e.RequestContext.DeploymentID, diff)
		}
	})
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
	t.Run("has no headers of the connection", func(t *testing.T) {
		f := open(t, template())
		header := http.Header{"Content-Type": {"application/json"}}
		for _, name := range []string{"Connection", "Content-Length", "Content-Md5", "Expect", "Max-Forwards", "Proxy-Authenticate", "Server", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Www-Authenticate"} {
			header[name] = []string{"7"}
		}
		f.send("POST", "/v1/webhook", []byte("content"), header)
		e := decode(t, f.events[0])
		want := []string{"Content-Type", "Host", "X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"}
		for name, got := range map[string][]string{"headers": slices.Sorted(maps.Keys(e.Headers)), "multiValueHeaders": slices.Sorted(maps.Keys(e.MultiValueHeaders))} {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	})
	t.Run("has the names of headers as they were sent", func(t *testing.T) {
		f := open(t, template())
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: f, ReadHeaderTimeout: time.Minute}
		KeepNames(server)
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(Listener(tcp)) }()
		defer func() { server.Close(); <-ended }()
		client, err := net.Dial("tcp", tcp.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		responses := bufio.NewReader(client)
		for i, head := range []string{"tEsT-HEADeR: aValUE\r\nwebhook-id: 1\r\n", "TEST-header: b\r\n", "Other: c\r\n"} {
			// The body has a line that reads like a header.
			body := "\r\ntest-HEADER: no\r\n"
			if _, err := fmt.Fprintf(client, "POST /v1/webhook HTTP/1.1\r\nhost: x\r\n%scontent-length: %d\r\n\r\n%s", head, len(body), body); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(responses, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, response.Body); err != nil {
				t.Fatal(err)
			}
			e := decode(t, f.events[i])
			name, value, _ := strings.Cut(strings.TrimSpace(strings.Split(head, "\n")[0]), ": ")
			if e.Headers[name] != value || len(e.MultiValueHeaders[name]) != 1 {
				t.Errorf("request %d: headers %v, want %s: %s", i, e.Headers, name, value)
			}
		}
	})
}

func TestRoutes(t *testing.T) {
	t.Run("prefer literals to parameters to greedy parameters", func(t *testing.T) {
		for _, c := range []struct {
			method, path string
			status       int
			resource     string
		}{
			{"POST", "/v1/webhook", 202, "/webhook"},
			{"POST", "/v1/webhook/", 202, "/webhook"},
			{"POST", "/v1/webhook/adyen", 202, "/webhook/{provider}"},
			{"PUT", "/v1/a/b/c", 202, "/{all+}"},
			{"POST", "/v1//webhook", 202, "/webhook"},
			{"GET", "/v1/webhook", 403, ""},
			{"POST", "/webhook", 403, ""},     // without the stage
			{"POST", "/v1x/webhook", 403, ""}, // another stage
		} {
			f := open(t, template())
			if status := f.send(c.method, c.path, nil, nil).Code; status != c.status {
				t.Errorf("%s %s: status %d, want %d", c.method, c.path, status, c.status)
			}
			if c.resource != "" && !strings.Contains(f.events[0], `"resource":"`+c.resource+`"`) {
				t.Errorf("%s %s: event %s, want resource %s", c.method, c.path, f.events[0], c.resource)
			}
		}
	})
}

func TestResponse(t *testing.T) {
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-output-format
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/handle-errors-in-lambda-integration.html
	t.Run("is the function's", func(t *testing.T) {
		for name, c := range map[string]struct {
			payload string
			failed  bool
			err     error
			status  int
			body    string
		}{
			"plain":                  {payload: `{"statusCode":201,"headers":{"X-A":"1"},"body":"hi"}`, status: 201, body: "hi"},
			"base64":                 {payload: `{"statusCode":200,"body":"aGk=","isBase64Encoded":true}`, status: 200, body: "hi"},
			"status as text":         {payload: `{"statusCode":"404"}`, status: 404},
			"unknown member":         {payload: `{"statusCode":200,"status":1}`, status: 502, body: `{"message":"Internal server error"}`},
			"no object":              {payload: `"hello"`, status: 502, body: `{"message":"Internal server error"}`},
			"impossible status":      {payload: `{"statusCode":99}`, status: 502, body: `{"message":"Internal server error"}`},
			"function error":         {payload: `{"errorType":"x"}`, failed: true, status: 502, body: `{"message":"Internal server error"}`},
			"headers only":           {payload: `{"headers":{"X-A":"1"}}`, status: 200},
			"null headers":           {payload: `{"statusCode":200,"headers":null}`, status: 200},
			"nothing":                {payload: `{}`, status: 502, body: `{"message":"Internal server error"}`},
			"null":                   {payload: `null`, status: 502, body: `{"message":"Internal server error"}`},
			"one value for several":  {payload: `{"multiValueHeaders":{"X-A":"1"}}`, status: 502, body: `{"message":"Internal server error"}`},
			"status of letters":      {payload: `{"statusCode":"test"}`, status: 502, body: `{"message":"Internal server error"}`},
			"service error":          {err: errors.New("throttled"), status: 500, body: `{"message":"Internal server error"}`},
			"longer than 29 seconds": {err: context.DeadlineExceeded, status: 504, body: `{"message":"Endpoint request timed out"}`},
		} {
			t.Run(name, func(t *testing.T) {
				f := open(t, template())
				f.invoke = func(context.Context) ([]byte, bool, error) { return []byte(c.payload), c.failed, c.err }
				response := f.send("POST", "/v1/webhook", []byte("x"), nil)
				if response.Code != c.status || response.Body.String() != c.body {
					t.Errorf("%d %q, want %d %q", response.Code, response.Body, c.status, c.body)
				}
			})
		}
	})
	// localstack/localstack, test_aws_proxy_response_payload_format_validation, recorded on AWS.
	t.Run("has the values of several before the one of its name in any case", func(t *testing.T) {
		f := open(t, template())
		for name, want := range map[string]string{"test-multi": "value-multi, value-solo", "tesT-Multi": "value-multi, value-solo", "other": "value-solo"} {
			f.invoke = func(context.Context) ([]byte, bool, error) {
				return []byte(`{"multiValueHeaders":{"` + name + `":["value-multi"]},"headers":{"test-multi":"value-solo","flag":true}}`), false, nil
			}
			header := f.send("POST", "/v1/webhook", nil, nil).Header()
			if got := strings.Join(header.Values("Test-Multi"), ", "); got != want || header.Get("Flag") != "true" {
				t.Errorf("%s: got %s of %v", name, got, header)
			}
		}
	})
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
	t.Run("has its own length, whatever the function says", func(t *testing.T) {
		f := open(t, template())
		f.invoke = func(context.Context) ([]byte, bool, error) {
			return []byte(`{"body":"hello","headers":{"content-length":"3","date":"today","Server":"mine","Transfer-Encoding":"gzip"}}`), false, nil
		}
		header := f.send("POST", "/v1/webhook", nil, nil).Header()
		for name, want := range map[string]string{
			"Content-Length": "5", "X-Amzn-Remapped-Content-Length": "3", "X-Amzn-Remapped-Date": "today", "X-Amzn-Remapped-Server": "mine", "Server": "", "Transfer-Encoding": "",
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
	})
	t.Run("is decoded from base64 if the request accepts a binary type", func(t *testing.T) {
		for accept, want := range map[string]string{"": "aGk=", "image/png": "hi", "image/png, text/plain": "hi", "text/plain, image/png": "aGk="} {
			tpl := template()
			tpl.API.BinaryMediaTypes = []string{"image/png"}
			f := open(t, tpl)
			f.invoke = func(context.Context) ([]byte, bool, error) {
				return []byte(`{"body":"aGk=","isBase64Encoded":true}`), false, nil
			}
			if got := f.send("POST", "/v1/webhook", nil, http.Header{"Accept": {accept}}).Body.String(); got != want {
				t.Errorf("accepting %q: %q, want %q", accept, got, want)
			}
		}
	})
	t.Run("has request ids and trace", func(t *testing.T) {
		response := open(t, template()).send("POST", "/v1/webhook", nil, nil).Result()
		if _, err := io.ReadAll(response.Body); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"X-Amzn-Requestid", "X-Amz-Apigw-Id"} {
			if response.Header.Get(name) == "" {
				t.Errorf("no %s", name)
			}
		}
		if got := response.Header.Get("X-Amzn-Trace-Id"); got != newTrace {
			t.Errorf("X-Amzn-Trace-Id %q", got)
		}
	})
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
	t.Run("is the template's gateway response when API Gateway fails", func(t *testing.T) {
		tpl := template()
		tpl.GatewayResponses = []GatewayResponse{
			{
				ResponseType: "MISSING_AUTHENTICATION_TOKEN", StatusCode: "404",
				ResponseParameters: map[string]string{"gatewayresponse.header.Content-Type": "'application/problem+json'", "gatewayresponse.header.X-Id": "context.requestId"},
				ResponseTemplates:  map[string]string{"application/json": `{"title":$context.error.messageString,"id":"$context.requestId"}`},
			},
			{ResponseType: "DEFAULT_5XX", ResponseTemplates: map[string]string{"application/json": `{"title":"sorry"}`}},
		}
		f := open(t, tpl)
		response := f.send("GET", "/v1/nothing", nil, nil)
		id := response.Header().Get("X-Amzn-Requestid")
		if response.Code != 404 || response.Header().Get("Content-Type") != "application/problem+json" || response.Header().Get("X-Id") != id ||
			response.Body.String() != `{"title":"Missing Authentication Token","id":"`+id+`"}` {
			t.Errorf("%d %v %s", response.Code, response.Header(), response.Body)
		}
		f.invoke = func(context.Context) ([]byte, bool, error) { return nil, false, context.DeadlineExceeded }
		if response := f.send("POST", "/v1/webhook", nil, nil); response.Code != 504 || response.Body.String() != `{"title":"sorry"}` {
			t.Errorf("timeout yields %d %s, want DEFAULT_5XX's body with its own status", response.Code, response.Body)
		}
	})
}

func TestLimits(t *testing.T) {
	t.Run("end an integration after the method's timeout", func(t *testing.T) {
		tpl := template()
		tpl.Methods[0].Integration.TimeoutInMillis = 50
		f := open(t, tpl)
		f.invoke = func(ctx context.Context) ([]byte, bool, error) { <-ctx.Done(); return nil, false, ctx.Err() }
		if status := f.send("POST", "/v1/webhook", nil, nil).Code; status != 504 {
			t.Errorf("status %d, want 504", status)
		}
	})
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html: payload size 10 MB.
	t.Run("reject a payload above 10 MB before the function", func(t *testing.T) {
		f := open(t, template())
		if status := f.send("POST", "/v1/webhook", make([]byte, 10<<20), nil).Code; status != 202 {
			t.Errorf("10 MB: status %d", status)
		}
		if status := f.send("POST", "/v1/webhook", make([]byte, 10<<20+1), nil).Code; status != 413 || len(f.events) != 1 {
			t.Errorf("10 MB and a byte: status %d, function called %d times", status, len(f.events))
		}
	})
	t.Run("throttle with a token bucket per method", func(t *testing.T) {
		f := open(t, template()) // 10 a second, burst 5
		count := func(path string, n int) (passed int) {
			for range n {
				if f.send("POST", path, nil, nil).Code == 202 {
					passed++
				}
			}
			return passed
		}
		if got := count("/v1/webhook", 8); got != 5 {
			t.Errorf("%d of 8 passed at once, want the burst of 5", got)
		}
		if got := count("/v1/webhook/p", 1); got != 1 {
			t.Error("another method is throttled by the first one's requests")
		}
		f.now = f.now.Add(200 * time.Millisecond)
		if got := count("/v1/webhook", 8); got != 2 {
			t.Errorf("%d passed after 200 ms, want 2", got)
		}
		f.now = f.now.Add(time.Hour)
		if got := count("/v1/webhook", 8); got != 5 {
			t.Errorf("%d passed after an hour, want no more than the burst of 5", got)
		}
	})
}

// A literal resource wins over a parameter, and has a bucket of its own.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
func TestMethodSettings(t *testing.T) {
	tpl := template()
	integration := tpl.Methods[0].Integration
	tpl.Resources = append(tpl.Resources, Resource{ID: "r4", ParentId: "r1", PathPart: "stripe"}, Resource{ID: "r5", ParentId: "r1", PathPart: "square"})
	for id, resource := range map[string]string{"M4": "r4", "M5": "r5"} {
		tpl.Methods = append(tpl.Methods, Method{LogicalID: id, ResourceId: resource, HttpMethod: "POST", AuthorizationType: "NONE", Integration: integration})
	}
	rate, burst := 2.0, 8
	for _, path := range []string{"/~1webhook", "/~1webhook~1stripe", "/~1webhook~1square"} {
		tpl.Stage.MethodSettings = append(tpl.Stage.MethodSettings, MethodSetting{ResourcePath: path, HttpMethod: "POST", ThrottlingRateLimit: &rate, ThrottlingBurstLimit: &burst})
	}
	f := open(t, tpl)
	passed := func(path string, n int) (passed int) {
		for range n {
			if f.send("POST", "/v1"+path, nil, nil).Code == 202 {
				passed++
			}
		}
		return passed
	}
	t.Run("let a flood on one route leave the others alone", func(t *testing.T) {
		for path, want := range map[string]int{"/webhook/stripe": 8, "/webhook/square": 8, "/webhook": 8, "/webhook/nobody": 5} {
			if got := passed(path, 20); got != want {
				t.Errorf("%d of 20 requests to %s pass, want %d", got, path, want)
			}
		}
		if got := passed("/webhook/nobody-else", 1); got != 0 {
			t.Error("names that have no resource do not share their limit")
		}
		f.now = f.now.Add(time.Second)
		if got := passed("/webhook/stripe", 20); got != 2 {
			t.Errorf("%d pass after a second, want the method's rate of 2", got)
		}
	})
	t.Run("give the function the resource, and no parameter for a literal one", func(t *testing.T) {
		f.now = f.now.Add(time.Hour)
		for path, want := range map[string]string{
			"/webhook/stripe": `"resource":"/webhook/stripe","pathParameters":null,"resourceId":"r4"`,
			"/webhook/nobody": `"resource":"/webhook/{provider}","pathParameters":{"provider":"nobody"},"resourceId":"r2"`,
		} {
			if passed(path, 1) != 1 {
				t.Fatalf("%s is rejected", path)
			}
			var event struct {
				Resource       string          `json:"resource"`
				PathParameters json.RawMessage `json:"pathParameters"`
				RequestContext struct {
					ResourceID string `json:"resourceId"`
				} `json:"requestContext"`
			}
			if err := json.Unmarshal([]byte(f.events[len(f.events)-1]), &event); err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprintf(`"resource":%q,"pathParameters":%s,"resourceId":%q`, event.Resource, event.PathParameters, event.RequestContext.ResourceID)
			if got != want {
				t.Errorf("%s: %s, want %s", path, got, want)
			}
		}
	})
}

// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
func TestTraceHeader(t *testing.T) {
	const valid = "Root=1-6921d685-0123456789abcdef01234567"
	for _, tt := range []struct{ name, sent, want string }{
		{"is new when there is none", "", newTrace},
		{"is the sender's when it has the documented form", valid, valid},
		{"is the sender's when it has a parent and a decision", valid + ";Parent=0123456789abcdef;Sampled=0", valid + ";Parent=0123456789abcdef;Sampled=0"},
		{"is new when it is other text", "Root=4111 1111 1111 1111", newTrace},
		{"is new when more follows", valid + ";Card=4111111111111111", newTrace},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := open(t, template())
			response := f.send("POST", "/v1/webhook", nil, http.Header{"X-Amzn-Trace-Id": {tt.sent}})
			if f.traces[0] != tt.want {
				t.Errorf("the function gets %s, want %s", f.traces[0], tt.want)
			}
			if got := response.Header().Get("X-Amzn-Trace-Id"); got != tt.want {
				t.Errorf("the response has %s, want %s", got, tt.want)
			}
		})
	}
}

func TestAccessLog(t *testing.T) {
	t.Run("follows the format, with - for a missing value", func(t *testing.T) {
		f := open(t, template())
		f.send("POST", "/v1/webhook", []byte("secret body"), nil)
		f.send("GET", "/v1/nothing", nil, nil)
		want := []string{
			`{"status":"202","method":"POST","resource":"/webhook","error":"-","fn":"202","call":"invocation-1"}`,
			`{"status":"403","method":"GET","resource":"-","error":"MISSING_AUTHENTICATION_TOKEN","fn":"-","call":"-"}`,
		}
		if len(f.log) != 2 || f.log[0] != want[0] || f.log[1] != want[1] {
			t.Errorf("access log %q, want %q", f.log, want)
		}
	})
	t.Run("is written before the response begins", func(t *testing.T) {
		f := open(t, template())
		logged := -1
		f.ServeHTTP(responsetest.Recorder{ResponseRecorder: httptest.NewRecorder(), Begun: func() { logged = len(f.log) }}, httptest.NewRequest("POST", "/v1/webhook", nil))
		if logged != 1 {
			t.Errorf("%d lines in the access log when the response begins", logged)
		}
	})
}

func TestNew(t *testing.T) {
	t.Run("names everything unsupported at once", func(t *testing.T) {
		tpl := template()
		tpl.Methods[0].AuthorizationType = "AWS_IAM"
		tpl.Methods[1].Integration.Type = "HTTP_PROXY"
		tpl.Stage.AccessLogSetting.Format = "$context.authorizer.claims.sub"
		tpl.Stage.MethodSettings = append(tpl.Stage.MethodSettings, MethodSetting{ResourcePath: "/~1absent", HttpMethod: "POST"})
		tpl.GatewayResponses = []GatewayResponse{{ResponseType: "TEAPOT"}}
		_, err := New(tpl, Config{Now: time.Now})
		for _, want := range []string{"M1: AuthorizationType AWS_IAM", "M2: Integration.Type HTTP_PROXY", "$context.authorizer.claims.sub", "/~1absent", "TEAPOT"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error does not name %q:\n%v", want, err)
			}
		}
	})
}
