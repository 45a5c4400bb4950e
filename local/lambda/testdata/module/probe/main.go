// Command probe is a handler that does what its event asks for. It speaks the
// Runtime API itself, so that the test sees the protocol and not a library.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	if os.Getenv("INIT") == "exit" {
		fmt.Println("leaving during initialisation")
		os.Exit(3)
	}
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/"
	if os.Getenv("INIT") == "error" {
		post(base+"init/error", []byte(`{"errorType":"Probe.Init","errorMessage":"no configuration"}`))
		os.Exit(1)
	}
	for served := 1; ; served++ {
		response, err := http.Get(base + "invocation/next")
		if err != nil {
			os.Exit(0) // the platform went away
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		id := response.Header.Get("Lambda-Runtime-Aws-Request-Id")
		answer := base + "invocation/" + id
		var event struct{ Do string }
		_ = json.Unmarshal(body, &event)
		fmt.Printf("event %d asks for %q\n", served, event.Do)
		switch event.Do {
		case "panic": // as aws-lambda-go does it: report, then die
			post(answer+"/error", []byte(`{"errorType":"errorString","errorMessage":"boom"}`))
			os.Exit(1)
		case "error":
			post(answer+"/error", []byte(`{"errorType":"MyError","errorMessage":"refused"}`))
		case "exit":
			os.Exit(7)
		case "hang":
			select {}
		case "large":
			post(answer+"/response", bytes.Repeat([]byte("x"), 6_291_557))
		case "wrong-id":
			post(base+"invocation/00000000-0000-0000-0000-000000000000/response", []byte(`"stray"`))
			post(answer+"/response", []byte(`"own"`))
		default:
			seen, _ := json.Marshal(map[string]any{
				"served": served, "pid": os.Getpid(), "event": string(body), "headers": response.Header, "environ": strings.Join(os.Environ(), "\n"),
			})
			post(answer+"/response", seen)
		}
	}
}

func post(url string, body []byte) {
	response, err := http.Post(url, "application/json", bytes.NewReader(body))
	if err == nil {
		response.Body.Close()
	}
}
