package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// settings reports settings that delete data or weaken a protection, and whatever else changes
// in place of a resource that holds data.
func (c *comparison) settings() {
	for _, id := range slices.Sorted(maps.Keys(c.changes)) {
		ch := c.changes[id]
		switch ch.action {
		case added:
			continue
		case removed:
			if text := guards[ch.before.Type]; text != "" {
				c.add(protections, worsens, ch.before, "removed: "+text, ch.before.name(), "")
			}
			continue
		}
		c.policies(ch)
		if ch.before.Type != ch.after.Type {
			continue
		}
		for _, name := range ch.properties {
			d := settingDiff{c: c, change: ch, typeName: ch.after.Type}
			d.walk([]string{name}, ch.before.Properties[name], ch.after.Properties[name])
			_, told := replacedBy(ch, name)
			if !d.told && !told && c.loss(ch.after) != "" && !quiet[name] {
				c.add(protections, changes, ch.after, name+" changes in place", show(ch.before.Properties[name]), show(ch.after.Properties[name]))
			}
		}
	}
}

// replacedBy reports whether the row of a replacement already shows a property.
func replacedBy(ch *change, name string) (string, bool) {
	return name, ch.action == replaced && slices.Contains(ch.reasons, name+" changes")
}

// quiet are properties that other parts of the table show, or that do nothing.
var quiet = map[string]bool{"Tags": true, "Description": true, "KeyPolicy": true, "Policy": true, "ResourcePolicy": true, "DefinitionString": true, "Integration": true, "DeploymentId": true, "MethodResponses": true}

// guards are resources without data that protect others.
var guards = map[string]string{
	"AWS::WAFv2::WebACL":                    "requests are no longer filtered",
	"AWS::WAFv2::WebACLAssociation":         "requests are no longer filtered",
	"AWS::WAFv2::LoggingConfiguration":      "refused requests are no longer logged",
	"AWS::ApiGateway::UsagePlan":            "requests are no longer limited",
	"AWS::Lambda::EventInvokeConfig":        "invocations that fail have no destination, and are retried as by default",
	"AWS::Logs::SubscriptionFilter":         "log events are no longer sent on",
	"AWS::Config::ConfigRule":               "what it checks is no longer checked",
	"AWS::GuardDuty::Detector":              "threats are no longer detected",
	"AWS::SecretsManager::RotationSchedule": "the secret is no longer rotated",
}

// policies reports what the policies for deletion and replacement no longer keep.
func (c *comparison) policies(ch *change) {
	for _, p := range []struct{ name, before, after string }{
		{"DeletionPolicy", ch.before.DeletionPolicy, ch.after.DeletionPolicy},
		{"UpdateReplacePolicy", ch.before.UpdateReplacePolicy, ch.after.UpdateReplacePolicy},
	} {
		loss := c.loss(ch.before)
		if p.before == p.after || loss == "" {
			continue
		}
		if keptBy(p.before) && !keptBy(p.after) {
			c.add(protections, worsens, ch.after, p.name+" no longer keeps it: once it is deleted or replaced, "+loss, p.before, p.after)
		} else {
			c.add(protections, changesOr(!keptBy(p.before) && keptBy(p.after)), ch.after, p.name+" changes", p.before, p.after)
		}
	}
	if ch.before.Condition != ch.after.Condition {
		if loss := c.loss(ch.before); loss != "" && ch.after.Condition != "" {
			c.add(destroyed, worsens, ch.after, "MAY BE DELETED, because it exists under another condition: "+loss, ch.before.Condition, ch.after.Condition)
		} else {
			c.add(unsure, worsens, ch.after, "exists under another condition", ch.before.Condition, ch.after.Condition)
		}
	}
}

func changesOr(better bool) direction {
	if better {
		return improves
	}
	return changes
}

// settingDiff walks a changed property.
type settingDiff struct {
	c        *comparison
	change   *change
	typeName string
	told     bool
}

func (d *settingDiff) add(s section, dir direction, path []string, what string, before, after any) {
	d.told = true
	d.c.add(s, dir, d.change.after, strings.Join(path, ".")+": "+what, show(before), show(after))
}

// walk looks at a changed value and, unless it says something, at what is below.
func (d *settingDiff) walk(path []string, before, after any) {
	if same(before, after) || d.byType(path, before, after) || d.byName(path, before, after) {
		return
	}
	x, _ := before.(map[string]any)
	y, _ := after.(map[string]any)
	if !isFunction(before) && !isFunction(after) && (x != nil || y != nil) {
		for _, name := range union(x, y) {
			d.walk(append(slices.Clone(path), name), x[name], y[name])
		}
		return
	}
	a, b := list(before), list(after)
	if _, ok := before.([]any); !ok && before != nil {
		return
	}
	if _, ok := after.([]any); !ok && after != nil {
		return
	}
	for _, pair := range pairs(a, b) {
		d.walk(append(slices.Clone(path), pair.key), pair.before, pair.after)
	}
}

