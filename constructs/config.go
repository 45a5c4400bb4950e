package constructs

import (
	"errors"
	"fmt"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"payment-webhooks/constructs/tiers"
	"payment-webhooks/handlers/contract"
)

// ErrConfig is wrapped by every error that a user can fix by changing the
// configuration. The text of such an error names the environment variable or the key in
// cdk.json's context, the value and what would be accepted.
var ErrConfig = tiers.ErrConfig

// Environment variables that configure the stack at synthesis. Each overrides a setting of
// cdk.json: see [Settings].
const (
	envSuffix       = "ENVIRONMENT_SUFFIX"
	envRegion       = "AWS_REGION"
	envRepository   = "REPOSITORY"
	envCommitAuthor = "COMMIT_AUTHOR"
	envPRNumber     = "PR_NUMBER"
	envTeam         = "TEAM"
	envAlertEmail   = "ALERT_EMAIL"
	envAlertPhone   = "ALERT_PHONE"
)

const (
	defaultSuffix = "dev"

	// maxBucketName is the S3 limit; the audit bucket has the longest name of
	// the stack relative to its limit, so it alone bounds the suffix.
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
	maxBucketName = 63

	accountDigits = 12

	// longestRegion is the length of the longest region name, such as
	// "ap-southeast-1" or "us-isob-east-1". It stands in for the region when
	// that is only known at deployment.
	longestRegion = 14

	// minLogRetention is for how many days every log group keeps its lines at least.
	minLogRetention = 30

	// maxTagValue is the limit of a tag's value.
	// https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
	maxTagValue = 256
)

