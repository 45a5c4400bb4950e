// Package emulator runs a synthesized template on this machine: it connects the packages
// that emulate the services, and moto for the data.
//
// A [Host] is the account and region that stacks are deployed to: by itself, from an assembly, or
// by the CDK CLI through package cloudformation, whose deployments are here. [New] reads the
// assembly and rejects everything unsupported at once, with the logical id and the name of what is
// missing. [Host.Start] then creates the data resources in moto, builds the functions and serves
// the AWS endpoint and the API.
//
// An [Emulator] runs one template. An update of the stack changes the data resources in place, and
// puts the Emulator of the new template into service beside the old one, which then ends.
//
// Each service has a file here that connects it: functions.go (Lambda), api.go (API Gateway),
// rules.go (EventBridge), mappings.go (event source mappings), machines.go (Step Functions),
// secrets.go. To add a service, write its package with the [assembly.Type]s that it emulates,
// add them to types.go, and connect it here.
package emulator
