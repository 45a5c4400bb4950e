package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/local/eventsource"
	"payment-webhooks/local/faults"
)

// fakeStream is a shard whose iterators are positions.
type fakeStream struct {
	mu      sync.Mutex
	records []Record
	fail    int // reads that fail first
	ends    bool
	started []string
	limits  []int
}

func (f *fakeStream) Shards(context.Context, string) ([]string, error) {
	return []string{"shardId-1"}, nil
}

func (f *fakeStream) Iterator(_ context.Context, _, _, position string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.started = append(f.started, position)
	if position == "LATEST" {
		return strconv.Itoa(len(f.records)), nil
	}
	return "0", nil
}

func (f *fakeStream) Records(_ context.Context, iterator string, limit int) ([]Record, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail > 0 {
		f.fail--
		return nil, "", errors.New("down")
	}
	from, _ := strconv.Atoi(iterator)
	to := min(from+limit, len(f.records))
	f.limits = append(f.limits, limit)
	if f.ends && to == len(f.records) {
		return f.records[from:to], "", nil
	}
	return f.records[from:to], strconv.Itoa(to), nil
}

func (f *fakeStream) add(records ...Record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.records = append(f.records, records...)
}

// rec is an INSERT of item key with sequence number seq, created now.
func rec(seq int, key string) Record {
	return Record{
		EventID: fmt.Sprintf("e%d", seq), EventName: "INSERT", EventVersion: "1.1", Region: "us-east-1", SequenceNumber: strconv.Itoa(seq),
		SizeBytes: 26, ViewType: "NEW_AND_OLD_IMAGES", Created: time.Now(),
		Keys:     json.RawMessage(fmt.Sprintf(`{"id":{"S":%q}}`, key)),
		NewImage: json.RawMessage(fmt.Sprintf(`{"amount":{"N":"%d.10"},"id":{"S":%q}}`, seq, key)),
	}
}

func recs(from, to int) []Record {
	var all []Record
	for seq := from; seq <= to; seq++ {
		all = append(all, rec(seq, fmt.Sprintf("k%d", seq)))
	}
	return all
}

// fakeFunction responds with respond and records the sequence numbers of each invocation.
type fakeFunction struct {
	mu      sync.Mutex
	respond func(call int, batch []string) (eventsource.Result, error)
	batches []string // sequence numbers, separated by spaces
	times   []time.Time
	payload []byte // of the last invocation
}

func (f *fakeFunction) Invoke(_ context.Context, payload []byte) (eventsource.Result, error) {
	var event struct {
		Records []struct {
			Dynamodb struct{ SequenceNumber string }
		}
	}
	if err := json.Unmarshal(payload, &event); err != nil {
		return eventsource.Result{}, err
	}
	var batch []string
	for _, r := range event.Records {
		batch = append(batch, r.Dynamodb.SequenceNumber)
	}
	f.mu.Lock()
	f.batches, f.times, f.payload = append(f.batches, strings.Join(batch, " ")), append(f.times, time.Now()), payload
	call := len(f.batches)
	f.mu.Unlock()
	if f.respond == nil {
		return eventsource.Result{StatusCode: 200, Payload: []byte(`{"batchItemFailures":[]}`)}, nil
	}
	return f.respond(call, batch)
}

var functionError = eventsource.Result{RequestID: "r-1", StatusCode: 200, ExecutedVersion: "$LATEST", FunctionError: "Unhandled", Payload: []byte(`{}`)}

// poison fails every batch that has the sequence number.
func poison(seq string) func(int, []string) (eventsource.Result, error) {
	return func(_ int, batch []string) (eventsource.Result, error) {
		for _, s := range batch {
			if s == seq {
				return functionError, nil
			}
		}
		return eventsource.Result{StatusCode: 200}, nil
	}
}

// reported reports the sequence numbers, those of them that the batch has.
func reported(seqs ...string) func(int, []string) (eventsource.Result, error) {
	return func(_ int, batch []string) (eventsource.Result, error) {
		var failures []string
		for _, s := range batch {
			for _, seq := range seqs {
				if s == seq {
					failures = append(failures, fmt.Sprintf(`{"itemIdentifier":%q}`, seq))
				}
			}
		}
		return eventsource.Result{StatusCode: 200, ExecutedVersion: "$LATEST", RequestID: "r-1", Payload: []byte(`{"batchItemFailures":[` + strings.Join(failures, ",") + `]}`)}, nil
	}
}

