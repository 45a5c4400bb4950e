package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"payment-webhooks/local/eventsource"
	"payment-webhooks/local/iam"
	"payment-webhooks/local/lambda"
	"payment-webhooks/local/states"
)

func (e *Emulator) scope() iam.Scope { return iam.Scope{Account: e.account, Region: e.region} }

// readPolicies reads every policy of the stack. Each kind of denied call is logged once.
func (e *Emulator) readPolicies() (err error) {
	e.policies, err = iam.New(e.stack, e.resolver, e.scope(), func(d *iam.DeniedError) {
		e.log.Error("access denied", "error", d)
	})
	if len(e.stack.Resources) == 0 {
		return err // nothing is deployed, and no grant is known
	}
	for _, id := range e.options.RemovedGrants {
		if errRemoved := e.policies.SetRemoved(id, true); errRemoved != nil {
			err = errors.Join(err, fmt.Errorf("--remove-grant: %w", errRemoved))
		}
	}
	return err
}

// streamLogger checks the calls to CloudWatch Logs that a service makes with a role to write log streams.
type streamLogger struct {
	emulator *Emulator
	roleARN  string

	mu      sync.Mutex
	created map[string]bool // by stream: whether it could be created
}

func (e *Emulator) streamLogger(roleARN string) *streamLogger {
	return &streamLogger{emulator: e, roleARN: roleARN, created: map[string]bool{}}
}

// may reports whether a line may be written to a stream. Lambda writes a function's log with the
// function's role: without its permissions the function works, and its lines are lost.
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
func (l *streamLogger) may(group, stream string) bool {
	arn := fmt.Sprintf("arn:aws:logs:%s:%s:log-group:%s:log-stream:", l.emulator.region, l.emulator.account, group)
	allowed := func(action, resource string) bool {
		return l.emulator.policies.Check(iam.Role(l.roleARN), iam.NewCall(action, resource)) == nil
	}
	l.mu.Lock()
	created, known := l.created[stream]
	if !known || !created {
		created = allowed("logs:CreateLogStream", arn)
		l.created[stream] = created
	}
	l.mu.Unlock()
	return created && allowed("logs:PutLogEvents", arn+stream)
}

// apiLogger checks the role with which API Gateway writes logs: the account's, if the stack sets it.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
func (e *Emulator) apiLogger() (*streamLogger, error) {
	for _, resource := range e.stack.ByType("AWS::ApiGateway::Account") {
		properties, err := e.resolver.Properties(resource)
		if err != nil {
			return nil, err
		}
		if p, is := properties.(map[string]any); is && p["CloudWatchRoleArn"] != nil {
			return e.streamLogger(fmt.Sprint(p["CloudWatchRoleArn"])), nil
		}
	}
	return nil, nil
}

// mayTrace returns a function that checks the calls that the X-Ray daemon makes with a role. The daemon's
// own telemetry does not hold up the segments.
// https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
func (e *Emulator) mayTrace(roleARN string) func() error {
	return func() error {
		_ = e.policies.Check(iam.Role(roleARN), iam.NewCall("xray:PutTelemetryRecords", "*"))
		return e.policies.Check(iam.Role(roleARN), iam.NewCall("xray:PutTraceSegments", "*"))
	}
}

// mayTraceExecution checks the calls that Step Functions makes with the machine's role to trace an
// execution, which fails in no case. The local run makes no segments of executions.
// https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html
func (e *Emulator) mayTraceExecution(roleARN string) {
	for _, action := range []string{"xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"} {
		_ = e.policies.Check(iam.Role(roleARN), iam.NewCall(action, "*"))
	}
}

// logDeliveryActions are what the role of a state machine with a log needs.
// https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
var logDeliveryActions = []string{
	"logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
	"logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
}

