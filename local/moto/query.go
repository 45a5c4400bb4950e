package moto

import (
	"context"
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
	// moto reads only region and service name from the scope.
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/"+region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", service, action, response.Status, body)
	}
	return nil
}
