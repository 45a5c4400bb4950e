package provision

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"payment-webhooks/local/assembly"
)

var bucketType = assembly.Type{
	Name: "AWS::S3::Bucket", Properties: bucket{}, NameProperty: "BucketName",
	IDs: func(i *assembly.Instance) assembly.IDs {
		name := i.Name
		if !i.Has("BucketName") {
			name = strings.ToLower(name)
		}
		return assembly.IDs{Ref: name, Attributes: map[string]string{
			"Arn":                "arn:aws:s3:::" + name,
			"DomainName":         name + ".s3.amazonaws.com",
			"RegionalDomainName": name + ".s3." + i.Region + ".amazonaws.com",
		}}
	},
}

// bucket is AWS::S3::Bucket.
type bucket struct {
	BucketName              string
	VersioningConfiguration *struct{ Status string }

	LifecycleConfiguration, BucketEncryption, PublicAccessBlockConfiguration, OwnershipControls, Tags, AccessControl,
	// Nothing here deletes an object, or replaces a version.
	ObjectLockEnabled, ObjectLockConfiguration Inert
}

func (b *bucket) create(ctx context.Context, c clients, logicalID string) error {
	name, err := c.resolver.Ref(logicalID)
	if err != nil {
		return err
	}
	input := &s3.CreateBucketInput{Bucket: aws.String(name)}
	// us-east-1 is the one region that must not be given as location constraint.
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
	if region := c.s3.Options().Region; region != "us-east-1" {
		input.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(region)}
	}
	if _, err := c.s3.CreateBucket(ctx, input); err != nil {
		return err
	}
	if b.VersioningConfiguration == nil {
		return nil
	}
	_, err = c.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket:                  aws.String(name),
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatus(b.VersioningConfiguration.Status)},
	})
	return err
}
