package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"payment-webhooks/local/faults"
)

// serve serves the fixture's endpoint with faults, and returns a client configuration that
// does not retry.
func (f *fixture) serve(t *testing.T, specs ...faults.Spec) aws.Config {
	t.Helper()
	f.config.Faults = faults.New(1, faults.Functions{"fn-dev": "fn"})
	for _, spec := range specs {
		if _, err := f.config.Faults.Add(spec); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(f)
	f.server = server
	t.Cleanup(server.Close)
	t.Cleanup(f.config.Faults.Close) // before the server, which waits for its requests
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", CallerToken("fn")),
	}
}

// calls are a call of each protocol through the SDK.
var calls = map[string]func(context.Context, aws.Config) error{
	"dynamodb:PutItem": func(ctx context.Context, c aws.Config) error {
		_, err := dynamodb.NewFromConfig(c).PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("t"), Item: map[string]types.AttributeValue{}})
		return err
	},
	"sqs:SendMessage": func(ctx context.Context, c aws.Config) error {
		_, err := sqs.NewFromConfig(c).SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String(*c.BaseEndpoint + "/1/q"), MessageBody: aws.String("m")})
		return err
	},
	"sns:Publish": func(ctx context.Context, c aws.Config) error {
		_, err := sns.NewFromConfig(c).Publish(ctx, &sns.PublishInput{TopicArn: aws.String("arn:aws:sns:us-east-1:123456789012:topic"), Message: aws.String("m")})
		return err
	},
	"s3:PutObject": func(ctx context.Context, c aws.Config) error {
		_, err := s3.NewFromConfig(c, func(o *s3.Options) { o.UsePathStyle = true }).PutObject(ctx, &s3.PutObjectInput{
			Bucket: aws.String("b"), Key: aws.String("k"), Body: strings.NewReader("content"),
		})
		return err
	},
	"secretsmanager:GetSecretValue": func(ctx context.Context, c aws.Config) error {
		_, err := secretsmanager.NewFromConfig(c).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")})
		return err
	},
	"logs:PutLogEvents": func(ctx context.Context, c aws.Config) error {
		_, err := cloudwatchlogs.NewFromConfig(c).PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s"), LogEvents: []logtypes.InputLogEvent{}})
		return err
	},
	"lambda:Invoke": func(ctx context.Context, c aws.Config) error {
		_, err := lambda.NewFromConfig(c).Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("f")})
		return err
	},
	"cloudformation:DescribeStacks": func(ctx context.Context, c aws.Config) error {
		_, err := cloudformation.NewFromConfig(c).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{})
		return err
	},
	// Without clients of the SDK: its protocol is that of logs and of DynamoDB.
	"events:PutEvents":      raw("AWSEvents.PutEvents", "events"),
	"states:StartExecution": raw("AWSStepFunctions.StartExecution", "states"),
}

// rawError is an error response in a JSON protocol.
type rawError struct {
	status int
	Type   string `json:"__type"`
}

func (e *rawError) Error() string     { return e.Type }
func (e *rawError) ErrorCode() string { return e.Type }

func raw(target, service string) func(context.Context, aws.Config) error {
	return func(ctx context.Context, c aws.Config) error {
		r := (&fixture{}).request("test", service, target, http.MethodPost, "/", `{"Entries":[{}]}`).WithContext(ctx)
		r.URL.Scheme, r.URL.Host, r.RequestURI = "http", strings.TrimPrefix(*c.BaseEndpoint, "http://"), ""
		r.Header.Set("X-Amz-Security-Token", CallerToken("fn"))
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode/100 == 2 {
			_, err := io.Copy(io.Discard, response.Body)
			return err
		}
		failure := &rawError{status: response.StatusCode}
		if err := json.NewDecoder(response.Body).Decode(failure); err != nil {
			return err
		}
		return failure
	}
}

