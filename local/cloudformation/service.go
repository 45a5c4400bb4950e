package cloudformation

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Service holds the stacks of one account and region. It is safe for concurrent use.
type Service struct {
	config Config
	ctx    context.Context
	cancel context.CancelFunc

	operating sync.Mutex // held by the operation that changes resources
	running   sync.WaitGroup

	mu     sync.Mutex
	stacks []*stack // oldest first
}

// New returns a service without stacks.
func New(c Config) *Service {
	s := &Service{config: c}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Close ends the operations under way, and leaves their resources as they are.
func (s *Service) Close() {
	s.cancel()
	s.running.Wait()
}

// Failure is an error that CloudFormation responds with.
type Failure struct {
	Code, Message string
	Status        int // of HTTP; 0: 400
}

func (f *Failure) Error() string { return f.Code + ": " + f.Message }

func invalid(format string, args ...any) error {
	return &Failure{Code: "ValidationError", Message: fmt.Sprintf(format, args...)}
}

func noStack(name string) error { return invalid("Stack with id %s does not exist", name) }

// find returns the stack of a name, or also a deleted one of an ARN; nil: there is none. The
// caller holds mu.
func (s *Service) find(nameOrARN string) *stack {
	for _, st := range slices.Backward(s.stacks) {
		if st.id == nameOrARN || st.name == nameOrARN && !st.gone() {
			return st
		}
	}
	return nil
}

// operations by name. The caller holds mu while one runs, except where it says otherwise.
var operations = map[string]func(*Service, url.Values) (any, error){
	"DescribeStacks":              (*Service).describeStacks,
	"ListStacks":                  (*Service).listStacks,
	"DescribeStackEvents":         (*Service).describeStackEvents,
	"ListStackResources":          (*Service).listStackResources,
	"DescribeStackResources":      (*Service).describeStackResources,
	"DescribeStackResource":       (*Service).describeStackResource,
	"GetTemplate":                 (*Service).getTemplate,
	"GetTemplateSummary":          (*Service).getTemplateSummary,
	"CreateChangeSet":             (*Service).createChangeSet,
	"DescribeChangeSet":           (*Service).describeChangeSet,
	"ListChangeSets":              (*Service).listChangeSets,
	"DeleteChangeSet":             (*Service).deleteChangeSet,
	"ExecuteChangeSet":            (*Service).executeChangeSet,
	"CreateStack":                 (*Service).createStack,
	"UpdateStack":                 (*Service).updateStack,
	"DeleteStack":                 (*Service).deleteStack,
	"RollbackStack":               (*Service).rollbackStack,
	"UpdateTerminationProtection": (*Service).updateTerminationProtection,
}

// ServeQuery responds to a call of the query protocol.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html
func (s *Service) ServeQuery(w http.ResponseWriter, form url.Values) {
	action := form.Get("Action")
	operation := operations[action]
	if operation == nil {
		s.fail(w, &Failure{Code: "InvalidAction", Message: "the local run does not support CloudFormation's " + action})
		return
	}
	s.mu.Lock()
	result, err := operation(s, form)
	s.mu.Unlock()
	if err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	write := func(e *xml.Encoder) error {
		start := xml.StartElement{Name: xml.Name{Space: "http://cloudformation.amazonaws.com/doc/2010-05-15/", Local: action + "Response"}}
		name := func(local string) xml.StartElement { return xml.StartElement{Name: xml.Name{Local: local}} }
		metadata := struct{ RequestId string }{s.config.NewID()}
		return errors.Join(e.EncodeToken(start), e.EncodeElement(result, name(action+"Result")),
			e.EncodeElement(metadata, name("ResponseMetadata")), e.EncodeToken(start.End()), e.Flush())
	}
	_ = write(xml.NewEncoder(w)) // a client that went away
}

func (s *Service) fail(w http.ResponseWriter, err error) {
	var f *Failure
	if !errors.As(err, &f) {
		f = &Failure{Code: "ValidationError", Message: err.Error()}
	}
	if f.Status == 0 {
		f.Status = http.StatusBadRequest
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(f.Status)
	_ = xml.NewEncoder(w).Encode(struct { // a client that went away
		XMLName   xml.Name `xml:"http://cloudformation.amazonaws.com/doc/2010-05-15/ ErrorResponse"`
		Type      string   `xml:"Error>Type"`
		Code      string   `xml:"Error>Code"`
		Message   string   `xml:"Error>Message"`
		RequestID string   `xml:"RequestId"`
	}{Type: "Sender", Code: f.Code, Message: f.Message, RequestID: s.config.NewID()})
}

// timestamp is a time in the query protocol; empty for the zero time.
func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// pageSize is how many entries a response has at most.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
const pageSize = 100

// page returns a page of a list and the token of the next one: the position at which that begins.
func page[T any](all []T, token string) ([]T, string, error) {
	begin := 0
	if token != "" {
		var err error
		if begin, err = strconv.Atoi(token); err != nil || begin < 0 || begin > len(all) {
			return nil, "", invalid("The specified NextToken is not valid")
		}
	}
	if end := begin + pageSize; end < len(all) {
		return all[begin:end], strconv.Itoa(end), nil
	}
	return all[begin:], "", nil
}

// members returns the elements of a list in a form: "Tags" for Tags.member.1.Key and so on.
func members(form url.Values, list string, fields ...string) []map[string]string {
	var all []map[string]string
	for i := 1; ; i++ {
		one := map[string]string{}
		for _, field := range fields {
			key := list + ".member." + strconv.Itoa(i) + strings.TrimSuffix("."+field, ".")
			if form.Has(key) {
				one[field] = form.Get(key)
			}
		}
		if len(one) == 0 {
			return all
		}
		all = append(all, one)
	}
}
