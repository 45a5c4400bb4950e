// Command payment-webhooks synthesizes the stack. The CDK CLI runs it as
// cdk.json says; it needs no credentials, no network and no container engine.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/constructs"
	"payment-webhooks/constructs/tiers"
)

func main() {
	err := run(os.Getenv, nil, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	// Closing the jsii runtime races with its own wait for the subprocess,
	// and now and then prints "exited abnormally" after everything went well.
	if quiet, openErr := os.OpenFile(os.DevNull, os.O_WRONLY, 0); openErr == nil {
		os.Stderr = quiet
	}
	jsii.Close()
	if err != nil {
		os.Exit(1)
	}
}

// run reads the configuration, builds the one stack and writes the cloud
// assembly to the directory in props; nil means the one that the CDK CLI asked for.
// The error has one line for each problem, and warnings one for each warning.
func run(getenv func(string) string, props *awscdk.AppProps, warnings io.Writer) (err error) {
	// jsii reports every error of the CDK as a panic with a JavaScript stack
	// trace. Only its first line helps a user.
	defer func() {
		if r := recover(); r != nil {
			message, _, _ := strings.Cut(fmt.Sprint(r), "\n")
			err = fmt.Errorf("synthesize: %s", message)
		}
	}()

	app := awscdk.NewApp(props)
	cfg, envErr := constructs.ConfigFromEnv(getenv)
	context := func(key string) any { return app.Node().TryGetContext(jsii.String(key)) }
	var tiersErr, providersErr, reconcileErr, operatorErr, samplingErr, safeguardsErr error
	cfg.Tiers, tiersErr = tiers.Parse(context(tiers.ContextKey))
	requireSignatures := context(constructs.ContextRequireSignatures)
	if constructs.IsProduction(context(constructs.ContextProduction)) {
		requireSignatures = true
	}
	cfg.Providers, providersErr = constructs.ProvidersFromContext(
		context(constructs.ContextProviders), requireSignatures, context(constructs.ContextAllowOpenWebhook))
	cfg.Reconcile, reconcileErr = constructs.ReconcileFromContext(context(constructs.ContextReconcile), context(constructs.ContextProviders))
	cfg.OperatorPolicy, operatorErr = constructs.OperatorPolicyFromContext(context(constructs.ContextOperatorPolicy))
	cfg.TraceSampling, samplingErr = constructs.TraceSamplingFromContext(context(constructs.ContextTraceSampling))
	cfg.Safeguards, safeguardsErr = constructs.SafeguardsFromContext(context, cfg.Region)
	if err := errors.Join(envErr, tiersErr, providersErr, reconcileErr, operatorErr, samplingErr, safeguardsErr); err != nil {
		return err
	}
	constructs.NewStack(app, cfg)
	app.Synth(nil)
	if warning := cfg.Providers.Warning(); warning != "" {
		fmt.Fprintln(warnings, "warning:", warning)
	}
	return nil
}
