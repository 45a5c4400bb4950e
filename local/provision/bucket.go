package provision

import (
	"context"
	"reflect"
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
	return b.version(ctx, c, name, b.VersioningConfiguration.Status)
}

func (b *bucket) version(ctx context.Context, c clients, name, status string) error {
	_, err := c.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket:                  aws.String(name),
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatus(status)},
	})
	return err
}

func (b *bucket) update(ctx context.Context, c clients, logicalID string, before resource) error {
	if err := onlyChanged(before, b, "VersioningConfiguration"); err != nil {
		return err
	}
	name, err := c.resolver.Ref(logicalID)
	if err != nil || reflect.DeepEqual(b.VersioningConfiguration, before.(*bucket).VersioningConfiguration) {
		return err
	}
	status := string(types.BucketVersioningStatusSuspended)
	if b.VersioningConfiguration != nil {
		status = b.VersioningConfiguration.Status
	}
	return b.version(ctx, c, name, status)
}

func (b *bucket) remove(ctx context.Context, c clients, logicalID string) error {
	name, err := c.resolver.Ref(logicalID)
	if err != nil {
		return err
	}
	_, err = c.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String(name)})
	return err
}

// EmptyBucket deletes every version of every object, as Custom::S3AutoDeleteObjects does when it
// is deleted.
func EmptyBucket(ctx context.Context, config aws.Config, name string) error {
	client := s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true })
	pages := s3.NewListObjectVersionsPaginator(client, &s3.ListObjectVersionsInput{Bucket: aws.String(name)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		var objects []types.ObjectIdentifier
		for _, v := range page.Versions {
			objects = append(objects, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, m := range page.DeleteMarkers {
			objects = append(objects, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
		}
		if len(objects) == 0 {
			continue
		}
		if _, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String(name), Delete: &types.Delete{Objects: objects, Quiet: aws.Bool(true)}}); err != nil {
			return err
		}
	}
	return nil
}
