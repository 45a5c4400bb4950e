package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// spec is the database of the pinned CDK CLI, read once.
var spec = sync.OnceValues(func() (*schema, error) { return readSchema("../../../" + database) })

func readSpec(t *testing.T) *schema {
	t.Helper()
	s, err := spec()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func baseText(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/base.json")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// edit is a change of a template: the value at a path of members is set, or removed if it is
// the text "-". A number in the path is the index of an element.
type edit struct{ path, value string }

func edited(t *testing.T, edits ...edit) *template {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(baseText(t)))
	decoder.UseNumber()
	var root any
	if err := decoder.Decode(&root); err != nil {
		t.Fatal(err)
	}
	for _, e := range edits {
		var value any
		if e.value != "-" {
			decoder := json.NewDecoder(strings.NewReader(e.value))
			decoder.UseNumber()
			if err := decoder.Decode(&value); err != nil {
				t.Fatalf("%s: %v", e.value, err)
			}
		}
		root = set(t, root, strings.Split(e.path, "/"), value, e.value == "-")
	}
	text, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	result, err := parseTemplate("edited", text)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func set(t *testing.T, node any, path []string, value any, remove bool) any {
	t.Helper()
	switch v := node.(type) {
	case map[string]any:
		if len(path) > 1 {
			if v[path[0]] == nil && !remove {
				v[path[0]] = map[string]any{}
			}
			v[path[0]] = set(t, v[path[0]], path[1:], value, remove)
		} else if _, ok := v[path[0]]; remove && !ok {
			t.Fatalf("nothing to remove at %v", path)
		} else if remove {
			delete(v, path[0])
		} else {
			v[path[0]] = value
		}
		return v
	case []any:
		i := slices.Index([]string{"0", "1", "2"}, path[0])
		if i < 0 || i >= len(v) {
			t.Fatalf("no element %v", path)
		}
		switch {
		case len(path) > 1:
			v[i] = set(t, v[i], path[1:], value, remove)
		case remove:
			return slices.Delete(v, i, i+1)
		default:
			v[i] = value
		}
		return v
	}
	t.Fatalf("nothing at %v", path)
	return nil
}

func reviewOf(t *testing.T, edits ...edit) *report {
	t.Helper()
	before, err := parseTemplate("base", baseText(t))
	if err != nil {
		t.Fatal(err)
	}
	return compare(readSpec(t), stacks{"": before}, stacks{"": edited(t, edits...)})
}

// lines returns the rows as text: section, direction, logical id and what.
func (r *report) lines() string {
	var b strings.Builder
	for _, row := range r.Rows {
		b.WriteString(strings.Join([]string{string(row.Section), string(row.Direction), row.LogicalID, row.What, row.Before, row.After}, " | ") + "\n")
	}
	return b.String()
}

func TestReview(t *testing.T) {
	const p = "Resources/"
	for name, c := range map[string]struct {
		edits []edit
		want  []string // each the beginning of a row, with what follows in it after …
		none  []section
	}{
		// What destroys.
		"when the table's key changes":      {[]edit{{p + "Table/Properties/KeySchema/0/AttributeName", `"id"`}}, []string{"destroys | worse | Table | REPLACED (KeySchema changes)…CloudFormation refuses", "destroys | worse | Mapping | REPLACED (EventSourceArn refers to Table"}, nil},
		"when a table is deleted":           {[]edit{{p + "Table", "-"}}, []string{"destroys | worse | Table | DELETED from the stack; DeletionPolicy Retain"}, nil},
		"when a queue is renamed":           {[]edit{{p + "DeadLetters/Properties/QueueName", `"other"`}}, []string{"destroys | worse | DeadLetters | REPLACED (QueueName changes): its messages…high-value-dlq-test…other"}, nil},
		"when a logical id changes":         {[]edit{{p + "Topic2", `{"Type": "AWS::SNS::Topic"}`}, {p + "Topic", "-"}}, []string{"destroys | worse | Topic | DELETED: its subscriptions"}, nil},
		"when the key is deleted":           {[]edit{{p + "Key", "-"}}, []string{"destroys | worse | Key | DELETED: everything"}, nil},
		"when the bus is renamed":           {[]edit{{p + "Bus/Properties/Name", `"other"`}}, []string{"destroys | worse | Bus | REPLACED", "destroys | worse | Events | REPLACED (SourceArn refers to Bus", "routing | changed | High | the rule is replaced (EventBusName refers to Bus"}, nil},
		"when the API is deleted":           {[]edit{{p + "Api", "-"}}, []string{"destroys | worse | Api | DELETED: the API's id"}, nil},
		"when the stage is renamed":         {[]edit{{p + "Stage/Properties/StageName", `"v2"`}}, []string{"destroys | worse | Stage | REPLACED…URL"}, nil},
		"when the path changes":             {[]edit{{p + "Webhook/Properties/PathPart", `"hook"`}}, []string{"destroys | worse | Webhook | REPLACED", "destroys | worse | Post | REPLACED (ResourceId refers to Webhook"}, nil},
		"when a log group keeps less":       {[]edit{{p + "Logs/Properties/RetentionInDays", "7"}}, []string{"destroys | worse | Logs | RetentionInDays: SHORTER RETENTION…30 | 7"}, nil},
		"when an archive keeps less":        {[]edit{{p + "Events/Properties/RetentionDays", `"7"`}}, []string{"destroys | worse | Events | RetentionDays: SHORTER"}, nil},
		"when a queue keeps the default":    {[]edit{{p + "DeadLetters/Properties/MessageRetentionPeriod", "-"}}, []string{"destroys | worse | DeadLetters | MessageRetentionPeriod: SHORTER…1209600 | 345600 (the default)"}, nil},
		"when backups are kept for less":    {[]edit{{p + "Table/Properties/PointInTimeRecoverySpecification/RecoveryPeriodInDays", "7"}}, []string{"destroys | worse | Table | PointInTimeRecoverySpecification.RecoveryPeriodInDays: SHORTER"}, nil},
		"when backups end":                  {[]edit{{p + "Table/Properties/PointInTimeRecoverySpecification", "-"}}, []string{"destroys | worse | Table | PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled: POINT-IN-TIME"}, nil},
		"when items expire otherwise":       {[]edit{{p + "Table/Properties/TimeToLiveSpecification/AttributeName", `"received"`}}, []string{"destroys | worse | Table | TimeToLiveSpecification: ITEMS EXPIRE"}, nil},
		"when the stream changes":           {[]edit{{p + "Table/Properties/StreamSpecification/StreamViewType", `"KEYS_ONLY"`}}, []string{"destroys | worse | Table | StreamSpecification: THE STREAM ENDS"}, nil},
		"when an index is removed":          {[]edit{{p + "Table/Properties/GlobalSecondaryIndexes/0", "-"}}, []string{"destroys | worse | Table | GlobalSecondaryIndexes.by-hour: THE INDEX"}, nil},
		"when objects expire earlier":       {[]edit{{p + "Bucket/Properties/LifecycleConfiguration/Rules/0/ExpirationInDays", "30"}}, []string{"destroys | worse | Bucket | LifecycleConfiguration: OBJECTS EXPIRE EARLIER"}, nil},
		"when the key is disabled":          {[]edit{{p + "Key/Properties/Enabled", "false"}}, []string{"destroys | worse | Key | Enabled: THE KEY"}, nil},
		"when a type changes":               {[]edit{{p + "DeadLetters/Type", `"AWS::SNS::Topic"`}}, []string{"destroys | worse | DeadLetters | REPLACED (its type was AWS::SQS::Queue)…refuses another type"}, nil},
		"when an unknown type changes":      {[]edit{{p + "Function/Type", `"AWS::New::Thing"`}}, []string{"destroys | worse | Function | replaced: the type is unknown"}, nil},
		"when an unknown property changes":  {[]edit{{p + "Table/Properties/NewSetting", "true"}}, []string{"destroys | worse | Table | REPLACED OR NOT, unknown here"}, nil},
		"when a condition is added":         {[]edit{{p + "Table/Condition", `"Maybe"`}}, []string{"destroys | worse | Table | MAY BE DELETED"}, nil},
		"when a mapping starts elsewhere":   {[]edit{{p + "Mapping/Properties/StartingPosition", `"LATEST"`}}, []string{"destroys | worse | Mapping | REPLACED (StartingPosition changes): its position"}, nil},
		"when a function is switched off":   {[]edit{{p + "Function/Properties/ReservedConcurrentExecutions", "0"}}, []string{"destroys | worse | Function | ReservedConcurrentExecutions: THE FUNCTION"}, nil},
		"when the endpoint is switched off": {[]edit{{p + "Api/Properties/DisableExecuteApiEndpoint", "true"}}, []string{"destroys | worse | Api | DisableExecuteApiEndpoint: THE DEFAULT"}, nil},

		// What weakens a protection.
		"when a policy no longer retains":   {[]edit{{p + "Table/DeletionPolicy", `"Delete"`}}, []string{"protection | worse | Table | DeletionPolicy no longer keeps it"}, []section{destroyed}},
		"when a replacement is not kept":    {[]edit{{p + "Table/UpdateReplacePolicy", "-"}}, []string{"protection | worse | Table | UpdateReplacePolicy no longer keeps it"}, []section{destroyed}},
		"when deletion protection ends":     {[]edit{{p + "Table/Properties/DeletionProtectionEnabled", "-"}}, []string{"protection | worse | Table | DeletionProtectionEnabled: switched off"}, []section{destroyed}},
		"when the table's encryption ends":  {[]edit{{p + "Table/Properties/SSESpecification", "-"}}, []string{"protection | worse | Table | SSESpecification: ENCRYPTION IS REMOVED"}, []section{destroyed}},
		"when the topic's encryption ends":  {[]edit{{p + "Topic/Properties/KmsMasterKeyId", "-"}}, []string{"protection | worse | Topic | KmsMasterKeyId: ENCRYPTION IS REMOVED"}, []section{destroyed}},
		"when keys are no longer rotated":   {[]edit{{p + "Key/Properties/EnableKeyRotation", "false"}}, []string{"protection | worse | Key | EnableKeyRotation: switched off"}, []section{destroyed}},
		"when a bucket may be public":       {[]edit{{p + "Bucket/Properties/PublicAccessBlockConfiguration/BlockPublicPolicy", "false"}}, []string{"protection | worse | Bucket | PublicAccessBlockConfiguration.BlockPublicPolicy: switched off"}, nil},
		"when versioning is suspended":      {[]edit{{p + "Bucket/Properties/VersioningConfiguration/Status", `"Suspended"`}}, []string{"protection | worse | Bucket | VersioningConfiguration: versioning"}, nil},
		"when a target has no dead letters": {[]edit{{p + "High/Properties/Targets/0/DeadLetterConfig", "-"}}, []string{"protection | worse | High | Targets.Target0.DeadLetterConfig: removed…LOST"}, []section{destroyed}},
		"when a mapping has no destination": {[]edit{{p + "Mapping/Properties/DestinationConfig", "-"}}, []string{"protection | worse | Mapping | DestinationConfig: removed"}, []section{destroyed}},
		"when a target is tried less":       {[]edit{{p + "High/Properties/Targets/0/RetryPolicy/MaximumRetryAttempts", "0"}}, []string{"protection | worse | High | Targets.Target0.RetryPolicy.MaximumRetryAttempts: given up earlier"}, nil},
		"when a record is tried for ever":   {[]edit{{p + "Mapping/Properties/MaximumRetryAttempts", "-1"}}, []string{"protection | changed | Mapping | MaximumRetryAttempts: tried longer"}, nil},
		"when requests are not logged":      {[]edit{{p + "Stage/Properties/AccessLogSetting", "-"}}, []string{"protection | worse | Stage | AccessLogSetting: removed"}, []section{destroyed}},
		"when an output is removed":         {[]edit{{"Outputs/WebhookApiUrl", "-"}}, []string{"protection | worse |  | output WebhookApiUrl is removed"}, nil},
		"when a setting has no rule":        {[]edit{{p + "Table/Properties/BillingMode", `"PROVISIONED"`}}, []string{"protection | changed | Table | BillingMode changes in place"}, []section{destroyed}},
		"when a custom resource changes":    {[]edit{{p + "Cleaner/Properties/BucketName", `"other"`}}, []string{"not judged | worse | Cleaner | changed: a custom resource"}, []section{destroyed}},
		"when a parameter changes":          {[]edit{{"Parameters/BootstrapVersion/Default", `"/other"`}}, []string{"not judged | worse |  | parameter BootstrapVersion"}, nil},

		// Routing.
		"when a threshold moves": {[]edit{
			{p + "High/Properties/EventPattern/detail/$or/0/amount/0/numeric/1", "20000"}, {p + "Low/Properties/EventPattern/detail/amount/0/numeric/1", "20000"},
		}, []string{"routing | changed |  | amounts of every currency | up to and including 10000 → low; above 10000 → high | up to and including 20000 → low; above 20000 → high"}, []section{destroyed, protections, permissions}},
		"when a threshold leaves a gap":  {[]edit{{p + "High/Properties/EventPattern/detail/$or/0/amount/0/numeric/1", "20000"}}, []string{"routing | worse |  | amounts of every currency: some are now matched by NO RULE…above 10000 up to and including 20000 → NO RULE"}, nil},
		"when amounts match twice":       {[]edit{{p + "Low/Properties/EventPattern/detail/amount/0/numeric/1", "20000"}}, []string{"routing | worse |  | amounts of every currency: some are now matched TWICE…above 10000 up to and including 20000 → high and low"}, nil},
		"when the largest are forgotten": {[]edit{{p + "High/Properties/EventPattern/detail", `{"amount": [{"numeric": [">", 10000, "<=", 5000000000]}]}`}}, []string{"routing | worse |  | amounts of every currency: some are now matched by NO RULE…above 5000000000 → NO RULE"}, nil},
		"when a currency has its own": {[]edit{
			{p + "High/Properties/EventPattern/detail/$or", `[{"amount": [{"numeric": [">", 10000]}], "currency": [{"anything-but": ["JPY"]}]}, {"amount": [{"numeric": [">", 1000000]}], "currency": ["JPY"]}, {"amount_beyond_matching": [true]}]`},
			{p + "Low/Properties/EventPattern/detail", `{"$or": [{"amount": [{"numeric": ["<=", 10000]}], "currency": [{"anything-but": ["JPY"]}]}, {"amount": [{"numeric": ["<=", 1000000]}], "currency": ["JPY"]}]}`},
		}, []string{"routing | changed |  | amounts of JPY | up to and including 10000 → low; above 10000 → high | up to and including 1000000 → low; above 1000000 → high"}, nil},
		"when a kind is left out":       {[]edit{{p + "Low/Properties/EventPattern/detail/kind", `["payment"]`}}, []string{"routing | worse |  | amounts of other kind: some are now matched by NO RULE"}, nil},
		"when another source is meant":  {[]edit{{p + "Low/Properties/EventPattern/source", `["other"]`}}, []string{"routing | worse |  | amounts of every currency: some are now matched by NO RULE"}, nil},
		"when a rule is disabled":       {[]edit{{p + "High/Properties/State", `"DISABLED"`}}, []string{"routing | worse |  | amounts of every currency: some are now matched by NO RULE", "routing | worse | High | THE RULE IS DISABLED"}, nil},
		"when a rule is removed":        {[]edit{{p + "Low", "-"}}, []string{"routing | worse | Low | THE RULE IS REMOVED", "routing | worse |  | amounts of every currency: some are now matched by NO RULE"}, nil},
		"when a target is another":      {[]edit{{p + "High/Properties/Targets/0/Arn", `{"Fn::GetAtt": ["DeadLetters", "Arn"]}`}}, []string{"routing | worse | High | sent to ANOTHER target | transaction-alerts-test | high-value-dlq-test"}, nil},
		"when a target is removed":      {[]edit{{p + "High/Properties/Targets/0", "-"}}, []string{"routing | worse | High | NO LONGER SENT to a target | transaction-alerts-test"}, nil},
		"when a schedule is another":    {[]edit{{p + "Daily/Properties/ScheduleExpression", `"rate(7 days)"`}}, []string{"routing | changed | Daily | another schedule | cron(20 2 * * ? *) | rate(7 days)"}, nil},
		"when a mapping is disabled":    {[]edit{{p + "Mapping/Properties/Enabled", "false"}}, []string{"routing | worse | Mapping | THE MAPPING IS DISABLED"}, nil},
		"when a pattern is not valid":   {[]edit{{p + "Low/Properties/EventPattern/detail/amount/0", `{"nearly": 5}`}}, []string{"not judged | worse | Low | a pattern that could not be read"}, nil},
		"when records are left out":     {[]edit{{p + "Mapping/Properties/FilterCriteria/Filters/0/Pattern", `"{\"eventName\":[\"REMOVE\"]}"`}}, []string{"routing | worse | Mapping | the function gets OTHER records"}, nil},
		"when a pattern only is longer": {[]edit{{p + "Low/Properties/EventPattern/detail/amount/0/numeric", `[">=", 0, "<=", 10000]`}}, nil, sections},

		// Alarms.
		"when an alarm is removed":      {[]edit{{p + "Alarm", "-"}}, []string{"alarms | worse | Alarm | REMOVED | ApproximateNumberOfMessagesVisible GreaterThanOrEqualToThreshold 1"}, nil},
		"when an alarm rings later":     {[]edit{{p + "Alarm/Properties/Threshold", "100"}}, []string{"alarms | worse | Alarm | LOOSENED: it rings later"}, nil},
		"when an alarm rings earlier":   {[]edit{{p + "Alarm/Properties/Threshold", "0"}}, []string{"alarms | better | Alarm | tightened"}, nil},
		"when a low alarm rings later":  {[]edit{{p + "Alarm/Properties/Threshold", "0"}, {p + "Alarm/Properties/ComparisonOperator", `"LessThanThreshold"`}}, []string{"alarms | worse | Alarm | LOOSENED", "alarms | worse | Alarm | it compares otherwise"}, nil},
		"when an alarm waits longer":    {[]edit{{p + "Alarm/Properties/EvaluationPeriods", "5"}}, []string{"alarms | worse | Alarm | LOOSENED: more must be wrong"}, nil},
		"when an alarm tells nobody":    {[]edit{{p + "Alarm/Properties/AlarmActions", "[]"}}, []string{"alarms | worse | Alarm | SILENCED: actions"}, nil},
		"when an alarm is disabled":     {[]edit{{p + "Alarm/Properties/ActionsEnabled", "false"}}, []string{"alarms | worse | Alarm | SILENCED: it tells nobody"}, nil},
		"when missing data is ignored":  {[]edit{{p + "Alarm/Properties/TreatMissingData", `"notBreaching"`}}, []string{"alarms | worse | Alarm | LOOSENED: missing data"}, nil},
		"when an alarm measures else":   {[]edit{{p + "Alarm/Properties/MetricName", `"Other"`}}, []string{"alarms | worse | Alarm | it measures SOMETHING ELSE"}, nil},
		"when a subscriber is removed":  {[]edit{{p + "Mail", "-"}}, []string{"alarms | worse | Mail | A SUBSCRIBER IS REMOVED | email al…"}, nil},
		"when a subscriber is replaced": {[]edit{{p + "Mail/Properties/Endpoint", `"other@example.com"`}}, []string{"alarms | worse | Mail | A SUBSCRIBER IS REPLACED"}, []section{destroyed}},

		// Nothing to tell.
		"when only a memory size changes":   {[]edit{{p + "Function/Properties/MemorySize", "256"}}, nil, sections},
		"when a number is written as text":  {[]edit{{p + "Logs/Properties/RetentionInDays", `"30"`}}, nil, sections},
		"when a resource is added":          {[]edit{{p + "Dashboard", `{"Type": "AWS::CloudWatch::Dashboard"}`}}, nil, sections},
		"when only a description changes":   {[]edit{{p + "Alarm/Properties/AlarmDescription", `"x"`}}, nil, sections},
		"when statements only change order": {[]edit{{p + "RolePolicy/Properties/PolicyDocument/Statement/0/Action", `["dynamodb:GetItem", "dynamodb:Query"]`}, {p + "DeadLettersPolicy/Properties/PolicyDocument/Statement/0/Sid", `"Other"`}}, nil, sections},
	} {
		t.Run(name, func(t *testing.T) {
			r := reviewOf(t, c.edits...)
			got := r.lines()
			for _, want := range c.want {
				if !slices.ContainsFunc(strings.Split(got, "\n"), func(line string) bool { return matchesRow(line, want) }) {
					t.Errorf("no row %s", want)
				}
			}
			for _, row := range r.Rows {
				if slices.Contains(c.none, row.Section) {
					t.Errorf("a row of %s", row.Section)
				}
			}
			if destroys := strings.Contains(got, "destroys |"); destroys != (r.Result == resultDestructive) {
				t.Errorf("result %q", r.Result)
			}
			if t.Failed() {
				t.Log("\n" + got)
			}
		})
	}
}

// matchesRow reports whether a row begins with a text and has, in order, what follows after
// each ellipsis.
func matchesRow(line, want string) bool {
	parts := strings.Split(want, "…")
	rest, ok := strings.CutPrefix(line, parts[0])
	for _, part := range parts[1:] {
		var found bool
		_, rest, found = strings.Cut(rest, part)
		ok = ok && found
	}
	return ok
}

func TestOrder(t *testing.T) {
	t.Run("when there is something of everything, what destroys is first", func(t *testing.T) {
		r := reviewOf(t, edit{"Resources/Alarm", "-"}, edit{"Resources/Table/Properties/KeySchema/0/AttributeName", `"id"`},
			edit{"Resources/Daily/Properties/ScheduleExpression", `"rate(7 days)"`}, edit{"Resources/RolePolicy/Properties/PolicyDocument/Statement/0/Action", `"*"`},
			edit{"Resources/Key/Properties/EnableKeyRotation", "false"})
		var got []section
		for _, row := range r.Rows {
			got = append(got, row.Section)
		}
		if got = slices.Compact(got); !slices.Equal(got, []section{destroyed, protections, permissions, routing, alarms}) {
			t.Errorf("%v", got)
		}
	})
}

func TestCounts(t *testing.T) {
	t.Run("when resources have no row, they are counted by type", func(t *testing.T) {
		r := reviewOf(t, edit{"Resources/Function/Properties/MemorySize", "256"}, edit{"Resources/Dashboard", `{"Type": "AWS::CloudWatch::Dashboard"}`},
			edit{"Resources/Invoke", "-"}, edit{"Resources/Logs/Properties/RetentionInDays", "7"})
		want := []counted{{Type: "AWS::CloudWatch::Dashboard", Added: 1}, {Type: "AWS::Lambda::Function", Changed: 1}}
		if !slices.Equal(r.Counts, want) {
			t.Errorf("%+v", r.Counts)
		}
	})
}

func TestStacks(t *testing.T) {
	t.Run("when a stack is gone, its resources are", func(t *testing.T) {
		r := compare(readSpec(t), stacks{"TapStackdev": edited(t)}, stacks{"Other": edited(t)})
		if got := r.lines(); !strings.Contains(got, "Table | DELETED") || r.Result != resultDestructive {
			t.Error(got)
		}
	})
	t.Run("when termination protection ends, it says so", func(t *testing.T) {
		before, after := edited(t), edited(t)
		before.terminationProtection, after.terminationProtection = "true", "false"
		if got := compare(readSpec(t), stacks{"": before}, stacks{"": after}).lines(); !strings.Contains(got, "termination protection of the stack is switched off") {
			t.Error(got)
		}
	})
}

// command runs the command on testdata and returns its exit status and output.
func command(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	a := &app{out: &stdout, err: &stderr, environ: os.Environ(), schema: func(string) (*schema, error) { return spec() }}
	status = a.run(t.Context(), append([]string{"--repository", "../../.."}, args...))
	return status, stdout.String(), stderr.String()
}

// written writes an edited template and returns its path.
func written(t *testing.T, edits ...edit) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "template.json")
	if err := os.WriteFile(path, []byte(edited(t, edits...).text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCommand(t *testing.T) {
	replacedTable := edit{"Resources/Table/Properties/TableName", `"other"`}
	for name, c := range map[string]struct {
		args   []string
		edits  []edit
		status int
		want   string
	}{
		"when the change is harmless":      {nil, []edit{{"Resources/Function/Properties/MemorySize", "256"}}, 0, "| everything else | AWS::Lambda::Function | 1 changed |"},
		"when the table is replaced":       {nil, []edit{replacedTable}, 2, "**⛔ Destructive: 2 changes.**"},
		"when that is allowed":             {[]string{"--allow", "destructive"}, []edit{replacedTable}, 0, "allowed by the label `allow-destructive`"},
		"when a policy is widened":         {nil, []edit{{"Resources/RolePolicy/Properties/PolicyDocument/Statement/0/Resource", `"*"`}}, 0, "WIDENED: identity policy"},
		"when a threshold moves":           {nil, []edit{{"Resources/Low/Properties/EventPattern/detail/amount/0/numeric/1", "9000"}}, 0, "`up to and including 9000 → low"},
		"when it prints JSON":              {[]string{"--json"}, []edit{replacedTable}, 2, `"result": "destructive"`},
		"when the cost is estimated":       {nil, []edit{{"Resources/Alarm", "-"}}, 0, "US dollars a month for a million transactions"},
		"when something else is allowed":   {[]string{"--allow", "everything"}, nil, 1, ""},
		"when a flag is unknown":           {[]string{"--no-such"}, nil, 1, ""},
		"when there is a revision as well": {[]string{"HEAD"}, nil, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"--before", "testdata/base.json", "--after", written(t, c.edits...)}, c.args...)
			status, out, errs := command(t, args...)
			if status != c.status || !strings.Contains(out, c.want) {
				t.Errorf("status %d, want %d with %s\n%s\n%s", status, c.status, c.want, out, errs)
			}
			if status == exitError && (errs == "" || out != "") {
				t.Errorf("printed %q, and as an error %q", out, errs)
			}
		})
	}
	t.Run("when a template is missing or empty, it is an error", func(t *testing.T) {
		empty := filepath.Join(t.TempDir(), "empty.json")
		if err := os.WriteFile(empty, []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"no-such.json", empty, t.TempDir()} {
			if status, _, errs := command(t, "--before", "testdata/base.json", "--after", path); status != exitError || errs == "" {
				t.Errorf("%s: status %d, %s", path, status, errs)
			}
		}
	})
}

