// Package stack finds a deployed stack: its outputs and its resources by type. The
// operators' tool uses it, so that the physical names in an account are read from
// CloudFormation and not put together from a suffix.
package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
)

// ErrNotFound is returned for a stack, output or resource that does not exist.
var ErrNotFound = errors.New("not found")

// Resource is a resource of the stack.
type Resource struct {
	LogicalID  string
	PhysicalID string // what Ref returns: a queue's URL, a function's name, a state machine's ARN
	Type       string // such as AWS::SQS::Queue
}

// Stack is a deployed stack.
type Stack struct {
	Name      string
	Outputs   map[string]string // by key
	Resources []Resource        // in CloudFormation's order
}

// Find reads the outputs and resources of a stack. The error wraps [ErrNotFound] if there
// is no such stack in the account and region. It calls DescribeStacks and ListStackResources.
func Find(ctx context.Context, config aws.Config, name string) (*Stack, error) {
	client := cloudformation.NewFromConfig(config)
	described, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		// CloudFormation has no error code of its own for this.
		if strings.Contains(err.Error(), "does not exist") {
			return nil, fmt.Errorf("stack %s in region %s: %w", name, config.Region, ErrNotFound)
		}
		return nil, fmt.Errorf("describe stack %s: %w", name, err)
	}
	s := &Stack{Name: name, Outputs: map[string]string{}}
	for _, stack := range described.Stacks {
		for _, o := range stack.Outputs {
			s.Outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
		}
	}
	pages := cloudformation.NewListStackResourcesPaginator(client, &cloudformation.ListStackResourcesInput{StackName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list resources of stack %s: %w", name, err)
		}
		for _, r := range page.StackResourceSummaries {
			s.Resources = append(s.Resources, Resource{
				LogicalID: aws.ToString(r.LogicalResourceId), PhysicalID: aws.ToString(r.PhysicalResourceId), Type: aws.ToString(r.ResourceType),
			})
		}
	}
	return s, nil
}

// Output returns an output's value. The error wraps [ErrNotFound] and lists the stack's outputs.
func (s *Stack) Output(key string) (string, error) {
	if value, ok := s.Outputs[key]; ok {
		return value, nil
	}
	return "", fmt.Errorf("output %s of stack %s: %w; it has %s", key, s.Name, ErrNotFound, strings.Join(slices.Sorted(maps.Keys(s.Outputs)), ", "))
}

// ByType returns the resources of a type, such as AWS::SQS::Queue.
func (s *Stack) ByType(resourceType string) []Resource {
	var found []Resource
	for _, r := range s.Resources {
		if r.Type == resourceType {
			found = append(found, r)
		}
	}
	return found
}

// Named returns the resource of a type whose physical id is name, or ends with a
// separator and name, as URLs and ARNs do. The error wraps [ErrNotFound].
func (s *Stack) Named(resourceType, name string) (Resource, error) {
	for _, r := range s.ByType(resourceType) {
		if id := r.PhysicalID; id == name || strings.HasSuffix(id, "/"+name) || strings.HasSuffix(id, ":"+name) || strings.HasSuffix(id, "|"+name) {
			return r, nil
		}
	}
	return Resource{}, fmt.Errorf("%s %s of stack %s: %w", resourceType, name, s.Name, ErrNotFound)
}
