package cloudformation

import (
	"encoding/xml"
	"fmt"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
)

func newStack(resources int) Stack {
	s := Stack{ID: "arn:stack", Name: "TapStackdev", Created: time.Unix(0, 0)}
	for i := range resources {
		s.Resources = append(s.Resources, Resource{fmt.Sprintf("Logical%d", i), fmt.Sprintf("physical-%d", i), "AWS::SQS::Queue"})
	}
	return s
}

// call performs an operation and decodes its response, whose status must be want.
func call(t *testing.T, s Stack, want int, form url.Values, into any) {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeQuery(w, form)
	if w.Code != want {
		t.Fatalf("%v: %d %s, want %d", form, w.Code, w.Body, want)
	}
	if into != nil {
		if err := xml.Unmarshal(w.Body.Bytes(), into); err != nil {
			t.Fatal(err)
		}
	}
}

func TestListStackResources(t *testing.T) {
	t.Run("lists every resource, a hundred a page", func(t *testing.T) {
		s := newStack(230)
		var ids []string
		pages, token := 0, ""
		for more := true; more; more = token != "" {
			var page struct {
				Members []struct {
					LogicalID string `xml:"LogicalResourceId"`
					Physical  string `xml:"PhysicalResourceId"`
					Type      string `xml:"ResourceType"`
				} `xml:"ListStackResourcesResult>StackResourceSummaries>member"`
				NextToken string `xml:"ListStackResourcesResult>NextToken"`
			}
			form := url.Values{"Action": {"ListStackResources"}, "StackName": {"TapStackdev"}}
			if token != "" {
				form.Set("NextToken", token)
			}
			call(t, s, 200, form, &page)
			for _, m := range page.Members {
				ids = append(ids, m.LogicalID)
				if m.Type != "AWS::SQS::Queue" || m.Physical == "" {
					t.Errorf("member %+v", m)
				}
			}
			pages++
			token = page.NextToken
		}
		if pages != 3 || len(ids) != 230 || ids[229] != "Logical229" {
			t.Errorf("%d pages with %d resources", pages, len(ids))
		}
	})
	t.Run("rejects another stack and a wrong token", func(t *testing.T) {
		call(t, newStack(1), 400, url.Values{"Action": {"ListStackResources"}, "StackName": {"Other"}}, nil)
		call(t, newStack(1), 400, url.Values{"Action": {"ListStackResources"}, "StackName": {"TapStackdev"}, "NextToken": {"9"}}, nil)
		call(t, newStack(1), 400, url.Values{"Action": {"DeleteStack"}, "StackName": {"TapStackdev"}}, nil)
	})
}

func TestDescribeStackResources(t *testing.T) {
	for name, c := range map[string]struct {
		form   url.Values
		status int
		want   int // resources
	}{
		"of a stack, up to a hundred":   {url.Values{"StackName": {"arn:stack"}}, 200, 100},
		"by logical id":                 {url.Values{"StackName": {"TapStackdev"}, "LogicalResourceId": {"Logical120"}}, 200, 1},
		"of the stack of a physical id": {url.Values{"PhysicalResourceId": {"physical-120"}}, 200, 100},
		"unknown logical id":            {url.Values{"StackName": {"TapStackdev"}, "LogicalResourceId": {"None"}}, 400, 0},
		"unknown physical id":           {url.Values{"PhysicalResourceId": {"none"}}, 400, 0},
		"another stack":                 {url.Values{"StackName": {"Other"}}, 400, 0},
		"neither":                       {url.Values{}, 400, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var response struct {
				Members []struct{ LogicalResourceId string } `xml:"DescribeStackResourcesResult>StackResources>member"`
			}
			c.form.Set("Action", "DescribeStackResources")
			call(t, newStack(130), c.status, c.form, &response)
			if len(response.Members) != c.want {
				t.Errorf("%d resources, want %d", len(response.Members), c.want)
			}
		})
	}
}