// pair are the elements of two lists that belong together.
type pair struct {
	key           string
	before, after any
}

// pairs matches elements of two lists by their key, or by their place if they have none.
func pairs(a, b []any) []pair {
	keyOf := func(element any, i int) string {
		for _, member := range []string{"Id", "IndexName", "AttributeName", "Name", "Key", "Sid", "HttpMethod"} {
			if text, err := flatten(get(element, member)); err == nil {
				return text
			}
		}
		return strconv.Itoa(i)
	}
	var all []pair
	index := map[string]int{}
	for i, element := range a {
		index[keyOf(element, i)] = len(all)
		all = append(all, pair{key: keyOf(element, i), before: element})
	}
	for i, element := range b {
		key := keyOf(element, i)
		if at, ok := index[key]; ok && all[at].after == nil {
			all[at].after = element
			continue
		}
		all = append(all, pair{key: key, after: element})
	}
	return all
}

// number returns a literal number, or a default for a missing value. It is NaN for a value
// that is only known at deployment.
func number(value any, missing float64) float64 {
	if value == nil {
		return missing
	}
	switch v := value.(type) {
	case json.Number, string:
		if f, err := strconv.ParseFloat(fmt.Sprint(v), 64); err == nil {
			return f
		}
	}
	return math.NaN()
}

// retention is a setting that says for how long something is kept.
type retention struct {
	path     string
	missing  float64 // what holds without the setting
	zero     float64 // what 0 means
	consumes string  // what a shorter one deletes
}

// forever is longer than any number.
var forever = math.Inf(1)

// retentions by type. The defaults are those of the types' pages in
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
var retentions = map[string][]retention{
	"AWS::Logs::LogGroup":  {{"RetentionInDays", forever, forever, "log events that are older are deleted"}},
	"AWS::Events::Archive": {{"RetentionDays", forever, forever, "events that are older are deleted"}},
	"AWS::SQS::Queue":      {{"MessageRetentionPeriod", 345600, 0, "messages that are older are deleted"}},
	"AWS::Kinesis::Stream": {{"RetentionPeriodHours", 24, 24, "records that are older are deleted"}},
	"AWS::SNS::Topic":      {{"ArchivePolicy.MessageRetentionPeriod", 0, 0, "messages that are older are deleted"}},
	"AWS::DynamoDB::Table": {{"PointInTimeRecoverySpecification.RecoveryPeriodInDays", 35, 35, "backups that are older are deleted"}},
	"AWS::RDS::DBCluster":  {{"BackupRetentionPeriod", 1, 0, "backups that are older are deleted"}},
	"AWS::RDS::DBInstance": {{"BackupRetentionPeriod", 1, 0, "backups that are older are deleted"}},
}

// byType applies the rules of a type. It reports whether one applied.
func (d *settingDiff) byType(path []string, before, after any) bool {
	where := strings.Join(path, ".")
	for _, r := range retentions[d.typeName] {
		if r.path != where {
			continue
		}
		x, y := number(before, r.missing), number(after, r.missing)
		if x == 0 {
			x = r.zero
		}
		if y == 0 {
			y = r.zero
		}
		switch {
		case math.IsNaN(x) || math.IsNaN(y):
			d.add(destroyed, worsens, path, "MAY DELETE DATA: the retention is only known at deployment", before, after)
		case y < x:
			d.add(destroyed, worsens, path, "SHORTER RETENTION: "+r.consumes, orForever(before, r), orForever(after, r))
		case y > x:
			d.add(protections, improves, path, "longer retention", orForever(before, r), orForever(after, r))
		default:
			d.told = true
		}
		return true
	}
	switch d.typeName + " " + where {
	case "AWS::DynamoDB::Table TimeToLiveSpecification", "AWS::DynamoDB::GlobalTable TimeToLiveSpecification":
		return d.timeToLive(path, before, after)
	case "AWS::DynamoDB::Table StreamSpecification":
		if before != nil {
			d.add(destroyed, worsens, path, "THE STREAM ENDS: records of it that were not read yet are lost, so what they say is stored and never published", before, after)
			return true
		}
	case "AWS::S3::Bucket LifecycleConfiguration":
		return d.lifecycle(path, before, after)
	case "AWS::S3::Bucket VersioningConfiguration":
		if get(before, "Status") == "Enabled" {
			d.add(protections, worsens, path, "versioning is suspended: overwritten and deleted objects are lost", get(before, "Status"), get(after, "Status"))
			return true
		}
	case "AWS::KMS::Key PendingWindowInDays":
		if number(after, 30) < number(before, 30) {
			d.add(protections, worsens, path, "a deletion of the key can be cancelled for fewer days", before, after)
			return true
		}
	case "AWS::KMS::Key Enabled":
		if !truth(after, true) {
			d.add(destroyed, worsens, path, "THE KEY IS DISABLED: everything that is encrypted under it becomes unreadable", before, after)
			return true
		}
	case "AWS::Lambda::Function ReservedConcurrentExecutions":
		if number(after, 1) == 0 {
			d.add(destroyed, worsens, path, "THE FUNCTION IS SWITCHED OFF: no invocation is accepted", before, after)
			return true
		}
	case "AWS::ApiGateway::RestApi DisableExecuteApiEndpoint":
		if truth(after, false) {
			d.add(destroyed, worsens, path, "THE DEFAULT ENDPOINT IS SWITCHED OFF: who posts to its URL is refused", before, after)
			return true
		}
	}
	if len(path) == 2 && (path[0] == "GlobalSecondaryIndexes" || path[0] == "LocalSecondaryIndexes") && before != nil {
		if after == nil || !same(get(before, "KeySchema"), get(after, "KeySchema")) {
			d.add(destroyed, worsens, path, "THE INDEX IS DELETED: queries of it fail", before, after)
			return true
		}
	}
	return false
}

