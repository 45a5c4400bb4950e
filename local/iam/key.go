package iam

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"payment-webhooks/local/assembly"
)

// encryption is how a resource is encrypted.
type encryption struct {
	service string            // prefix of kms:ViaService: "sqs"
	key     string            // ARN
	context map[string]string // the encryption context that the service passes
	managed bool              // the key is the service's own in the account, alias aws/…
}

// keyCalls are the calls to KMS that a service makes to carry out a call on a resource that
// is under a key, by the call's action in lower case. KMS is asked each time: services keep
// data keys for minutes, so that on AWS a missing permission shows later.
//
//   - DynamoDB decrypts the table's key on behalf of the caller, for reads and writes.
//     https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.howitworks.html
//   - SQS: "the producer must have kms:GenerateDataKey and kms:Decrypt", the consumer kms:Decrypt.
//     https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
//   - SNS needs kms:GenerateDataKey* and kms:Decrypt of the publisher.
//     https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
//   - S3 needs kms:GenerateDataKey to store an object, kms:Decrypt to read it, and both to
//     upload one in parts, since it decrypts the parts before it encrypts the whole.
//     https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
//     https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions
//   - EventBridge and CloudWatch Logs use the key themselves: see ownPrincipal.
var keyCalls = map[string][]string{
	"dynamodb:batchgetitem": {"kms:Decrypt"}, "dynamodb:batchwriteitem": {"kms:Decrypt"}, "dynamodb:deleteitem": {"kms:Decrypt"},
	"dynamodb:getitem": {"kms:Decrypt"}, "dynamodb:putitem": {"kms:Decrypt"}, "dynamodb:query": {"kms:Decrypt"},
	"dynamodb:scan": {"kms:Decrypt"}, "dynamodb:updateitem": {"kms:Decrypt"}, "dynamodb:getrecords": {"kms:Decrypt"},
	"sqs:sendmessage": {"kms:GenerateDataKey", "kms:Decrypt"}, "sqs:receivemessage": {"kms:Decrypt"},
	"sns:publish":  {"kms:GenerateDataKey", "kms:Decrypt"},
	"s3:putobject": {"kms:GenerateDataKey"}, "s3:getobject": {"kms:Decrypt"}, "s3:getobjectversion": {"kms:Decrypt"},
	"events:putevents":  {"kms:GenerateDataKey", "kms:Decrypt"},
	"logs:putlogevents": {"kms:GenerateDataKey"}, "logs:filterlogevents": {"kms:Decrypt"}, "logs:getlogevents": {"kms:Decrypt"},
}

// ownPrincipal returns the service that uses the key itself, not on behalf of the caller.
//
//   - EventBridge encrypts and decrypts the events of a bus and of an archive as events.amazonaws.com.
//     https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-key-policy.html
//   - CloudWatch Logs encrypts log events as logs.<region>.amazonaws.com.
//     https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
func (p *Policies) ownPrincipal(service string) string {
	switch service {
	case "events":
		return "events.amazonaws.com"
	case "logs":
		return "logs." + p.scope.Region + ".amazonaws.com"
	}
	return ""
}

// checkKey checks the calls to KMS that a call on a resource under a key needs.
func (p *Policies) checkKey(caller Caller, call Call, resource string) error {
	e, encrypted := p.encryption[base(resource)]
	if !encrypted {
		return nil
	}
	for _, action := range call.Key {
		if err := p.useKey(e, caller, action, base(resource)); err != nil {
			return err
		}
	}
	return nil
}

// useKey checks one call to KMS that a service makes for a caller.
func (p *Policies) useKey(e encryption, caller Caller, action, resource string) error {
	context := Context{}
	context.set("kms:CallerAccount", p.scope.Account)
	for name, value := range e.context {
		context.set(encryptionContextKey+name, value)
	}
	context.set("kms:EncryptionContextKeys", slices.Sorted(maps.Keys(e.context))...)
	if own := p.ownPrincipal(e.service); own != "" {
		caller = Service(own, resource)
		if e.service == "events" {
			caller.source = e.context["aws:events:event-bus:arn"]
		}
	} else {
		context.set("kms:ViaService", e.service+"."+p.scope.Region+".amazonaws.com")
		context.set("aws:ViaAWSService", "true")
	}
	if e.service == "sns" && caller.service == "events.amazonaws.com" {
		// "The aws:SourceAccount, aws:SourceArn, and aws:SourceOrgID condition keys in KMS key policy
		// aren't supported in EventBridge-to-encrypted topics" (SNS developer guide, key management).
		caller.source = ""
	}
	var err error
	switch {
	case !e.managed:
		err = p.decide(caller, action, e.key, context)
	case caller.service != "":
		// The policy of an AWS managed key names the account's principals only, and cannot be changed.
		// https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key
		err = p.deny(caller, action, e.key, "because no resource-based policy allows the "+action+" action")
	}
	if denied, is := errors.AsType[*DeniedError](err); is {
		denied.Key = true
	}
	return err
}

// UseKey checks calls to KMS that a service makes as itself for a resource under a key, such
// as those at the resource's creation. It is nil for a resource without a key.
func (p *Policies) UseKey(resource string, actions ...string) error {
	e, encrypted := p.encryption[resource]
	if !encrypted {
		return nil
	}
	for _, action := range actions {
		if err := p.useKey(e, Caller{}, action, resource); err != nil {
			return err
		}
	}
	return nil
}

