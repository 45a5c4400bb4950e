package constructs

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/handlers/contract"
)

// Keys in cdk.json's context of what protects a stack in production.
const (
	ContextProduction            = "production"
	ContextRetainData            = "retainData"
	ContextObjectLock            = "objectLock"
	ContextTerminationProtection = "terminationProtection"
	ContextFirewall              = "firewall"
	ContextDomain                = "domain"
	ContextReservedConcurrency   = "reservedConcurrency"
	ContextCanary                = "canary"
)

// Members of the values.
const (
	memberMode           = "mode"
	memberDays           = "days"
	memberRate           = "requestsPer5Minutes"
	memberName           = "name"
	memberCertificateARN = "certificateArn"
	memberHostedZoneID   = "hostedZoneId"
)

// Safeguards are what protects a stack in production. The zero value has none of them: such a
// stack is destroyed without a trace.
type Safeguards struct {
	RetainData            bool           // tables, bucket and key outlive the stack
	ObjectLock            ObjectLock     // of the audit bucket
	TerminationProtection bool           // CloudFormation rejects the deletion of the stack
	Firewall              Firewall       // before the API
	Domain                Domain         // the API's only address
	ReservedConcurrency   map[string]int // by handler, without the suffix
	Canary                string         // how webhook-validator's new versions get requests, a key of canaries; "" for all at once
}

// ObjectLock is the default retention of the objects of the audit bucket.
type ObjectLock struct {
	Mode string // GOVERNANCE or COMPLIANCE
	Days int    // 1 to 36 500; 0 for no lock
}

// maxLockDays is S3's limit.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html
const maxLockDays = 36_500

// productionLock keeps each object as long as the bucket's lifecycle does. Who has
// s3:BypassGovernanceRetention can end the retention of a mode GOVERNANCE; nobody can end
// that of COMPLIANCE, so that is a choice to make and no default.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
var productionLock = ObjectLock{Mode: "GOVERNANCE", Days: auditDays}

// productionConcurrency keeps the functions from taking each other's share of an account's
// default, 1 000, and leaves more than half of that unreserved; Lambda insists on 100. The
// relay has ten batches at once for each of the stream's shards, four at first. The digest
// must have at least its mapping's maximum, two.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
var productionConcurrency = map[string]int{
	contract.WebhookValidator: 200, contract.EventRelay: 100, contract.FraudDetector: 100,
	contract.TransactionArchival: 5, contract.AlertDigest: 5, contract.PaymentReconciler: 5,
}

// SafeguardsFromContext reads the safeguards:
//
//	"production": true,
//	"domain": {"name": "payments.example.com", "certificateArn": "arn:aws:acm:…", "hostedZoneId": "Z…"},
//	"objectLock": {"mode": "COMPLIANCE", "days": 365},
//	"firewall": {"requestsPer5Minutes": 30000},
//	"reservedConcurrency": {"webhook-validator": 200}
//
// Production adds what is not there, and requires a domain; firewall and objectLock may be
// true for their defaults. The region of the stack is "" if it is not known yet. The error
// joins one error per problem, each wrapping [ErrConfig].
func SafeguardsFromContext(settings *Settings, region string) (Safeguards, error) {
	r := contextReader{settings: settings}
	value := settings.Value
	production := r.boolean(ContextProduction, value(ContextProduction))
	s := Safeguards{
		RetainData:            r.boolean(ContextRetainData, value(ContextRetainData)) || production,
		TerminationProtection: r.boolean(ContextTerminationProtection, value(ContextTerminationProtection)) || production,
		ObjectLock:            r.objectLock(value(ContextObjectLock), production),
		Firewall:              r.firewall(value(ContextFirewall), production),
		Domain:                r.domain(value(ContextDomain), region, production),
		ReservedConcurrency:   r.reservedConcurrency(value(ContextReservedConcurrency), production),
		Canary:                r.canary(value(ContextCanary)),
	}
	return s, r.err()
}

// isProduction reports whether the context switches all safeguards on. What makes no sense is
// reported by [SafeguardsFromContext].
func isProduction(settings *Settings) bool {
	value := settings.Value(ContextProduction)
	return value == true || value == "true"
}

// unset reports whether an option that has defaults is left out, or false.
func unset(value any) bool { return value == nil || value == false || value == "false" }

// members returns the members of an object, each of them expected; nil if it is none.
func (r *contextReader) members(path string, value any, expected ...string) map[string]any {
	object := r.object(path, r.parsed(value))
	for _, member := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(expected, member) {
			r.reject(path+"."+member, object[member], "it accepts only "+strings.Join(expected, ", "))
		}
	}
	return object
}

// whole reads a whole number between two bounds.
func (r *contextReader) whole(path string, value any, low, high int, unit string) int {
	number, ok := value.(float64)
	if !ok || number != math.Trunc(number) || number < float64(low) || number > float64(high) {
		r.reject(path, value, fmt.Sprintf("want a whole number from %d to %d: %s", low, high, unit))
		return low
	}
	return int(number)
}

