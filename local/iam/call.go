package iam

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Scope is the account and region of resources that a request names by name only.
type Scope struct{ Account, Region string }

func (s Scope) arn(service, rest string) string {
	return "arn:aws:" + service + ":" + s.Region + ":" + s.Account + ":" + rest
}

// Identify returns the action that a request performs, and its resources. service is the
// name in the request's signature. body is nil for S3, whose actions follow from method and
// path. A request that it does not know is an error, so that no call passes unchecked.
//
// Actions and resources: https://docs.aws.amazon.com/service-authorization/latest/reference/
func (s Scope) Identify(service string, r *http.Request, body []byte) (Call, error) {
	call, err := s.identify(service, r, body)
	if err == nil && call.Key == nil {
		call.Key = keyCalls[strings.ToLower(call.Action)]
	}
	return call, err
}

func (s Scope) identify(service string, r *http.Request, body []byte) (Call, error) {
	arn := s.arn
	full := func(name, service, prefix string) string {
		if strings.HasPrefix(name, "arn:") {
			return name
		}
		return arn(service, prefix+name)
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")

	switch service {
	case "dynamodb":
		var input struct {
			TableName, IndexName, StreamArn, ShardIterator string
			RequestItems                                   map[string]json.RawMessage
			TransactItems                                  []map[string]struct{ TableName string }
		}
		if err := json.Unmarshal(body, &input); err != nil {
			return Call{}, fmt.Errorf("%s: %w", operation, err)
		}
		call := Call{Action: "dynamodb:" + operation}
		switch {
		case input.StreamArn != "":
			call.Resources = []string{input.StreamArn}
		case operation == "GetRecords":
			// The iterator names its stream: "<stream ARN>|1|<position>".
			stream, _, found := strings.Cut(input.ShardIterator, "|")
			if !found {
				return Call{}, fmt.Errorf("GetRecords: the iterator %q does not name its stream", input.ShardIterator)
			}
			call.Resources = []string{stream}
		case input.TableName != "":
			call.Resources = []string{full(input.TableName, "dynamodb", "table/")}
			if input.IndexName != "" {
				call.Resources[0] += "/index/" + input.IndexName
			}
		default:
			for table := range input.RequestItems {
				call.Resources = append(call.Resources, full(table, "dynamodb", "table/"))
			}
			for _, item := range input.TransactItems {
				for operator, one := range item {
					// IAM checks each part of a transaction as an action of its own.
					if operator != "Put" && operator != "Update" && operator != "Delete" && operator != "ConditionCheck" && operator != "Get" {
						return Call{}, fmt.Errorf("%s: %s is not supported", operation, operator)
					}
					return Call{}, fmt.Errorf("%s on %s: permissions of transactions are not supported", operation, one.TableName)
				}
			}
			if call.Resources == nil {
				call.Resources = []string{"*"} // ListTables, ListStreams
			}
		}
		return call, nil
	case "sqs":
		var input struct{ QueueUrl string }
		if err := json.Unmarshal(body, &input); err != nil {
			return Call{}, fmt.Errorf("%s: %w", operation, err)
		}
		return Call{Action: "sqs:" + strings.TrimSuffix(operation, "Batch"), Resources: []string{arn("sqs", input.QueueUrl[strings.LastIndex(input.QueueUrl, "/")+1:])}}, nil
	case "events":
		var input struct {
			Entries                                                       []struct{ EventBusName string }
			EventBusName, Name, Rule, ArchiveName, ReplayName, NamePrefix string
			EventSourceArn                                                string
		}
		if err := json.Unmarshal(body, &input); err != nil {
			return Call{}, fmt.Errorf("%s: %w", operation, err)
		}
		call := Call{Action: "events:" + operation}
		rule := func(name string) string {
			bus := input.EventBusName[strings.LastIndex(input.EventBusName, "/")+1:]
			if bus != "" && bus != "default" {
				name = bus + "/" + name
			}
			return arn("events", "rule/"+name)
		}
		switch operation {
		case "EnableRule", "DisableRule", "DescribeRule":
			call.Resources = []string{rule(input.Name)}
			return call, nil
		case "ListTargetsByRule":
			call.Resources = []string{rule(input.Rule)}
			return call, nil
		case "ListRules":
			call.Resources = []string{rule("*")}
			return call, nil
		case "DescribeEventBus":
			call.Resources = []string{full(input.Name, "events", "event-bus/")}
			return call, nil
		case "DescribeArchive":
			call.Resources = []string{arn("events", "archive/"+input.ArchiveName)}
			return call, nil
		case "StartReplay":
			call.Resources = []string{input.EventSourceArn}
			return call, nil
		case "DescribeReplay":
			call.Resources = []string{arn("events", "replay/"+input.ReplayName)}
			return call, nil
		case "ListArchives", "ListReplays", "ListEventBuses":
			call.Resources = []string{"*"}
			return call, nil
		case "PutEvents":
		default:
			return Call{}, fmt.Errorf("events %s: permissions of this operation are not supported", operation)
		}
		for _, entry := range input.Entries {
			name := entry.EventBusName
			if name == "" {
				name = "default"
			}
			call.Resources = append(call.Resources, full(name, "events", "event-bus/"))
		}
		return call, nil
	case "secretsmanager":
		var input struct{ SecretId string }
		if err := json.Unmarshal(body, &input); err != nil {
			return Call{}, fmt.Errorf("%s: %w", operation, err)
		}
		// A policy has the ARN with six random characters at its end, usually as "-??????";
		// a caller may use the name without them.
		resource := full(input.SecretId, "secretsmanager", "secret:")
		if resource != input.SecretId {
			resource += "-aaaaaa"
		}
		return Call{Action: "secretsmanager:" + operation, Resources: []string{resource}}, nil
	case "states":
		var input struct{ StateMachineArn string }
		if err := json.Unmarshal(body, &input); err != nil {
			return Call{}, fmt.Errorf("%s: %w", operation, err)
		}
		return Call{Action: "states:" + operation, Resources: []string{input.StateMachineArn}}, nil
	case "sns":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return Call{}, err
		}
		resource := form.Get("TopicArn")
		if resource == "" {
			resource = form.Get("PhoneNumber")
		}
		return Call{Action: "sns:" + strings.TrimSuffix(form.Get("Action"), "Batch"), Resources: []string{resource}}, nil
	case "lambda":
		if id, ok := strings.CutPrefix(r.URL.Path, "/2015-03-31/event-source-mappings"); ok {
			id = strings.TrimPrefix(id, "/")
			switch {
			case r.Method == http.MethodGet && id == "":
				return Call{Action: "lambda:ListEventSourceMappings", Resources: []string{"*"}}, nil
			case r.Method == http.MethodGet:
				return Call{Action: "lambda:GetEventSourceMapping", Resources: []string{arn("lambda", "event-source-mapping:"+id)}}, nil
			case r.Method == http.MethodPut:
				return Call{Action: "lambda:UpdateEventSourceMapping", Resources: []string{arn("lambda", "event-source-mapping:"+id)}}, nil
			}
		}
		name, ok := strings.CutPrefix(r.URL.Path, "/2015-03-31/functions/")
		if name, found := strings.CutSuffix(name, "/configuration"); ok && found && r.Method == http.MethodGet {
			return Call{Action: "lambda:GetFunctionConfiguration", Resources: []string{full(name, "lambda", "function:")}}, nil
		}
		name, isInvoke := strings.CutSuffix(name, "/invocations")
		if !ok || !isInvoke {
			return Call{}, fmt.Errorf("lambda %s %s is not supported", r.Method, r.URL.Path)
		}
		if unescaped, err := url.PathUnescape(name); err == nil {
			name = unescaped
		}
		return Call{Action: "lambda:InvokeFunction", Resources: []string{full(name, "lambda", "function:")}}, nil
	case "sts":
		// "No permissions are required to perform this operation."
		// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
		form, err := url.ParseQuery(string(body))
		if err != nil || form.Get("Action") != "GetCallerIdentity" {
			return Call{}, fmt.Errorf("sts %s: permissions of this operation are not supported", form.Get("Action"))
		}
		return Call{Action: "sts:GetCallerIdentity"}, nil
	case "s3":
		call, err := s3Call(r)
		call.Context = s3Context(r)
		return call, err
	case "monitoring":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return Call{}, err
		}
		if operation == "" {
			operation = form.Get("Action")
		}
		// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
		call := Call{Action: "cloudwatch:" + operation, Resources: []string{"*"}}
		if namespace := form.Get("Namespace"); namespace != "" && operation == "PutMetricData" {
			call.Context = Context{"cloudwatch:namespace": {namespace}}
		}
		return call, nil
	case "xray":
		// The operations' names are in the path. None of those here has a resource.
		// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
		name := strings.Trim(r.URL.Path, "/")
		actions := map[string]string{
			"TraceSegments": "PutTraceSegments", "TelemetryRecords": "PutTelemetryRecords", "TraceSummaries": "GetTraceSummaries",
			"Traces": "BatchGetTraces", "GetSamplingRules": "GetSamplingRules", "SamplingTargets": "GetSamplingTargets",
		}
		if actions[name] == "" {
			return Call{}, fmt.Errorf("xray %s: permissions of this operation are not supported", name)
		}
		return Call{Action: "xray:" + actions[name], Resources: []string{"*"}}, nil
	case "kms":
		var input struct {
			KeyId             string
			EncryptionContext map[string]string
		}
		if err := json.Unmarshal(body, &input); err != nil {
			return Call{}, fmt.Errorf("%s: %w", operation, err)
		}
		if strings.HasPrefix(input.KeyId, "alias/") || strings.Contains(input.KeyId, ":alias/") || input.KeyId == "" {
			return Call{}, fmt.Errorf("kms %s: permissions of calls that do not name a key by its id are not supported", operation)
		}
		call := Call{Action: "kms:" + operation, Resources: []string{full(input.KeyId, "kms", "key/")}, Context: Context{"kms:calleraccount": {s.Account}}}
		for name, value := range input.EncryptionContext {
			call.Context.set(encryptionContextKey+name, value)
		}
		call.Context.set("kms:EncryptionContextKeys", slices.Sorted(maps.Keys(input.EncryptionContext))...)
		return call, nil
	case "cloudformation":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return Call{}, err
		}
		// The stack's id is not known here; any has the form of one.
		return Call{Action: "cloudformation:" + form.Get("Action"), Resources: []string{full(form.Get("StackName"), "cloudformation", "stack/") + "/id"}}, nil
	case "logs":
		var input struct{ LogGroupName, LogStreamName string }
		if err := json.Unmarshal(body, &input); err != nil {
			return Call{}, fmt.Errorf("%s: %w", operation, err)
		}
		resource := arn("logs", "log-group:"+input.LogGroupName+":")
		if operation == "PutLogEvents" {
			resource += "log-stream:" + input.LogStreamName
		}
		return Call{Action: "logs:" + operation, Resources: []string{resource}}, nil
	}
	return Call{}, fmt.Errorf("service %s is not checked", service)
}

