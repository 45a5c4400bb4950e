// Command echo is the handler of the local run's own tests. It executes the request's
// body, logs it, and returns the result. The body is an operation of the table, or
// "secret NAME STAGE", or a URL to get. It uses the standard library only, so that the
// tests download no module.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		response, err := http.Get(base + "next")
		if err != nil {
			return
		}
		event, _ := io.ReadAll(response.Body)
		response.Body.Close()
		result, _ := json.Marshal(handle(event))
		response, err = http.Post(base+response.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "application/json", bytes.NewReader(result))
		if err != nil {
			return
		}
		response.Body.Close()
	}
}

type output struct {
	StatusCode int    `json:"statusCode"`
	Body       string `json:"body"`
}

func handle(event []byte) any {
	var request struct {
		Body            string
		IsBase64Encoded bool
		Records         []json.RawMessage
	}
	_ = json.Unmarshal(event, &request)
	if len(request.Records) > 0 { // from the stream mapping: publish an event
		_, body := call("events", "AWSEvents.PutEvents", `{"Entries":[{"EventBusName":"`+os.Getenv("BUS")+`","Source":"test","DetailType":"stored","Detail":"{\"amount\":5}"}]}`)
		fmt.Println("published:", body)
		return map[string]any{"batchItemFailures": []any{}}
	}
	operation, _ := base64.StdEncoding.DecodeString(request.Body) // binaryMediaTypes */*
	if words := strings.Fields(string(operation)); len(words) == 3 && words[0] == "secret" {
		status, body := call("secretsmanager", "secretsmanager.GetSecretValue", `{"SecretId":"`+words[1]+`","VersionStage":"`+words[2]+`"}`)
		return output{status, body}
	}
	if strings.HasPrefix(string(operation), "https:") {
		response, err := http.Get(string(operation))
		if err != nil {
			return output{599, err.Error()}
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return output{response.StatusCode, string(body)}
	}
	fmt.Println(`{"_aws":{"Timestamp":1795280000000,"CloudWatchMetrics":[{"Namespace":"Echo","Dimensions":[[]],"Metrics":[{"Name":"Requests","Unit":"Count"}]}]},"Requests":1}`)
	status, body := call("dynamodb", "DynamoDB_20120810."+string(operation), `{"TableName":"`+os.Getenv("TABLE")+`","Item":{"id":{"S":"1"}},"Key":{"id":{"S":"1"}}}`)
	fmt.Println("asked for", string(operation))
	return output{status, body}
}

// call sends a request with the two parts of a signature that the local endpoint reads:
// access key and credential scope.
func call(service, target, body string) (int, string) {
	request, _ := http.NewRequest(http.MethodPost, os.Getenv("AWS_ENDPOINT_URL"), bytes.NewReader([]byte(body)))
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", target)
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+os.Getenv("AWS_ACCESS_KEY_ID")+"/20260101/"+os.Getenv("AWS_REGION")+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 599, err.Error()
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}