func TestMarkdown(t *testing.T) {
	t.Run("when values have formatting, it stays text", func(t *testing.T) {
		r := &report{Base: "a", Head: "b", Rows: []row{{
			Section: unsure, LogicalID: "X", Type: "Custom::<img>", Name: "`|@someone\n", What: "a | b <script> @someone [x](y)", Before: "`**|\n", After: "",
		}}}
		var out bytes.Buffer
		if err := r.markdown(&out); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if strings.Contains(line, "not judged") {
				if pipes := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|"); pipes != 6 {
					t.Errorf("%d cells: %s", pipes-1, line)
				}
				for _, bad := range []string{"<", "[", "<!--"} {
					if strings.Contains(line, bad) {
						t.Errorf("%s in %s", bad, line)
					}
				}
				if outside := strings.Split(line, "`"); strings.Contains(outside[0]+outside[2], "@") {
					t.Errorf("a mention in %s", line)
				}
			}
		}
	})
	t.Run("when there are many rows, it fits into a comment", func(t *testing.T) {
		r := &report{Result: resultDestructive}
		for range 2000 {
			r.Rows = append(r.Rows, row{Section: destroyed, LogicalID: "X", What: strings.Repeat("w", 100)})
		}
		var out bytes.Buffer
		if err := r.markdown(&out); err != nil || out.Len() > 65_000 || !strings.Contains(out.String(), "more: run") {
			t.Errorf("%d bytes, %v", out.Len(), err)
		}
	})
}

