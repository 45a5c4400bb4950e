package cloudformation

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"time"
)

// Output is a resolved output of the stack.
type Output struct {
	OutputKey   string
	OutputValue string
	Description string `xml:",omitempty"`
	ExportName  string `xml:",omitempty"`
}

// Stack is the stack that DescribeStacks returns.
type Stack struct {
	ID, Name string
	Created  time.Time
	Outputs  []Output
}

type parameter struct{ Key, Value string }

type describedStack struct {
	StackName       string
	StackID         string `xml:"StackId"`
	CreationTime    string
	StackStatus     string
	DisableRollback bool
	Outputs         []Output    `xml:"Outputs>member"`
	Tags            []parameter `xml:"Tags>member"`
}

type describeStacksResponse struct {
	XMLName   xml.Name         `xml:"http://cloudformation.amazonaws.com/doc/2010-05-15/ DescribeStacksResponse"`
	Stacks    []describedStack `xml:"DescribeStacksResult>Stacks>member"`
	RequestID string           `xml:"ResponseMetadata>RequestId"`
}

type errorResponse struct {
	XMLName   xml.Name `xml:"http://cloudformation.amazonaws.com/doc/2010-05-15/ ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

const requestID = "00000000-0000-0000-0000-000000000000"

// ServeQuery responds to a request of the query API. Only DescribeStacks is supported.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
func (s Stack) ServeQuery(w http.ResponseWriter, form url.Values) {
	if action := form.Get("Action"); action != "DescribeStacks" {
		fail(w, "InvalidAction", "the local run supports DescribeStacks only, not "+action)
		return
	}
	if name := form.Get("StackName"); name != "" && name != s.Name && name != s.ID {
		fail(w, "ValidationError", "Stack with id "+name+" does not exist")
		return
	}
	write(w, http.StatusOK, describeStacksResponse{RequestID: requestID, Stacks: []describedStack{{
		StackName: s.Name, StackID: s.ID, CreationTime: s.Created.UTC().Format("2006-01-02T15:04:05.000Z"),
		StackStatus: "CREATE_COMPLETE", Outputs: s.Outputs,
	}}})
}

func fail(w http.ResponseWriter, code, message string) {
	write(w, http.StatusBadRequest, errorResponse{Type: "Sender", Code: code, Message: message, RequestID: requestID})
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_ = xml.NewEncoder(w).Encode(body) // a client that went away
}
