package constructs

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/handlers/contract"
)

const (
	stageName = "v1"

	// Requests per second that each route lets through, and how many at once. Every
	// method has a bucket of its own, so a flood on one route takes nothing from the
	// others. /webhook and the four providers together may have 5 000 a second and 2 500
	// at once: half of an account's default (10 000 and 5 000), which its APIs share,
	// and below the hour index's capacity (contract.HourShards thousand writes a
	// second). At 50 ms each, the rate keeps 50 functions busy, and a burst that
	// arrives in one instant takes half of an account's default concurrency, 1 000.
	// Providers repeat deliveries that get 429.
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
	routeRate  = 1000
	routeBurst = 500

	// The limits of every other method, that is, of /webhook/{provider}: it gets the
	// names that are not configured, and the answer is always 404.
	otherRate  = 10
	otherBurst = 20

	// otherRoute is the resource of the names that are not configured.
	otherRoute = "/webhook/{provider}"

	// problemJSON is the media type of RFC 9457.
	problemJSON = "application/problem+json"
)

// IngestProps configures the public webhook endpoint.
type IngestProps struct {
	Suffix     string
	Code       ImageCode
	Table      awsdynamodb.ITable // where accepted transactions are stored
	Deliveries awsdynamodb.ITable // where ids of deliveries are bound to their bodies
	Key        awskms.IKey        // of the tables and the quarantine queue
	Providers  Providers
	Traces     TraceSampling
	Firewall   Firewall
	Domain     Domain
	Account    APIGatewayAccount
	Alias      bool // the API invokes an alias of the validator, see addCanary
}

// Ingest is the REST API with the validator behind it.
type Ingest struct {
	api        awsapigateway.RestApi
	validator  awslambda.IFunction
	live       awslambda.Alias // of the validator, nil for none
	quarantine awssqs.IQueue
	url        *string
}

