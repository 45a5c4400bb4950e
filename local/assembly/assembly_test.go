package assembly

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// testTypes are types with each kind of name and attributes.
var testTypes = NewTypes([]Type{
	{Name: "AWS::DynamoDB::Table", NameProperty: "TableName", Inert: "a test", IDs: func(i *Instance) IDs {
		return IDs{i.Name, map[string]string{"Arn": i.ARN("dynamodb", "table/"+i.Name), "StreamArn": "unknown"}}
	}},
	{Name: "AWS::SQS::Queue", NameProperty: "QueueName", Properties: struct{ QueueName string }{}, IDs: func(i *Instance) IDs {
		return IDs{Ref: i.Endpoint + "/" + i.Account + "/" + i.Name}
	}},
	{Name: "AWS::Events::EventBus", NameProperty: "Name"},
	{Name: "AWS::Events::Rule", NameProperty: "Name", IDs: func(i *Instance) IDs { return IDs{Ref: i.Text("EventBusName", "default") + "|" + i.Name} }},
})

func open(t *testing.T) (*Stack, *Resolver) {
	t.Helper()
	stack, err := Open("testdata/good")
	if err != nil {
		t.Fatal(err)
	}
	return stack, NewResolver(stack, testTypes, Env{Account: "123456789012", Region: "eu-west-1", Endpoint: "http://127.0.0.1:4566"})
}

func TestOpen(t *testing.T) {
	t.Run("reads stack, images and paths", func(t *testing.T) {
		stack, _ := open(t)
		if stack.Name != "TapStacktest" || stack.Account != "" || stack.Region != "" {
			t.Errorf("stack %q in %q/%q", stack.Name, stack.Account, stack.Region)
		}
		image, err := stack.Image("123456789012.dkr.ecr.eu-west-1.amazonaws.com/assets:abc123")
		if err != nil {
			t.Fatal(err)
		}
		if !filepath.IsAbs(image.Directory) || filepath.Base(image.Directory) != "asset.abc123" || image.BuildArgs["HANDLER"] != "relay" {
			t.Errorf("image %+v", image)
		}
		if _, err := stack.Image("elsewhere:latest"); err == nil {
			t.Error("an image that is no asset is found")
		}
		if path := stack.Resources["Logs"].Path; path != "TapStacktest/Logs/Resource" {
			t.Errorf("path %q", path)
		}
	})
	t.Run("says how to create a missing assembly", func(t *testing.T) {
		_, err := Open(t.TempDir())
		if !errors.Is(err, ErrNoAssembly) || !strings.Contains(err.Error(), "npx cdk synth") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("names all unsupported sections", func(t *testing.T) {
		dir := t.TempDir()
		for name, text := range map[string]string{
			"manifest.json": `{"artifacts": {"S": {"type": "aws:cloudformation:stack", "environment": "aws://111111111111/eu-west-1", "properties": {"templateFile": "t.json"}}}}`,
			"t.json": `{"Mappings": {}, "Transform": "AWS::Serverless", "Rules": {"Prod": {"RuleCondition": true}},
			"Resources": {"Q": {"Type": "AWS::SQS::Queue", "UpdatePolicy": {}}}}`,
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := Open(dir)
		for _, want := range []string{"Mappings", "Transform", "Prod", "Q (AWS::SQS::Queue)"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v does not name %s", err, want)
			}
		}
	})
}

func TestResolve(t *testing.T) {
	// Return values: the "Return values" section of each type's page in
	// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-template-resource-type-ref.html
	// Functions: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
	t.Run("evaluates intrinsic functions", func(t *testing.T) {
		_, resolver := open(t)
		resolver.Set("Table", "StreamArn", "arn:stream")
		cases := map[string]struct{ tree, want string }{
			"ref of a table":              {`{"Ref": "Table"}`, `"transactions-test"`},
			"ref that needs a property":   {`{"Ref": "Rule"}`, `"bus-test|high"`},
			"attribute that was set":      {`{"Fn::GetAtt": "Table.StreamArn"}`, `"arn:stream"`},
			"join":                        {`{"Fn::Join": ["", ["a", {"Ref": "AWS::AccountId"}, "b"]]}`, `"a123456789012b"`},
			"sub with resource and text":  {`{"Fn::Sub": "${AWS::Partition}/${Table}/${Table.Arn}/${!literal}"}`, `"aws/transactions-test/arn:aws:dynamodb:eu-west-1:123456789012:table/transactions-test/${literal}"`},
			"sub with variables":          {`{"Fn::Sub": ["${a}-${AWS::URLSuffix}", {"a": {"Ref": "Bus"}}]}`, `"bus-test-amazonaws.com"`},
			"select of split":             {`{"Fn::Select": [1, {"Fn::Split": ["-", {"Ref": "Table"}]}]}`, `"test"`},
			"no value removes a property": {`{"a": {"Ref": "AWS::NoValue"}, "b": [1, {"Ref": "AWS::NoValue"}]}`, `{"b": [1]}`},
			"numbers keep their digits":   {`{"n": 12345678901234567890.10}`, `{"n": 12345678901234567890.10}`},
			"one-member object is data":   {`{"StringEquals": {"a": "b"}}`, `{"StringEquals": {"a": "b"}}`},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				got, err := resolver.Resolve(tree(t, c.tree))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tree(t, c.want), got); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		}
	})
	t.Run("generates names like CloudFormation", func(t *testing.T) {
		_, resolver := open(t)
		url, err := resolver.Ref("Queue")
		if err != nil || !strings.HasPrefix(url, "http://127.0.0.1:4566/123456789012/TapStacktest-Queue-") {
			t.Errorf("%s, %v", url, err)
		}
		_, other := open(t)
		if again, _ := other.Ref("Queue"); again != url {
			t.Errorf("a second run names the queue %s, the first %s", again, url)
		}
	})
	t.Run("rejects unsupported functions and wrong references by name", func(t *testing.T) {
		_, resolver := open(t)
		for name, c := range map[string]struct{ tree, want string }{
			"unsupported function":       {`{"Fn::FindInMap": ["a", "b", "c"]}`, "Fn::FindInMap"},
			"reference to nothing":       {`{"Ref": "Nowhere"}`, "Nowhere"},
			"unknown attribute":          {`{"Fn::GetAtt": ["Table", "Nothing"]}`, "Table.Nothing"},
			"name that refers to itself": {`{"Ref": "Loop"}`, "Loop"},
			"select beyond the list":     {`{"Fn::Select": [3, ["a"]]}`, "3"},
		} {
			if _, err := resolver.Resolve(tree(t, c.tree)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: error %v, want one with %q", name, err, c.want)
			}
		}
	})
}

func TestDecode(t *testing.T) {
	t.Run("names every unknown property", func(t *testing.T) {
		type target struct {
			Name  string
			Rules []struct{ ID string }
			Open  any
			Raw   json.RawMessage
		}
		properties := tree(t, `{"Name": "n", "Speed": 1, "name": "m", "Rules": [{"ID": "a"}, {"ID": "b", "Extra": true}], "Open": {"any": 1}, "Raw": {"thing": 2}}`)
		var into target
		err := Decode("Fn", "AWS::X::Y", properties, &into)
		want := "Fn (AWS::X::Y): property Rules[1].Extra is not supported\nFn (AWS::X::Y): property Speed is not supported\nFn (AWS::X::Y): property name is not supported"
		if err == nil || err.Error() != want {
			t.Errorf("error\n%v\nwant\n%s", err, want)
		}
		if into.Name == "" || len(into.Rules) != 2 {
			t.Errorf("decoded %+v", into)
		}
	})
}

func tree(t *testing.T, text string) any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestCheck(t *testing.T) {
	stack := &Stack{Name: "S", Resources: map[string]Resource{}, Outputs: map[string]Output{"Url": {Value: tree(t, `{"Ref": "Nowhere"}`)}}}
	add := func(id, typeName, properties string) {
		stack.Resources[id] = Resource{LogicalID: id, Type: typeName, Properties: tree(t, properties)}
	}
	add("Queue", "AWS::SQS::Queue", `{"QueueName": "q", "FifoQueue": true, "DelaySeconds": 1}`)
	add("Cache", "AWS::ElastiCache::CacheCluster", `{}`)
	add("Table", "AWS::DynamoDB::Table", `{"Anything": 1}`)
	add("Bus", "AWS::Events::EventBus", `{"Name": {"Ref": "Nobody"}}`)
	err := testTypes.Check(stack, NewResolver(stack, testTypes, Env{}))
	want := []string{
		"Bus (AWS::Events::EventBus): reference to Nobody, which the template does not have",
		"Cache: resource type AWS::ElastiCache::CacheCluster is not supported",
		"Queue (AWS::SQS::Queue): property DelaySeconds is not supported",
		"Queue (AWS::SQS::Queue): property FifoQueue is not supported",
		"output Url: reference to Nowhere, which the template does not have",
	}
	if err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("error\n%v\nwant\n%s", err, strings.Join(want, "\n"))
	}
}

