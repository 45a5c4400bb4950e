package endpoint

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"payment-webhooks/local/lambda"
)

// configurationPath is the end of the path of GetFunctionConfiguration.
const configurationPath = "/configuration"

// functionConfiguration responds to GetFunctionConfiguration with what the template sets: no
// state, image or revision. The emulator's own environment variables are in it as well.
// https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html
func (e *Endpoint) functionConfiguration(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimSuffix(strings.TrimPrefix(r.URL.EscapedPath(), "/2015-03-31/functions/"), configurationPath)
	name, err := url.PathUnescape(path)
	if err != nil {
		fail(w, "lambda", http.StatusBadRequest, "InvalidParameterValueException", err.Error())
		return
	}
	function := e.config.Functions[lambda.NameOf(name)]
	if function == nil {
		fail(w, "lambda", http.StatusNotFound, "ResourceNotFoundException", "Function not found: "+name)
		return
	}
	c := function.Config()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // a client that went away
		"FunctionName": c.Name, "FunctionArn": c.ARN, "PackageType": "Image", "Version": "$LATEST",
		"Timeout": int(c.Timeout.Seconds()), "MemorySize": c.MemoryMB, "Environment": map[string]any{"Variables": c.Environment},
	})
}
