// Command payment-webhooks synthesizes the stack. The CDK CLI runs it as
// cdk.json says; it needs no credentials, no network and no container engine.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/constructs"
)

func main() {
	if err := run(os.Getenv); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Fprintln(os.Stderr, line)
		}
		os.Exit(1)
	}
}

// run reads the configuration, builds the one stack and writes the cloud
// assembly to where the CDK CLI asked for it.
func run(getenv func(string) string) (err error) {
	// The runtime reports every error of CDK by a panic, with a stack trace
	// of another language. A user is served by its first line.
	defer func() {
		if r := recover(); r != nil {
			message, _, _ := strings.Cut(fmt.Sprint(r), "\n")
			err = fmt.Errorf("synthesize: %s", message)
		}
	}()
	defer jsii.Close()

	app := awscdk.NewApp(nil)
	cfg, envErr := constructs.ConfigFromEnv(getenv)
	thresholds, contextErr := constructs.ThresholdsFromContext(app.Node().TryGetContext(jsii.String(constructs.ContextThresholds)))
	if err := errors.Join(envErr, contextErr); err != nil {
		return err
	}
	cfg.Thresholds = thresholds
	constructs.NewStack(app, cfg)
	app.Synth(nil)
	return nil
}