type fakeQueue struct {
	mu     sync.Mutex
	queues []string
	bodies []string
}

func (q *fakeQueue) Send(_ context.Context, queue string, body []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.queues, q.bodies = append(q.queues, queue), append(q.bodies, string(body))
	return nil
}

const streamARN = "arn:aws:dynamodb:us-east-1:123456789012:table/transactions/stream/2026-11-22T15:00:00.000"

func mappingProperties(t *testing.T, fields string) eventsource.Properties {
	t.Helper()
	return properties(t, `{"EventSourceArn":"`+streamARN+`","FunctionName":"relay","StartingPosition":"TRIM_HORIZON",
		"DestinationConfig":{"OnFailure":{"Destination":"arn:aws:sqs:us-east-1:123456789012:dlq"}}`+fields+`}`)
}

// fixture runs a mapping over a fake stream within a synctest bubble.
type fixture struct {
	mapping  *Mapping
	stream   *fakeStream
	function *fakeFunction
	queue    *fakeQueue
	log      strings.Builder
	stop     func() error
}

func start(t *testing.T, fields string, respond func(int, []string) (eventsource.Result, error), records ...Record) *fixture {
	t.Helper()
	return startWith(t, fields, nil, respond, records...)
}

func startWith(t *testing.T, fields string, injected *faults.Set, respond func(int, []string) (eventsource.Result, error), records ...Record) *fixture {
	t.Helper()
	return startMapping(t, mappingProperties(t, fields), injected, respond, records...)
}

