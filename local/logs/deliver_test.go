package logs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// cloudWatch is a CloudWatch Logs with one group, which can be deleted.
type cloudWatch struct {
	mu       sync.Mutex
	group    bool
	streams  map[string][]string // messages
	calls    []string
	rejected string        // RejectedLogEventsInfo of the next PutLogEvents
	entered  chan struct{} // receives when a PutLogEvents has arrived, if not nil
	proceed  chan struct{} // what it then waits for
}

func (c *cloudWatch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request struct {
		LogStreamName string
		LogEvents     []struct {
			Message   string
			Timestamp int64
		}
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &request)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if operation == "PutLogEvents" && c.entered != nil {
		c.entered <- struct{}{}
		<-c.proceed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, operation)
	_, exists := c.streams[request.LogStreamName]
	fail := func(code string) {
		w.Header().Set("X-Amzn-Errortype", code)
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"__type":%q}`, code)
	}
	switch {
	case !c.group || operation == "PutLogEvents" && !exists:
		fail("ResourceNotFoundException")
	case operation == "CreateLogStream" && exists:
		fail("ResourceAlreadyExistsException")
	case operation == "CreateLogStream":
		c.streams[request.LogStreamName] = nil
		_, _ = io.WriteString(w, "{}")
	default:
		last := int64(0)
		for _, e := range request.LogEvents {
			if e.Timestamp < last {
				fail("InvalidParameterException")
				return
			}
			last = e.Timestamp
			c.streams[request.LogStreamName] = append(c.streams[request.LogStreamName], e.Message)
		}
		_, _ = io.WriteString(w, `{`+c.rejected+`}`)
	}
}

func newDelivery(t *testing.T) (*Delivery, *cloudWatch) {
	t.Helper()
	c := &cloudWatch{group: true, streams: map[string][]string{}}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return NewDelivery(cloudwatchlogs.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})), c
}

func TestDelivery(t *testing.T) {
	at := time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)
	t.Run("succeeds once the event is accepted", func(t *testing.T) {
		d, c := newDelivery(t)
		for _, text := range []string{"a", "b"} {
			if err := d.Put(t.Context(), "g", "s", at, text); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Join(c.streams["s"], " "); got != "a b" {
			t.Errorf("stored %q", got)
		}
		if got := strings.Join(c.calls, " "); got != "CreateLogStream PutLogEvents PutLogEvents" {
			t.Errorf("calls %s", got)
		}
	})
	t.Run("fails when the group was deleted, and goes on when it is there again", func(t *testing.T) {
		d, c := newDelivery(t)
		if err := d.Put(t.Context(), "g", "s", at, "before"); err != nil {
			t.Fatal(err)
		}
		c.mu.Lock()
		c.group, c.streams = false, map[string][]string{}
		c.mu.Unlock()
		err := d.Put(t.Context(), "g", "s", at, "lost")
		if _, gone := errors.AsType[*types.ResourceNotFoundException](err); !gone {
			t.Errorf("without the group: %v", err)
		}
		c.mu.Lock()
		c.group = true
		c.mu.Unlock()
		if err := d.Put(t.Context(), "g", "s", at, "after"); err != nil {
			t.Fatalf("with the group again: %v", err)
		}
		if got := strings.Join(c.streams["s"], " "); got != "after" {
			t.Errorf("stored %q", got)
		}
	})
	t.Run("creates the stream of a group that was deleted and created again in between", func(t *testing.T) {
		d, c := newDelivery(t)
		if err := d.Put(t.Context(), "g", "s", at, "before"); err != nil {
			t.Fatal(err)
		}
		c.mu.Lock()
		c.streams = map[string][]string{}
		c.mu.Unlock()
		if err := d.Put(t.Context(), "g", "s", at, "after"); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("fails the events that CloudWatch Logs rejects", func(t *testing.T) {
		for name, rejected := range map[string]string{
			"too old": `"rejectedLogEventsInfo":{"tooOldLogEventEndIndex":1}`, "expired": `"rejectedLogEventsInfo":{"expiredLogEventEndIndex":1}`,
			"too new": `"rejectedLogEventsInfo":{"tooNewLogEventStartIndex":0}`,
		} {
			d, c := newDelivery(t)
			c.rejected = rejected
			if err := d.Put(t.Context(), "g", "s", at, "a"); !errors.Is(err, ErrRejected) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("sends with one call what was delivered during another, in order of time", func(t *testing.T) {
		d, c := newDelivery(t)
		c.entered, c.proceed = make(chan struct{}), make(chan struct{})
		var all sync.WaitGroup
		put := func(text string, at time.Time) {
			all.Go(func() {
				if err := d.Put(t.Context(), "g", "s", at, text); err != nil {
					t.Errorf("%s: %v", text, err)
				}
			})
		}
		put("first", at)
		<-c.entered
		put("late", at.Add(time.Second))
		put("early", at)
		for d.waitingFor("g", "s") < 2 {
			time.Sleep(time.Millisecond)
		}
		c.proceed <- struct{}{}
		<-c.entered
		c.proceed <- struct{}{}
		all.Wait()
		if got := strings.Join(c.streams["s"], " "); got != "first early late" {
			t.Errorf("stored %q", got)
		}
		if got := strings.Join(c.calls, " "); got != "CreateLogStream PutLogEvents PutLogEvents" {
			t.Errorf("calls %s", got)
		}
	})
	t.Run("a caller that gives up fails no other", func(t *testing.T) {
		d, c := newDelivery(t)
		c.entered, c.proceed = make(chan struct{}), make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		given := make(chan error)
		go func() { given <- d.Put(ctx, "g", "s", at, "a") }()
		<-c.entered
		cancel()
		if err := <-given; !errors.Is(err, context.Canceled) {
			t.Errorf("gave up with %v", err)
		}
		go func() { given <- d.Put(t.Context(), "g", "s", at, "b") }()
		c.proceed <- struct{}{}
		<-c.entered
		c.proceed <- struct{}{}
		if err := <-given; err != nil {
			t.Error(err)
		}
		if got := strings.Join(c.streams["s"], " "); got != "a b" {
			t.Errorf("stored %q", got)
		}
	})
}

// waitingFor is how many events of a stream wait for the call under way.
func (d *Delivery) waitingFor(group, stream string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.streams[streamKey{group, stream}].events)
}