// s3Call identifies an S3 request in path style.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
func s3Call(r *http.Request) (Call, error) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	query := r.URL.Query()
	has := func(name string) bool { _, ok := query[name]; return ok }
	onBucket, onObject := []string{"arn:aws:s3:::" + bucket}, []string{"arn:aws:s3:::" + bucket + "/" + key}
	switch {
	case bucket == "":
		return Call{Action: "s3:ListAllMyBuckets", Resources: []string{"*"}}, nil
	case key == "" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		switch {
		case has("location"):
			return Call{Action: "s3:GetBucketLocation", Resources: onBucket}, nil
		case has("versions"):
			return Call{Action: "s3:ListBucketVersions", Resources: onBucket}, nil
		case has("uploads"):
			return Call{Action: "s3:ListBucketMultipartUploads", Resources: onBucket}, nil
		case len(query) == 0 || has("list-type") || has("prefix") || has("max-keys") || has("delimiter") || has("marker"):
			return Call{Action: "s3:ListBucket", Resources: onBucket}, nil
		}
	case key == "":
	case r.Method == http.MethodGet && has("uploadId"):
		return Call{Action: "s3:ListMultipartUploadParts", Resources: onObject}, nil
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		var key []string // by default that of the action
		if r.Method == http.MethodHead && r.Header.Get("X-Amz-Checksum-Mode") == "" {
			// HeadObject returns metadata only; the checksum it may return is encrypted.
			// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
			key = []string{}
		}
		if has("versionId") {
			return Call{Action: "s3:GetObjectVersion", Resources: onObject, Key: key}, nil
		}
		if !has("acl") && !has("tagging") && !has("attributes") {
			return Call{Action: "s3:GetObject", Resources: onObject, Key: key}, nil
		}
	case r.Method == http.MethodDelete && has("uploadId"):
		return Call{Action: "s3:AbortMultipartUpload", Resources: onObject}, nil
	case r.Method == http.MethodDelete:
		return Call{Action: "s3:DeleteObject", Resources: onObject}, nil
	case r.Method == http.MethodPut && !has("acl") && !has("tagging") && r.Header.Get("X-Amz-Copy-Source") == "",
		r.Method == http.MethodPost && (has("uploads") || has("uploadId")):
		call := Call{Action: "s3:PutObject", Resources: onObject}
		if has("uploads") || has("uploadId") {
			// https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions
			call.Key = []string{"kms:GenerateDataKey", "kms:Decrypt"}
		}
		return call, nil
	}
	return Call{}, fmt.Errorf("s3 %s %s: permissions of this request are not supported", r.Method, r.URL)
}

// s3Context returns the condition keys of an S3 request.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html#amazons3-policy-keys
func s3Context(r *http.Request) Context {
	context := Context{}
	for _, name := range []string{"x-amz-acl", "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id", "x-amz-storage-class"} {
		if value := r.Header.Get(name); value != "" {
			context.set("s3:"+name, value)
		}
	}
	query := r.URL.Query()
	for _, name := range []string{"prefix", "delimiter", "max-keys", "versionId"} {
		if actual, has := query[name]; has {
			context.set("s3:"+name, actual...)
		}
	}
	return context
}
