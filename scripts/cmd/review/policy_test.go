package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestPermissions(t *testing.T) {
	const (
		archiver = "Resources/RolePolicy/Properties/PolicyDocument/Statement/"
		queue    = "Resources/DeadLettersPolicy/Properties/PolicyDocument/Statement/"
		key      = "Resources/Key/Properties/KeyPolicy/Statement/"
		trust    = "Resources/Role/Properties/AssumeRolePolicyDocument/Statement/"
	)
	for name, c := range map[string]struct {
		edits []edit
		want  []string // every row about permissions, in any order, as for TestReview
	}{
		"when an action is added":      {[]edit{{archiver + "0/Action", `["dynamodb:Query", "dynamodb:GetItem", "dynamodb:Scan"]`}}, []string{"worse | Role | WIDENED: identity policy |  | Allow dynamodb:Scan on ${Table.Arn}, ${Table.Arn}/index/by-hour"}},
		"when an action is removed":    {[]edit{{archiver + "0/Action", `"dynamodb:Query"`}}, []string{"better | Role | narrowed: identity policy | Allow dynamodb:GetItem on ${Table.Arn}"}},
		"when an action is a wildcard": {[]edit{{archiver + "0/Action", `"dynamodb:*"`}}, []string{"worse | Role | WIDENED: identity policy (every action) |  | Allow dynamodb:* on"}},
		"when a resource is every one": {[]edit{{archiver + "1/Resource", `"*"`}}, []string{"worse | Role | WIDENED: identity policy |  | Allow s3:PutObject on * if StringEquals s3:x-amz-server-side-encryption [aws:kms]"}},
		"when NotAction replaces it":   {[]edit{{archiver + "0/Action", "-"}, {archiver + "0/NotAction", `"iam:*"`}}, []string{"worse | Role | WIDENED: identity policy (NotAction with Allow…Allow everything but iam:*"}},
		"when NotResource replaces it": {[]edit{{archiver + "2/Resource", "-"}, {archiver + "2/NotResource", `"arn:aws:sqs:*:*:other"`}}, []string{"worse | Role | WIDENED: identity policy (NotResource", "better | Role | narrowed: identity policy | Allow sqs:SendMessage on ${DeadLetters.Arn}"}},
		"when a condition is removed":  {[]edit{{archiver + "1/Condition", "-"}}, []string{"worse | Role | WIDENED: identity policy |  | Allow s3:PutObject on ${Bucket.Arn}/transactions/*"}},
		"when a condition is added":    {[]edit{{archiver + "2/Condition", `{"Bool": {"aws:SecureTransport": "true"}}`}}, []string{"better | Role | narrowed: identity policy | Allow sqs:SendMessage"}},
		"when a condition changes":     {[]edit{{archiver + "1/Condition/StringEquals/s3:x-amz-server-side-encryption", `["aws:kms", "AES256"]`}}, []string{"worse | Role | WIDENED: identity policy |  | Allow s3:PutObject"}},
		"when a statement is removed":  {[]edit{{archiver + "2", "-"}}, []string{"better | Role | narrowed: identity policy | Allow sqs:SendMessage"}},
		"when a policy is removed":     {[]edit{{"Resources/RolePolicy", "-"}}, []string{"better | Role | narrowed", "better | Role | narrowed", "better | Role | narrowed"}},
		"when a policy moves inline": {[]edit{
			{archiver + "2", "-"},
			{"Resources/Role/Properties/Policies", `[{"PolicyName": "x", "PolicyDocument": {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": [{"Fn::Sub": "${DeadLetters.Arn}"}]}}}]`},
		}, nil},
		"when a managed policy is attached": {[]edit{{"Resources/Role/Properties/ManagedPolicyArns", `["arn:aws:iam::aws:policy/AdministratorAccess"]`}}, []string{"worse | Role | WIDENED: identity policy |  | Allow everything in the managed policy arn:aws:iam::aws:policy/AdministratorAccess"}},
		"when another may assume the role":  {[]edit{{trust + "0/Principal", `{"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]}`}}, []string{"worse | Role | WIDENED: who may assume the role |  | Allow sts:AssumeRole to Service states.amazonaws.com"}},
		"when anyone may assume the role":   {[]edit{{trust + "0/Principal", `"*"`}}, []string{"worse | Role | WIDENED: who may assume the role (ANYONE, without a condition)"}},
		"when anyone may send": {[]edit{{queue + "0/Principal", `{"AWS": "*"}`}, {queue + "0/Condition", "-"}}, []string{
			"worse | DeadLetters | WIDENED: resource policy (ANYONE, without a condition) |  | Allow sqs:SendMessage on ${DeadLetters.Arn} to *",
		}},
		"when everyone but one may send":       {[]edit{{queue + "0/Principal", "-"}, {queue + "0/NotPrincipal", `{"AWS": "arn:aws:iam::123456789012:root"}`}}, []string{"worse | DeadLetters | WIDENED: resource policy (NotPrincipal"}},
		"when a Deny is removed":               {[]edit{{queue + "1", "-"}}, []string{"worse | DeadLetters | WIDENED: resource policy | Deny sqs:* on ${DeadLetters.Arn} to * if Bool aws:SecureTransport [false]"}},
		"when a Deny covers less":              {[]edit{{queue + "1/Action", `"sqs:SendMessage"`}}, []string{"worse | DeadLetters | WIDENED: resource policy | Deny sqs:*"}},
		"when a Deny loses its condition":      {[]edit{{queue + "1/Condition", "-"}}, []string{"better | DeadLetters | narrowed: resource policy |  | Deny sqs:*"}},
		"when the key's policy is widened":     {[]edit{{key + "1/Condition", "-"}}, []string{"worse | Key | WIDENED: key policy |  | Allow kms:Decrypt, kms:GenerateDataKey* on * to Service events.amazonaws.com"}},
		"when policy text is widened":          {[]edit{{"Resources/LogsPolicy/Properties/PolicyDocument/Fn::Join/1/2", `"*\"}]}"`}}, []string{"worse | LogsPolicy | WIDENED: resource policy |  | Allow logs:PutLogEvents on ${Logs.Arn}*"}},
		"when policy text is not JSON":         {[]edit{{"Resources/LogsPolicy/Properties/PolicyDocument/Fn::Join/1/2", `"\"}]"`}}, []string{"better | LogsPolicy | narrowed"}},
		"when any rule may invoke":             {[]edit{{"Resources/Invoke/Properties/SourceArn", "-"}}, []string{"worse | Function | WIDENED: resource policy |  | Allow lambda:InvokeFunction to Service events.amazonaws.com"}},
		"when anyone may invoke":               {[]edit{{"Resources/Invoke/Properties/Principal", `"*"`}, {"Resources/Invoke/Properties/SourceArn", "-"}}, []string{"worse | Function | WIDENED: resource policy (ANYONE"}},
		"when a method needs no authorization": {[]edit{{"Resources/Post/Properties/AuthorizationType", `"NONE"`}}, []string{"worse | Post | WIDENED: resource policy (ANYONE"}},
		"when a function gets a URL":           {[]edit{{"Resources/Url", `{"Type": "AWS::Lambda::Url", "Properties": {"AuthType": "NONE"}}`}}, []string{"worse | Url | WIDENED: resource policy (ANYONE"}},
		"when a permissions boundary is set":   {[]edit{{"Resources/RolePolicy/Properties/PermissionsBoundary", `"x"`}}, []string{"better | RolePolicy | narrowed: a permissions boundary"}},
		"when another account may publish":     {[]edit{{"Resources/Grant", `{"Type": "AWS::Events::EventBusPolicy", "Properties": {"StatementId": "x", "EventBusName": {"Ref": "Bus"}, "Action": "events:PutEvents", "Principal": "*"}}`}}, []string{"worse | Bus | WIDENED: resource policy (ANYONE, without a condition) |  | Allow events:PutEvents to *"}},
		"when an API has a policy":             {[]edit{{"Resources/Api/Properties/Policy", `{"Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*", "Principal": "*"}]}`}}, []string{"worse | Api | WIDENED: resource policy (ANYONE"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for line := range strings.Lines(reviewOf(t, c.edits...).lines()) {
				if row, ok := strings.CutPrefix(strings.TrimSpace(line), "permissions | "); ok {
					got = append(got, row)
				}
			}
			left := slices.Clone(got)
			for _, want := range c.want {
				i := slices.IndexFunc(left, func(line string) bool { return matchesRow(line, want) })
				if i < 0 {
					t.Errorf("no row %s", want)
					continue
				}
				left = slices.Delete(left, i, i+1)
			}
			if len(left) > 0 {
				t.Errorf("other rows:\n%s", strings.Join(left, "\n"))
			}
			if t.Failed() {
				t.Log("\n" + strings.Join(got, "\n"))
			}
		})
	}
	t.Run("when a policy is not readable, it is not judged", func(t *testing.T) {
		r := reviewOf(t, edit{"Resources/LogsPolicy/Properties/PolicyDocument/Fn::Join/1/2", `"\"}]"`})
		if got := r.lines(); !strings.Contains(got, "not judged | worse | LogsPolicy | a policy that could not be read") {
			t.Error(got)
		}
	})
}

