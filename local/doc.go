// Command local runs the synthesized stack on this machine: the template in cdk.out, with
// the real handlers, and moto for the data.
//
//	npx cdk synth        # writes cdk.out
//	go run ./local       # Ctrl-C ends it
//
// Without cdk.out it waits for a stack to be deployed by the CDK CLI: see docs/local.md.
//
// It prints the AWS endpoint, the API's URL, the variables to export, and the physical name
// of each resource of the template. Everything listens on 127.0.0.1 only, and nothing remains
// when it ends. It needs Go, and moto_server from MOTO_SERVER, build/venv or the PATH.
//
// This package parses the flags. Package emulator connects the packages that emulate the
// services; the documentation of each lists what it supports. A template that asks for
// anything else stops the start, with the logical id and the name of everything that is
// missing.
//
// # Flags
//
//	--cdk-out DIR            the cloud assembly (default cdk.out)
//	--deploy                 start without a stack and wait for one to be deployed, as
//	                         without a cloud assembly; the images are those of --cdk-out
//	--build-dir DIR          where built handlers are kept (default build/local)
//	--endpoint-port PORT     of the AWS endpoint (default 4566; 0 for a free one)
//	--api-port PORT          of the API (default 8080; 0 for a free one)
//	--ready-file FILE        written once everything responds: JSON with endpoint,
//	                         api_url, pid, stack, region
//	--time-scale N           divides the waits between EventBridge's and Lambda's
//	                         asynchronous retries (default 60: an hour in a minute)
//	--secret NAME=VALUE      a Secrets Manager secret; NAME=@FILE takes the file's
//	                         content without a line break at its end; may be repeated
//	--egress DIR             functions find DIR/host/path at https://host/path and
//	                         reach no other host (package egress)
//	--allow-host NAME        another name, such as a tunnel's, by which requests may call this
//	                         machine (package guard); may be repeated
//	--max-environments N     processes per function (default 64); further concurrent
//	                         events are throttled, as by a reserved concurrency
//	--remove-grant ID        a grant, from /_local/grants, to take out of its policy; may
//	                         be repeated
//	--fault JSON             a fault to inject from the start (package faults); may be
//	                         repeated
//	--fault-seed N           seeds the choices of faults (default 1)
//	--quiet                  print neither log lines nor the table of resources
//
// AWS_REGION chooses the region when the template does not name one (default us-east-1). The
// account is 123456789012 unless the template names one.
//
// # Paths of the local run on the AWS endpoint
//
//	GET  /_local/                                the page (package console)
//	GET  /_local/resources                       logical id, type, physical id, CDK path
//	GET  /_local/alerts                          what each subscriber received, oldest first
//	GET  /_local/alarms[?time=RFC3339]           evaluates the alarms up to that time (default now) and
//	                                             returns state, reason, since and history of each
//	GET  /_local/traces[?trace_id=1-…]           X-Ray segment documents, oldest first
//	GET  /_local/rules                           rules with their schedule or delivery counts, and misdirected events
//	POST /_local/rules/NAME/fire[?time=RFC3339]  fire a scheduled rule as of that time (default now)
//	GET  /_local/events                          events in the bus's archives, oldest first
//	GET  /_local/executions[?data=true]          state machine executions; with input and output
//	GET  /_local/mappings                        stream mappings: state, batches and records
//	GET  /_local/grants                          grants of all policies, with their uses, and denied calls
//	POST /_local/grants/ID                       {"removed": true} takes a grant out of its policy, false puts
//	                                             it back
//	POST /_local/deployment                      repeat the end of a deployment: what AWS checks when resources are
//	                                             created, and the event about the stack's status
//	POST /_local/faults                          inject a fault: {"hop": …, "fault": …}
//	GET  /_local/faults                          faults, with the calls that they struck
//	DELETE /_local/faults[/ID]                   end one or all
//	POST /_local/flush                           wait until everything logged is in CloudWatch
//	POST /_local/idle                            wait until nothing is under way: records, events,
//	                                             executions, asynchronous invocations, log lines
//
// Responses are JSON. An error is {"error": "…"} with a 4xx or 5xx status.
//
// # Secrets
//
// The template refers to secrets and creates none, so --secret does what an operator does
// before a deployment. `aws secretsmanager` then works against the endpoint:
// put-secret-value makes the given value AWSCURRENT and the one before it AWSPREVIOUS, as a
// rotation does. Secrets are lost when the run ends. A name ends at the first equals sign.
//
// # Outbound HTTPS
//
// Without --egress, functions reach whatever this machine reaches. With it, they have
// HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE (the system's certificate authorities, or those of
// this command's own SSL_CERT_FILE, and DIR/ca.pem), and every HTTPS request is answered from
// DIR. DIR/ca.pem and DIR/ca-key.pem are created when absent. A rejected host is named in the
// log and gets 403. This works for Go's HTTP client on Linux; it is no firewall for a handler
// that opens connections itself.
//
// # Alarms
//
// The alarms of the template are evaluated each minute, by CloudWatch's rules (package
// cloudwatch), over what functions and metric filters count and over AWS's own metrics. A
// transition publishes CloudWatch's message to the alarm's topics. With a time in the future, up
// to 62 days ahead, they are evaluated as they will be if nothing happens until then: messages
// grow old in their queues, and nothing is archived. What happens after that is seen by the next
// evaluation, which begins where the future did.
//
// # Permissions
//
// Each function signs with an access key of its own role, and its calls are allowed only if
// the role's policies allow them (package iam). The same holds for the state machine's role
// and the stream mapping. EventBridge needs the policies of its targets and queues, API
// Gateway the function's permission. The name of a managed policy is the access key of a user
// who has that policy alone. Any other key, such as test/test, may do everything.
//
// # Not supported
//
// The CloudWatch API has the metrics that functions write in embedded metric format, and none of
// AWS's own namespaces (AWS/Lambda, AWS/ApiGateway …), which only the alarms see: the dashboard
// can be read, but its graphs of those would be empty. DescribeAlarms knows no alarms. Nothing is
// encrypted. CloudWatch responds to the AWS CLI, boto3 and every client of the query protocol, but
// not to the SDK for Go, whose protocol moto does not have.
//
// Exit status: 0 after Ctrl-C or SIGTERM, 1 when it could not start or moto ended, 2 for
// wrong flags.
package main
