// Package iam checks what the stack's roles may do, according to the template's identity
// policies, so that a missing grant fails on this machine and not after the deployment.
//
// Each role gets an access key of its own ([Policies.AccessKey]), which its functions find
// in their environment. The endpoint calls [Policies.Check] for every call that is signed
// with such a key. Calls with any other key, a user's, are not checked. A managed policy is
// that of a user who has nothing else: the policy's name is the access key id, and the calls
// of every service but KMS and X-Ray are checked.
//
// [ResourcePolicies] are the other side: queue and topic policies, Lambda permissions and
// policies of log groups, which EventBridge and API Gateway need.
//
// Checked services: dynamodb, s3, events, sqs, sns, lambda, states, secretsmanager.
// Not checked: kms (moto does not encrypt), xray, logs and cloudwatch (the platform calls
// those), key and bucket policies, permission boundaries. A statement about services that
// are not checked is skipped. In other statements, unsupported elements (NotAction,
// NotResource, conditions) are rejected at start-up.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
package iam