func orForever(value any, r retention) any {
	if f := number(value, r.missing); math.IsInf(f, 1) || f == 0 && math.IsInf(r.zero, 1) {
		return "forever"
	}
	if value == nil {
		return fmt.Sprintf("%v (the default)", r.missing)
	}
	return value
}

// timeToLive: items whose attribute is in the past are deleted.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
func (d *settingDiff) timeToLive(path []string, before, after any) bool {
	on := truth(get(after, "Enabled"), false)
	switch {
	case on && !same(get(before, "AttributeName"), get(after, "AttributeName")) || on && !truth(get(before, "Enabled"), false):
		d.add(destroyed, worsens, path, "ITEMS EXPIRE BY ANOTHER ATTRIBUTE: those in which it is in the past are deleted", before, after)
	default:
		d.add(protections, worsens, path, "items no longer expire: they stay, and cost, for ever", before, after)
	}
	return true
}

// lifecycle: objects that expire are deleted. Rules are compared by what they do.
func (d *settingDiff) lifecycle(path []string, before, after any) bool {
	type expiry struct{ prefix, what string }
	read := func(value any) (map[expiry]float64, bool) {
		all, sure := map[expiry]float64{}, true
		for _, rule := range list(get(value, "Rules")) {
			if scalar(get(rule, "Status")) != "Enabled" {
				continue
			}
			scope := show(get(rule, "Prefix")) + show(get(rule, "TagFilters"))
			for what, days := range map[string]any{
				"ExpirationInDays":                           get(rule, "ExpirationInDays"),
				"ExpirationDate":                             get(rule, "ExpirationDate"),
				"NoncurrentVersionExpirationInDays":          get(rule, "NoncurrentVersionExpirationInDays"),
				"NoncurrentVersionExpiration.NoncurrentDays": get(rule, "NoncurrentVersionExpiration", "NoncurrentDays"),
			} {
				if days == nil {
					continue
				}
				n := number(days, forever)
				if what == "ExpirationDate" || math.IsNaN(n) {
					sure, n = false, 0
				}
				key := expiry{scope, what}
				if old, ok := all[key]; !ok || n < old {
					all[key] = n
				}
			}
		}
		return all, sure
	}
	x, _ := read(before)
	y, sure := read(after)
	for key, days := range y {
		if old, ok := x[key]; !ok || days < old || !sure {
			d.add(destroyed, worsens, path, "OBJECTS EXPIRE EARLIER: those that are older are deleted", before, after)
			return true
		}
	}
	d.add(protections, changes, path, "objects move or expire otherwise, none earlier", before, after)
	return true
}

// truth returns a literal boolean.
func truth(value any, missing bool) bool {
	if value == nil {
		return missing
	}
	return strings.EqualFold(scalar(value), "true")
}

