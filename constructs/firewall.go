package constructs

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2/awswafv2"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/handlers/contract"
)

// Firewall is a web ACL of AWS WAF before the API.
type Firewall struct {
	Rate int // requests of one address in five minutes, 10 to 2 000 000 000; 0 for no firewall
}

const (
	// The bounds of a rate-based rule.
	// https://docs.aws.amazon.com/waf/latest/APIReference/API_RateBasedStatement.html
	minRate = 10
	maxRate = 2_000_000_000

	// productionRate is a hundred requests a second of one address, over five minutes. A
	// provider has several addresses, and repeats what it got 429 for.
	productionRate = 30_000
)

func (r *contextReader) firewall(value any, production bool) Firewall {
	firewall := Firewall{Rate: productionRate}
	switch {
	case unset(value) && !production:
		return Firewall{}
	case unset(value), value == true, value == "true":
		return firewall
	}
	for member, value := range r.members(ContextFirewall, value, memberRate) {
		if member == memberRate {
			firewall.Rate = r.whole(ContextFirewall+"."+member, value, minRate, maxRate, "requests of one address in five minutes, above which it gets 429")
		}
	}
	return firewall
}

// countedRules are rules of AWS's core rule set that only count here: those for bodies, and
// for requests without a user agent. A notification has up to a megabyte and may contain an
// address or a piece of markup; it is verified, never executed or shown. To reject an
// authentic one loses it when the provider gives up.
// https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
var countedRules = []string{
	"SizeRestrictions_BODY", "EC2MetaDataSSRF_BODY", "GenericLFI_BODY", "GenericRFI_BODY", "CrossSiteScripting_BODY", "NoUserAgent_HEADER",
}

// addFirewall puts a web ACL before a stage: too many requests of one address get 429, and
// AWS's core rule set rejects the usual attacks on the path, the query and the headers with
// 403. It keeps no samples and no log of its own, which would have every header and path that
// a stranger writes. The access log has each rejected request, with its address.
func addFirewall(scope cdkconstructs.Construct, suffix string, f Firewall, stageARN *string) {
	const tooMany = "too-many-requests"
	body, err := json.Marshal(map[string]any{
		"type": "about:blank", "title": "Too Many Requests", "status": 429, "detail": "Slow down and send the same request again.",
	})
	if err != nil {
		panic(err) // strings and a number always marshal
	}
	visible := func(name string) *awswafv2.CfnWebACL_VisibilityConfigProperty {
		return &awswafv2.CfnWebACL_VisibilityConfigProperty{
			CloudWatchMetricsEnabled: jsii.Bool(true), MetricName: jsii.String(name), SampledRequestsEnabled: jsii.Bool(false),
		}
	}
	var counted []any
	for _, rule := range countedRules {
		counted = append(counted, &awswafv2.CfnWebACL_RuleActionOverrideProperty{
			Name: jsii.String(rule), ActionToUse: &awswafv2.CfnWebACL_RuleActionProperty{Count: map[string]any{}},
		})
	}
	acl := awswafv2.NewCfnWebACL(scope, jsii.String("Firewall"), &awswafv2.CfnWebACLProps{
		Name:             jsii.String(contract.APIPrefix + suffix),
		Description:      jsii.String("Before the API that receives payment notifications"),
		Scope:            jsii.String("REGIONAL"),
		DefaultAction:    &awswafv2.CfnWebACL_DefaultActionProperty{Allow: map[string]any{}},
		VisibilityConfig: visible(contract.APIPrefix + suffix),
		CustomResponseBodies: map[string]any{
			tooMany: &awswafv2.CfnWebACL_CustomResponseBodyProperty{ContentType: jsii.String("APPLICATION_JSON"), Content: jsii.String(string(body))},
		},
		Rules: []any{
			&awswafv2.CfnWebACL_RuleProperty{
				Name: jsii.String("rate-of-one-address"), Priority: jsii.Number(0),
				Statement: &awswafv2.CfnWebACL_StatementProperty{RateBasedStatement: &awswafv2.CfnWebACL_RateBasedStatementProperty{
					AggregateKeyType: jsii.String("IP"), Limit: jsii.Number(f.Rate), EvaluationWindowSec: jsii.Number(300),
				}},
				Action: &awswafv2.CfnWebACL_RuleActionProperty{Block: &awswafv2.CfnWebACL_BlockActionProperty{
					CustomResponse: &awswafv2.CfnWebACL_CustomResponseProperty{
						ResponseCode: jsii.Number(429), CustomResponseBodyKey: jsii.String(tooMany),
						ResponseHeaders: []any{&awswafv2.CfnWebACL_CustomHTTPHeaderProperty{Name: jsii.String("Retry-After"), Value: jsii.String("300")}},
					},
				}},
				VisibilityConfig: visible("rate-of-one-address"),
			},
			&awswafv2.CfnWebACL_RuleProperty{
				Name: jsii.String("core-rule-set"), Priority: jsii.Number(1),
				Statement: &awswafv2.CfnWebACL_StatementProperty{ManagedRuleGroupStatement: &awswafv2.CfnWebACL_ManagedRuleGroupStatementProperty{
					VendorName: jsii.String("AWS"), Name: jsii.String("AWSManagedRulesCommonRuleSet"), RuleActionOverrides: counted,
				}},
				OverrideAction:   &awswafv2.CfnWebACL_OverrideActionProperty{None: map[string]any{}},
				VisibilityConfig: visible("core-rule-set"),
			},
		},
	})
	awswafv2.NewCfnWebACLAssociation(scope, jsii.String("FirewallOfStage"), &awswafv2.CfnWebACLAssociationProps{
		ResourceArn: stageARN, WebAclArn: acl.AttrArn(),
	})
}