func TestInertReasons(t *testing.T) {
	types := NewTypes([]Type{
		{Name: "Custom::Cleaner", Inert: "cleans up"},
		{Name: "AWS::Lambda::Function", Properties: struct{}{}, IDs: func(i *Instance) IDs { return IDs{i.Name, map[string]string{"Arn": "arn:" + i.LogicalID}} }},
	})
	stack := &Stack{Name: "S", Resources: map[string]Resource{
		"Cleaner":  {LogicalID: "Cleaner", Type: "Custom::Cleaner", Properties: tree(t, `{"ServiceToken": {"Fn::GetAtt": ["Provider", "Arn"]}}`)},
		"Provider": {LogicalID: "Provider", Type: "AWS::Lambda::Function", Properties: tree(t, `{"Unsupported": 1}`)},
		"Handler":  {LogicalID: "Handler", Type: "AWS::Lambda::Function", Properties: tree(t, `{}`)},
	}}
	resolver := NewResolver(stack, types, Env{})
	want := map[string]string{"Cleaner": "cleans up", "Provider": "the provider of a custom resource that needs no emulation"}
	if diff := cmp.Diff(want, types.InertReasons(stack, resolver)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if err := types.Check(stack, resolver); err != nil {
		t.Errorf("a provider's properties are checked: %v", err)
	}
}

func TestJoin(t *testing.T) {
	b, a := errors.New("b"), errors.New("a")
	wrapped := fmt.Errorf("c: %w", a)
	err := Join(b, nil, errors.Join(a, errors.Join(wrapped, errors.New("b"))))
	if err == nil || err.Error() != "a\nb\nc: a" || !errors.Is(err, b) {
		t.Errorf("got %v", err)
	}
	if err := Join(nil, errors.Join()); err != nil {
		t.Errorf("got %v for no problems", err)
	}
}