// NewIngest adds POST /webhook, /webhook/<name> with the methods that the provider
// declares for each configured one, POST /webhook/{provider} for all other names, and a
// problem document for every response that the gateway gives itself.
func NewIngest(scope cdkconstructs.Construct, id string, p IngestProps) *Ingest {
	this := cdkconstructs.NewConstruct(scope, &id)

	quarantine := newQueue(this, "Quarantine", contract.QuarantinePrefix+p.Suffix, p.Key)
	validator := newFunction(this, "Validator", functionProps{
		Handler:     contract.WebhookValidator,
		Description: "Verifies, normalises, validates, redacts and stores a payment notification",
		Suffix:      p.Suffix,
		Code:        p.Code,
		// Memory buys CPU: at 1 024 MB, signature, JSON and TLS take
		// milliseconds even on the first request.
		MemoryMB: 1024,
		// The work is one conditional write, and now and then a secret or a
		// certificate. Ten seconds hold a cold start and the SDK's retries, stay under the 20 s after which the most
		// impatient providers give up, and under the gateway's 29 s.
		Timeout: 10 * time.Second,
		Environment: map[string]string{
			contract.EnvTableName:           *p.Table.TableName(),
			contract.EnvDeliveriesTableName: *p.Deliveries.TableName(),
			contract.EnvQuarantineQueue:     *quarantine.QueueUrl(),
			contract.EnvProviders:           p.Providers.environment(),
		},
	})
	allowTable(validator, p.Table, p.Key, "dynamodb:PutItem")
	allow(validator, []*string{p.Deliveries.TableArn()}, "dynamodb:PutItem")
	// Sending needs the queue's key too, which is the table's.
	allow(validator, []*string{quarantine.QueueArn()}, "sqs:SendMessage")
	p.Providers.allowSecrets(this, validator)

	accessLogs := awslogs.NewLogGroup(this, jsii.String("AccessLogs"), &awslogs.LogGroupProps{
		LogGroupName:  jsii.String(contract.AccessLogGroupPrefix + p.Suffix),
		Retention:     awslogs.RetentionDays_ONE_MONTH,
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	props := &awsapigateway.RestApiProps{
		RestApiName: jsii.String(contract.APIPrefix + p.Suffix),
		Description: jsii.String("Receives payment notifications"),
		// Providers call from a few places, and an edge-optimised endpoint
		// would put a CloudFront distribution between them and us.
		EndpointConfiguration: &awsapigateway.EndpointConfiguration{
			Types: &[]awsapigateway.EndpointType{awsapigateway.EndpointType_REGIONAL},
		},
		// Signatures are over bytes: with every media type binary, the body
		// arrives as base64 and nothing on the way can re-encode it.
		BinaryMediaTypes: jsii.Strings("*/*"),
		CloudWatchRole:   jsii.Bool(p.Account == AccountOwn),
		DeployOptions: &awsapigateway.StageOptions{
			StageName:            jsii.String(stageName),
			AccessLogDestination: awsapigateway.NewLogGroupLogDestination(accessLogs),
			AccessLogFormat:      awsapigateway.AccessLogFormat_Custom(jsii.String(accessLogFormat(p.Suffix))),
			ThrottlingRateLimit:  jsii.Number(otherRate),
			ThrottlingBurstLimit: jsii.Number(otherBurst),
			MethodOptions:        p.Providers.limits(),
			TracingEnabled:       jsii.Bool(true),
			// Execution logs hold headers, and with data tracing, bodies.
			LoggingLevel:     awsapigateway.MethodLoggingLevel_OFF,
			DataTraceEnabled: jsii.Bool(false),
		},
	}
	if p.Account == AccountOwn {
		props.CloudWatchRoleRemovalPolicy = awscdk.RemovalPolicy_DESTROY
	}
	api := awsapigateway.NewRestApi(this, jsii.String("Api"), props)
	if p.Account == AccountShared {
		// Without the role, a stage with an access log cannot be created.
		api.DeploymentStage().Node().AddDependency(newSharedAccount(this, accountProps{Suffix: p.Suffix, Code: p.Code}))
	}
	requireTLS12(api)
	addGatewayResponses(api)
	// The library's own output of the URL ends in a slash.
	api.Node().TryRemoveChild(jsii.String("Endpoint"))

	var live awslambda.Alias
	var invoked awslambda.IFunction = validator
	if p.Alias {
		live = awslambda.NewAlias(this, jsii.String("Live"), &awslambda.AliasProps{AliasName: jsii.String("live"), Version: validator.CurrentVersion()})
		invoked = live
	}
	integration := awsapigateway.NewLambdaIntegration(invoked, &awsapigateway.LambdaIntegrationOptions{
		AllowTestInvoke: jsii.Bool(false),
	})
	// The same integration, without a permission of its own: that of POST /webhook/{provider} is for POST
	// /webhook/*. Lambda limits a function's policy to 20 KB, so many providers would not fit.
	// https://repost.aws/knowledge-center/lambda-resource-based-policy-size-error
	permitted := awsapigateway.NewAwsIntegration(&awsapigateway.AwsIntegrationProps{
		Proxy: jsii.Bool(true), Service: jsii.String("lambda"), Path: jsii.String("2015-03-31/functions/" + *invoked.FunctionArn() + "/invocations"),
	})
	webhook := api.Root().AddResource(jsii.String("webhook"), nil)
	webhook.AddMethod(jsii.String("POST"), integration, nil)
	webhook.AddResource(jsii.String("{provider}"), nil).AddMethod(jsii.String("POST"), integration, nil)
	for _, name := range p.Providers.routed() {
		// A literal resource wins over {provider}.
		resource := webhook.AddResource(jsii.String(name), nil)
		for _, method := range p.Providers[name].Methods {
			target := integration
			if method == http.MethodPost {
				target = permitted
			}
			resource.AddMethod(jsii.String(method), target, nil)
		}
	}
	countThrottled(accessLogs)
	addSamplingRule(this, p.Suffix, p.Traces)

	if p.Firewall.Rate > 0 {
		addFirewall(this, p.Suffix, p.Firewall, api.DeploymentStage().StageArn())
	}
	stack := awscdk.Stack_Of(this)
	// Without the trailing slash of api.Url(): users append /webhook.
	url := awscdk.Fn_Join(jsii.String(""), &[]*string{
		jsii.String("https://"), api.RestApiId(), jsii.String(".execute-api."), stack.Region(), jsii.String("."),
		stack.UrlSuffix(), jsii.String("/" + stageName),
	})
	if p.Domain.Name != "" {
		addDomain(this, api, p.Domain)
		url = jsii.String("https://" + p.Domain.Name)
	}
	return &Ingest{
		api:        api,
		validator:  validator,
		live:       live,
		quarantine: quarantine,
		url:        url,
	}
}

// URL returns the API's base URL without a trailing slash; requests go to URL +
// "/webhook".
func (i *Ingest) URL() *string { return i.url }

// Validator returns the function that handles the requests.
func (i *Ingest) Validator() awslambda.IFunction { return i.validator }

// Quarantine returns the queue of deliveries that are authentic but could not be stored.
func (i *Ingest) Quarantine() awssqs.IQueue { return i.quarantine }

// limits returns the limits of the methods of /webhook and of the configured providers.
func (p Providers) limits() *map[string]*awsapigateway.MethodDeploymentOptions {
	limits := map[string]*awsapigateway.MethodDeploymentOptions{}
	limit := func(path, method string) {
		limits[path+"/"+method] = &awsapigateway.MethodDeploymentOptions{
			ThrottlingRateLimit:  jsii.Number(routeRate),
			ThrottlingBurstLimit: jsii.Number(routeBurst),
			// A method with settings of its own has none of the stage's.
			LoggingLevel:     awsapigateway.MethodLoggingLevel_OFF,
			DataTraceEnabled: jsii.Bool(false),
		}
	}
	limit("/webhook", http.MethodPost)
	for _, name := range p.routed() {
		for _, method := range p[name].Methods {
			limit("/webhook/"+name, method)
		}
	}
	return &limits
}

// Members of a line of the access log that the metric filter reads.
const (
	logEnvironment = "environment"
	logResource    = "resource"
	logStatus      = "status"

	logFunctionRequest = "functionRequestId"
)

// countThrottled counts the responses with 429 in the access log. API Gateway has no
// metric of them. Those of names that are not configured do not count: nobody loses
// anything by them. Nor do those of the validator, which has a request id then: anyone can
// name a certificate that is not to be had.
func countThrottled(accessLogs awslogs.LogGroup) {
	accessLogs.AddMetricFilter(jsii.String("Throttled"), &awslogs.MetricFilterOptions{
		FilterPattern: awslogs.FilterPattern_All(
			awslogs.FilterPattern_StringValue(jsii.String("$."+logStatus), jsii.String("="), jsii.String("429")),
			awslogs.FilterPattern_StringValue(jsii.String("$."+logResource), jsii.String("!="), jsii.String(otherRoute)),
			awslogs.FilterPattern_StringValue(jsii.String("$."+logFunctionRequest), jsii.String("="), jsii.String("-")),
		),
		MetricNamespace: jsii.String(contract.MetricNamespace),
		MetricName:      jsii.String(contract.MetricThrottled),
		MetricValue:     jsii.String("1"),
		Unit:            awscloudwatch.Unit_COUNT,
		// A dimension's value can only come from the line.
		Dimensions: &map[string]*string{contract.DimensionEnvironment: jsii.String("$." + logEnvironment)},
	})
}

// accessLogFormat is one JSON object per request: enough to find a delivery and its
// function's log lines, and nothing that the sender can write. A card number may be in
// the path, the method, the user agent, the host name, $context.requestId, which clients
// can override, in the trace id, of which they can choose the digits, and in the message
// of an integration's error.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
func accessLogFormat(suffix string) string {
	fields := map[string]string{
		logEnvironment:       suffix,
		"extendedRequestId":  "$context.extendedRequestId",
		"requestTime":        "$context.requestTime",
		"ip":                 "$context.identity.sourceIp",
		logResource:          "$context.resourcePath", // the template's
		logStatus:            "$context.status",
		"responseLength":     "$context.responseLength",
		"responseLatency":    "$context.responseLatency",
		"integrationLatency": "$context.integrationLatency",
		"integrationStatus":  "$context.integration.status",            // the function's
		"lambdaStatus":       "$context.integration.integrationStatus", // Lambda's
		logFunctionRequest:   "$context.integration.requestId",         // request_id in the function's log
		"gatewayResponse":    "$context.error.responseType",
	}
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err) // a map of strings always marshals
	}
	return string(text)
}

