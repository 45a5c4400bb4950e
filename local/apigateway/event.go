package apigateway

import (
	"encoding/base64"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// proxyEvent is the input of a Lambda proxy integration of a REST API.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format
type proxyEvent struct {
	Resource                        string              `json:"resource"`
	Path                            string              `json:"path"`
	HTTPMethod                      string              `json:"httpMethod"`
	Headers                         map[string]string   `json:"headers"`
	MultiValueHeaders               map[string][]string `json:"multiValueHeaders"`
	QueryStringParameters           map[string]string   `json:"queryStringParameters"`
	MultiValueQueryStringParameters map[string][]string `json:"multiValueQueryStringParameters"`
	PathParameters                  map[string]string   `json:"pathParameters"`
	StageVariables                  map[string]string   `json:"stageVariables"`
	RequestContext                  requestContext      `json:"requestContext"`
	Body                            *string             `json:"body"`
	IsBase64Encoded                 bool                `json:"isBase64Encoded"`
}

type requestContext struct {
	ResourceID        string   `json:"resourceId"`
	ResourcePath      string   `json:"resourcePath"`
	HTTPMethod        string   `json:"httpMethod"`
	ExtendedRequestID string   `json:"extendedRequestId"`
	RequestTime       string   `json:"requestTime"`
	Path              string   `json:"path"` // with the stage and, as elsewhere in the event, with its escapes
	AccountID         string   `json:"accountId"`
	Protocol          string   `json:"protocol"`
	Stage             string   `json:"stage"`
	DeploymentID      string   `json:"deploymentId"`
	DomainPrefix      string   `json:"domainPrefix"`
	RequestTimeEpoch  int64    `json:"requestTimeEpoch"` // milliseconds
	RequestID         string   `json:"requestId"`
	DomainName        string   `json:"domainName"`
	APIID             string   `json:"apiId"`
	Identity          identity `json:"identity"`
}

// identity is who called. All but two members are null without an authorizer: recorded on AWS in
// localstack/localstack, test_lambda_aws_proxy_integration.
type identity struct {
	CognitoIdentityPoolID         *string `json:"cognitoIdentityPoolId"`
	AccountID                     *string `json:"accountId"`
	CognitoIdentityID             *string `json:"cognitoIdentityId"`
	Caller                        *string `json:"caller"`
	SourceIP                      string  `json:"sourceIp"`
	PrincipalOrgID                *string `json:"principalOrgId"`
	AccessKey                     *string `json:"accessKey"`
	CognitoAuthenticationType     *string `json:"cognitoAuthenticationType"`
	CognitoAuthenticationProvider *string `json:"cognitoAuthenticationProvider"`
	UserARN                       *string `json:"userArn"`
	UserAgent                     string  `json:"userAgent"`
	User                          *string `json:"user"`
}

// requestTimeFormat is the CLF time of $context.requestTime.
const requestTimeFormat = "02/Jan/2006:15:04:05 -0700"

// unforwarded are the headers that do not reach a function.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
// Content-Length is missing in what localstack/localstack recorded on AWS, too:
// test_lambda_aws_proxy_integration.
var unforwarded = []string{
	"Connection", "Content-Length", "Content-Md5", "Expect", "Max-Forwards", "Proxy-Authenticate", "Server", "Te",
	"Trailer", "Transfer-Encoding", "Upgrade", "Www-Authenticate",
}

// headers returns the headers of the event, with those that API Gateway adds: the last value of
// each in one map, all values in the other. Names are as they were sent.
func headers(r *http.Request, traceID string) (map[string]string, map[string][]string) {
	single, multi := map[string]string{}, map[string][]string{}
	sent := sentNames(r.Context())
	for name, values := range r.Header {
		switch name {
		case "X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto": // set below
			continue
		}
		if slices.Contains(unforwarded, name) {
			continue
		}
		if as, known := sent[name]; known {
			name = as
		}
		multi[name] = values
	}
	multi["Host"] = []string{r.Host}
	multi["X-Amzn-Trace-Id"] = []string{traceID}
	multi["X-Forwarded-For"] = []string{sourceIP(r)}
	multi["X-Forwarded-Port"] = []string{port(r.Host)}
	multi["X-Forwarded-Proto"] = []string{"http"}
	for name, values := range multi {
		single[name] = values[len(values)-1]
	}
	return single, multi
}

func query(values url.Values) (map[string]string, map[string][]string) {
	if len(values) == 0 {
		return nil, nil // both are null without a query
	}
	single := map[string]string{}
	for name, all := range values {
		single[name] = all[len(all)-1]
	}
	return single, values
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func port(host string) string {
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		return "80"
	}
	return port
}

// encodeBody returns the event's body, and whether it is base64. Binary media types are compared
// with the request's Content-Type; "*/*" matches every request, also one without the header.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html
func encodeBody(body []byte, contentType string, binaryTypes []string) (*string, bool) {
	if len(body) == 0 {
		return nil, false
	}
	if isBinary(contentType, binaryTypes) {
		text := base64.StdEncoding.EncodeToString(body)
		return &text, true
	}
	text := strings.ToValidUTF8(string(body), "\uFFFD") // a body as text is UTF-8, whatever was sent
	return &text, false
}

func isBinary(contentType string, binaryTypes []string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		media = contentType
	}
	for _, want := range binaryTypes {
		if want == "*/*" || strings.EqualFold(want, media) {
			return true
		}
		if prefix, ok := strings.CutSuffix(want, "/*"); ok && strings.HasPrefix(strings.ToLower(media), strings.ToLower(prefix)+"/") {
			return true
		}
	}
	return false
}

func clf(t time.Time) string { return t.UTC().Format(requestTimeFormat) }