func startMapping(t *testing.T, p eventsource.Properties, injected *faults.Set, respond func(int, []string) (eventsource.Result, error), records ...Record) *fixture {
	t.Helper()
	f := &fixture{stream: &fakeStream{records: records}, function: &fakeFunction{respond: respond}, queue: &fakeQueue{}}
	var err error
	f.mapping, err = Load("Mapping", p, Config{
		Function: f.function, FunctionARN: "arn:aws:lambda:us-east-1:123456789012:function:relay", Destination: f.queue, Faults: injected,
		Log: slog.New(slog.NewJSONHandler(&f.log, nil)), NewID: func() string { return "new-id" },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.mapping.Run(ctx, f.stream) }()
	f.stop = func() error {
		cancel()
		return <-done
	}
	return f
}

// runAll runs a mapping until all records are delivered or discarded.
func runAll(t *testing.T, fields string, respond func(int, []string) (eventsource.Result, error), records ...Record) *fixture {
	t.Helper()
	f := start(t, fields, respond, records...)
	if err := f.mapping.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.stop(); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestMapping(t *testing.T) {
	t.Run("invokes the function with the event that Lambda sends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := runAll(t, "", nil, rec(1, "a"))
			want := `{"Records":[{"eventID":"e1","eventName":"INSERT","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"us-east-1","dynamodb":{"ApproximateCreationDateTime":9.466848E8,"Keys":{"id":{"S":"a"}},"NewImage":{"amount":{"N":"1.10"},"id":{"S":"a"}},"SequenceNumber":"1","SizeBytes":26,"StreamViewType":"NEW_AND_OLD_IMAGES"},"eventSourceARN":"` + streamARN + `"}]}`
			if got := string(f.function.payload); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if got, want := f.mapping.Stats(), (eventsource.Stats{Batches: 1, Delivered: 1}); got != want {
				t.Errorf("got stats %+v, want %+v", got, want)
			}
		})
	})
	t.Run("at LATEST skips existing records", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			stream := &fakeStream{records: recs(1, 3)}
			function := &fakeFunction{}
			latest := mappingProperties(t, "")
			latest.StartingPosition = "LATEST"
			m, err := Load("Mapping", latest, Config{Function: function})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- m.Run(ctx, stream) }()
			_ = m.Idle(ctx)
			stream.add(rec(4, "d"))
			_ = m.Idle(ctx)
			cancel()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"4"}, function.batches); diff != "" {
				t.Errorf("batches (-want +got):\n%s", diff)
			}
		})
	})
	t.Run("with parallel batches keeps the order of an item", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var records []Record
			for seq := 1; seq <= 40; seq++ {
				records = append(records, rec(seq, fmt.Sprintf("k%d", seq%8)))
			}
			running, most := 0, 0
			var mu sync.Mutex
			f := runAll(t, `,"ParallelizationFactor":4`, func(int, []string) (eventsource.Result, error) {
				mu.Lock()
				running++
				most = max(most, running)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				running--
				mu.Unlock()
				return eventsource.Result{StatusCode: 200}, nil
			}, records...)
			if most < 2 || most > 4 {
				t.Errorf("%d batches ran at the same time, want 2 to 4", most)
			}
			last := map[int]int{}
			batchOf := map[int]int{}
			total := 0
			for n, batch := range f.function.batches {
				for _, text := range strings.Fields(batch) {
					seq, _ := strconv.Atoi(text)
					key := seq % 8
					if other, ok := batchOf[key]; seq < last[key] || (ok && other != n) {
						t.Errorf("record %d of item %d comes after %d or in another batch", seq, key, last[key])
					}
					last[key], batchOf[key] = seq, n
					total++
				}
			}
			if total != 40 {
				t.Errorf("%d records were delivered, want 40", total)
			}
		})
	})
	t.Run("with few records needs one batch", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := runAll(t, `,"ParallelizationFactor":10`, nil, recs(1, perBatch)...)
			if len(f.function.batches) != 1 {
				t.Errorf("batches %q, want one", f.function.batches)
			}
		})
	})
	t.Run("reads four times a second, and at once what a read has left", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			f := start(t, `,"BatchSize":10`, nil, recs(1, 15)...)
			if err := f.mapping.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if took := f.function.times[1].Sub(begin); took != 0 {
				t.Errorf("the records after a full read come %s later", took)
			}
			f.stream.add(rec(16, "k"))
			if err := f.mapping.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := f.stop(); err != nil {
				t.Fatal(err)
			}
			if reads := time.Since(begin).Milliseconds() / 250; int64(len(f.stream.limits)) > reads+2 {
				t.Errorf("%d reads in %s", len(f.stream.limits), time.Since(begin))
			}
		})
	})
	t.Run("goes on where the one before it ended", func(t *testing.T) {
		for name, c := range map[string]struct {
			respond func(int, []string) (eventsource.Result, error)
			want    []string
		}{
			"after what was processed":             {nil, []string{"3"}},
			"with the batch that was not finished": {poison("2"), []string{"1 2 3"}},
		} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					before := start(t, "", c.respond, recs(1, 2)...)
					time.Sleep(time.Second) // the first batch is processed, or retried
					if err := before.stop(); err != nil {
						t.Fatal(err)
					}
					before.stream.add(rec(3, "a"))
					function := &fakeFunction{}
					after, err := Load("Mapping", mappingProperties(t, ""), Config{Function: function})
					if err != nil {
						t.Fatal(err)
					}
					after.Continue(before.mapping)
					ctx, cancel := context.WithCancel(t.Context())
					done := make(chan error, 1)
					go func() { done <- after.Run(ctx, before.stream) }()
					if err := after.Idle(t.Context()); err != nil {
						t.Fatal(err)
					}
					cancel()
					if err := <-done; err != nil || !slices.Equal(function.batches, c.want) {
						t.Errorf("batches %q, want %q; %v", function.batches, c.want, err)
					}
				})
			})
		}
	})
	t.Run("retries read errors for as long as there are any", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := start(t, "", nil, rec(1, "a"))
			f.stream.mu.Lock()
			f.stream.fail = 100
			f.stream.mu.Unlock()
			if err := f.mapping.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			_ = f.stop()
			if len(f.function.batches) != 1 {
				t.Errorf("got batches %v, want one", f.function.batches)
			}
		})
	})
	t.Run("ends when the stream cannot be read", func(t *testing.T) {
		for name, stream := range map[string]*fakeStream{"end of the shard": {ends: true}} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m, err := Load("Mapping", mappingProperties(t, ""), Config{Function: &fakeFunction{}})
					if err != nil {
						t.Fatal(err)
					}
					if err := m.Run(t.Context(), stream); err == nil || !strings.Contains(err.Error(), streamARN) {
						t.Errorf("got error %v, want one that names the stream", err)
					}
				})
			})
		}
	})
}