// Settings of any type, by name.
var (
	// A protection that is on when true.
	protectionOn = regexp.MustCompile(`^(DeletionProtection(Enabled)?|EnableDeletionProtection|TerminationProtection|EnableKeyRotation|SSEEnabled|SqsManagedSseEnabled|StorageEncrypted|Encrypted|` +
		`BlockPublicAcls|BlockPublicPolicy|IgnorePublicAcls|RestrictPublicBuckets|ObjectLockEnabled|VersioningEnabled|IsLogging|EnableLogFileValidation|` +
		`CacheDataEncrypted|ApiKeyRequired|RequireAuthorizationForCacheControl|MetricsEnabled|ReportBatchItemFailures|BisectBatchOnFunctionError)$`)
	// What says how something is encrypted, or under which key.
	encryption = regexp.MustCompile(`^(Kms(Master)?Key(Id|Arn|Identifier)|KMS(Master)?KeyI[dD]|KMSKeyArn|KeyIdentifier|SSESpecification|BucketEncryption|` +
		`(Server)?(Side)?EncryptionConfiguration|ServerSideEncryption(Configuration|ByDefault)?|StreamEncryption|MasterUserSecret)$`)
	// Where something goes that could not be delivered or processed.
	failures = regexp.MustCompile(`^(DeadLetterConfig|DeadLetterQueue|RedrivePolicy|OnFailure|DestinationConfig|FailureFeedbackRoleArn)$`)
	// How long something is tried.
	attempts = regexp.MustCompile(`^(MaximumRetryAttempts|MaximumEventAgeInSeconds|MaximumRecordAgeInSeconds|maxReceiveCount)$`)
	// Records of what happened.
	records = regexp.MustCompile(`^(AccessLogSetting|LoggingConfiguration|LoggingConfig|TracingConfig(uration)?|AccessLogSettings|ObjectLockConfiguration|PublicAccessBlockConfiguration|RequestValidatorId|FilterCriteria)$`)
	// How a connection is secured.
	transport = regexp.MustCompile(`^(SecurityPolicy|MinimumProtocolVersion|EndpointConfiguration|MutualTlsAuthentication|EndpointAccessMode)$`)
	// How many requests are accepted.
	limits = regexp.MustCompile(`^(ThrottlingRateLimit|ThrottlingBurstLimit|Limit|RateLimit|BurstLimit)$`)
)

// byName applies the rules of a setting's name. It reports whether one applied.
func (d *settingDiff) byName(path []string, before, after any) bool {
	name := path[len(path)-1]
	switch {
	case name == "PointInTimeRecoveryEnabled":
		if truth(before, false) && !truth(after, false) {
			d.add(destroyed, worsens, path, "POINT-IN-TIME RECOVERY IS SWITCHED OFF: all its backups are deleted", before, after)
		} else {
			d.add(protections, improves, path, "point-in-time recovery is switched on", before, after)
		}
		return true
	case protectionOn.MatchString(name):
		if truth(before, false) && !truth(after, false) {
			d.add(protections, worsens, path, "switched off", before, after)
		} else {
			d.add(protections, improves, path, "switched on", before, after)
		}
		return true
	case encryption.MatchString(name):
		switch {
		case before == nil:
			d.add(protections, improves, path, "encryption is set", before, after)
		case after == nil:
			d.add(protections, worsens, path, "ENCRYPTION IS REMOVED, or left to a key of AWS's", before, after)
		default:
			return d.deeper(path, before, after, "encrypted otherwise or under another key")
		}
		return true
	case failures.MatchString(name):
		switch {
		case after == nil:
			d.add(protections, worsens, path, "removed: what cannot be delivered or processed is LOST", before, after)
		case before == nil:
			d.add(protections, improves, path, "added", before, after)
		default:
			return false
		}
		return true
	case attempts.MatchString(name):
		x, y := number(before, forever), number(after, forever)
		if x < 0 { // of a mapping, -1 is for as long as the source keeps the record
			x = forever
		}
		if y < 0 {
			y = forever
		}
		if y < x {
			d.add(protections, worsens, path, "given up earlier", before, after)
		} else {
			d.add(protections, changes, path, "tried longer, or as by default", before, after)
		}
		return true
	case records.MatchString(name) && after == nil:
		d.add(protections, worsens, path, "removed", before, after)
		return true
	case transport.MatchString(name):
		d.add(protections, worsens, path, "transport or endpoint changes", before, after)
		return true
	case limits.MatchString(name):
		x, y := number(before, forever), number(after, forever)
		d.add(protections, map[bool]direction{true: worsens, false: changes}[y > x], path, "another limit on requests", before, after)
		return true
	case name == "DataTraceEnabled" && truth(after, false):
		d.add(protections, worsens, path, "bodies of requests are logged", before, after)
		return true
	}
	return false
}

// deeper reports a change of a value without members by itself, and leaves others to the walk.
func (d *settingDiff) deeper(path []string, before, after any, what string) bool {
	if _, ok := before.(map[string]any); ok && !isFunction(before) {
		return false
	}
	d.add(protections, worsens, path, what, before, after)
	return true
}
