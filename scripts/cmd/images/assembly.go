package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// image is an image asset of the assembly and the function that uses it.
type image struct {
	handler     string // build argument HANDLER
	hash        string
	directory   string // the build context, absolute
	dockerfile  string
	platform    string
	arguments   map[string]string
	base        string            // the image that the build stage begins with
	environment map[string]string // of the function; what is known only at deployment is a placeholder
}

// readImages reads the image assets of an assembly, sorted by handler.
func readImages(assembly string) ([]image, error) {
	files, err := filepath.Glob(filepath.Join(assembly, "*.assets.json"))
	if err != nil {
		return nil, err
	}
	var all []image
	for _, file := range files {
		var assets struct {
			DockerImages map[string]struct {
				Source struct {
					Directory       string
					DockerFile      string
					Platform        string
					DockerBuildArgs map[string]string
				}
			}
		}
		if err := readJSON(file, &assets); err != nil {
			return nil, err
		}
		for hash, asset := range assets.DockerImages {
			directory, err := filepath.Abs(filepath.Join(assembly, asset.Source.Directory))
			if err != nil {
				return nil, err
			}
			i := image{
				handler: asset.Source.DockerBuildArgs["HANDLER"], hash: hash, directory: directory, platform: asset.Source.Platform,
				dockerfile: filepath.Join(directory, cmp.Or(asset.Source.DockerFile, "Dockerfile")), arguments: asset.Source.DockerBuildArgs,
			}
			if i.handler == "" {
				return nil, fmt.Errorf("%s: image %s has no build argument HANDLER", file, hash)
			}
			if i.base, err = baseOf(i.dockerfile); err != nil {
				return nil, err
			}
			all = append(all, i)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no image assets: run npx cdk synth", assembly)
	}
	slices.SortFunc(all, func(a, b image) int { return strings.Compare(a.handler, b.handler) })
	return all, readEnvironments(assembly, all)
}

// readEnvironments gives each image the environment of the function that uses it.
func readEnvironments(assembly string, images []image) error {
	files, err := filepath.Glob(filepath.Join(assembly, "*.template.json"))
	if err != nil {
		return err
	}
	for _, file := range files {
		var template struct {
			Resources map[string]struct {
				Type       string
				Properties struct {
					Code struct {
						ImageURI any `json:"ImageUri"`
					}
					Environment struct{ Variables map[string]any }
				}
			}
		}
		if err := readJSON(file, &template); err != nil {
			return err
		}
		for _, r := range template.Resources {
			uri, err := json.Marshal(r.Properties.Code.ImageURI)
			if err != nil {
				return err
			}
			for i := range images {
				if r.Type == "AWS::Lambda::Function" && strings.Contains(string(uri), images[i].hash) {
					images[i].environment = map[string]string{}
					for name, value := range r.Properties.Environment.Variables {
						text, ok := value.(string)
						if !ok {
							text = "placeholder"
						}
						images[i].environment[name] = text
					}
				}
			}
		}
	}
	for _, i := range images {
		if i.environment == nil {
			return fmt.Errorf("no function of the assembly uses the image of %s", i.handler)
		}
	}
	return nil
}

func readJSON(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// from is the instruction that begins the build stage.
var from = regexp.MustCompile(`(?m)^FROM (?:--platform=\S+ )?(\S+) AS build$`)

func baseOf(dockerfile string) (string, error) {
	text, err := os.ReadFile(dockerfile)
	if err != nil {
		return "", err
	}
	found := from.FindSubmatch(text)
	if found == nil {
		return "", fmt.Errorf("%s: no FROM … AS build", dockerfile)
	}
	return string(found[1]), nil
}

// buildLine is the compiler's command in the Dockerfile.
var buildLine = regexp.MustCompile(`(?m)^\s*go build (.+) -o /bootstrap "\./\$HANDLER"$`)

// flagWord is a word of a shell, quoted or not.
var flagWord = regexp.MustCompile(`"[^"]*"|\S+`)

// flagsOf returns the compiler's flags in a Dockerfile.
func flagsOf(dockerfile string) (flags []string, err error) {
	text, err := os.ReadFile(dockerfile)
	if err != nil {
		return nil, err
	}
	line := buildLine.FindSubmatch(text)
	if line == nil {
		return nil, fmt.Errorf("%s: no line: go build … -o /bootstrap \"./$HANDLER\"", dockerfile)
	}
	for _, word := range flagWord.FindAllString(string(line[1]), -1) {
		flags = append(flags, strings.Trim(word, `"`))
	}
	return flags, nil
}

// compile cross-compiles the handler in a context as the Dockerfile does, with its flags.
// cache is the compiler's, "" for the usual one.
func (i image) compile(ctx context.Context, directory, to, cache string) error {
	args, err := flagsOf(i.dockerfile)
	if err != nil {
		return err
	}
	args = append(append([]string{"build"}, args...), "-o", to, "./"+i.handler)
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = directory
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64", "GOFLAGS=", "GOWORK=off")
	if cache != "" {
		command.Env = append(command.Env, "GOCACHE="+cache)
	}
	out, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", command, err, out)
	}
	return nil
}

// event is what a function is asked, and what answers show that it worked.
type event struct {
	name string
	file string // below the repository, or
	text string
	want string // in the answer; AWS refuses every call here, so that may be the function's error
}

// event returns a real event of the handler's source.
func (i image) event() event {
	return map[string]event{
		"webhook-validator": {
			name: "a request of API Gateway",
			text: `{"resource":"/webhook","path":"/webhook","httpMethod":"POST","headers":{"Content-Type":"application/json"},
				"multiValueHeaders":{"Content-Type":["application/json"]},"requestContext":{"requestId":"r","httpMethod":"POST","path":"/v1/webhook","stage":"v1"},
				"body":"{\"transaction_id\": \"txn_123456\", \"amount\": -1}","isBase64Encoded":false}`,
			want: `"statusCode":4`,
		},
		"event-relay":          {name: "records of the table's stream", file: "handlers/internal/relay/dynamodbstream/testdata/batch.json", want: `"batchItemFailures":[{`},
		"fraud-detector":       {name: "a task of the workflow", file: "handlers/internal/fraud/stepfunctions/testdata/high.json", want: "refused"},
		"alert-digest":         {name: "messages of the queue", file: "handlers/internal/digest/sqsbatch/testdata/batch.json", want: `"batchItemFailures":[{`},
		"transaction-archival": {name: "the daily schedule", text: `{"source":"aws.events","detail-type":"Scheduled Event","time":"2026-11-22T02:20:00Z","detail":{}}`, want: "refused"},
		"api-gateway-account": {
			name: "a request of CloudFormation", // which is refused the response, as AWS refuses the call before
			text: `{"RequestType":"Create","RequestId":"r","StackId":"s","LogicalResourceId":"l","ResourceType":"Custom::ApiGatewayAccount","ResponseURL":"http://127.0.0.1:9/",
				"ResourceProperties":{"RoleName":"shared","RoleArn":"arn:aws:iam::123456789012:role/shared","PolicyArn":"arn:aws:iam::aws:policy/logs",
				"LeavingPrefix":"TapStackdev-","StackLogGroups":"arn:aws:logs:*:123456789012:log-group:/aws/apigateway/payment-webhooks-*"}}`,
			want: "refused",
		},
		"payment-reconciler": {name: "the daily schedule", text: `{"source":"aws.events","detail-type":"Scheduled Event","time":"2026-11-22T02:20:00Z","detail":{}}`, want: "refused"},
	}[i.handler]
}

var errNoEvent = errors.New("no event is known for this handler: add one to scripts/cmd/images")

func (e event) read(repository string) ([]byte, error) {
	switch {
	case e.file != "":
		return os.ReadFile(filepath.Join(repository, filepath.FromSlash(e.file)))
	case e.text != "":
		return []byte(e.text), nil
	}
	return nil, errNoEvent
}
