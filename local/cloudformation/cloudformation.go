package cloudformation

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Output is a resolved output of the stack.
type Output struct {
	OutputKey   string
	OutputValue string
	Description string `xml:",omitempty"`
	ExportName  string `xml:",omitempty"`
}

// Resource is a resource of the stack.
type Resource struct{ LogicalID, PhysicalID, Type string }

// Stack is the stack that the API describes.
type Stack struct {
	ID, Name  string
	Created   time.Time
	Outputs   []Output
	Resources []Resource // in the order in which they are listed
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

type resourceSummary struct {
	LogicalID  string `xml:"LogicalResourceId"`
	PhysicalID string `xml:"PhysicalResourceId"`
	Type       string `xml:"ResourceType"`
	Status     string `xml:"ResourceStatus"`
	Updated    string `xml:"LastUpdatedTimestamp"`
}

type listStackResourcesResponse struct {
	XMLName   xml.Name          `xml:"http://cloudformation.amazonaws.com/doc/2010-05-15/ ListStackResourcesResponse"`
	Resources []resourceSummary `xml:"ListStackResourcesResult>StackResourceSummaries>member"`
	NextToken string            `xml:"ListStackResourcesResult>NextToken,omitempty"`
	RequestID string            `xml:"ResponseMetadata>RequestId"`
}

type stackResource struct {
	StackName  string
	StackID    string `xml:"StackId"`
	LogicalID  string `xml:"LogicalResourceId"`
	PhysicalID string `xml:"PhysicalResourceId"`
	Type       string `xml:"ResourceType"`
	Status     string `xml:"ResourceStatus"`
	Timestamp  string
}

type describeStackResourcesResponse struct {
	XMLName   xml.Name        `xml:"http://cloudformation.amazonaws.com/doc/2010-05-15/ DescribeStackResourcesResponse"`
	Resources []stackResource `xml:"DescribeStackResourcesResult>StackResources>member"`
	RequestID string          `xml:"ResponseMetadata>RequestId"`
}

// pageSize is how many resources a response has at most.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
const pageSize = 100

// ServeQuery responds to a request of the query API: DescribeStacks, ListStackResources and
// DescribeStackResources.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html
func (s Stack) ServeQuery(w http.ResponseWriter, form url.Values) {
	action, name := form.Get("Action"), form.Get("StackName")
	named := name == s.Name || name == s.ID
	switch action {
	case "DescribeStacks":
		if name != "" && !named {
			fail(w, "ValidationError", "Stack with id "+name+" does not exist")
			return
		}
		write(w, http.StatusOK, describeStacksResponse{RequestID: requestID, Stacks: []describedStack{{
			StackName: s.Name, StackID: s.ID, CreationTime: s.created(), StackStatus: complete, Outputs: s.Outputs,
		}}})
	case "ListStackResources":
		if !named {
			fail(w, "ValidationError", "Stack with id "+name+" does not exist")
			return
		}
		s.list(w, form.Get("NextToken"))
	case "DescribeStackResources":
		logical, physical := form.Get("LogicalResourceId"), form.Get("PhysicalResourceId")
		switch {
		case (name == "") == (physical == ""):
			fail(w, "ValidationError", "Either StackName or PhysicalResourceId must be specified")
		case physical == "" && !named:
			fail(w, "ValidationError", "Stack with id "+name+" does not exist")
		default:
			s.describeResources(w, logical, physical)
		}
	default:
		fail(w, "InvalidAction", "the local run supports DescribeStacks, ListStackResources and DescribeStackResources, not "+action)
	}
}

const complete = "CREATE_COMPLETE"

func (s Stack) created() string { return s.Created.UTC().Format("2006-01-02T15:04:05.000Z") }

// list returns a page of the resources. A token is the position at which the page begins.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackResources.html
func (s Stack) list(w http.ResponseWriter, token string) {
	begin := 0
	if token != "" {
		var err error
		if begin, err = strconv.Atoi(token); err != nil || begin < 0 || begin > len(s.Resources) {
			fail(w, "ValidationError", "The specified NextToken is not valid")
			return
		}
	}
	response := listStackResourcesResponse{RequestID: requestID}
	end := min(begin+pageSize, len(s.Resources))
	for _, r := range s.Resources[begin:end] {
		response.Resources = append(response.Resources, resourceSummary{r.LogicalID, r.PhysicalID, r.Type, complete, s.created()})
	}
	if end < len(s.Resources) {
		response.NextToken = strconv.Itoa(end)
	}
	write(w, http.StatusOK, response)
}

// describeResources returns the first hundred resources that have the logical id, or, when
// there is a physical id, all of the stack that it belongs to. An empty id is everybody's.
func (s Stack) describeResources(w http.ResponseWriter, logical, physical string) {
	response := describeStackResourcesResponse{RequestID: requestID}
	belongs := physical == ""
	for _, r := range s.Resources {
		belongs = belongs || r.PhysicalID == physical
		if len(response.Resources) < pageSize && (logical == "" || r.LogicalID == logical) {
			response.Resources = append(response.Resources, stackResource{s.Name, s.ID, r.LogicalID, r.PhysicalID, r.Type, complete, s.created()})
		}
	}
	switch {
	case !belongs:
		fail(w, "ValidationError", "Stack for "+physical+" does not exist")
	case logical != "" && response.Resources == nil:
		fail(w, "ValidationError", "Resource "+logical+" does not exist for stack "+s.Name)
	default:
		write(w, http.StatusOK, response)
	}
}

func fail(w http.ResponseWriter, code, message string) {
	write(w, http.StatusBadRequest, errorResponse{Type: "Sender", Code: code, Message: message, RequestID: requestID})
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_ = xml.NewEncoder(w).Encode(body) // a client that went away
}
