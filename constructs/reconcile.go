package constructs

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/constructs/tiers"
	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/operations/reconcile"
)

// ContextReconcile is the key in cdk.json's context of the providers that are compared with the
// table daily.
const ContextReconcile = "reconcile"

// memberAPIURL is the member with the address of a provider's API.
const memberAPIURL = "apiUrl"

// Reconcile are the providers that are compared daily, by name.
type Reconcile map[string]ReconcileProvider

// ReconcileProvider is how a provider's API is reached. No field holds a secret: only where
// it is.
type ReconcileProvider struct {
	Secret       string // name or whole ARN in Secrets Manager of the API's credentials
	SecretKeyARN string // customer-managed key of the secret; empty for AWS's own
	APIURL       string // empty for the live API
}

// ReconcileFromContext reads [ContextReconcile], nil or {} for none, or
//
//	{"stripe": {"secret": "payments/stripe-api", "secretKeyArn": "arn:aws:kms:…:key/…"},
//	 "square": {"secret": "payments/square-api", "apiUrl": "https://connect.squareupsandbox.com"}}
//
// or the same as JSON text. Each provider must be among the values of [ContextProviders]: of
// another one, everything would be missing. The error joins one error per problem, each
// wrapping [ErrConfig].
func ReconcileFromContext(settings *Settings) (Reconcile, error) {
	r := contextReader{settings: settings}
	configured := Reconcile{}
	value := settings.Value(ContextReconcile)
	if value == nil {
		return configured, nil
	}
	routes, _ := r.parsed(settings.Value(ContextProviders)).(map[string]any)
	for name, members := range r.object(ContextReconcile, r.parsed(value)) {
		path := ContextReconcile + "." + name
		if !slices.Contains(reconcile.Providers(), name) {
			r.problems = append(r.problems, fmt.Errorf("%w: context %s: events of this provider cannot be listed, want one of %s",
				ErrConfig, r.at(path), strings.Join(reconcile.Providers(), ", ")))
			continue
		}
		if routes[name] == nil {
			r.problems = append(r.problems, fmt.Errorf("%w: context %s: %s is not among %s, so that it delivers nothing here",
				ErrConfig, r.at(path), name, r.at(ContextProviders)))
		}
		configured[name] = r.reconcileProvider(name, path, r.object(path, members))
	}
	return configured, r.err()
}

func (r *contextReader) reconcileProvider(name, path string, members map[string]any) ReconcileProvider {
	if members == nil {
		return ReconcileProvider{} // not an object, which was reported already
	}
	form, _ := reconcile.Describe(name)
	accepted := map[string]struct {
		ok   func(string) bool
		want string
	}{
		memberSecret:       {isSecret, fmt.Sprintf("the name of a Secrets Manager secret (at most %d letters, digits and / _ + = . @ -) or its whole ARN; never the secret itself", maxSecretName)},
		memberSecretKeyARN: {keyARNPattern.MatchString, "the ARN of the KMS key that encrypts the secret (no alias)"},
		memberAPIURL:       {reconcile.ValidURL, "the https address of the provider's API, such as that of its sandbox"},
	}
	text := map[string]string{}
	for member, value := range members {
		rule, known := accepted[member]
		v, isText := value.(string)
		switch {
		case !known:
			r.reject(path+"."+member, value, "it accepts only "+strings.Join(slices.Sorted(maps.Keys(accepted)), ", "))
		case !isText || !rule.ok(v):
			r.reject(path+"."+member, fmt.Sprintf("%q", value), "want "+rule.want)
		default:
			text[member] = v
		}
	}
	if _, given := members[memberSecret]; !given {
		r.problems = append(r.problems, fmt.Errorf("%w: context %s.%s is missing: want the name of the Secrets Manager secret that holds %s",
			ErrConfig, r.at(path), memberSecret, form))
	}
	return ReconcileProvider{Secret: text[memberSecret], SecretKeyARN: text[memberSecretKeyARN], APIURL: text[memberAPIURL]}
}

// environment is the value of contract.EnvReconcile: JSON with sorted keys.
func (r Reconcile) environment() string {
	object := map[string]map[string]string{}
	for name, provider := range r {
		object[name] = map[string]string{contract.ProviderSecret: provider.Secret}
		if provider.APIURL != "" {
			object[name][contract.ReconcileAPIURL] = provider.APIURL
		}
	}
	text, err := json.Marshal(object)
	if err != nil {
		panic(err) // maps of strings always marshal
	}
	return string(text)
}

// secrets are those with the credentials of the providers' APIs.
func (r Reconcile) secrets() Providers {
	secrets := Providers{}
	for name, provider := range r {
		secrets[name] = Provider{Secret: provider.Secret, SecretKeyARN: provider.SecretKeyARN}
	}
	return secrets
}

// ReconciliationProps configures the daily comparison with the providers.
type ReconciliationProps struct {
	Suffix    string
	Code      ImageCode
	Table     awsdynamodb.ITable
	Key       awskms.IKey // of the table and the queues
	Providers Reconcile   // at least one
}

