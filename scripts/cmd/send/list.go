package main

import (
	"encoding/json"
	"fmt"
	"io"

	"payment-webhooks/handlers/contract"
)

// listed is the entry of a provider in the output of --list, from which scripts, the
// demo and the end-to-end suite know the providers.
type listed struct {
	Name       string         `json:"name"`
	Methods    []string       `json:"methods"`
	MediaTypes []string       `json:"mediaTypes"`
	Fixtures   []string       `json:"fixtures"`
	Form       string         `json:"secretForm"`
	Secret     string         `json:"secret"` // generated, a new one each time
	Members    []listedMember `json:"members"`

	SignsURL    bool `json:"signsUrl"`
	SignsTime   bool `json:"signsTime"`
	Certificate bool `json:"certificate"` // it signs with a certificate, so --egress is needed
}

type listedMember struct {
	Name     string `json:"name"` // in cdk.json
	Doc      string `json:"doc"`
	Accepted string `json:"accepted"`
}

// print writes the output of --list or --context.
func (o options) print(stdout, stderr io.Writer) int {
	var value any
	if o.context {
		entries := map[string]map[string]string{}
		for _, d := range o.supported {
			if d.Name != contract.ProviderCanonical { // POST /webhook stays open for curl
				entries[d.Name] = map[string]string{"secret": "payments/" + d.Name}
			}
		}
		value = entries
	} else {
		all := []listed{}
		for _, d := range o.supported {
			l := listed{
				Name: d.Name, Methods: d.RequestMethods(), MediaTypes: d.BodyMediaTypes(), Fixtures: fixtures(d),
				Form: d.Secret, Secret: d.Sender.MakeSecret(), Members: []listedMember{},
				SignsURL: d.Sender.SignsURL, SignsTime: d.Sender.SignsTime, Certificate: d.Sender.Certificate != nil,
			}
			for _, m := range d.Members {
				l.Members = append(l.Members, listedMember{m.Context, m.Doc, m.Accepted})
			}
			all = append(all, l)
		}
		value = all
	}
	text, err := json.Marshal(value)
	if err == nil {
		_, err = fmt.Fprintln(stdout, string(text))
	}
	if err != nil {
		fmt.Fprintln(stderr, "send:", err)
		return exitBad
	}
	return exitGood
}
