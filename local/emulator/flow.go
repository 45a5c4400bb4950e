package emulator

import (
	"payment-webhooks/local/assembly"
	"payment-webhooks/local/flow"
	"payment-webhooks/local/iam"
)

// Graph returns the way of payments through the stack of a template in JSON or YAML, which is not run.
func Graph(name string, template []byte) (*flow.Graph, error) {
	stack, err := assembly.Read(name, template, nil)
	if err != nil {
		return nil, err
	}
	env := assembly.Env{Account: defaultAccount, Region: "us-east-1", Endpoint: "http://127.0.0.1:4566"}
	if err := stack.Evaluate(env, nil); err != nil {
		return nil, err
	}
	resolver := assembly.NewResolver(stack, types, env)
	policies, err := iam.New(stack, resolver, iam.Scope{Account: env.Account, Region: env.Region}, func(*iam.DeniedError) {})
	if err != nil {
		return nil, err
	}
	return flow.Read(stack, resolver, policies)
}