// base returns the ARN of the resource whose key encrypts another one: the table of an index
// or stream, the bucket of an object, the group of a log stream.
func base(arn string) string {
	switch service := strings.SplitN(arn+":::", ":", 4)[2]; service {
	case "dynamodb":
		arn, _, _ = strings.Cut(arn, "/index/")
		arn, _, _ = strings.Cut(arn, "/stream/")
	case "s3":
		arn, _, _ = strings.Cut(arn, "/")
	case "logs":
		arn, _, _ = strings.Cut(arn, ":log-stream:")
		arn = strings.TrimSuffix(strings.TrimSuffix(arn, "*"), ":")
	}
	return arn
}

// path returns a member of nested properties, or "".
func path(properties any, names ...string) string {
	for _, name := range names {
		if list, is := properties.([]any); is && len(list) > 0 {
			properties = list[0]
		}
		object, _ := properties.(map[string]any)
		properties = object[name]
	}
	if properties == nil {
		return ""
	}
	return fmt.Sprint(properties)
}

// readEncryption reads which key each resource is under.
func (p *Policies) readEncryption(stack *assembly.Stack, resolver *assembly.Resolver) error {
	p.encryption = map[string]encryption{}
	keys := map[string]string{} // ARN by ARN, id and alias
	var problems []error
	for _, resource := range stack.ByType("AWS::KMS::Key") {
		arn, errARN := resolver.Att(resource.LogicalID, "Arn")
		id, err := resolver.Ref(resource.LogicalID)
		problems = append(problems, errARN, err)
		keys[arn], keys[id] = arn, arn
	}
	for _, resource := range stack.ByType("AWS::KMS::Alias") {
		properties, err := resolver.Properties(resource)
		problems = append(problems, err)
		name, target := path(properties, "AliasName"), keys[path(properties, "TargetKeyId")]
		keys[name], keys[p.scope.arn("kms", name)] = target, target
	}
	for _, kind := range []struct {
		typeName, attribute string // the attribute that is the ARN; "" for Ref
		service             string
		key                 func(properties any) string
		context             func(arn string, properties any) map[string]string
	}{
		{
			"AWS::DynamoDB::Table", "Arn", "dynamodb", func(properties any) string {
				if path(properties, "SSESpecification", "SSEEnabled") != "true" {
					return ""
				}
				if key := path(properties, "SSESpecification", "KMSMasterKeyId"); key != "" {
					return key
				}
				return "alias/aws/dynamodb"
			},
			// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.howitworks.html
			func(arn string, _ any) map[string]string {
				return map[string]string{"aws:dynamodb:tableName": arn[strings.LastIndex(arn, "/")+1:], "aws:dynamodb:subscriberId": p.scope.Account}
			},
		},
		{
			"AWS::SQS::Queue", "Arn", "sqs", func(properties any) string { return path(properties, "KmsMasterKeyId") },
			func(arn string, _ any) map[string]string { return map[string]string{"aws:sqs:arn": arn} },
		},
		{
			"AWS::SNS::Topic", "", "sns", func(properties any) string { return path(properties, "KmsMasterKeyId") },
			func(arn string, _ any) map[string]string { return map[string]string{"aws:sns:topicArn": arn} },
		},
		{
			"AWS::S3::Bucket", "Arn", "s3", func(properties any) string {
				defaults := []string{"BucketEncryption", "ServerSideEncryptionConfiguration", "ServerSideEncryptionByDefault"}
				if !strings.HasPrefix(path(properties, append(defaults, "SSEAlgorithm")...), "aws:kms") {
					return ""
				}
				if key := path(properties, append(defaults, "KMSMasterKeyID")...); key != "" {
					return key
				}
				return "alias/aws/s3"
			},
			// The bucket's ARN with a bucket key. Without one it is the object's, which is not known here.
			// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#encryption-context
			func(arn string, properties any) map[string]string {
				if path(properties, "BucketEncryption", "ServerSideEncryptionConfiguration", "BucketKeyEnabled") == "true" {
					return map[string]string{"aws:s3:arn": arn}
				}
				return nil
			},
		},
		{
			"AWS::Logs::LogGroup", "Arn", "logs", func(properties any) string { return path(properties, "KmsKeyId") },
			func(arn string, _ any) map[string]string { return map[string]string{"aws:logs:arn": arn} },
		},
		{
			"AWS::Events::EventBus", "Arn", "events", func(properties any) string { return path(properties, "KmsKeyIdentifier") },
			func(arn string, _ any) map[string]string { return map[string]string{"aws:events:event-bus:arn": arn} },
		},
		{
			// https://docs.aws.amazon.com/eventbridge/latest/userguide/encryption-archives.html
			"AWS::Events::Archive", "Arn", "events", func(properties any) string { return path(properties, "KmsKeyIdentifier") },
			func(_ string, properties any) map[string]string {
				return map[string]string{"aws:events:event-bus:arn": path(properties, "SourceArn")}
			},
		},
	} {
		for _, resource := range stack.ByType(kind.typeName) {
			properties, err := resolver.Properties(resource)
			if err != nil {
				problems = append(problems, err)
				continue
			}
			name := kind.key(properties)
			if name == "" {
				continue
			}
			var arn string
			if kind.attribute == "" {
				arn, err = resolver.Ref(resource.LogicalID)
			} else {
				arn, err = resolver.Att(resource.LogicalID, kind.attribute)
			}
			problems = append(problems, err)
			arn = base(arn)
			e := encryption{service: kind.service, key: keys[name], context: kind.context(arn, properties)}
			if strings.HasPrefix(name[strings.LastIndex(name, ":")+1:], "alias/aws/") {
				e.managed, e.key = true, p.scope.arn("kms", name[strings.LastIndex(name, ":")+1:])
			}
			if e.key == "" {
				problems = append(problems, fmt.Errorf("%s: the key %s is not in the template, so its policy is not known", resource.LogicalID, name))
				continue
			}
			p.encryption[arn] = e
		}
	}
	return errors.Join(problems...)
}
