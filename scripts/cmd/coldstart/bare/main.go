// Command bare is a Lambda function that does nothing, with what every function here has: the
// runtime client, a client of the AWS SDK, and X-Ray. coldstart compares the functions with it.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-xray-sdk-go/v2/instrumentation/awsv2"

	"payment-webhooks/handlers/awsclient"
)

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		os.Exit(1)
	}
	awsclient.Configure(&cfg)
	awsv2.AWSV2Instrumentor(&cfg.APIOptions)
	client := dynamodb.NewFromConfig(cfg)
	lambda.Start(func(ctx context.Context) error {
		_, err := client.ListTables(ctx, nil)
		return err
	})
}