func (r *contextReader) objectLock(value any, production bool) ObjectLock {
	lock := productionLock
	switch {
	case unset(value) && !production:
		return ObjectLock{}
	case unset(value), value == true, value == "true":
		return lock
	}
	for member, value := range r.members(ContextObjectLock, value, memberMode, memberDays) {
		path := ContextObjectLock + "." + member
		switch member {
		case memberMode:
			if lock.Mode, _ = value.(string); lock.Mode != "GOVERNANCE" && lock.Mode != "COMPLIANCE" {
				r.reject(path, value, "want GOVERNANCE, which some may end, or COMPLIANCE, which nobody can")
			}
		case memberDays:
			lock.Days = r.whole(path, value, 1, maxLockDays, "how long an object can be neither deleted nor replaced")
		}
	}
	return lock
}

// maxReserved is the most that can be reserved for one function: more than any account has by
// default, which is 1 000.
const maxReserved = 10_000

func (r *contextReader) reservedConcurrency(value any, production bool) map[string]int {
	reserved := map[string]int{}
	if production {
		maps.Copy(reserved, productionConcurrency)
	}
	if unset(value) {
		return reserved
	}
	for handler, value := range r.members(ContextReservedConcurrency, value, slices.Sorted(maps.Keys(productionConcurrency))...) {
		low := 1
		if handler == contract.AlertDigest {
			low = digestConcurrency
		}
		reserved[handler] = r.whole(ContextReservedConcurrency+"."+handler, value, low, maxReserved, "executions at once")
	}
	return reserved
}

// reserveConcurrency reserves concurrency for the functions that the stack has.
func reserveConcurrency(stack awscdk.Stack, suffix string, reserved map[string]int) {
	if len(reserved) == 0 {
		return
	}
	for _, c := range *stack.Node().FindAll(cdkconstructs.ConstructOrder_PREORDER) {
		fn, ok := c.(awslambda.CfnFunction)
		if !ok || fn.FunctionName() == nil {
			continue
		}
		if n, ok := reserved[strings.TrimSuffix(*fn.FunctionName(), "-"+suffix)]; ok {
			fn.SetReservedConcurrentExecutions(jsii.Number(n))
		}
	}
}

// denial keeps everybody, administrators included, from one action until the statement is
// removed: what protection from deletion is for resources that have no setting for it.
func denial(action string, resource *string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("ProtectFromDeletion"),
		Effect:     awsiam.Effect_DENY,
		Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()},
		Actions:    jsii.Strings(action),
		Resources:  &[]*string{resource},
	})
}

// denyDeletion protects a key. Without it nothing that it encrypted can be read again.
func denyDeletion(key awskms.IKey) {
	key.AddToResourcePolicy(denial("kms:ScheduleKeyDeletion", jsii.String("*")), nil)
}

var (
	domainPattern      = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$`)
	certificatePattern = regexp.MustCompile(`^arn:aws[a-z-]*:acm:([a-z0-9-]+):[0-9]{12}:certificate/[A-Za-z0-9-]+$`)
	hostedZonePattern  = regexp.MustCompile(`^Z[A-Z0-9]{1,31}$`)
)

func (r *contextReader) domain(value any, region string, production bool) Domain {
	if unset(value) {
		if production {
			r.problems = append(r.problems, fmt.Errorf("%w: context %s is true, but %s is missing: want an object with %s, %s and %s",
				ErrConfig, r.at(ContextProduction), ContextDomain, memberName, memberCertificateARN, memberHostedZoneID))
		}
		return Domain{}
	}
	var d Domain
	members := r.members(ContextDomain, value, memberName, memberCertificateARN, memberHostedZoneID)
	if members == nil {
		return d // reported
	}
	for _, m := range []struct {
		name    string
		field   *string
		pattern *regexp.Regexp
		want    string
	}{
		{memberName, &d.Name, domainPattern, "a domain name in lower case, such as payments.example.com"},
		{memberCertificateARN, &d.CertificateARN, certificatePattern, "the ARN of a certificate in ACM for that name, such as arn:aws:acm:eu-central-1:111122223333:certificate/…"},
		{memberHostedZoneID, &d.HostedZoneID, hostedZonePattern, "the id of the hosted zone in Route 53 that has the name, such as Z0123456789ABC"},
	} {
		path := ContextDomain + "." + m.name
		value, has := members[m.name]
		*m.field, _ = value.(string)
		switch {
		case !has:
			r.problems = append(r.problems, fmt.Errorf("%w: context %s is missing: want %s", ErrConfig, r.at(path), m.want))
		case !m.pattern.MatchString(*m.field):
			r.reject(path, value, "want "+m.want)
		}
	}
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-regional-api-custom-domain-create.html
	if match := certificatePattern.FindStringSubmatch(d.CertificateARN); match != nil && region != "" && match[1] != region {
		r.reject(ContextDomain+"."+memberCertificateARN, d.CertificateARN, "want a certificate in the region of the stack, "+region)
	}
	return d
}
