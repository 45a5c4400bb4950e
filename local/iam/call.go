package iam

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Scope is the account and region of resources that a request names by name only.
type Scope struct{ Account, Region string }

// Identify returns the action that a request performs, and its resources. service is the
// name in the request's signature. body is nil for S3, whose actions follow from method and
// path. A request that it does not know is an error, so that no call passes unchecked.
//
// Actions and resources: https://docs.aws.amazon.com/service-authorization/latest/reference/
func (s Scope) Identify(service string, r *http.Request, body []byte) (Call, error) {
	arn := func(service, rest string) string {
		return "arn:aws:" + service + ":" + s.Region + ":" + s.Account + ":" + rest
	}
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
		return Call{"sqs:" + strings.TrimSuffix(operation, "Batch"), []string{arn("sqs", input.QueueUrl[strings.LastIndex(input.QueueUrl, "/")+1:])}}, nil
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
		return Call{"secretsmanager:" + operation, []string{resource}}, nil
	case "states":
		var input struct{ StateMachineArn string }
		if err := json.Unmarshal(body, &input); err != nil {
			return Call{}, fmt.Errorf("%s: %w", operation, err)
		}
		return Call{"states:" + operation, []string{input.StateMachineArn}}, nil
	case "sns":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return Call{}, err
		}
		resource := form.Get("TopicArn")
		if resource == "" {
			resource = form.Get("PhoneNumber")
		}
		return Call{"sns:" + strings.TrimSuffix(form.Get("Action"), "Batch"), []string{resource}}, nil
	case "lambda":
		if id, ok := strings.CutPrefix(r.URL.Path, "/2015-03-31/event-source-mappings"); ok {
			id = strings.TrimPrefix(id, "/")
			switch {
			case r.Method == http.MethodGet && id == "":
				return Call{"lambda:ListEventSourceMappings", []string{"*"}}, nil
			case r.Method == http.MethodGet:
				return Call{"lambda:GetEventSourceMapping", []string{arn("lambda", "event-source-mapping:"+id)}}, nil
			case r.Method == http.MethodPut:
				return Call{"lambda:UpdateEventSourceMapping", []string{arn("lambda", "event-source-mapping:"+id)}}, nil
			}
		}
		name, ok := strings.CutPrefix(r.URL.Path, "/2015-03-31/functions/")
		if name, found := strings.CutSuffix(name, "/configuration"); ok && found && r.Method == http.MethodGet {
			return Call{"lambda:GetFunctionConfiguration", []string{full(name, "lambda", "function:")}}, nil
		}
		name, isInvoke := strings.CutSuffix(name, "/invocations")
		if !ok || !isInvoke {
			return Call{}, fmt.Errorf("lambda %s %s is not supported", r.Method, r.URL.Path)
		}
		if unescaped, err := url.PathUnescape(name); err == nil {
			name = unescaped
		}
		return Call{"lambda:InvokeFunction", []string{full(name, "lambda", "function:")}}, nil
	case "s3":
		return s3Call(r)
	case "cloudformation":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return Call{}, err
		}
		// The stack's id is not known here; any has the form of one.
		return Call{"cloudformation:" + form.Get("Action"), []string{full(form.Get("StackName"), "cloudformation", "stack/") + "/id"}}, nil
	case "logs":
		var input struct{ LogGroupName, LogStreamName string }
		if err := json.Unmarshal(body, &input); err != nil {
			return Call{}, fmt.Errorf("%s: %w", operation, err)
		}
		resource := arn("logs", "log-group:"+input.LogGroupName+":")
		if operation == "PutLogEvents" {
			resource += "log-stream:" + input.LogStreamName
		}
		return Call{"logs:" + operation, []string{resource}}, nil
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
		return Call{"s3:ListAllMyBuckets", []string{"*"}}, nil
	case key == "" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		switch {
		case has("location"):
			return Call{"s3:GetBucketLocation", onBucket}, nil
		case has("versions"):
			return Call{"s3:ListBucketVersions", onBucket}, nil
		case has("uploads"):
			return Call{"s3:ListBucketMultipartUploads", onBucket}, nil
		case len(query) == 0 || has("list-type") || has("prefix") || has("max-keys") || has("delimiter") || has("marker"):
			return Call{"s3:ListBucket", onBucket}, nil
		}
	case key == "":
	case r.Method == http.MethodGet && has("uploadId"):
		return Call{"s3:ListMultipartUploadParts", onObject}, nil
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		if has("versionId") {
			return Call{"s3:GetObjectVersion", onObject}, nil
		}
		if !has("acl") && !has("tagging") && !has("attributes") {
			return Call{"s3:GetObject", onObject}, nil
		}
	case r.Method == http.MethodDelete && has("uploadId"):
		return Call{"s3:AbortMultipartUpload", onObject}, nil
	case r.Method == http.MethodDelete:
		return Call{"s3:DeleteObject", onObject}, nil
	case r.Method == http.MethodPut && !has("acl") && !has("tagging") && r.Header.Get("X-Amz-Copy-Source") == "",
		r.Method == http.MethodPost && (has("uploads") || has("uploadId")):
		return Call{"s3:PutObject", onObject}, nil
	}
	return Call{}, fmt.Errorf("s3 %s %s: permissions of this request are not supported", r.Method, r.URL)
}
