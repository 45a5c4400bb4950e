package assembly

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNoAssembly is returned when the directory holds no cloud assembly.
var ErrNoAssembly = errors.New("no cloud assembly")

// Stack is the one stack of a cloud assembly.
type Stack struct {
	Name      string
	Account   string // "" when the stack does not name one
	Region    string // "" when the stack does not name one
	Resources map[string]Resource
	Outputs   map[string]Output

	images map[string]Image // by hash, which is also the image tag
}

// Resource is a resource of the template, its properties not yet resolved.
type Resource struct {
	LogicalID  string
	Type       string
	Path       string // in the CDK app, "TapStackdev/Ingest/Api/Resource"
	Properties any    // JSON tree with numbers as json.Number
	DependsOn  []string
}

// Output is an output of the template, its value not yet resolved.
type Output struct {
	Description string
	Value       any
	ExportName  any
}

// Image is a container image asset: the input of `docker build`.
type Image struct {
	Hash       string
	Directory  string // the staged build context, an absolute path
	DockerFile string
	BuildArgs  map[string]string
}

// Open reads the assembly in dir. It returns [ErrNoAssembly] when there is none, or an
// error that lists every unsupported section of the template.
func Open(dir string) (*Stack, error) {
	var manifest struct {
		Artifacts map[string]struct {
			Type        string `json:"type"`
			Environment string `json:"environment"`
			Properties  struct {
				TemplateFile string `json:"templateFile"`
				StackName    string `json:"stackName"`
				File         string `json:"file"`
			} `json:"properties"`
		} `json:"artifacts"`
	}
	if err := readJSON(filepath.Join(dir, "manifest.json"), &manifest); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%w in %s: run `npx cdk synth` first", ErrNoAssembly, dir)
		}
		return nil, err
	}

	stack := &Stack{images: map[string]Image{}}
	var templateFile string
	for id, artifact := range manifest.Artifacts {
		switch artifact.Type {
		case "aws:cloudformation:stack":
			if templateFile != "" {
				return nil, fmt.Errorf("%s: more than one stack; the local run supports exactly one", dir)
			}
			templateFile = artifact.Properties.TemplateFile
			stack.Name = artifact.Properties.StackName
			if stack.Name == "" {
				stack.Name = id
			}
			// "aws://ACCOUNT/REGION", or unknown-account and unknown-region for an
			// environment-agnostic stack.
			account, region, _ := strings.Cut(strings.TrimPrefix(artifact.Environment, "aws://"), "/")
			if account != "unknown-account" {
				stack.Account = account
			}
			if region != "unknown-region" {
				stack.Region = region
			}
		case "cdk:asset-manifest":
			if err := stack.readImages(dir, artifact.Properties.File); err != nil {
				return nil, err
			}
		}
	}
	if templateFile == "" {
		return nil, fmt.Errorf("%s: the assembly holds no stack", dir)
	}
	return stack, stack.readTemplate(filepath.Join(dir, templateFile))
}

func (s *Stack) readImages(dir, file string) error {
	var assets struct {
		DockerImages map[string]struct {
			Source struct {
				Directory       string            `json:"directory"`
				DockerFile      string            `json:"dockerFile"`
				DockerBuildArgs map[string]string `json:"dockerBuildArgs"`
			} `json:"source"`
			Destinations map[string]struct {
				ImageTag string `json:"imageTag"`
			} `json:"destinations"`
		} `json:"dockerImages"`
	}
	if err := readJSON(filepath.Join(dir, file), &assets); err != nil {
		return err
	}
	for hash, asset := range assets.DockerImages {
		directory, err := filepath.Abs(filepath.Join(dir, asset.Source.Directory))
		if err != nil {
			return err
		}
		image := Image{Hash: hash, Directory: directory, DockerFile: asset.Source.DockerFile, BuildArgs: asset.Source.DockerBuildArgs}
		s.images[hash] = image
		for _, destination := range asset.Destinations {
			s.images[destination.ImageTag] = image
		}
	}
	return nil
}

// Image returns the asset that a function's resolved Code.ImageUri names.
func (s *Stack) Image(uri string) (Image, error) {
	tag := uri[strings.LastIndex(uri, ":")+1:]
	image, ok := s.images[tag]
	if !ok {
		return Image{}, fmt.Errorf("image %q is not an asset of this assembly", uri)
	}
	return image, nil
}

func (s *Stack) readTemplate(path string) error {
	var template struct {
		AWSTemplateFormatVersion json.RawMessage
		Description              json.RawMessage
		Metadata                 json.RawMessage
		// Rules only check the version of the bootstrap stack.
		Rules      map[string]json.RawMessage
		Parameters map[string]json.RawMessage
		Conditions map[string]json.RawMessage
		Resources  map[string]struct {
			Type       string
			Properties any
			DependsOn  any
			Condition  string
			Metadata   struct {
				Path string `json:"aws:cdk:path"`
			}
			// Unused: the resources of a local run end with it.
			DeletionPolicy, UpdateReplacePolicy string

			CreationPolicy, UpdatePolicy json.RawMessage
		}
		Outputs map[string]struct {
			Description string
			Value       any
			Export      struct{ Name any }
			Condition   string
		}
		Mappings, Transform, Hooks json.RawMessage
	}
	if err := readJSON(path, &template); err != nil {
		return err
	}

	var problems []error
	unknown := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	for name := range template.Parameters {
		if name != "BootstrapVersion" {
			unknown("parameter %s: template parameters are not supported", name)
		}
	}
	for name := range template.Rules {
		if name != "CheckBootstrapVersion" {
			unknown("rule %s: template rules are not supported", name)
		}
	}
	for name := range template.Conditions {
		if name != "CDKMetadataAvailable" {
			unknown("condition %s: template conditions are not supported", name)
		}
	}
	for name, section := range map[string]json.RawMessage{"Mappings": template.Mappings, "Transform": template.Transform, "Hooks": template.Hooks} {
		if section != nil {
			unknown("template section %s is not supported", name)
		}
	}

	s.Resources = map[string]Resource{}
	for id, r := range template.Resources {
		if r.Condition != "" && r.Type != "AWS::CDK::Metadata" {
			unknown("%s (%s): Condition is not supported", id, r.Type)
		}
		if r.CreationPolicy != nil || r.UpdatePolicy != nil {
			unknown("%s (%s): CreationPolicy and UpdatePolicy are not supported", id, r.Type)
		}
		resource := Resource{LogicalID: id, Type: r.Type, Path: r.Metadata.Path, Properties: r.Properties}
		if resource.Properties == nil {
			resource.Properties = map[string]any{}
		}
		switch d := r.DependsOn.(type) {
		case string:
			resource.DependsOn = []string{d}
		case []any:
			for _, one := range d {
				resource.DependsOn = append(resource.DependsOn, fmt.Sprint(one))
			}
		}
		s.Resources[id] = resource
	}
	s.Outputs = map[string]Output{}
	for name, o := range template.Outputs {
		if o.Condition != "" {
			unknown("output %s: Condition is not supported", name)
		}
		s.Outputs[name] = Output{Description: o.Description, Value: o.Value, ExportName: o.Export.Name}
	}
	return Join(problems...)
}

// ByType returns the resources of a type, sorted by logical id.
func (s *Stack) ByType(name string) []Resource {
	var found []Resource
	for _, r := range s.Resources {
		if r.Type == name {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b Resource) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	return found
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
