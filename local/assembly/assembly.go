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
	ID        string // the ARN; "" for one that depends only on account, region and name
	Account   string // "" when the stack does not name one
	Region    string // "" when the stack does not name one
	Resources map[string]Resource
	Outputs   map[string]Output
	Tree      any // the template, as JSON values with numbers as json.Number

	images     map[string]Image     // by hash, which is also the image tag
	parameters map[string]parameter // of the template
	conditions map[string]any       // not evaluated
	rules      map[string]rule
	values     map[string]any  // of the parameters: text or list of texts; see Evaluate
	holds      map[string]bool // values of the conditions
}

// Resource is a resource of the template, its properties not yet resolved.
type Resource struct {
	LogicalID  string
	Type       string
	Path       string // in the CDK app, "TapStackdev/Ingest/Api/Resource"
	Properties any    // JSON tree with numbers as json.Number
	DependsOn  []string
	Condition  string // name of the condition under which it exists

	// What happens to the resource when it leaves the template, or is replaced: "" or "Delete",
	// "Retain", "RetainExceptOnCreate" or "Snapshot".
	DeletionPolicy, UpdateReplacePolicy string
}

// Output is an output of the template, its value not yet resolved.
type Output struct {
	Description string
	Value       any
	ExportName  any
	Condition   string // name of the condition under which it exists
}

// Image is a container image asset: the input of `docker build`.
type Image struct {
	Hash       string
	Directory  string // the staged build context, an absolute path
	DockerFile string
	BuildArgs  map[string]string
}

// Open reads the assembly in dir. It returns [ErrNoAssembly] when there is none, or an
// error that lists every unsupported section of the template. [Stack.Evaluate] completes it.
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
	var err error
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
			if err = readImages(stack.images, dir, artifact.Properties.File); err != nil {
				return nil, err
			}
		}
	}
	if templateFile == "" {
		return nil, fmt.Errorf("%s: the assembly holds no stack", dir)
	}
	text, err := os.ReadFile(filepath.Join(dir, templateFile))
	if err != nil {
		return nil, err
	}
	if err := stack.read(text); err != nil {
		return stack, fmt.Errorf("%s: %w", templateFile, err)
	}
	return stack, nil
}

// Images returns the images of every stack of the assembly in dir, by hash, which is also the
// image tag. There are none when there is no assembly.
func Images(dir string) (map[string]Image, error) {
	images := map[string]Image{}
	files, err := filepath.Glob(filepath.Join(dir, "*.assets.json"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if err := readImages(images, dir, filepath.Base(file)); err != nil {
			return nil, err
		}
	}
	return images, nil
}

func readImages(images map[string]Image, dir, file string) error {
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
		images[hash] = image
		for _, destination := range asset.Destinations {
			images[destination.ImageTag] = image
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
