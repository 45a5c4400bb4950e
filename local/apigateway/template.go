package apigateway

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The properties of the template's types that are played. A property that is
// missing here is refused when the assembly is decoded into them.
type (
	// RestAPI is AWS::ApiGateway::RestApi.
	RestAPI struct {
		Name, Description         string
		BinaryMediaTypes          []string
		EndpointConfiguration     struct{ Types []string } // describes: there is one machine
		DisableExecuteApiEndpoint bool
		MinimumCompressionSize    *int `json:",omitempty"`
		Tags                      any
		FailOnWarnings            bool // only matters for imported bodies
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
		MethodResponses                                      []any // describes: a proxy integration answers for itself
	}
	// Integration is a method's. Only Lambda proxy integrations are played.
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
	// MethodSetting is a stage's setting for one method or all.
	MethodSetting struct {
		ResourcePath, HttpMethod string
		ThrottlingRateLimit      *float64 // requests a second
		ThrottlingBurstLimit     *int
		MetricsEnabled           bool   // describes
		DataTraceEnabled         bool   // describes: there is no execution log
		LoggingLevel             string // describes
	}
	// GatewayResponse is AWS::ApiGateway::GatewayResponse.
	GatewayResponse struct {
		RestApiId, ResponseType, StatusCode   string
		ResponseParameters, ResponseTemplates map[string]string
	}
)

// Template is everything of one API.
type Template struct {
	API              RestAPI
	APIID            string // Ref of the RestApi
	RootResourceID   string
	Resources        []Resource
	Methods          []Method
	Stage            Stage
	GatewayResponses []GatewayResponse
}

// Account-level throttling that holds where the stage sets none.
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

// compile turns the template into routes. It returns every problem.
func (t Template) compile(now func() time.Time) ([]*route, error) {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if t.API.MinimumCompressionSize != nil {
		problem("REST API %s: MinimumCompressionSize is not supported", t.API.Name)
	}
	if t.API.DisableExecuteApiEndpoint {
		problem("REST API %s: DisableExecuteApiEndpoint leaves no way in, custom domains are not played", t.API.Name)
	}

	paths := t.paths()
	routes := map[string]*route{}
	for _, m := range t.Methods {
		path, known := paths[m.ResourceId]
		if !known {
			problem("%s: its resource is no resource of this API", m.LogicalID)
			continue
		}
		if m.AuthorizationType != "" && m.AuthorizationType != "NONE" {
			problem("%s: AuthorizationType %s is not supported", m.LogicalID, m.AuthorizationType)
		}
		if m.ApiKeyRequired {
			problem("%s: ApiKeyRequired is not supported", m.LogicalID)
		}
		if m.Integration.Type != "AWS_PROXY" || m.Integration.ContentHandling != "" {
			problem("%s: Integration.Type %s (ContentHandling %q) is not supported, AWS_PROXY is", m.LogicalID, m.Integration.Type, m.Integration.ContentHandling)
			continue
		}
		uri := functionInURI.FindStringSubmatch(m.Integration.Uri)
		if uri == nil {
			problem("%s: Integration.Uri %s is no Lambda function", m.LogicalID, m.Integration.Uri)
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

// paths is the path of each resource by its id, whatever the resources' order.
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

// Path is the path of a resource, "/webhook/{provider}", or "" when it is none
// of this API.
func (t Template) Path(resourceID string) string { return t.paths()[resourceID] }

// FunctionARN is the function that the method invokes, or "".
func (m Method) FunctionARN() string {
	if uri := functionInURI.FindStringSubmatch(m.Integration.Uri); uri != nil {
		return uri[1]
	}
	return ""
}

// escapePath writes a path the way MethodSettings do: "/" becomes "~1" after
// the first one.
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

// rank sorts routes by how specific each segment is.
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

// match returns the path parameters when the route fits the path.
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