// Reconciliation is the function that compares providers with the table, and its schedule.
type Reconciliation struct {
	daily
	providers  []string
	reconciler awslambda.IFunction
}

// NewReconciliation adds payment-reconciler and its schedule. It reads: it has no permission
// to change anything.
func NewReconciliation(scope cdkconstructs.Construct, id string, p ReconciliationProps) *Reconciliation {
	this := cdkconstructs.NewConstruct(scope, &id)
	fn := newFunction(this, "Reconciler", functionProps{
		Handler:     contract.PaymentReconciler,
		Description: "Compares what the providers say happened with what the table holds",
		Suffix:      p.Suffix,
		Code:        p.Code,
		MemoryMB:    512,
		// The longest that Lambda allows. Two days of 100 000 events are 1000 pages,
		// of which a provider sends several in a second.
		Timeout: 15 * time.Minute,
		Environment: map[string]string{
			contract.EnvTableName: *p.Table.TableName(),
			contract.EnvReconcile: p.Providers.environment(),
		},
	})
	allow(fn, []*string{p.Table.TableArn()}, "dynamodb:GetItem")
	allow(fn, []*string{p.Key.KeyArn()}, tableReadKeyActions...)
	p.Providers.secrets().allowSecrets(this, fn)

	// Two hours after the archiver. The first run shows whether the credentials are right.
	return &Reconciliation{providers: slices.Sorted(maps.Keys(p.Providers)), reconciler: fn, daily: newDaily(this, dailyProps{
		Suffix: p.Suffix, Key: p.Key, Function: fn, Hour: "4", Minute: "40", Does: "Compares the providers with the table",
		RulePrefix: contract.ReconcileRulePrefix, DeploymentPrefix: contract.ReconcileDeploymentRulePrefix,
		FailurePrefix: contract.ReconcileFailurePrefix, ScheduleDeadLetterPrefix: contract.ReconcileScheduleDeadLetterPrefix,
	})}
}

// reconcileFunctions returns the function of the daily comparison, if there is one.
func (m metrics) reconcileFunctions() []namedFunction {
	if m.p.Reconcile == nil {
		return nil
	}
	return []namedFunction{{
		id: "Reconciler", name: contract.PaymentReconciler, function: m.p.Reconcile.reconciler,
		failed: "Lambda repeats twice; what is given up is in reconcile-failures. Compare by hand: `scripts/ops reconcile`.",
	}}
}

// reconcileQueues returns the queues of comparisons that did not happen.
func (m metrics) reconcileQueues() []namedQueue {
	if m.p.Reconcile == nil {
		return nil
	}
	const todo = "Read payment-reconciler's log, then compare by hand: `scripts/ops reconcile`."
	return []namedQueue{
		{id: "ReconcileSchedule", name: "reconcile-schedule-dlq", queue: m.p.Reconcile.scheduleDeadLetters, todo: "The daily comparison with the providers could not be started. " + todo},
		{id: "ReconcileFailures", name: "reconcile-failures", queue: m.p.Reconcile.failures, todo: "The daily comparison with the providers failed three times. " + todo},
	}
}

// uncomparedDays is for how many days in a row no comparison of a provider may end. One
// that fails is followed by another a day later, which looks back far enough.
const uncomparedDays = 2

// reconcileAlarms are two for each provider that is compared: something is missing or
// different, and there was no comparison.
func (m metrics) reconcileAlarms() (alarms []alarm) {
	if m.p.Reconcile == nil {
		return nil
	}
	for _, name := range m.p.Reconcile.providers {
		alarms = append(
			alarms,
			alarm{
				id: "Missing" + tiers.Title(name), name: "missing-" + name,
				description: fmt.Sprintf("%s lists transactions of the last two days that are not here, or with other money. See which: `scripts/ops reconcile --provider %s`; "+
					"bring in what is missing with --deliver. Find out why it did not arrive: the endpoint may be disabled on the provider's dashboard.", name, name),
				metric: over(m.provider(contract.MetricMissing, name, ""), awscdk.Duration_Hours(jsii.Number(1))), periods: 1,
			},
			stopped(alarm{
				id: "Uncompared" + tiers.Title(name), name: "reconcile-stopped-" + name,
				description: fmt.Sprintf("%s was not compared with the table for %d days. Read payment-reconciler's log: its credentials may have expired, or the provider refuses them. "+
					"Compare by hand: `scripts/ops reconcile --provider %s`.", name, uncomparedDays, name),
				periods: uncomparedDays,
			}, m.provider(contract.MetricReconcileRuns, name, "")),
		)
	}
	return alarms
}

// reconcileRuns returns the function of the daily comparison as one that rules start.
func (m metrics) reconcileRuns() []startedFunction {
	if m.p.Reconcile == nil {
		return nil
	}
	return []startedFunction{{
		m.reconcileFunctions()[0], m.p.Reconcile.ruleNames, contract.ReconcileScheduleDeadLetterPrefix, contract.ReconcileFailurePrefix,
		"Compare by hand: `scripts/ops reconcile`.",
	}}
}
