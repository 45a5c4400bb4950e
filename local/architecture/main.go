// Command architecture draws the stack of a synthesized template: docs/architecture.svg.
//
//	go run ./local/architecture [--template FILE] [--output FILE]
//
// The default template is the one that the tests of the stack compare with, that of cdk.json without
// environment variables. The drawing is made from its resources and policies; it is the page's view
// "Flow" (go doc ./local/flow) without counts.
package main

import (
	"flag"
	"fmt"
	"os"

	"payment-webhooks/local/emulator"
	"payment-webhooks/local/flow"
)

func main() {
	template := flag.String("template", "constructs/testdata/template.golden.json", "synthesized template")
	output := flag.String("output", "docs/architecture.svg", "file to write")
	flag.Parse()
	picture, err := draw(*template)
	if err == nil {
		err = os.WriteFile(*output, []byte(picture), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("wrote", *output)
}

// draw returns the picture of a template.
func draw(file string) (string, error) {
	template, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	graph, err := emulator.Graph("stack", template)
	if err != nil {
		return "", err
	}
	return flow.Draw(graph, flow.Options{Direction: flow.Down, Picture: true}), nil
}