func TestSchema(t *testing.T) {
	t.Run("when the format is another, it is an error", func(t *testing.T) {
		for _, text := range []string{`{}`, `{"schema": {"resource": {"entities": [{"cloudFormationType": "A", "properties": {"P": {"causesReplacement": "often"}}}]}}}`, `nonsense`} {
			if _, err := parseSchema(strings.NewReader(text)); err == nil {
				t.Errorf("%s is read", text)
			}
		}
	})
	t.Run("when the repository is not set up, it says how", func(t *testing.T) {
		if _, err := readSchema("no-such-file"); err == nil || !strings.Contains(err.Error(), "scripts/setup") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("when a nested property replaces, it is found", func(t *testing.T) {
		s := readSpec(t)
		for _, c := range []struct {
			typeName, name, before, after string
			want                          replacement
		}{
			{"AWS::DynamoDB::Table", "KeySchema", `[]`, `[1]`, replaces},
			{"AWS::DynamoDB::Table", "BillingMode", `"a"`, `"b"`, keeps},
			{"AWS::Events::Rule", "Name", `"a"`, `"b"`, replaces},
			{"AWS::EFS::AccessPoint", "RootDirectory", `{"CreationInfo": {"OwnerUid": "1"}}`, `{"CreationInfo": {"OwnerUid": "2"}}`, replaces},
			{"AWS::XRay::SamplingRule", "SamplingRule", `{"Version": 1}`, `{"Version": 2}`, replaces},
			{"AWS::XRay::SamplingRule", "SamplingRule", `{"Version": 1, "FixedRate": 1}`, `{"Version": 1, "FixedRate": 0}`, keeps},
			{"AWS::XRay::SamplingRule", "SamplingRule", `{"Version": 1}`, `{"Ref": "P"}`, maybe},
			{"AWS::No::Such", "X", `1`, `2`, unknown},
		} {
			var before, after any
			if err := json.Unmarshal([]byte(c.before), &before); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(c.after), &after); err != nil {
				t.Fatal(err)
			}
			if got := s.change(c.typeName, c.name, before, after); got != c.want {
				t.Errorf("%s %s from %s to %s: %q, want %q", c.typeName, c.name, c.before, c.after, got, c.want)
			}
		}
	})
	t.Run("when the stack has a type, the database knows it", func(t *testing.T) {
		s := readSpec(t)
		template, err := readTemplate("../../../constructs/testdata/template.golden.json")
		if err != nil {
			t.Fatal(err)
		}
		for id, r := range template.Resources {
			if s.types[r.Type] == nil && !strings.HasPrefix(r.Type, "Custom::") {
				t.Errorf("%s: %s", id, r.Type)
			}
			for name := range r.Properties {
				if known := s.types[r.Type]; known != nil && known.Properties[name] == nil {
					t.Errorf("%s: %s has no property %s", id, r.Type, name)
				}
			}
		}
	})
}
