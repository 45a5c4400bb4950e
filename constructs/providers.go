package constructs

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/providers"
)

// Keys of the providers in cdk.json's context.
const (
	ContextProviders         = "providers"
	ContextRequireSignatures = "requireSignatures"
	ContextAllowOpenWebhook  = "allowOpenWebhook"
)

// Members that every provider has in the context, beside those that it declares. The
// validator's environment has all but the key.
const (
	memberSecret       = "secret"
	memberSecretKeyARN = "secretKeyArn"
)

// supported returns the providers that can be configured: canonical, for POST /webhook
// itself, and those of package providers.
func supported() []providers.Declaration {
	return append([]providers.Declaration{providers.Canonical()}, providers.All()...)
}

const (
	maxSecretName = 512

	// maxProvidersBytes leaves a quarter of Lambda's limit for a function's
	// environment, 4 KB, to the other variables.
	// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
	maxProvidersBytes = 3072
)

var (
	// secretNamePattern is what CreateSecret accepts. It may end in a
	// hyphen and six characters, such as "stripe-secret". AWS advises against such
	// names for lookups by a part of the ARN, which this stack does not do.
	// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
	secretNamePattern = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]+$`)

	// secretARNPattern is a whole ARN, with the hyphen and the six characters
	// that Secrets Manager adds to the name.
	secretARNPattern = regexp.MustCompile(`^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}$`)

	// keyARNPattern is the ARN of a key, not of an alias: IAM grants apply to keys.
	keyARNPattern = regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$`)
)

// Provider is how the notifications of one payment provider are received and
// verified. No field holds a secret: only where it is.
type Provider struct {
	Secret       string             // name or whole ARN in Secrets Manager
	SecretKeyARN string             // customer-managed key of the secret; empty for AWS's own
	Settings     providers.Settings // the members that the provider declares; nil without
	Methods      []string           // HTTP methods that the provider uses
}

// Providers are the configured providers by name; contract.ProviderCanonical is
// POST /webhook itself.
type Providers map[string]Provider

// routed returns the names of the providers with a route of their own,
// /webhook/<name>, sorted.
func (p Providers) routed() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(p)), func(name string) bool { return name == contract.ProviderCanonical })
}

// OpenWebhook reports whether POST /webhook accepts transactions from anybody.
func (p Providers) OpenWebhook() bool {
	_, closed := p[contract.ProviderCanonical]
	return !closed
}

// openWebhook says that /webhook is open and how to close it.
const openWebhook = "POST /webhook accepts payments from anybody who knows its address: no secret is configured for it. " +
	"Set " + ContextProviders + "." + contract.ProviderCanonical + "." + memberSecret + " in cdk.json's context to the name of a Secrets Manager secret"

// Warning returns the warning to print at every synthesis, or "" for none.
func (p Providers) Warning() string {
	switch configured := p.routed(); {
	case !p.OpenWebhook():
		return ""
	case len(configured) > 0:
		return "ANYBODY CAN STORE PAYMENTS BESIDE THOSE OF " + strings.ToUpper(strings.Join(configured, ", ")) + ": " +
			openWebhook + ", and remove " + ContextAllowOpenWebhook + ". Do not deploy this to production."
	default:
		return openWebhook + ", and " + ContextRequireSignatures + " to true to make a synthesis without it fail."
	}
}

// ProvidersFromContext reads [ContextProviders], [ContextRequireSignatures], which
// [ContextProduction] includes, and [ContextAllowOpenWebhook]. The first is nil for none, or
//
//	{"canonical": {"secret": "payments/canonical"},
//	 "stripe": {"secret": "payments/stripe", "secretKeyArn": "arn:aws:kms:…:key/…"},
//	 "adyen": {"secret": "payments/adyen", "capture": "manual"},
//	 "paypal": {"secret": "payments/paypal"},
//	 "square": {"secret": "payments/square", "notificationUrl": "https://pay.example.com/webhook/square"}}
//
// or the same as JSON text, which is how `cdk synth -c` passes it. The others are true
// or false, also as text. An open POST /webhook is an error if signatures are required,
// and beside a configured provider unless it is allowed: then somebody already sends
// real payments, and the endpoint is no longer a trial.
// The error joins one error per problem, each wrapping [ErrConfig].
func ProvidersFromContext(settings *Settings) (Providers, error) {
	return providersFromContext(supported(), settings)
}

