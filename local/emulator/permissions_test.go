package emulator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"payment-webhooks/local/assembly"
	"payment-webhooks/local/lambda"
)

const testRole = "arn:aws:iam::123456789012:role/fn"

// withPolicies returns an emulator of resources with a role fn and a function fn.
func withPolicies(t *testing.T, resources string) *Emulator {
	t.Helper()
	var parsed map[string]struct {
		Type       string
		Properties any
	}
	if err := json.Unmarshal([]byte(resources), &parsed); err != nil {
		t.Fatal(err)
	}
	stack := &assembly.Stack{Name: "S", Resources: map[string]assembly.Resource{}}
	for id, r := range parsed {
		stack.Resources[id] = assembly.Resource{LogicalID: id, Type: r.Type, Properties: r.Properties}
	}
	e := &Emulator{
		shared: &shared{terminal: &terminal{out: new(strings.Builder)}, account: "123456789012", region: "us-east-1"}, stack: stack,
		functionSpecs: []functionSpec{{config: lambda.Config{Name: "fn"}, roleARN: testRole}},
	}
	e.log = e.terminal.logger("local")
	e.resolver = assembly.NewResolver(stack, types, assembly.Env{Account: e.account, Region: e.region})
	if err := e.readPolicies(); err != nil {
		t.Fatal(err)
	}
	return e
}

func role(statements string) string {
	return `"Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "fn", "AssumeRolePolicyDocument": {}, "Policies": [{"PolicyName": "p", "PolicyDocument": {"Statement": [` + statements + `]}}]}}`
}

