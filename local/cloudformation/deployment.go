package cloudformation

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Request is a template to read for a stack.
type Request struct {
	StackName, StackID string
	Template           []byte            // JSON or YAML
	Parameters         map[string]string // set by the caller
	Before             Deployment        // what the stack is now; nil for a new one
}

// Config configures a service. Every field is required.
type Config struct {
	Account, Region string
	// Read reads a template. Its error, such as of a section that is not supported, is that of the
	// call. What a resource cannot have is in its Planned.Err.
	Read func(context.Context, Request) (Deployment, error)
	// Object returns an object of S3, in which the template of a TemplateURL is.
	Object func(ctx context.Context, bucket, key string) ([]byte, error)
	// Announce is told the status of a stack each time that it changes.
	Announce func(stackID, status, reason string)
	Now      func() time.Time
	NewID    func() string // a UUID
}

// Deployment is a template that has been read, with the parameters of a stack. Its methods are not
// called concurrently, except Planned, Outputs and Parameters.
type Deployment interface {
	// Planned returns the resources in an order in which each comes after those that it needs.
	Planned() []Planned
	Outputs() ([]Output, error)
	Parameters() []Parameter
	// Tree is the template as JSON values.
	Tree() any
	Create(ctx context.Context, logicalID string) error
	// Update changes a resource that keeps its physical id.
	Update(ctx context.Context, logicalID string, before Deployment) error
	Delete(ctx context.Context, logicalID string) error
	// Activate puts the resources into service, in place of those of before unless that is nil.
	// After an error, those of before are in service still.
	Activate(ctx context.Context, before Deployment) error
	// Deactivate takes the resources out of service, before they are deleted.
	Deactivate(ctx context.Context) error
}

// Planned is a resource of a template, resolved as far as it can be before it exists.
type Planned struct {
	LogicalID, PhysicalID, Type         string
	Properties                          map[string]any
	NameProperty                        string   // the property that holds the physical name
	Needs                               []string // logical ids
	DeletionPolicy, UpdateReplacePolicy string
	Err                                 error // why it cannot be created or updated
}

// Output is an output of a stack.
type Output struct {
	OutputKey   string
	OutputValue string
	Description string `xml:",omitempty"`
	ExportName  string `xml:",omitempty"`
}

// Parameter is a parameter of a stack. Resolved is the value in Parameter Store that it names.
type Parameter struct {
	ParameterKey   string
	ParameterValue string
	ResolvedValue  string `xml:",omitempty"`
}

// Handler responds to calls of the query protocol.
type Handler interface {
	ServeQuery(w http.ResponseWriter, form url.Values)
}

var _ Handler = (*Service)(nil)
