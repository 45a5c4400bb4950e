package constructs

import (
	"math"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsxray"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/handlers/contract"
)

// ContextTraceSampling is the key in cdk.json's context of how many requests are traced.
const ContextTraceSampling = "traceSampling"

// Members of the context's value.
const (
	memberPerSecond = "perSecond"
	memberPercent   = "percent"
	memberBatches   = "batches"
)

const (
	// maxTracedPerSecond bounds TraceSampling.PerSecond. It is what the routes together let
	// through (see routeRate): more would be the same as 100 percent.
	maxTracedPerSecond = 5000

	// samplingPriority is the rule's place among those of the account: the first that matches
	// decides. Numbers from 1 to 9999 are allowed, and need not be unique; rules of the same
	// number are in the order of their names. The rules of other stacks have the same and match
	// other APIs. It is before X-Ray's default rule (10000), and leaves room before it for rules
	// that an account has for all its services.
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-configuring-xray-sampling-rules.html
	// https://github.com/aws/aws-xray-sdk-go/blob/master/strategy/sampling/centralized_sampling_rule_manifest.go
	samplingPriority = 1000
)

// TraceSampling is what X-Ray records.
type TraceSampling struct {
	PerSecond int     // requests of the API: the first of each second, 0 to 5000
	Percent   float64 // of all other requests, 0 to 100
	Batches   bool    // batches of the table's stream, as many as Lambda samples
}

// DefaultTraceSampling is five percent of the requests and no reservoir: at a million requests
// a month nearly each is the first of its second. Batches are traced, or nothing behind the
// stream would be.
func DefaultTraceSampling() TraceSampling { return TraceSampling{Percent: 5, Batches: true} }

// TraceSamplingFromContext reads [ContextTraceSampling], nil for
// [DefaultTraceSampling], or
//
//	{"perSecond": 1, "percent": 5, "batches": false}
//
// or the same as JSON text. A member that is left out has its default. The error joins one
// error per problem, each wrapping [ErrConfig].
func TraceSamplingFromContext(settings *Settings) (TraceSampling, error) {
	sampling := DefaultTraceSampling()
	value := settings.Value(ContextTraceSampling)
	if value == nil {
		return sampling, nil
	}
	r := contextReader{settings: settings}
	for member, value := range r.object(ContextTraceSampling, r.parsed(value)) {
		path := ContextTraceSampling + "." + member
		number, isNumber := value.(float64)
		switch {
		case member == memberBatches:
			sampling.Batches = r.boolean(path, value)
		case member == memberPerSecond && isNumber && number >= 0 && number <= maxTracedPerSecond && number == math.Trunc(number):
			sampling.PerSecond = int(number)
		case member == memberPerSecond:
			r.reject(path, value, "want a whole number from 0 to 5000: how many requests of each second are traced")
		case member == memberPercent && isNumber && number >= 0 && number <= 100:
			sampling.Percent = number
		case member == memberPercent:
			r.reject(path, value, "want a number from 0 to 100: the share of the other requests that is traced")
		default:
			r.reject(path, value, "it accepts only "+strings.Join([]string{memberPerSecond, memberPercent, memberBatches}, ", "))
		}
	}
	return sampling, r.err()
}

// addSamplingRule adds the X-Ray rule for this stack's API and no other: API Gateway names
// itself by the API's name and the stage, and the name ends in the suffix. The functions
// behind it follow its decision; a request that comes with a decision of its own keeps that.
// What no request starts (the stream's batches, schedules) is sampled by Lambda itself, one a
// second and five percent, which can only be turned off.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-configuring-xray-sampling-rules.html
// https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
func addSamplingRule(scope cdkconstructs.Construct, suffix string, sampling TraceSampling) {
	// An account has 25 such rules per region. A stack that wants what X-Ray does by itself needs
	// none, so that any number of stacks is possible.
	// https://docs.aws.amazon.com/general/latest/gr/xray.html#limits_xray
	if sampling.PerSecond == 1 && sampling.Percent == 5 {
		return
	}
	anything := jsii.String("*")
	awsxray.NewCfnSamplingRule(scope, jsii.String("SamplingRule"), &awsxray.CfnSamplingRuleProps{
		SamplingRule: &awsxray.CfnSamplingRule_SamplingRuleProperty{
			RuleName:      jsii.String(contract.SamplingRulePrefix + suffix),
			Priority:      jsii.Number(samplingPriority),
			ReservoirSize: jsii.Number(sampling.PerSecond),
			FixedRate:     jsii.Number(sampling.Percent / 100),
			ServiceName:   jsii.String(contract.APIPrefix + suffix + "/" + stageName),
			ServiceType:   jsii.String("AWS::ApiGateway::Stage"),
			ResourceArn:   anything,
			Host:          anything,
			HttpMethod:    anything,
			UrlPath:       anything,
			Version:       jsii.Number(1),
		},
	})
}