var (
	suffixPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	regionPattern = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]$`)

	// phonePattern is E.164: a plus sign and at most fifteen digits.
	phonePattern = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

	// tagPattern matches the characters that every service accepts in a tag's value.
	tagPattern = regexp.MustCompile(`^[\p{L}\p{N}\p{Zs}_.:/=+\-@]+$`)
)

// ContextLogRetention is the key in cdk.json's context of how many days log groups keep lines.
const ContextLogRetention = "logRetentionDays"

// logRetentions are the numbers of days that CloudWatch accepts.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
var logRetentions = []float64{30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

// deployerKeys are the settings that say who deployed, which is no part of the stack.
var deployerKeys = []string{ContextRepository, ContextCommitAuthor, ContextPRNumber}

// Tag is a tag of the stack, or of its resources.
type Tag struct{ Key, Value string }

// Config is everything that can differ between deployments of the stack.
type Config struct {
	Suffix         string        // suffix of the stack's and every physical name; lower-case letters, digits, hyphens
	Region         string        // region of the stack; empty for the region of the deploying credentials
	Tags           []Tag         // of every resource, in the template: what identifies it
	Deployer       []Tag         // of the stack alone, not in the template: who deployed it, and from what
	AlertEmails    []string      // subscribed to the alerts topic
	AlertPhones    []string      // E.164, subscribed to the alerts topic
	Tiers          tiers.List    // amount tiers and the target of each
	Providers      Providers     // accepted providers, and how each is verified
	Reconcile      Reconcile     // providers that are compared with the table daily; empty for none
	OperatorPolicy bool          // add the managed policy of scripts/ops
	TraceSampling  TraceSampling // requests that X-Ray records
	Account        APIGatewayAccount
	LogRetention   int        // days for which every log group keeps lines
	Safeguards     Safeguards // what protects the stack in production
	SourceRoot     string     // directory of the handlers' module: the images' build context
}

// StackName is the name of the CloudFormation stack.
func (c Config) StackName() string { return contract.StackPrefix + c.Suffix }

// AlertWarning says what nobody hears when nobody is subscribed to the alerts topic; "" when
// somebody is.
func (c Config) AlertWarning() string {
	if len(c.AlertEmails)+len(c.AlertPhones) > 0 {
		return ""
	}
	return fmt.Sprintf("NOBODY HEARS THE ALARMS OF THIS STACK: neither "+ContextAlertEmail+" nor "+ContextAlertPhone+" is set in cdk.json, nor %s or %s, so the topic %s%s has no subscriber. "+
		"Nobody is told of payments that were not published or not scored, of messages in the dead-letter queues and the quarantine, which are deleted after 14 days, "+
		"of providers whose deliveries are rejected, of an archive that stopped, and of payments with a high amount or a high fraud risk. "+
		"Set "+ContextAlertEmail+" to an address, or connect Slack, PagerDuty or Opsgenie to the topic as docs/operations.md says.",
		envAlertEmail, envAlertPhone, contract.TopicPrefix, c.Suffix)
}

// ConfigFrom reads the settings that are a word or a list of words, and leaves the defaults of
// the others: tiers, providers, comparisons, traces. It reports every invalid value, not only the
// first: the error joins one error per problem, each wrapping [ErrConfig].
func ConfigFrom(settings *Settings) (Config, error) {
	c := Config{Suffix: settings.suffix, Tiers: tiers.Default(), TraceSampling: DefaultTraceSampling()}
	var problems []error
	reject := func(from, value, accepted string) {
		problems = append(problems, fmt.Errorf("%w: %s is %q: %s", ErrConfig, from, value, accepted))
	}

	var from string
	regionLength := longestRegion
	if c.Region, from = settings.Text(ContextRegion, ""); c.Region != "" {
		if !regionPattern.MatchString(c.Region) {
			reject(from, c.Region, "want the name of a region, such as eu-central-1, or nothing")
		} else {
			regionLength = len(c.Region)
		}
	}
	longest := maxBucketName - len(contract.AuditBucketPrefix) - accountDigits - len("-") - regionLength - len("-")
	if !suffixPattern.MatchString(c.Suffix) || len(c.Suffix) > longest {
		reject(settings.suffixFrom, c.Suffix, fmt.Sprintf("want 1 to %d lower-case letters, digits and inner hyphens "+
			"(bucket names allow no others, and the audit bucket's name must stay within %d characters)", longest, maxBucketName))
	}

	tag := func(context, key string) []Tag {
		value, from := settings.Text(context, "")
		if value == "" {
			return nil
		}
		if len([]rune(value)) > maxTagValue || !tagPattern.MatchString(value) {
			reject(from, value, fmt.Sprintf("want at most %d letters, digits, spaces and _ . : / = + - @ (it becomes a tag)", maxTagValue))
		}
		return []Tag{{key, value}}
	}
	c.Tags = tag(ContextTeam, "Team")
	c.Deployer = slices.Concat(tag(ContextRepository, "Repository"), tag(ContextCommitAuthor, "CommitAuthor"), tag(ContextPRNumber, "PRNumber"))

	emails, from := settings.Text(ContextAlertEmail, "")
	c.AlertEmails = list(emails)
	for _, address := range c.AlertEmails {
		if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address {
			reject(from, address, "want plain e-mail addresses separated by commas, such as ops@example.com")
		}
	}
	phones, from := settings.Text(ContextAlertPhone, "")
	c.AlertPhones = list(phones)
	for _, number := range c.AlertPhones {
		if !phonePattern.MatchString(number) {
			reject(from, number, "want E.164 numbers separated by commas, such as +4915112345678")
		}
	}

	r := contextReader{settings: settings}
	c.Account = r.apiGatewayAccount(settings.Value(ContextAPIGatewayAccount))
	c.LogRetention = r.logRetention(settings.Value(ContextLogRetention))
	problems = append(problems, r.err())

	root, err := sourceRoot()
	if err != nil {
		problems = append(problems, err)
	}
	c.SourceRoot = root
	return c, errors.Join(problems...)
}

// logRetention reads the value of [ContextLogRetention], a number of days, also as text.
func (r *contextReader) logRetention(value any) int {
	if value == nil {
		return minLogRetention
	}
	days, ok := r.parsed(value).(float64)
	if !ok || !slices.Contains(logRetentions, days) {
		r.reject(ContextLogRetention, value, fmt.Sprintf("want one of the numbers of days that CloudWatch accepts and that are not below %d: %v", minLogRetention, logRetentions))
		return minLogRetention
	}
	return int(days)
}

// list splits comma-separated values, dropping spaces, empty entries and
// repeats: a repeated address would be a second subscription of one name.
func list(text string) []string {
	var values []string
	seen := map[string]bool{}
	for value := range strings.SplitSeq(text, ",") {
		value = strings.TrimSpace(value)
		if value != "" && !seen[value] {
			seen[value] = true
			values = append(values, value)
		}
	}
	return values
}

// sourceRoot finds the directory of the handlers' module, whatever the working
// directory is. It looks next to the path from which this file was compiled; for a
// binary built with -trimpath, it searches upwards from the working directory.
func sourceRoot() (string, error) {
	if _, file, _, ok := runtime.Caller(0); ok {
		if root := filepath.Join(filepath.Dir(filepath.Dir(file)), "handlers"); isSourceRoot(root) {
			return root, nil
		}
	}
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the source: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if root := filepath.Join(dir, "handlers"); isSourceRoot(root) {
			return root, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%w: no handlers/ with go.mod and Dockerfile in %s or above it: run this in a checkout", ErrConfig, start)
		}
	}
}

func isSourceRoot(dir string) bool {
	for _, name := range []string{"go.mod", "Dockerfile"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return filepath.IsAbs(dir)
}