func TestBatches(t *testing.T) {
	t.Run("have up to BatchSize records", func(t *testing.T) {
		cases := map[string]struct {
			fields string
			want   []string
		}{
			"one batch":           {``, []string{"1 2 3 4 5"}},
			"batch size":          {`,"BatchSize":2`, []string{"1 2", "3 4", "5"}},
			"one record at most":  {`,"BatchSize":1`, []string{"1", "2", "3", "4", "5"}},
			"filtered out":        {`,"FilterCriteria":{"Filters":[{"Pattern":"{\"eventName\":[\"REMOVE\"]}"}]}`, nil},
			"two filters mean or": {`,"FilterCriteria":{"Filters":[{"Pattern":"{\"dynamodb\":{\"Keys\":{\"id\":{\"S\":[\"k2\"]}}}}"},{"Pattern":"{\"dynamodb\":{\"NewImage\":{\"amount\":{\"N\":[\"4.10\"]}}}}"}]}`, []string{"2 4"}},
			"disabled filters":    {`,"FilterCriteria":{"Filters":[]}`, []string{"1 2 3 4 5"}},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := runAll(t, c.fields, nil, recs(1, 5)...)
					if diff := cmp.Diff(c.want, f.function.batches); diff != "" {
						t.Errorf("batches (-want +got):\n%s", diff)
					}
				})
			})
		}
	})
	t.Run("wait for the batching window", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			started := time.Now()
			f := start(t, `,"MaximumBatchingWindowInSeconds":10`, nil, rec(1, "a"))
			time.Sleep(3 * time.Second)
			f.stream.add(rec(2, "b"))
			if err := f.mapping.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := f.stop(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"1 2"}, f.function.batches); diff != "" {
				t.Errorf("batches (-want +got):\n%s", diff)
			}
			if after := f.function.times[0].Sub(started); after != 10*time.Second {
				t.Errorf("invoked after %s, want 10 s", after)
			}
		})
	})
	t.Run("fit into an invocation", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			large := rec(1, "a")
			large.NewImage = json.RawMessage(`{"x":{"S":"` + strings.Repeat("x", 4*1024*1024) + `"}}`)
			other := large
			other.SequenceNumber = "2"
			f := runAll(t, "", nil, large, other, rec(3, "b"))
			if diff := cmp.Diff([]string{"1", "2 3"}, f.function.batches); diff != "" {
				t.Errorf("batches (-want +got):\n%s", diff)
			}
		})
	})
}

