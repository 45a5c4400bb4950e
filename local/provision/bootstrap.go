package provision

import (
	"context"

	"payment-webhooks/local/assembly"
	"payment-webhooks/local/moto"
)

// What `cdk bootstrap` creates beside a bucket: a repository of images, and the version of the
// bootstrap stack in Parameter Store.

var repositoryType = assembly.Type{
	Name: "AWS::ECR::Repository", Properties: repository{}, NameProperty: "RepositoryName",
	IDs: func(i *assembly.Instance) assembly.IDs {
		return assembly.IDs{Ref: i.Name, Attributes: map[string]string{
			"Arn":           i.ARN("ecr", "repository/"+i.Name),
			"RepositoryUri": i.Account + ".dkr.ecr." + i.Region + ".amazonaws.com/" + i.Name,
		}}
	},
}

// repository is AWS::ECR::Repository. It holds no images: the local run builds handlers for this
// machine.
type repository struct {
	RepositoryName string

	ImageTagMutability, ImageTagMutabilityExclusionFilters, LifecyclePolicy, RepositoryPolicyText, ImageScanningConfiguration, EncryptionConfiguration, EmptyOnDelete, Tags Inert
}

const ecr = "AmazonEC2ContainerRegistry_V20150921."

func (r *repository) create(ctx context.Context, c clients, logicalID string) error {
	return r.call(ctx, c, logicalID, ecr+"CreateRepository")
}

func (r *repository) update(_ context.Context, _ clients, _ string, before resource) error {
	return onlyChanged(before, r)
}

func (r *repository) remove(ctx context.Context, c clients, logicalID string) error {
	return r.call(ctx, c, logicalID, ecr+"DeleteRepository")
}

func (r *repository) call(ctx context.Context, c clients, logicalID, target string) error {
	name, err := c.resolver.Ref(logicalID)
	if err != nil {
		return err
	}
	return moto.JSON(ctx, *c.config.BaseEndpoint, c.config.Region, "ecr", target, map[string]any{"repositoryName": name}, nil)
}

var parameterType = assembly.Type{
	Name: "AWS::SSM::Parameter", Properties: parameter{}, NameProperty: "Name",
	IDs: func(i *assembly.Instance) assembly.IDs {
		return assembly.IDs{Ref: i.Name, Attributes: map[string]string{"Type": i.Text("Type", ""), "Value": i.Text("Value", "")}}
	},
}

// parameter is AWS::SSM::Parameter.
type parameter struct {
	Name, Type, Value, Description string

	AllowedPattern, DataType, Policies, Tags, Tier Inert
}

func (p *parameter) create(ctx context.Context, c clients, logicalID string) error {
	return p.put(ctx, c, logicalID, false)
}

func (p *parameter) update(ctx context.Context, c clients, logicalID string, before resource) error {
	if err := onlyChanged(before, p, "Value", "Description"); err != nil {
		return err
	}
	return p.put(ctx, c, logicalID, true)
}

func (p *parameter) put(ctx context.Context, c clients, logicalID string, overwrite bool) error {
	name, err := c.resolver.Ref(logicalID)
	if err != nil {
		return err
	}
	return moto.JSON(ctx, *c.config.BaseEndpoint, c.config.Region, "ssm", "AmazonSSM.PutParameter",
		map[string]any{"Name": name, "Type": p.Type, "Value": p.Value, "Description": p.Description, "Overwrite": overwrite}, nil)
}

func (p *parameter) remove(ctx context.Context, c clients, logicalID string) error {
	name, err := c.resolver.Ref(logicalID)
	if err != nil {
		return err
	}
	return moto.JSON(ctx, *c.config.BaseEndpoint, c.config.Region, "ssm", "AmazonSSM.DeleteParameter", map[string]any{"Name": name}, nil)
}
