// Command consumer is a CDK app with a stack of its own that receives the event
// of every stored transaction in a queue. It shares nothing with the payment
// webhooks' stack but the bus's name and the event's source and detail-type, so
// it is deployed, changed and destroyed by itself. See README.md.
package main

import (
	"fmt"
	"os"
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

func main() {
	err := run(os.Getenv, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	jsii.Close()
	if err != nil {
		os.Exit(1)
	}
}

// suffixes matches the suffixes that the payment webhooks' stack accepts, except that it
// does not bound their length.
var suffixes = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// run builds the one stack and writes the cloud assembly to the directory in props; nil
// means the one that the CDK CLI asked for.
func run(getenv func(string) string, props *awscdk.AppProps) error {
	suffix := getenv("ENVIRONMENT_SUFFIX")
	if suffix == "" {
		suffix = "dev"
	}
	if !suffixes.MatchString(suffix) {
		return fmt.Errorf("ENVIRONMENT_SUFFIX is %q: want that of the payment webhooks' stack, lower-case letters, digits and inner hyphens", suffix)
	}
	app := awscdk.NewApp(props)
	NewStack(app, suffix)
	app.Synth(nil)
	return nil
}