func TestFailures(t *testing.T) {
	t.Run("are retried or discarded", func(t *testing.T) {
		cases := map[string]struct {
			fields    string
			respond   func(int, []string) (eventsource.Result, error)
			batches   []string
			discarded []string // first and last sequence number of each on-failure record
		}{
			"until it succeeds": {``, func(call int, _ []string) (eventsource.Result, error) {
				if call < 4 {
					return eventsource.Result{}, errors.New("throttled")
				}
				return eventsource.Result{StatusCode: 200}, nil
			}, []string{"1 2 3 4", "1 2 3 4", "1 2 3 4", "1 2 3 4"}, nil},
			"attempts used up": {`,"MaximumRetryAttempts":2`, poison("3"), []string{"1 2 3 4", "1 2 3 4", "1 2 3 4"}, []string{"1-4"}},
			"no retries":       {`,"MaximumRetryAttempts":0`, poison("3"), []string{"1 2 3 4"}, []string{"1-4"}},
			"bisected": {
				`,"MaximumRetryAttempts":1,"BisectBatchOnFunctionError":true`, poison("3"),
				[]string{"1 2 3 4", "1 2", "3 4", "3", "3", "4"},
				[]string{"3-3"},
			},
			"partial response ignored": {`,"MaximumRetryAttempts":1`, reported("3"), []string{"1 2 3 4"}, nil},
			"partial response": {
				`,"MaximumRetryAttempts":1,"FunctionResponseTypes":["ReportBatchItemFailures"]`, reported("3"),
				[]string{"1 2 3 4", "3 4"},
				[]string{"3-4"},
			},
			"lowest of several": {
				`,"MaximumRetryAttempts":0,"FunctionResponseTypes":["ReportBatchItemFailures"]`, reported("4", "2"),
				[]string{"1 2 3 4"},
				[]string{"2-4"},
			},
			"partial response and bisect": {
				`,"MaximumRetryAttempts":2,"BisectBatchOnFunctionError":true,"FunctionResponseTypes":["ReportBatchItemFailures"]`, reported("3"),
				[]string{"1 2 3 4", "3 4", "3", "3", "3", "4"},
				[]string{"3-3"},
			},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := runAll(t, c.fields, c.respond, recs(1, 4)...)
					if diff := cmp.Diff(c.batches, f.function.batches); diff != "" {
						t.Errorf("batches (-want +got):\n%s", diff)
					}
					var discarded []string
					for _, body := range f.queue.bodies {
						var r onFailureRecord
						if err := json.Unmarshal([]byte(body), &r); err != nil {
							t.Fatal(err)
						}
						discarded = append(discarded, r.BatchInfo.StartSequenceNumber+"-"+r.BatchInfo.EndSequenceNumber)
					}
					if diff := cmp.Diff(c.discarded, discarded); diff != "" {
						t.Errorf("discarded (-want +got):\n%s", diff)
					}
					if s := f.mapping.Stats(); s.Delivered+s.Discarded != 4 {
						t.Errorf("stats %+v do not account for 4 records", s)
					}
				})
			})
		}
	})
	// The rows are those of "Configuring partial batch response with DynamoDB and Lambda".
	t.Run("may be partial", func(t *testing.T) {
		cases := map[string]struct {
			response string
			from     int // position of the first record that is retried; 3 is success
		}{
			"empty list":       {`{"batchItemFailures":[]}`, 3},
			"null list":        {`{"batchItemFailures":null}`, 3},
			"empty response":   {`{}`, 3},
			"null response":    {`null`, 3},
			"no response":      {``, 3},
			"empty text":       {`""`, 3},
			"a list, empty":    {`[]`, 3},
			"a list":           {`["2"]`, 0},
			"a text":           {`"2"`, 0},
			"number as key":    {`{"batchItemFailures":[{"itemIdentifier":2}]}`, 0},
			"one":              {`{"batchItemFailures":[{"itemIdentifier":"2"}]}`, 1},
			"two":              {`{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":"2"}]}`, 1},
			"empty identifier": {`{"batchItemFailures":[{"itemIdentifier":""}]}`, 0},
			"null identifier":  {`{"batchItemFailures":[{"itemIdentifier":null}]}`, 0},
			"bad key name":     {`{"batchItemFailures":[{"itemIdentifer":"2"}]}`, 0},
			"unknown record":   {`{"batchItemFailures":[{"itemIdentifier":"9"}]}`, 0},
			"wrong type":       {`{"batchItemFailures":"2"}`, 0},
		}
		m, err := Load("Mapping", mappingProperties(t, `,"FunctionResponseTypes":["ReportBatchItemFailures"]`), Config{})
		if err != nil {
			t.Fatal(err)
		}
		batch := []item{{record: rec(1, "a")}, {record: rec(2, "b")}, {record: rec(3, "c")}}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				from, failed := m.firstFailed(batch, eventsource.Result{Payload: []byte(c.response)}, nil)
				if from != c.from || failed != (c.from < 3) {
					t.Errorf("got %d, %t, want %d", from, failed, c.from)
				}
			})
		}
	})
	t.Run("discard records that are too old", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			old, young := rec(1, "a"), rec(2, "b")
			old.Created = old.Created.Add(-61 * time.Second)
			f := runAll(t, `,"MaximumRecordAgeInSeconds":60`, nil, old, young)
			if diff := cmp.Diff([]string{"2"}, f.function.batches); diff != "" {
				t.Errorf("batches (-want +got):\n%s", diff)
			}
			if len(f.queue.bodies) != 1 || !strings.Contains(f.queue.bodies[0], `"requestId":"new-id"`) ||
				!strings.Contains(f.queue.bodies[0], `"condition":"RecordAgeExceeded","approximateInvokeCount":0},"version"`) {
				t.Errorf("got on-failure records %v", f.queue.bodies)
			}
		})
	})
	t.Run("are retried until the records expire", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			started := time.Now()
			f := runAll(t, `,"MaximumRecordAgeInSeconds":60`, poison("1"), rec(1, "a"))
			if took := time.Since(started); took < time.Minute || took > 2*time.Minute {
				t.Errorf("gave up after %s, want a minute", took)
			}
			if len(f.queue.bodies) != 1 || !strings.Contains(f.queue.bodies[0], "RecordAgeExceeded") {
				t.Errorf("got on-failure records %v", f.queue.bodies)
			}
		})
	})
	t.Run("are retried by age alone, and bisecting isolates what kills the function", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			later := rec(3, "c")
			later.Created = later.Created.Add(50 * time.Second)
			f := runAll(t, `,"MaximumRetryAttempts":-1,"MaximumRecordAgeInSeconds":60,"BisectBatchOnFunctionError":true`, poison("2"), append(recs(1, 2), later)...)
			if got, want := f.mapping.Stats(), (eventsource.Stats{Delivered: 2, Discarded: 1}); got.Delivered != want.Delivered || got.Discarded != want.Discarded {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if len(f.queue.bodies) != 1 || !strings.Contains(f.queue.bodies[0], `"startSequenceNumber":"2","endSequenceNumber":"2"`) {
				t.Errorf("got on-failure records %v", f.queue.bodies)
			}
		})
	})
	t.Run("send the documented record to the destination", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := runAll(t, `,"MaximumRetryAttempts":1`, poison("2"), recs(1, 2)...)
			want := `{"requestContext":{"requestId":"r-1","functionArn":"arn:aws:lambda:us-east-1:123456789012:function:relay","condition":"RetryAttemptsExhausted","approximateInvokeCount":2},"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"version":"1.0","timestamp":"2000-01-01T00:00:00.500Z","DDBStreamBatchInfo":{"shardId":"shardId-1","startSequenceNumber":"1","endSequenceNumber":"2","approximateArrivalOfFirstRecord":"2000-01-01T00:00:00Z","approximateArrivalOfLastRecord":"2000-01-01T00:00:00Z","batchSize":2,"streamArn":"` + streamARN + `"}}`
			if diff := cmp.Diff([]string{want}, f.queue.bodies); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"arn:aws:sqs:us-east-1:123456789012:dlq"}, f.queue.queues); diff != "" {
				t.Errorf("queues (-want +got):\n%s", diff)
			}
		})
	})
	t.Run("have no function error in the record when the function reported them", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := runAll(t, `,"MaximumRetryAttempts":1,"FunctionResponseTypes":["ReportBatchItemFailures"]`, reported("2"), recs(1, 2)...)
			if len(f.queue.bodies) != 1 || !strings.Contains(f.queue.bodies[0], `"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":null}`) {
				t.Errorf("records %v", f.queue.bodies)
			}
		})
	})
	t.Run("without a destination are logged", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startMapping(t, properties(t, `{"EventSourceArn":"`+streamARN+`","FunctionName":"relay",
			"StartingPosition":"TRIM_HORIZON","MaximumRetryAttempts":0}`), nil, poison("1"), rec(1, "a"))
			if err := f.mapping.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			_ = f.stop()
			if log := f.log.String(); !strings.Contains(log, `"level":"ERROR","msg":"records dropped`) || strings.Contains(log, "amount") {
				t.Errorf("the log does not say that records were dropped, or shows them: %s", log)
			}
		})
	})
}

