// Package iam checks what the stack's roles and AWS's services may do, according to every
// policy in the template, so that a missing grant fails on this machine and not after the
// deployment.
//
// Each role gets an access key of its own ([Policies.AccessKey]), which its functions find
// in their environment. The endpoint calls [Policies.Check] for every call that is signed
// with such a key, of any service. Calls with any other key, a user's, are not checked. A managed policy of
// the template is that of a user who has nothing else: the policy's name is the access key id.
//
// What a service does for a role or for itself is checked as well: EventBridge delivers to
// targets and dead-letter queues, API Gateway invokes functions and CloudWatch publishes alarms as
// [Service]; Lambda reads streams, sends failed events, writes logs and sends traces as the function's
// [Role], and Step Functions makes its tasks' calls as the machine's.
//
// A call needs an Allow of an identity policy or of the resource's policy (queue, topic, bucket and bus
// policies, Lambda permissions, and policies of log groups), and no Deny of either. When the resource
// is under a KMS key, the calls to KMS that its service makes are checked too (key.go): the key's policy
// decides, and identity policies count where it says so. moto stores data without encryption all the
// same.
//
// Each Allow consists of grants ([Grant]): one action on one resource for one principal. They count the
// calls that they allow, and can be taken out.
//
// Conditions are evaluated with all operators but BinaryEquals (condition.go). Rejected at start-up, with the
// logical id: condition keys whose value is not known here, policy variables, NotPrincipal, principals
// that are neither roles, accounts nor services, AWS's managed policies but those that are known,
// permission boundaries, and keys that are not in the template. Not checked: who may assume a role, and calls of a
// transaction of DynamoDB, which are denied to roles.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
package iam