// providersFromContext is ProvidersFromContext for other supported providers.
func providersFromContext(supported []providers.Declaration, settings *Settings) (Providers, error) {
	r := contextReader{settings: settings, supported: supported}
	value := settings.Value(ContextProviders)
	configured := r.providers(value)
	require := r.boolean(ContextRequireSignatures, settings.Value(ContextRequireSignatures)) || isProduction(settings)
	allow := r.boolean(ContextAllowOpenWebhook, settings.Value(ContextAllowOpenWebhook))
	r.checkOpenWebhook(value, require, allow)
	if len(r.problems) == 0 {
		if size := len(configured.environment()); size > maxProvidersBytes {
			r.problems = append(r.problems, fmt.Errorf("%w: context %s needs %d bytes of the validator's environment, at most %d fit: shorten names or addresses",
				ErrConfig, r.at(ContextProviders), size, maxProvidersBytes))
		}
	}
	return configured, r.err()
}

// checkOpenWebhook rejects an open POST /webhook where it is not allowed. It looks at the
// raw value of the providers: an entry with a mistake is reported once, not as missing
// as well.
func (r *contextReader) checkOpenWebhook(value any, require, allow bool) {
	named, _ := r.parsed(value).(map[string]any)
	closed := named[contract.ProviderCanonical] != nil
	others := slices.DeleteFunc(slices.Sorted(maps.Keys(named)), func(name string) bool { return name == contract.ProviderCanonical })
	switch {
	case require && allow:
		r.problems = append(r.problems, fmt.Errorf("%w: contexts %s and %s are both true (%s includes the first): set one of them to false", ErrConfig, r.at(ContextRequireSignatures), r.at(ContextAllowOpenWebhook), ContextProduction))
	case closed || allow:
	case require:
		r.problems = append(r.problems, fmt.Errorf("%w: context %s is true (%s includes it), but %s", ErrConfig, r.at(ContextRequireSignatures), ContextProduction, openWebhook))
	case len(others) > 0:
		r.problems = append(r.problems, fmt.Errorf("%w: context %s has %s, but %s. To accept them all the same, set %s to true",
			ErrConfig, r.at(ContextProviders), strings.Join(others, ", "), openWebhook, ContextAllowOpenWebhook))
	}
}

// contextReader collects every problem of a context value.
type contextReader struct {
	settings  *Settings // nil: paths are those of cdk.json already
	supported []providers.Declaration
	problems  []error
}

// at is where a setting, or a member of one such as "domain.name", is in cdk.json's context.
func (r *contextReader) at(path string) string {
	if r.settings == nil {
		return path
	}
	key, _, _ := strings.Cut(path, ".")
	return r.settings.Path(key) + path[len(key):]
}

func (r *contextReader) reject(path string, value any, accepted string) {
	r.problems = append(r.problems, fmt.Errorf("%w: context %s is %v: %s", ErrConfig, r.at(path), value, accepted))
}