func statusOf(err error) int {
	if failure, ok := errors.AsType[*rawError](err); ok {
		return failure.status
	}
	if failure, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return failure.HTTPStatusCode()
	}
	return 0
}

func codeOf(err error) string {
	var api interface{ ErrorCode() string }
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// held is closed once a fault has struck.
func (f *fixture) held(t *testing.T) <-chan struct{} {
	struck := make(chan struct{})
	go func() {
		defer close(struck)
		for f.config.Faults.List()[0].Struck == 0 && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
	}()
	return struck
}

// Every fault of a call is seen by the SDK as what it is.
func TestFaults(t *testing.T) {
	throttles := retry.IsErrorThrottles(retry.DefaultThrottles)
	for hop, call := range calls {
		inject := func(t *testing.T, fault faults.Fault) (*fixture, aws.Config) {
			t.Helper()
			f, _ := newFixture(t)
			return f, f.serve(t, faults.Spec{Hop: hop, Fault: fault, Times: 1, Where: faults.Where{Caller: "fn"}})
		}
		reached := func(f *fixture) bool {
			f.server.Close() // waits for the calls, also for those whose client has left
			return len(f.moto) > 0 || f.put != nil || len(f.kept) > 0
		}
		t.Run(hop, func(t *testing.T) {
			t.Run("throttle is retried as one", func(t *testing.T) {
				f, config := inject(t, faults.Throttle)
				err := call(t.Context(), config)
				if throttles.IsErrorThrottle(err) != aws.TrueTernary || reached(f) {
					t.Errorf("%v, called all the same: %t", err, reached(f))
				}
			})
			t.Run("error is a 5xx", func(t *testing.T) {
				f, config := inject(t, faults.Error)
				if err := call(t.Context(), config); statusOf(err)/100 != 5 || codeOf(err) == "" || reached(f) {
					t.Errorf("%v, called all the same: %t", err, reached(f))
				}
			})
			t.Run("denied names the missing permission", func(t *testing.T) {
				f, config := inject(t, faults.Denied)
				if err := call(t.Context(), config); !strings.Contains(codeOf(err), "AccessDenied") && codeOf(err) != "AuthorizationError" || reached(f) {
					t.Errorf("%v, called all the same: %t", err, reached(f))
				}
			})
			t.Run("timeout holds the connection until the client gives up", func(t *testing.T) {
				f, config := inject(t, faults.Timeout)
				ctx, giveUp := context.WithCancel(t.Context())
				defer giveUp()
				go func() {
					<-f.held(t)
					time.Sleep(50 * time.Millisecond) // in which a response would arrive, if there were one
					giveUp()
				}()
				if err := call(ctx, config); !errors.Is(err, context.Canceled) || statusOf(err) != 0 || reached(f) || f.config.Faults.List()[0].Struck != 1 {
					t.Errorf("%v, called all the same: %t", err, reached(f))
				}
			})
			t.Run("timeout ends with the run", func(t *testing.T) {
				f, config := inject(t, faults.Timeout)
				ended := make(chan error, 1)
				go func() { ended <- call(t.Context(), config) }()
				select {
				case err := <-ended:
					t.Fatalf("the call ended before the run: %v", err)
				case <-f.held(t):
				}
				f.config.Faults.Close()
				if err := <-ended; err == nil || statusOf(err) != 0 {
					t.Errorf("%v, want a cut connection", err)
				}
			})
			t.Run("cut comes after the call", func(t *testing.T) {
				f, config := inject(t, faults.Cut)
				err := call(t.Context(), config)
				if err == nil || statusOf(err) != 0 || f.config.Faults.List()[0].Struck != 1 {
					t.Errorf("%v, want a cut connection", err)
				}
				// These are answered without moto or a fake that counts.
				if !reached(f) && !slices.Contains([]string{"lambda:Invoke", "cloudformation:DescribeStacks", "states:StartExecution"}, hop) {
					t.Error("the call was not made")
				}
			})
			t.Run("other callers are left alone", func(t *testing.T) {
				f, config := inject(t, faults.Error)
				config.Credentials = credentials.NewStaticCredentialsProvider("test", "test", "")
				if hop != "events:PutEvents" && hop != "states:StartExecution" { // whose raw calls have the token
					_ = call(t.Context(), config) // the fake moto's response is none of the service
					if listed := f.config.Faults.List()[0]; listed.Calls != 0 {
						t.Errorf("%d calls of a user were considered", listed.Calls)
					}
				}
			})
		})
	}
}

func TestPartial(t *testing.T) {
	// motoBatch responds as moto does to each batch call: everything succeeds.
	respond := map[string]func(request map[string]json.RawMessage) string{
		"dynamodb:BatchWriteItem": func(map[string]json.RawMessage) string { return `{"UnprocessedItems":{}}` },
		"dynamodb:BatchGetItem":   func(map[string]json.RawMessage) string { return `{"Responses":{"t":[]},"UnprocessedKeys":{}}` },
		"sqs:SendMessageBatch":    successful, "sqs:DeleteMessageBatch": successful,
		"events:PutEvents": func(request map[string]json.RawMessage) string {
			var entries []struct{ Source string }
			if json.Unmarshal(request["Entries"], &entries) != nil {
				return ""
			}
			var results []map[string]string
			for _, e := range entries {
				results = append(results, map[string]string{"EventId": e.Source})
			}
			return string(encode(map[string]any{"FailedEntryCount": 0, "Entries": results}))
		},
	}
	for hop, c := range map[string]struct {
		request func(ids []string) any
		// split returns the ids that a request or a response performs, and those that fail.
		performed, failed func(t *testing.T, body []byte) []string
	}{
		"dynamodb:BatchWriteItem": {
			func(ids []string) any {
				return map[string]any{"RequestItems": map[string]any{"t": each(ids, "PutRequest")}}
			},
			func(t *testing.T, body []byte) []string { return names(t, body, "RequestItems", "t") },
			func(t *testing.T, body []byte) []string { return names(t, body, "UnprocessedItems", "t") },
		},
		"dynamodb:BatchGetItem": {
			func(ids []string) any {
				return map[string]any{"RequestItems": map[string]any{"t": map[string]any{"ConsistentRead": true, "Keys": each(ids, "Key")}}}
			},
			func(t *testing.T, body []byte) []string { return names(t, body, "RequestItems", "t", "Keys") },
			func(t *testing.T, body []byte) []string { return names(t, body, "UnprocessedKeys", "t", "Keys") },
		},
		"sqs:SendMessageBatch": {
			func(ids []string) any { return map[string]any{"QueueUrl": "u", "Entries": each(ids, "Id")} },
			func(t *testing.T, body []byte) []string { return names(t, body, "Entries") },
			func(t *testing.T, body []byte) []string { return names(t, body, "Failed") },
		},
		"sqs:DeleteMessageBatch": {
			func(ids []string) any { return map[string]any{"QueueUrl": "u", "Entries": each(ids, "Id")} },
			func(t *testing.T, body []byte) []string { return names(t, body, "Entries") },
			func(t *testing.T, body []byte) []string { return names(t, body, "Failed") },
		},
	} {
		t.Run(hop+" fails some entries and performs the others", func(t *testing.T) {
			ids := []string{"a", "b", "c", "d", "e", "f"}
			var seen []string
			request := encode(c.request(ids))
			serve := func(w http.ResponseWriter, _ *http.Request, body []byte) {
				seen = c.performed(t, body)
				var fields map[string]json.RawMessage
				if err := json.Unmarshal(body, &fields); err != nil {
					t.Fatal(err)
				}
				_, _ = io.WriteString(w, respond[hop](fields))
			}
			failed := partially(t, hop, request, serve)
			got := append(slices.Clone(seen), c.failed(t, failed)...)
			slices.Sort(got)
			if !slices.Equal(got, ids) || len(seen) == 0 || len(seen) == len(ids) {
				t.Errorf("performed %v, the response is %s, want each of %v once", seen, failed, ids)
			}
		})
		t.Run(hop+" may fail its only entry", func(t *testing.T) {
			body := partially(t, hop, encode(c.request([]string{"a"})), func(http.ResponseWriter, *http.Request, []byte) { t.Error("the service was called") })
			if got := c.failed(t, body); !slices.Equal(got, []string{"a"}) {
				t.Errorf("failed %v in %s", got, body)
			}
		})
	}
	t.Run("events:PutEvents keeps each result at its entry's place", func(t *testing.T) {
		var entries []map[string]string
		for _, id := range []string{"a", "b", "c", "d", "e", "f"} {
			entries = append(entries, map[string]string{"Source": id})
		}
		body := partially(t, "events:PutEvents", encode(map[string]any{"Entries": entries}), func(w http.ResponseWriter, _ *http.Request, body []byte) {
			var fields map[string]json.RawMessage
			if err := json.Unmarshal(body, &fields); err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(w, respond["events:PutEvents"](fields))
		})
		var response struct {
			FailedEntryCount int
			Entries          []struct{ EventId, ErrorCode string }
		}
		if err := json.Unmarshal(body, &response); err != nil || len(response.Entries) != len(entries) {
			t.Fatalf("%s: %v", body, err)
		}
		failed := 0
		for i, result := range response.Entries {
			if result.ErrorCode != "" {
				failed++
			} else if result.EventId != entries[i]["Source"] {
				t.Errorf("entry %s has the result of %s", entries[i]["Source"], result.EventId)
			}
		}
		if failed == 0 || failed == len(entries) || failed != response.FailedEntryCount {
			t.Errorf("%d failed, counted %d", failed, response.FailedEntryCount)
		}
	})
	t.Run("passes on the rejection of the other entries", func(t *testing.T) {
		f, _ := newFixture(t)
		f.serve(t, faults.Spec{Hop: "sqs:SendMessageBatch", Fault: faults.Partial})
		w := httptest.NewRecorder()
		body := encode(map[string]any{"Entries": each([]string{"a", "b", "c", "d", "e", "f"}, "Id")})
		f.inject(w, f.request("test", "sqs", "AmazonSQS.SendMessageBatch", http.MethodPost, "/", string(body)), "sqs", "SendMessageBatch", body,
			func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(http.StatusBadRequest) })
		if w.Code != http.StatusBadRequest {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// partially makes a batch call of which some entries fail and returns the response.
func partially(t *testing.T, hop string, body []byte, serve func(http.ResponseWriter, *http.Request, []byte)) []byte {
	t.Helper()
	f, _ := newFixture(t)
	f.serve(t, faults.Spec{Hop: hop, Fault: faults.Partial})
	service, operation, _ := strings.Cut(hop, ":")
	w := httptest.NewRecorder()
	f.inject(w, f.request("test", service, "X."+operation, http.MethodPost, "/", string(body)), service, operation, body, serve)
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.Bytes()
}

func successful(request map[string]json.RawMessage) string {
	return `{"Successful":` + string(request["Entries"]) + `}`
}

// each returns an object for each id, with the id as the value of a member.
func each(ids []string, member string) []map[string]string {
	var all []map[string]string
	for _, id := range ids {
		all = append(all, map[string]string{member: id})
	}
	return all
}

// names returns the ids of a list at a path: the first member of its objects that is one
// letter.
func names(t *testing.T, body []byte, path ...string) []string {
	t.Helper()
	raw := json.RawMessage(body)
	for _, member := range path {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(raw, &object); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		raw = object[member]
	}
	var objects []map[string]any
	if raw != nil {
		if err := json.Unmarshal(raw, &objects); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
	}
	var ids []string
	for _, object := range objects {
		for _, value := range object {
			if id, ok := value.(string); ok && len(id) == 1 {
				ids = append(ids, id)
			}
		}
	}
	return ids
}