// gatewayProblem is the gateway's own response to a request that the validator does not
// handle.
type gatewayProblem struct {
	id           string
	responseType awsapigateway.ResponseType
	status       int // 0 keeps the gateway's own, for the catch-alls
	title        string
	detail       string
	retry        bool // send Retry-After
}

func addGatewayResponses(api awsapigateway.RestApi) {
	for _, g := range []gatewayProblem{
		{
			id:           "ClientError",
			responseType: awsapigateway.ResponseType_DEFAULT_4XX(),
			title:        "Request rejected",
			detail:       "The gateway rejected the request before it was read.",
		},
		{
			id:           "ServerError",
			responseType: awsapigateway.ResponseType_DEFAULT_5XX(),
			title:        "Temporary fault",
			detail:       "The transaction was not confirmed. Send the same request again.",
			retry:        true,
		},
		// A REST API's response, with 403, to every route or method that it does
		// not have.
		{
			id:           "UnknownRoute",
			responseType: awsapigateway.ResponseType_MISSING_AUTHENTICATION_TOKEN(),
			status:       404,
			title:        "Not Found",
			detail:       "There are two routes: POST /webhook and POST /webhook/{provider}.",
		},
		{
			id:           "UnknownResource",
			responseType: awsapigateway.ResponseType_RESOURCE_NOT_FOUND(),
			status:       404,
			title:        "Not Found",
			detail:       "There are two routes: POST /webhook and POST /webhook/{provider}.",
		},
		{
			id:           "Throttled",
			responseType: awsapigateway.ResponseType_THROTTLED(),
			status:       429,
			title:        "Too Many Requests",
			detail:       "Slow down and send the same request again.",
			retry:        true,
		},
		{
			id:           "QuotaExceeded",
			responseType: awsapigateway.ResponseType_QUOTA_EXCEEDED(),
			status:       429,
			title:        "Too Many Requests",
			detail:       "Slow down and send the same request again.",
			retry:        true,
		},
		{
			id:           "TooLarge",
			responseType: awsapigateway.ResponseType_REQUEST_TOO_LARGE(),
			status:       413,
			title:        "Content Too Large",
			detail:       "The request is larger than the gateway accepts.",
		},
		{
			id:           "UnsupportedMediaType",
			responseType: awsapigateway.ResponseType_UNSUPPORTED_MEDIA_TYPE(),
			status:       415,
			title:        "Unsupported Media Type",
			detail:       "Send application/json.",
		},
		{
			id:           "ValidatorUnavailable",
			responseType: awsapigateway.ResponseType_INTEGRATION_FAILURE(),
			status:       503,
			title:        "Service Unavailable",
			detail:       "The transaction was not confirmed. Send the same request again.",
			retry:        true,
		},
		{
			id:           "ValidatorTimeout",
			responseType: awsapigateway.ResponseType_INTEGRATION_TIMEOUT(),
			status:       503,
			title:        "Service Unavailable",
			detail:       "The transaction was not confirmed. Send the same request again.",
			retry:        true,
		},
	} {
		problem := struct {
			Type   string `json:"type"`
			Title  string `json:"title"`
			Status int    `json:"status,omitempty"`
			Detail string `json:"detail"`
		}{"about:blank", g.title, g.status, g.detail}
		body, err := json.Marshal(problem)
		if err != nil {
			panic(err) // strings and a number always marshal
		}
		options := &awsapigateway.GatewayResponseOptions{
			Type: g.responseType,
			// The template's key says when it applies, the header what it is.
			ResponseHeaders: &map[string]*string{"Content-Type": jsii.String("'" + problemJSON + "'")},
			Templates:       &map[string]*string{"application/json": jsii.String(string(body))},
		}
		if g.status != 0 {
			options.StatusCode = jsii.String(strconv.Itoa(g.status))
		}
		if g.retry {
			(*options.ResponseHeaders)["Retry-After"] = jsii.String("'" + strconv.Itoa(contract.RetryAfterSeconds) + "'")
		}
		api.AddGatewayResponse(jsii.String(g.id), options)
	}
}
