package apigateway

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The supported properties of the resource types. A property that is missing here is
// rejected when the template is decoded.
type (
	// RestAPI is AWS::ApiGateway::RestApi.
	RestAPI struct {
		Name, Description         string
		BinaryMediaTypes          []string
		EndpointConfiguration     struct{ Types []string } // inert: there is one machine
		DisableExecuteApiEndpoint bool
		MinimumCompressionSize    *int `json:",omitempty"`
		Tags                      any
		SecurityPolicy            string // inert: there is no TLS on this machine
		EndpointAccessMode        string // inert, as SecurityPolicy
		FailOnWarnings            bool   // only matters for imported bodies
	}
	// Resource is AWS::ApiGateway::Resource.
	Resource struct {
		ID                            string `json:"-"` // its Ref
		RestApiId, ParentId, PathPart string
	}
	// Method is AWS::ApiGateway::Method.
	Method struct {
		LogicalID                                            string `json:"-"`
		RestApiId, ResourceId, HttpMethod, AuthorizationType string
		ApiKeyRequired                                       bool
		OperationName                                        string
		Integration                                          Integration
		MethodResponses                                      []any // inert: a proxy integration defines its own responses
	}
	// Integration is the integration of a method. Only Lambda proxy integrations are supported.
	Integration struct {
		Type, IntegrationHttpMethod, Uri string
		TimeoutInMillis                  int
		ContentHandling                  string
		PassthroughBehavior              string // only matters without a proxy integration
	}
	// Stage is AWS::ApiGateway::Stage.
	Stage struct {
		RestApiId, DeploymentId, StageName, Description string
		TracingEnabled                                  bool
		AccessLogSetting                                struct{ DestinationArn, Format string }
		MethodSettings                                  []MethodSetting
		Variables                                       map[string]string
		Tags                                            any
	}
	// MethodSetting is a stage's setting for one method or for all methods.
	MethodSetting struct {
		ResourcePath, HttpMethod string
		ThrottlingRateLimit      *float64 // requests a second
		ThrottlingBurstLimit     *int
		MetricsEnabled           bool   // inert
		DataTraceEnabled         bool   // inert: there is no execution log
		LoggingLevel             string // inert
	}
	// GatewayResponse is AWS::ApiGateway::GatewayResponse.
	GatewayResponse struct {
		RestApiId, ResponseType, StatusCode   string
		ResponseParameters, ResponseTemplates map[string]string
	}
)

// Template holds the properties of one API's resources.
type Template struct {
	API              RestAPI
	APIID            string // Ref of the RestApi
	RootResourceID   string
	Resources        []Resource
	Methods          []Method
	Stage            Stage
	GatewayResponses []GatewayResponse
}

// Account-level throttling, for a stage that sets none.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
const (
	accountRate  = 10_000
	accountBurst = 5_000
)

const (
	maxPayload     = 10 << 20         // bytes
	maxIntegration = 29 * time.Second // the default maximum
)

type route struct {
	path     string // "/webhook/{provider}"
	segments []string
	methods  map[string]*method
}

type method struct {
	functionARN string
	timeout     time.Duration
	bucket      *bucket
}

var functionInURI = regexp.MustCompile(`^arn:aws:apigateway:[^:]+:lambda:path/2015-03-31/functions/(arn:aws:lambda:[^:]+:\d+:function:[^:/]+)/invocations$`)