func TestCovers(t *testing.T) {
	parse := func(t *testing.T, text string) []grant {
		var s any
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		c := &collector{grants: map[string][]grant{}, holders: map[string]holder{}}
		c.statement(holder{id: "x"}, s)
		return c.grants[holder{id: "x"}.key()]
	}
	const anyResource = `"Effect": "Allow", "Resource": "*", `
	for name, c := range map[string]struct {
		wide, narrow string
		want         bool
	}{
		"when an action is of a wildcard":           {`"Action": "s3:Get*"`, `"Action": "s3:GetObject"`, true},
		"when its case differs":                     {`"Action": "S3:getobject"`, `"Action": "s3:GetObject"`, true},
		"when wildcards are within each other":      {`"Action": "s3:*"`, `"Action": "s3:Get*"`, true},
		"when a wildcard is wider":                  {`"Action": "s3:Get*"`, `"Action": "s3:*"`, false},
		"when one character is any":                 {`"Action": "s3:Ge?"`, `"Action": "s3:Get"`, true},
		"when one character is none":                {`"Action": "s3:Get?"`, `"Action": "s3:Get"`, false},
		"when NotAction leaves it out":              {`"NotAction": "s3:*"`, `"Action": "s3:GetObject"`, false},
		"when NotAction has it":                     {`"NotAction": "s3:*"`, `"Action": "sqs:SendMessage"`, true},
		"when NotAction leaves out part":            {`"NotAction": "s3:GetObject"`, `"Action": "s3:*"`, false},
		"when NotAction leaves out less":            {`"NotAction": "s3:Get*"`, `"NotAction": "s3:*"`, true},
		"when NotAction leaves out more":            {`"NotAction": ["s3:*", "sqs:*"]`, `"NotAction": "s3:*"`, false},
		"when every action is in NotAction's":       {`"Action": "*"`, `"NotAction": "s3:*"`, true},
		"when a condition is new":                   {`"Action": "a"`, `"Action": "a", "Condition": {"Bool": {"k": "true"}}`, true},
		"when a condition is gone":                  {`"Action": "a", "Condition": {"Bool": {"k": "true"}}`, `"Action": "a"`, false},
		"when a condition has more values":          {`"Action": "a", "Condition": {"StringEquals": {"k": ["1", "2"]}}`, `"Action": "a", "Condition": {"StringEquals": {"K": "1"}}`, true},
		"when a condition has fewer values":         {`"Action": "a", "Condition": {"StringEquals": {"k": "1"}}`, `"Action": "a", "Condition": {"StringEquals": {"k": ["1", "2"]}}`, false},
		"when fewer values are left out":            {`"Action": "a", "Condition": {"StringNotEquals": {"k": "1"}}`, `"Action": "a", "Condition": {"StringNotEquals": {"k": ["1", "2"]}}`, true},
		"when more values are left out":             {`"Action": "a", "Condition": {"StringNotEquals": {"k": ["1", "2"]}}`, `"Action": "a", "Condition": {"StringNotEquals": {"k": "1"}}`, false},
		"when a pattern has the value":              {`"Action": "a", "Condition": {"StringLike": {"k": "x*"}}`, `"Action": "a", "Condition": {"StringEquals": {"k": "xy"}}`, true},
		"when an equal value is a pattern":          {`"Action": "a", "Condition": {"StringEquals": {"k": "x*"}}`, `"Action": "a", "Condition": {"StringLike": {"k": "x*"}}`, false},
		"when ArnEquals is ArnLike":                 {`"Action": "a", "Condition": {"ArnEquals": {"k": "arn:*"}}`, `"Action": "a", "Condition": {"ArnLike": {"k": "arn:x"}}`, true},
		"when a key may be missing":                 {`"Action": "a", "Condition": {"StringEqualsIfExists": {"k": "1"}}`, `"Action": "a", "Condition": {"StringEquals": {"k": "1"}}`, true},
		"when a key may no longer be missing":       {`"Action": "a", "Condition": {"StringEquals": {"k": "1"}}`, `"Action": "a", "Condition": {"StringEqualsIfExists": {"k": "1"}}`, false},
		"when addresses are within a range":         {`"Action": "a", "Condition": {"IpAddress": {"k": "10.0.0.0/8"}}`, `"Action": "a", "Condition": {"IpAddress": {"k": "10.1.0.0/16"}}`, true},
		"when addresses are not within it":          {`"Action": "a", "Condition": {"IpAddress": {"k": "10.1.0.0/16"}}`, `"Action": "a", "Condition": {"IpAddress": {"k": "10.0.0.0/8"}}`, false},
		"when a number is lower":                    {`"Action": "a", "Condition": {"NumericLessThan": {"k": 10}}`, `"Action": "a", "Condition": {"NumericLessThan": {"k": 5}}`, true},
		"when a number is higher":                   {`"Action": "a", "Condition": {"NumericLessThan": {"k": 5}}`, `"Action": "a", "Condition": {"NumericLessThan": {"k": 10}}`, false},
		"when a service is of everyone":             {`"Action": "a", "Principal": "*"`, `"Action": "a", "Principal": {"Service": "x.amazonaws.com"}`, true},
		"when everyone is not the service":          {`"Action": "a", "Principal": {"Service": "x.amazonaws.com"}`, `"Action": "a", "Principal": {"AWS": "*"}`, false},
		"when everyone is written as an account":    {`"Action": "a", "Principal": {"AWS": "*"}`, `"Action": "a", "Principal": "*"`, true},
		"when a set of values is of any, not every": {`"Action": "a", "Condition": {"ForAllValues:StringEquals": {"k": "1"}}`, `"Action": "a", "Condition": {"ForAnyValue:StringEquals": {"k": "1"}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			wide, narrow := parse(t, "{"+anyResource+c.wide+"}"), parse(t, "{"+anyResource+c.narrow+"}")
			if got := len(uncovered(narrow, wide, false)) == 0; got != c.want {
				t.Errorf("%s covers %s: %t", c.wide, c.narrow, got)
			}
		})
	}
}
