// Package iam checks what the stack's roles may do, from the template's
// identity policies, so that a missing grant fails on this machine and not
// after the deployment.
//
// Each role gets an access key of its own ([Policies.AccessKey]), which a
// function finds in its environment. The endpoint asks [Policies.Check] for every call
// that carries such a key. Calls with any other key, a user's, are not checked.
//
// [ResourcePolicies] are the other side: queue and topic policies, Lambda
// permissions and log resource policies, which EventBridge and API Gateway need.
//
// Checked services: dynamodb, s3, events, sqs, sns, lambda, states, secretsmanager.
// Not checked: kms (moto does not encrypt), xray, logs and cloudwatch (the platform
// sends those), key and bucket policies, permission boundaries. A statement about
// services that are not checked is skipped; in the others every element that is
// not played (NotAction, NotResource, conditions) is refused at start-up.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
package iam
