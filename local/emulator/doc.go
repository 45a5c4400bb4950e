// Package emulator runs a synthesized template on this machine: it connects the packages
// that emulate the services, and moto for the data.
//
// [New] reads the assembly and rejects everything unsupported at once, with the logical id
// and the name of what is missing. [Emulator.Start] then creates the data resources in moto,
// builds the functions and serves the AWS endpoint and the API.
//
// Each service has a file here that connects it: functions.go (Lambda), api.go (API Gateway),
// rules.go (EventBridge), mappings.go (event source mappings), machines.go (Step Functions),
// secrets.go. To add a service, write its package with the [assembly.Type]s that it emulates,
// add them to types.go, and connect it here.
package emulator