// err joins the problems in an order that does not change from run to run.
func (r *contextReader) err() error {
	slices.SortFunc(r.problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(r.problems...)
}

// parsed returns the value, decoded if it is JSON text.
func (r *contextReader) parsed(value any) any {
	text, ok := value.(string)
	if !ok {
		return value
	}
	var parsed any
	if json.Unmarshal([]byte(text), &parsed) != nil {
		return value // not an object, which the caller rejects
	}
	return parsed
}

// boolean reads true or false, also as text; nil is false.
func (r *contextReader) boolean(key string, value any) bool {
	switch value {
	case nil, false, "false":
	case true, "true":
		return true
	default:
		r.reject(key, value, "want true or false")
	}
	return false
}

func (r *contextReader) object(path string, value any) map[string]any {
	object, ok := value.(map[string]any)
	if !ok {
		r.reject(path, value, "want a JSON object")
	}
	return object
}

func (r *contextReader) providers(value any) Providers {
	configured := Providers{}
	if value == nil {
		return configured
	}
	declared := map[string]providers.Declaration{}
	for _, d := range r.supported {
		declared[d.Name] = d
	}
	for name, members := range r.object(ContextProviders, r.parsed(value)) {
		path := ContextProviders + "." + name
		d, ok := declared[name]
		if !ok {
			r.problems = append(r.problems, fmt.Errorf("%w: context %s: no such provider, want one of %s",
				ErrConfig, r.at(path), strings.Join(slices.Sorted(maps.Keys(declared)), ", ")))
			continue
		}
		configured[name] = r.provider(d, path, r.object(path, members))
	}
	return configured
}

func (r *contextReader) provider(d providers.Declaration, path string, members map[string]any) Provider {
	if members == nil {
		return Provider{} // not an object, which was reported already
	}
	accepted := []string{memberSecret, memberSecretKeyARN}
	for _, m := range d.Members {
		accepted = append(accepted, m.Context)
	}
	text := map[string]string{}
	for member, value := range members {
		switch v, isText := value.(string); {
		case !slices.Contains(accepted, member):
			r.reject(path+"."+member, value, d.Name+" accepts only "+strings.Join(accepted, ", "))
		case !isText || v == "": // also null
			r.reject(path+"."+member, value, "want a text")
		default:
			text[member] = v
		}
	}
	check := func(member string, ok func(string) bool, accepted string) {
		if value, given := text[member]; given && !ok(value) {
			r.reject(path+"."+member, fmt.Sprintf("%q", value), "want "+accepted)
		}
	}
	if _, given := members[memberSecret]; !given {
		r.problems = append(r.problems, fmt.Errorf("%w: context %s.%s is missing: want the name of the Secrets Manager secret that holds the signing secret",
			ErrConfig, r.at(path), memberSecret))
	}
	check(memberSecret, isSecret, fmt.Sprintf("the name of a Secrets Manager secret (at most %d letters, digits and / _ + = . @ -) or its whole ARN; never the secret itself", maxSecretName))
	check(memberSecretKeyARN, keyARNPattern.MatchString, "the ARN of the KMS key that encrypts the secret, such as arn:aws:kms:eu-central-1:111122223333:key/… (no alias)")
	p := Provider{Secret: text[memberSecret], SecretKeyARN: text[memberSecretKeyARN], Methods: d.RequestMethods()}
	for _, m := range d.Members {
		check(m.Context, m.Valid, m.Accepted)
		if value, given := text[m.Context]; given {
			if p.Settings == nil {
				p.Settings = providers.Settings{}
			}
			p.Settings[m.Environment] = value
		}
	}
	return p
}

func isSecret(text string) bool {
	if strings.HasPrefix(text, "arn:") {
		return secretARNPattern.MatchString(text)
	}
	return len(text) <= maxSecretName && secretNamePattern.MatchString(text)
}

// environment is the value of contract.EnvProviders: JSON with sorted keys.
func (p Providers) environment() string {
	object := map[string]map[string]string{}
	for name, provider := range p {
		members := map[string]string{contract.ProviderSecret: provider.Secret}
		maps.Copy(members, provider.Settings)
		object[name] = members
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // an & in an address stays readable in a diff
	if err := encoder.Encode(object); err != nil {
		panic(err) // maps of strings always marshal
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// allowSecrets lets a function read exactly the secrets of the providers, and
// use the customer-managed keys of those that have one, through Secrets Manager
// only. Providers may share a secret or a key.
func (p Providers) allowSecrets(scope cdkconstructs.Construct, fn awsiam.IGrantable) {
	stack := awscdk.Stack_Of(scope)
	secrets, keys := map[string]*string{}, map[string]bool{}
	for _, provider := range p {
		secrets[provider.Secret] = jsii.String(provider.Secret)
		if !strings.HasPrefix(provider.Secret, "arn:") {
			// Six question marks, not an asterisk, so that longer names do not match.
			// https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples.html
			secrets[provider.Secret] = stack.FormatArn(&awscdk.ArnComponents{
				Service: jsii.String("secretsmanager"), Resource: jsii.String("secret"),
				ResourceName: jsii.String(provider.Secret + "-??????"), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
			})
		}
		if provider.SecretKeyARN != "" {
			keys[provider.SecretKeyARN] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		allow(fn, []*string{secrets[name]}, "secretsmanager:GetSecretValue")
	}
	for _, arn := range slices.Sorted(maps.Keys(keys)) {
		awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
			Grantee:      fn,
			Actions:      jsii.Strings("kms:Decrypt"),
			ResourceArns: jsii.Strings(arn),
			// https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
			Conditions: &map[string]*map[string]any{"StringEquals": {
				"kms:ViaService": awscdk.Fn_Join(jsii.String(""), &[]*string{jsii.String("secretsmanager."), stack.Region(), jsii.String(".amazonaws.com")}),
			}},
		})
	}
}