func TestCheckDeployment(t *testing.T) {
	allow := func(actions ...string) string {
		text, _ := json.Marshal(actions)
		return `{"Effect": "Allow", "Action": ` + string(text) + `, "Resource": "*"}`
	}
	const stream = "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/s"
	const queue = "arn:aws:sqs:us-east-1:123456789012:q"
	reading := `"M": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"FunctionName": "fn", "EventSourceArn": "` + stream + `", "StartingPosition": "LATEST", "DestinationConfig": {"OnFailure": {"Destination": "` + queue + `"}}}}`
	receiving := `"M": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"FunctionName": "fn", "EventSourceArn": "` + queue + `"}}`
	failing := `"C": {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": {"FunctionName": "fn", "Qualifier": "$LATEST", "DestinationConfig": {"OnFailure": {"Destination": "` + queue + `"}}}}`
	logging := `"S": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"RoleArn": "` + testRole + `", "StateMachineType": "EXPRESS", "DefinitionString": "{}", "LoggingConfiguration": {"Level": "ALL"}}}`
	group := `"G": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "g", "KmsKeyId": {"Fn::GetAtt": ["K", "Arn"]}}}, "K": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Statement": [
		{"Effect": "Allow", "Principal": {"Service": "PRINCIPAL"}, "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"], "Resource": "*"}]}}}`
	streamActions := []string{"dynamodb:ListStreams", "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "sqs:SendMessage"}
	cases := map[string]struct{ resources, statements, want string }{
		"a stream mapping with its permissions":     {reading, allow(streamActions...), ""},
		"a stream mapping that cannot list streams": {reading, allow(streamActions[1:]...), "M cannot be created: User: " + testRole + " is not authorized to perform: dynamodb:ListStreams"},
		"a stream mapping without its destination":  {reading, allow(streamActions[:4]...), "sqs:SendMessage on resource: " + queue},
		"a queue mapping with its permissions":      {receiving, allow("sqs:*"), ""},
		"a queue mapping that cannot delete":        {receiving, allow("sqs:ReceiveMessage", "sqs:GetQueueAttributes"), "sqs:DeleteMessage"},
		"an on-failure destination":                 {failing, allow("sqs:SendMessage"), ""},
		"an on-failure destination without sending": {failing, allow("sqs:ReceiveMessage"), "C cannot be created"},
		"a machine with a log":                      {logging, allow("logs:*"), ""},
		"a machine that cannot deliver logs":        {logging, allow("logs:DescribeLogGroups"), "S cannot be created"},
		"a log group under a key":                   {strings.ReplaceAll(group, "PRINCIPAL", "logs.us-east-1.amazonaws.com"), allow("kms:*"), ""},
		"a log group under another service's key":   {strings.ReplaceAll(group, "PRINCIPAL", "events.amazonaws.com"), allow("kms:*"), "G cannot be created: User: logs.us-east-1.amazonaws.com"},
	}
	for name, c := range cases {
		t.Run("when the stack has "+name, func(t *testing.T) {
			err := withPolicies(t, "{"+c.resources+","+role(c.statements)+"}").checkDeployment()
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestPermissions(t *testing.T) {
	const send = `{"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments"], "Resource": "*"}`
	call := func(e *Emulator, method, path, body string) *httptest.ResponseRecorder {
		recorder := httptest.NewRecorder()
		mux := http.NewServeMux()
		mux.HandleFunc("GET /_local/grants", e.serveGrants)
		mux.HandleFunc("POST /_local/grants/{id}", e.editGrant)
		mux.ServeHTTP(recorder, httptest.NewRequest(method, path, strings.NewReader(body)))
		return recorder
	}
	t.Run("when a grant is removed, its calls are denied, listed and logged once", func(t *testing.T) {
		e := withPolicies(t, "{"+role(send)+"}")
		logger := e.streamLogger(testRole)
		if !logger.may("g", "s") {
			t.Fatal("the role may not log")
		}
		if got := call(e, "POST", "/_local/grants/Role.0.logs:PutLogEvents", `{"removed": true}`); got.Code != http.StatusOK {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
		for range 2 {
			if logger.may("g", "s") {
				t.Error("the role may log")
			}
		}
		var p Permissions
		if err := json.Unmarshal(call(e, "GET", "/_local/grants", "").Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if len(p.Grants) != 3 || p.Grants[0].Uses != 1 || !p.Grants[1].Removed || len(p.Denied) != 1 || p.Denied[0].Count != 2 {
			t.Errorf("%+v", p)
		}
		if log := e.terminal.out.(*strings.Builder).String(); strings.Count(log, "access denied") != 1 || !strings.Contains(log, "logs:PutLogEvents") {
			t.Errorf("log %s", log)
		}
		if got := call(e, "POST", "/_local/grants/Role.0.logs:PutLogEvents", `{"removed": false}`); got.Code != http.StatusOK || !logger.may("g", "s") {
			t.Errorf("%d %s, and the role may not log", got.Code, got.Body)
		}
	})
	t.Run("when a stream cannot be created, its lines are lost", func(t *testing.T) {
		e := withPolicies(t, `{`+role(`{"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}`)+`}`)
		if e.streamLogger(testRole).may("g", "s") {
			t.Error("the role may log")
		}
	})
	t.Run("when a role may not send segments, the daemon drops them", func(t *testing.T) {
		if err := withPolicies(t, "{"+role(send)+"}").mayTrace(testRole)(); err != nil {
			t.Error(err)
		}
		if err := withPolicies(t, "{"+role(`{"Effect": "Allow", "Action": "xray:PutTelemetryRecords", "Resource": "*"}`)+"}").mayTrace(testRole)(); err == nil {
			t.Error("no error")
		}
	})
	t.Run("when a grant does not exist, it cannot be edited", func(t *testing.T) {
		e := withPolicies(t, "{"+role(send)+"}")
		if got := call(e, "POST", "/_local/grants/other", `{"removed": true}`); got.Code != http.StatusNotFound {
			t.Errorf("%d %s", got.Code, got.Body)
		}
		if got := call(e, "POST", "/_local/grants/Role.0.logs:PutLogEvents", `removed`); got.Code != http.StatusBadRequest {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	})
	t.Run("when a body is too large, it is not read to its end", func(t *testing.T) {
		e := withPolicies(t, "{"+role(send)+"}")
		if got := call(e, "POST", "/_local/grants/Role.0.logs:PutLogEvents", `{"removed": true`+strings.Repeat(" ", maxEdit)+"}"); got.Code != http.StatusBadRequest {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	})
	t.Run("when a grant to remove from the start does not exist, the run does not start", func(t *testing.T) {
		e := withPolicies(t, "{"+role(send)+"}")
		e.options.RemovedGrants = []string{"other"}
		if err := e.readPolicies(); err == nil || !strings.Contains(err.Error(), "--remove-grant: no such grant: other") {
			t.Errorf("error %v", err)
		}
		e.options.RemovedGrants = []string{"Role.0.logs:CreateLogStream"}
		if err := e.readPolicies(); err != nil || e.streamLogger(testRole).may("g", "s") {
			t.Errorf("error %v, or the grant is not removed", err)
		}
	})
	t.Run("when the API may not invoke the function, its requests fail", func(t *testing.T) {
		e := withPolicies(t, `{"P": {"Type": "AWS::Lambda::Permission", "Properties": {"Action": "lambda:InvokeFunction", "FunctionName": "fn", "Principal": "apigateway.amazonaws.com",
			"SourceArn": "arn:aws:execute-api:us-east-1:123456789012:api/v1/POST/webhook/*"}}, `+role("")+`}`)
		e.apiID, e.stageName = "api", "v1"
		function := "arn:aws:lambda:us-east-1:123456789012:function:fn"
		if err := e.mayInvoke(function, "POST", "/webhook/{provider}"); err != nil {
			t.Error(err)
		}
		if err := e.mayInvoke(function, "POST", "/webhook"); err == nil {
			t.Error("no error for another method")
		}
	})
}

func TestRemovedGrants(t *testing.T) {
	e := withPolicies(t, `{`+role(`{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}`)+`}`)
	e.options.RemovedGrants = []string{"none.0.sqs:SendMessage"}
	t.Run("when a grant is not in the template, the start fails with its id", func(t *testing.T) {
		if err := e.readPolicies(); err == nil || !strings.Contains(err.Error(), "none.0.sqs:SendMessage") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("when nothing is deployed, it is not looked for", func(t *testing.T) {
		clear(e.stack.Resources)
		if err := e.readPolicies(); err != nil {
			t.Error(err)
		}
	})
}