func TestLoad(t *testing.T) {
	t.Run("names all problems of a mapping", func(t *testing.T) {
		cases := map[string]struct {
			properties string
			want       []string
		}{
			"several": {
				`{"EventSourceArn":"arn:aws:kinesis:x","StartingPosition":"AT_TIMESTAMP","BatchSize":10001,"ParallelizationFactor":11,"MaximumRetryAttempts":-2,"MaximumRecordAgeInSeconds":59,"MaximumBatchingWindowInSeconds":301,
			"FunctionResponseTypes":["X"],"DestinationConfig":{"OnFailure":{"Destination":"arn:aws:sns:x"}},"FilterCriteria":{"Filters":[{"Pattern":"{\"a\":[{\"regex\":1}]}"},{"Pattern":"{\"$or\":[{\"a\":[1]},{\"b\":[1]}]}"}]}}`,
				[]string{"kinesis", "AT_TIMESTAMP", "BatchSize 10001", "ParallelizationFactor 11", "MaximumRetryAttempts -2", "MaximumRecordAgeInSeconds 59", "MaximumBatchingWindowInSeconds 301", "FunctionResponseTypes X", "arn:aws:sns:x", "regex", "$or"},
			},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				_, err := Load("TheMapping", properties(t, c.properties), Config{})
				if !errors.Is(err, ErrMapping) {
					t.Fatalf("got error %v, want ErrMapping", err)
				}
				for _, want := range append(c.want, "TheMapping") {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("error does not say %q: %v", want, err)
					}
				}
			})
		}
	})
}

// properties decodes the properties of a resource.
func properties(t *testing.T, text string) eventsource.Properties {
	t.Helper()
	var p eventsource.Properties
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		t.Fatal(err)
	}
	return p
}