// compile returns the template's routes. The error lists every problem.
func (t Template) compile(now func() time.Time) ([]*route, error) {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if t.API.MinimumCompressionSize != nil {
		problem("REST API %s: MinimumCompressionSize is not supported", t.API.Name)
	}
	if t.API.DisableExecuteApiEndpoint {
		problem("REST API %s: DisableExecuteApiEndpoint is not supported, nor are custom domains", t.API.Name)
	}

	paths := t.paths()
	routes := map[string]*route{}
	for _, m := range t.Methods {
		path, known := paths[m.ResourceId]
		if !known {
			problem("%s: its resource is not a resource of this API", m.LogicalID)
			continue
		}
		if m.AuthorizationType != "" && m.AuthorizationType != "NONE" {
			problem("%s: AuthorizationType %s is not supported", m.LogicalID, m.AuthorizationType)
		}
		if m.ApiKeyRequired {
			problem("%s: ApiKeyRequired is not supported", m.LogicalID)
		}
		if m.Integration.Type != "AWS_PROXY" || m.Integration.ContentHandling != "" {
			problem("%s: Integration.Type %s (ContentHandling %q) is not supported, only AWS_PROXY is", m.LogicalID, m.Integration.Type, m.Integration.ContentHandling)
			continue
		}
		uri := functionInURI.FindStringSubmatch(m.Integration.Uri)
		if uri == nil {
			problem("%s: Integration.Uri %s is not a Lambda function", m.LogicalID, m.Integration.Uri)
			continue
		}
		timeout := maxIntegration
		if m.Integration.TimeoutInMillis > 0 {
			timeout = time.Duration(m.Integration.TimeoutInMillis) * time.Millisecond
		}
		if routes[path] == nil {
			routes[path] = &route{path: path, segments: split(path), methods: map[string]*method{}}
		}
		routes[path].methods[m.HttpMethod] = &method{functionARN: uri[1], timeout: timeout}
	}

	// The stage's setting for all methods is one bucket per method, and the
	// setting for one method replaces it.
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
	for path, r := range routes {
		for verb, m := range r.methods {
			rate, burst := float64(accountRate), accountBurst
			for _, wanted := range [][2]string{{"/*", "*"}, {"/" + escapePath(path), verb}} {
				for _, s := range t.Stage.MethodSettings {
					if s.ResourcePath != wanted[0] || s.HttpMethod != wanted[1] {
						continue
					}
					if s.ThrottlingRateLimit != nil {
						rate = *s.ThrottlingRateLimit
					}
					if s.ThrottlingBurstLimit != nil {
						burst = *s.ThrottlingBurstLimit
					}
				}
			}
			m.bucket = newBucket(rate, burst, now)
		}
	}
	for _, s := range t.Stage.MethodSettings {
		all := s.ResourcePath == "/*" && s.HttpMethod == "*"
		named := false
		for path, r := range routes {
			if _, has := r.methods[s.HttpMethod]; has && s.ResourcePath == "/"+escapePath(path) {
				named = true
			}
		}
		if !all && !named {
			problem("stage %s: MethodSettings for %s %s names no method", t.Stage.StageName, s.HttpMethod, s.ResourcePath)
		}
	}
	for _, g := range t.GatewayResponses {
		if !slices.Contains(responseTypes(), g.ResponseType) {
			problem("gateway response %s is not supported", g.ResponseType)
		}
	}
	var list []*route
	for _, r := range routes {
		list = append(list, r)
	}
	// A literal segment wins over a parameter, a parameter over a greedy one.
	slices.SortFunc(list, func(a, b *route) int { return strings.Compare(rank(a), rank(b)) })
	return list, errors.Join(problems...)
}

// paths returns the path of each resource by its id. The resources may be in any order.
func (t Template) paths() map[string]string {
	paths := map[string]string{t.RootResourceID: "/"}
	for range t.Resources {
		for _, r := range t.Resources {
			if parent, known := paths[r.ParentId]; known {
				paths[r.ID] = strings.TrimSuffix(parent, "/") + "/" + r.PathPart
			}
		}
	}
	return paths
}

// Path returns the path of a resource, "/webhook/{provider}", or "" when it is not a resource of
// this API.
func (t Template) Path(resourceID string) string { return t.paths()[resourceID] }

// FunctionARN returns the ARN of the function that the method invokes, or "".
func (m Method) FunctionARN() string {
	if uri := functionInURI.FindStringSubmatch(m.Integration.Uri); uri != nil {
		return uri[1]
	}
	return ""
}

// escapePath returns a path as MethodSettings have it, with ~1 for /.
func escapePath(path string) string {
	return strings.ReplaceAll(path, "/", "~1")
}

func split(path string) []string {
	path = strings.Trim(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// rank returns a sort key that puts more specific segments first.
func rank(r *route) string {
	var b strings.Builder
	for _, s := range r.segments {
		switch {
		case strings.HasSuffix(s, "+}"):
			b.WriteByte('3')
		case strings.HasPrefix(s, "{"):
			b.WriteByte('2')
		default:
			b.WriteByte('1')
		}
	}
	return b.String() + r.path
}

// match returns the path parameters, and whether the route matches the path.
func (r *route) match(segments []string) (map[string]string, bool) {
	parameters := map[string]string{}
	for i, want := range r.segments {
		if strings.HasSuffix(want, "+}") && i < len(segments) {
			parameters[strings.Trim(want, "{+}")] = strings.Join(segments[i:], "/")
			return parameters, true
		}
		if i >= len(segments) || segments[i] == "" && strings.HasPrefix(want, "{") {
			return nil, false
		}
		if strings.HasPrefix(want, "{") {
			parameters[strings.Trim(want, "{}")] = segments[i]
		} else if want != segments[i] {
			return nil, false
		}
	}
	return parameters, len(segments) == len(r.segments)
}
