package moto

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Query calls an operation in the AWS query protocol and discards the response. CloudWatch
// needs it: the SDK for Go uses Smithy RPC v2, for which moto 5.2.1 has no route.
func Query(ctx context.Context, endpoint, region, service, version, action string, form url.Values) error {
	form.Set("Action", action)
	form.Set("Version", version)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, err = send(request, region, service)
	if err != nil {
		return fmt.Errorf("%s %s: %w", service, action, err)
	}
	return nil
}

// JSON calls an operation in AWS's JSON protocol 1.1, such as "AmazonSSM.PutParameter", and decodes
// the response into a value, unless that is nil.
func JSON(ctx context.Context, endpoint, region, service, target string, input, into any) error {
	body, err := json.Marshal(input)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", target)
	response, err := send(request, region, service)
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(response, into)
}

// Rejected is an error that moto responds with.
type Rejected struct {
	Status string
	Body   []byte
}

func (r *Rejected) Error() string { return fmt.Sprintf("%s: %s", r.Status, r.Body) }

func send(request *http.Request, region, service string) ([]byte, error) {
	// moto reads only region and service name from the scope.
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/"+region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, &Rejected{response.Status, body}
	}
	return body, nil
}
