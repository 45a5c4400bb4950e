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
	settings := constructs.NewSettings(getenv, contextOf(app))
	cfg, envErr := constructs.ConfigFrom(settings)
	var tiersErr, providersErr, reconcileErr, operatorErr, samplingErr, safeguardsErr error
	cfg.Tiers, tiersErr = tiers.ParseAt(settings.Path(tiers.ContextKey), settings.Value(tiers.ContextKey))
	cfg.Providers, providersErr = constructs.ProvidersFromContext(settings)
	cfg.Reconcile, reconcileErr = constructs.ReconcileFromContext(settings)
	cfg.OperatorPolicy, operatorErr = constructs.OperatorPolicyFromContext(settings)
	cfg.TraceSampling, samplingErr = constructs.TraceSamplingFromContext(settings)
	cfg.Safeguards, safeguardsErr = constructs.SafeguardsFromContext(settings, cfg.Region)
	// What does not exist is known after everything that exists was asked for.
	if err := errors.Join(envErr, tiersErr, providersErr, reconcileErr, operatorErr, samplingErr, safeguardsErr, settings.Err()); err != nil {
		return err
	}
	constructs.NewStack(app, cfg)
	app.Synth(nil)
	for _, note := range settings.Notes() {
		fmt.Fprintln(warnings, "note:", note)
	}
	if warning := cfg.Providers.Warning(); warning != "" {
		fmt.Fprintln(warnings, "warning:", warning)
	}
	return nil
}

// contextOf returns the app's context by key. What GetAllContext returns has its values only in
// the encoding of jsii.
func contextOf(app awscdk.App) map[string]any {
	keys, _ := app.Node().GetAllContext(nil).(map[string]any)
	values := map[string]any{}
	for key := range keys {
		values[key] = app.Node().TryGetContext(jsii.String(key))
	}
	return values
}
