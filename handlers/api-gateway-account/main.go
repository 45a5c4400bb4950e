// Command api-gateway-account makes sure that API Gateway has a role with which it can write logs.
// CloudFormation calls it, as a custom resource of the stack. Package logrole documents its
// guarantees.
package main

import (
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/logrole"
	"payment-webhooks/handlers/internal/logrole/apigatewayaccount"
	"payment-webhooks/handlers/internal/logrole/customresource"
	"payment-webhooks/handlers/internal/logrole/iamroles"
	"payment-webhooks/handlers/internal/startup"
	"payment-webhooks/handlers/internal/telemetry"
)

func main() {
	log := telemetry.Logger(os.Stdout, contract.APIGatewayAccount)
	handle, err := newHandler(os.Getenv, log)
	if err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(handle)
}

func newHandler(getenv func(string) string, log *slog.Logger) (cfn.CustomResourceLambdaFunction, error) {
	cfg, err := startup.Config(getenv, contract.EnvEnvironmentSuffix)
	if err != nil {
		return nil, err
	}
	account := logrole.New(apigatewayaccount.New(apigateway.NewFromConfig(cfg)), iamroles.New(iam.NewFromConfig(cfg)), log)
	return cfn.LambdaWrap(customresource.Handler(account)), nil
}
