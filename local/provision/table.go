package provision

import (
	"context"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"payment-webhooks/local/assembly"
)

var tableType = assembly.Type{
	Name: "AWS::DynamoDB::Table", Properties: table{}, NameProperty: "TableName",
	IDs: func(i *assembly.Instance) assembly.IDs {
		arn := i.ARN("dynamodb", "table/"+i.Name)
		// The stream's label is the time of its creation: create sets the real ARN.
		return assembly.IDs{Ref: i.Name, Attributes: map[string]string{"Arn": arn, "StreamArn": arn + "/stream/not-yet-created"}}
	},
}

// table is AWS::DynamoDB::Table.
type table struct {
	TableName               string
	KeySchema               []keyElement
	AttributeDefinitions    []struct{ AttributeName, AttributeType string }
	BillingMode             string
	GlobalSecondaryIndexes  []index
	StreamSpecification     *struct{ StreamViewType string }
	TimeToLiveSpecification *struct {
		AttributeName string
		Enabled       bool
	}
	DeletionProtectionEnabled bool

	PointInTimeRecoverySpecification, SSESpecification, Tags,
	ContributorInsightsSpecification, OnDemandThroughput, TableClass Inert
}

type keyElement struct{ AttributeName, KeyType string }

type index struct {
	IndexName  string
	KeySchema  []keyElement
	Projection struct {
		ProjectionType   string
		NonKeyAttributes []string
	}
	ContributorInsightsSpecification, OnDemandThroughput Inert
}

func (t *table) create(ctx context.Context, c clients, logicalID string) error {
	name, err := c.resolver.Ref(logicalID)
	if err != nil {
		return err
	}
	input := &dynamodb.CreateTableInput{TableName: aws.String(name), KeySchema: keySchema(t.KeySchema), BillingMode: types.BillingMode(t.BillingMode), DeletionProtectionEnabled: aws.Bool(t.DeletionProtectionEnabled)}
	for _, a := range t.AttributeDefinitions {
		input.AttributeDefinitions = append(input.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: aws.String(a.AttributeName), AttributeType: types.ScalarAttributeType(a.AttributeType),
		})
	}
	for _, i := range t.GlobalSecondaryIndexes {
		input.GlobalSecondaryIndexes = append(input.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: aws.String(i.IndexName), KeySchema: keySchema(i.KeySchema),
			Projection: &types.Projection{ProjectionType: types.ProjectionType(i.Projection.ProjectionType), NonKeyAttributes: i.Projection.NonKeyAttributes},
		})
	}
	if t.StreamSpecification != nil {
		input.StreamSpecification = &types.StreamSpecification{
			StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewType(t.StreamSpecification.StreamViewType),
		}
	}
	created, err := c.dynamodb.CreateTable(ctx, input)
	if err != nil {
		return err
	}
	if arn := created.TableDescription.LatestStreamArn; arn != nil {
		c.resolver.Set(logicalID, "StreamArn", *arn)
	}
	if ttl := t.TimeToLiveSpecification; ttl != nil {
		_, err = c.dynamodb.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
			TableName:               aws.String(name),
			TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(ttl.AttributeName), Enabled: aws.Bool(ttl.Enabled)},
		})
	}
	return err
}

func keySchema(elements []keyElement) []types.KeySchemaElement {
	var schema []types.KeySchemaElement
	for _, e := range elements {
		schema = append(schema, types.KeySchemaElement{AttributeName: aws.String(e.AttributeName), KeyType: types.KeyType(e.KeyType)})
	}
	return schema
}

func (t *table) update(ctx context.Context, c clients, logicalID string, old resource) error {
	before := old.(*table)
	if err := onlyChanged(before, t, "TimeToLiveSpecification", "DeletionProtectionEnabled"); err != nil {
		return err
	}
	name, err := c.resolver.Ref(logicalID)
	if err != nil {
		return err
	}
	if t.DeletionProtectionEnabled != before.DeletionProtectionEnabled {
		_, err := c.dynamodb.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: aws.String(name), DeletionProtectionEnabled: aws.Bool(t.DeletionProtectionEnabled)})
		if err != nil {
			return err
		}
	}
	if reflect.DeepEqual(t.TimeToLiveSpecification, before.TimeToLiveSpecification) {
		return nil
	}
	ttl := &types.TimeToLiveSpecification{Enabled: aws.Bool(false)}
	if t.TimeToLiveSpecification != nil {
		ttl.AttributeName, ttl.Enabled = aws.String(t.TimeToLiveSpecification.AttributeName), aws.Bool(t.TimeToLiveSpecification.Enabled)
	} else {
		ttl.AttributeName = aws.String(before.TimeToLiveSpecification.AttributeName)
	}
	_, err = c.dynamodb.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{TableName: aws.String(name), TimeToLiveSpecification: ttl})
	return err
}

func (t *table) remove(ctx context.Context, c clients, logicalID string) error {
	name, err := c.resolver.Ref(logicalID)
	if err != nil {
		return err
	}
	_, err = c.dynamodb.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: aws.String(name)})
	return err
}