// checkDeployment makes the checks of permissions with which AWS accepts or rejects resources when
// they are created. The error lists the resources that would fail.
func (e *Emulator) checkDeployment() error {
	var problems []error
	check := func(logicalID, roleARN, resource string, actions ...string) {
		for _, action := range actions {
			if err := e.policies.Check(iam.Role(roleARN), iam.NewCall(action, resource)); err != nil {
				problems = append(problems, fmt.Errorf("%s cannot be created: %w", logicalID, err))
			}
		}
	}
	// "Cannot access stream […]. Please ensure the role can perform the GetRecords, GetShardIterator,
	// DescribeStream, and ListStreams Actions on your stream in IAM", and "The provided execution role does not
	// have permissions to call ReceiveMessage on SQS".
	// https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
	// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
	for _, resource := range e.stack.ByType("AWS::Lambda::EventSourceMapping") {
		var p eventsource.Properties
		if err := e.resolver.Into(resource, &p); err != nil {
			problems = append(problems, err)
			continue
		}
		spec, _ := e.functionSpec(p.FunctionName)
		if strings.HasPrefix(p.EventSourceArn, "arn:aws:sqs:") {
			check(resource.LogicalID, spec.roleARN, p.EventSourceArn, "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
			continue
		}
		check(resource.LogicalID, spec.roleARN, "*", "dynamodb:ListStreams")
		check(resource.LogicalID, spec.roleARN, p.EventSourceArn, "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
		if p.DestinationConfig != nil && p.DestinationConfig.OnFailure != nil {
			check(resource.LogicalID, spec.roleARN, p.DestinationConfig.OnFailure.Destination, "sqs:SendMessage")
		}
	}
	// "The function's execution role does not have permissions to call SendMessage on […]".
	// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
	for _, resource := range e.stack.ByType("AWS::Lambda::EventInvokeConfig") {
		var p lambda.InvokeConfigProperties
		if err := e.resolver.Into(resource, &p); err != nil {
			problems = append(problems, err)
			continue
		}
		if destination := p.DestinationConfig.OnFailure.Destination; destination != "" {
			spec, _ := e.functionSpec(p.FunctionName)
			check(resource.LogicalID, spec.roleARN, destination, "sqs:SendMessage")
		}
	}
	// "The state machine IAM Role is not authorized to access the Log Destination".
	for _, resource := range e.stack.ByType("AWS::StepFunctions::StateMachine") {
		var p states.Properties
		if err := e.resolver.Into(resource, &p); err != nil {
			problems = append(problems, err)
			continue
		}
		if log := p.LoggingConfiguration; log != nil && log.Level != "" && log.Level != "OFF" {
			check(resource.LogicalID, p.RoleArn, "*", logDeliveryActions...)
		}
	}
	// What the key's policy must let CloudWatch Logs and EventBridge do with groups, buses and archives.
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
	// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-key-policy.html
	// https://docs.aws.amazon.com/eventbridge/latest/userguide/encryption-archives.html
	for typeName, actions := range map[string][]string{
		"AWS::Logs::LogGroup":   {"kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey"},
		"AWS::Events::EventBus": {"kms:DescribeKey", "kms:GenerateDataKey", "kms:Decrypt"},
		"AWS::Events::Archive":  {"kms:DescribeKey", "kms:GenerateDataKey", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"},
	} {
		for _, resource := range e.stack.ByType(typeName) {
			arn, err := e.resolver.Att(resource.LogicalID, "Arn")
			if err == nil {
				err = e.policies.UseKey(strings.TrimSuffix(arn, ":*"), actions...)
			}
			if err != nil {
				problems = append(problems, fmt.Errorf("%s cannot be created: %w", resource.LogicalID, err))
			}
		}
	}
	return errors.Join(problems...)
}

// Permissions is the response of /_local/grants.
type Permissions struct {
	Grants []iam.Grant  `json:"grants"` // of the whole stack
	Denied []iam.Denial `json:"denied"`
}

func (e *Emulator) serveGrants(w http.ResponseWriter, _ *http.Request) {
	respond(w, http.StatusOK, Permissions{e.policies.Grants(), e.policies.Denials()})
}

// maxEdit bounds the body of a request to edit a grant, in bytes.
const maxEdit = 1 << 16

// editGrant takes a grant out of its policy, or puts it back.
func (e *Emulator) editGrant(w http.ResponseWriter, r *http.Request) {
	var edit struct{ Removed bool }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxEdit)).Decode(&edit); err != nil {
		respondError(w, http.StatusBadRequest, fmt.Errorf(`want {"removed": true} or {"removed": false}: %w`, err))
		return
	}
	id := r.PathValue("id")
	if err := e.policies.SetRemoved(id, edit.Removed); err != nil {
		respondError(w, http.StatusNotFound, err)
		return
	}
	respond(w, http.StatusOK, map[string]any{"id": id, "removed": edit.Removed})
}

// serveDeployment repeats what the end of a deployment does: the checks of checkDeployment, and
// the event about the stack's status.
func (e *Emulator) serveDeployment(w http.ResponseWriter, _ *http.Request) {
	if err := e.checkDeployment(); err != nil {
		respondError(w, http.StatusConflict, err)
		return
	}
	e.announce(e.resolver.StackID(), "CREATE_COMPLETE", "")
	respond(w, http.StatusOK, map[string]bool{"deployed": true})
}
