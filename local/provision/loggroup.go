package provision

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"payment-webhooks/local/assembly"
)

var logGroupType = assembly.Type{
	Name: "AWS::Logs::LogGroup", Properties: logGroup{}, NameProperty: "LogGroupName",
	IDs: func(i *assembly.Instance) assembly.IDs {
		return assembly.IDs{Ref: i.Name, Attributes: map[string]string{"Arn": i.ARN("logs", "log-group:"+i.Name+":*")}}
	},
}

// logGroup is AWS::Logs::LogGroup.
type logGroup struct {
	LogGroupName    string
	RetentionInDays *int32

	LogGroupClass, KmsKeyId, Tags, DataProtectionPolicy, DeletionProtectionEnabled Inert

	ResourcePolicyDocument Inert // read by package iam
}

func (g *logGroup) create(ctx context.Context, c clients, logicalID string) error {
	name, err := c.resolver.Ref(logicalID)
	if err != nil {
		return err
	}
	if _, err := c.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(name)}); err != nil {
		return err
	}
	if g.RetentionInDays == nil {
		return nil
	}
	return g.retain(ctx, c, name)
}

func (g *logGroup) retain(ctx context.Context, c clients, name string) error {
	if g.RetentionInDays == nil {
		_, err := c.logs.DeleteRetentionPolicy(ctx, &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: aws.String(name)})
		return err
	}
	_, err := c.logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String(name), RetentionInDays: g.RetentionInDays})
	return err
}

func (g *logGroup) update(ctx context.Context, c clients, logicalID string, before resource) error {
	if err := onlyChanged(before, g, "RetentionInDays"); err != nil {
		return err
	}
	name, err := c.resolver.Ref(logicalID)
	if err != nil {
		return err
	}
	return g.retain(ctx, c, name)
}

func (g *logGroup) remove(ctx context.Context, c clients, logicalID string) error {
	name, err := c.resolver.Ref(logicalID)
	if err != nil {
		return err
	}
	_, err = c.logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String(name)})
	return err
}
