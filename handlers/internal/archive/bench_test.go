package archive_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/archive"
	"payment-webhooks/handlers/internal/archive/s3store"
	"payment-webhooks/handlers/internal/ledger/dynamodbledger"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/telemetry"
)

// BenchmarkArchiver archives one hour of 10 000 to 1 000 000 transactions, with the AWS
// SDK's clients, from a DynamoDB and to an S3 that are servers in this process. They make
// pages as they are asked for and keep nothing. Reported are transactions a second, and
// the largest resident set and live heap of the whole process, servers included:
//
//	go test -run '^$' -bench BenchmarkArchiver -benchtime 1x ./internal/archive
func BenchmarkArchiver(b *testing.B) {
	for _, size := range []int{10_000, 100_000, 1_000_000} {
		b.Run(strconv.Itoa(size), func(b *testing.B) { benchmarkArchiver(b, size) })
	}
}

// maxBenchmarkRSS is what the archiver may use at most, whatever the number of
// transactions. The function has 512 MB.
const maxBenchmarkRSS = 100 << 20

func benchmarkArchiver(b *testing.B, size int) {
	table, bucket := httptest.NewServer(newItems(b, size)), httptest.NewServer(&discarding{})
	defer table.Close()
	defer bucket.Close()
	cfg := func(endpoint string) aws.Config {
		return aws.Config{Region: "us-east-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	}
	clock := func() time.Time { return nextDay }
	a := archive.New(
		dynamodbledger.New(dynamodbledger.NewClient(cfg(table.URL)), "transactions-dev"), s3store.New(s3store.NewClient(cfg(bucket.URL)), "audit"),
		slog.New(slog.DiscardHandler), telemetry.NewMetrics(io.Discard, clock, "dev"), clock,
	)
	debug.FreeOSMemory() // of earlier benchmarks
	memory := watchMemory(b)
	b.ResetTimer()
	for range b.N {
		report, err := again(b, a)
		if err != nil || report.Transactions != size {
			b.Fatalf("%d transactions, %v", report.Transactions, err)
		}
	}
	b.StopTimer()
	rss, heap := memory()
	b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "transactions/s")
	b.ReportMetric(float64(rss)/(1<<20), "peak-RSS-MiB")
	b.ReportMetric(float64(heap)/(1<<20), "peak-heap-MiB")
	b.ReportMetric(0, "ns/op") // says nothing beside transactions/s
	if rss > maxBenchmarkRSS {
		b.Errorf("peak resident set of %d MiB", rss>>20)
	}
}

// watchMemory samples the process's memory until the returned function is called, which
// returns the largest resident set (0 where there is no /proc) and heap in use, in bytes.
func watchMemory(b *testing.B) func() (rss, heap uint64) {
	b.Helper()
	var rss, heap uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			heap = max(heap, m.HeapAlloc)
			// The second number is that of resident pages.
			// https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html
			if text, err := os.ReadFile("/proc/self/statm"); err == nil {
				pages, _ := strconv.ParseUint(strings.Fields(string(text))[1], 10, 64)
				rss = max(rss, pages*uint64(os.Getpagesize()))
			}
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	return func() (uint64, uint64) {
		close(stop)
		<-stopped
		return rss, heap
	}
}

// items is a DynamoDB with one hour of transactions in its index.
type items struct {
	perShard int
	before   [2]string // text of an item, without and with a fraud result
	perPage  int
}

// pageBytes is the most that a Query returns.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
const pageBytes = 1 << 20

func newItems(b *testing.B, size int) *items {
	b.Helper()
	tx := ledgertest.Transaction("txn_SSNNNNNNNN")
	tx.ReceivedAt = hour
	tx.Metadata = ledgertest.Metadata(`{"order_id":"order_SSNNNNNNNN","cart":{"items":[{"sku":"A-1","quantity":2},{"sku":"B-22","quantity":1}]},"country":"DE","ip":"203.0.113.7"}`)
	item := dynamodbledger.EncodeItem(tx)
	text := func() string {
		body, err := attributevalue.MarshalMapJSON(item)
		if err != nil {
			b.Fatal(err)
		}
		return string(body)
	}
	i := &items{perShard: size / contract.HourShards}
	i.before[0] = text()
	item[contract.FieldFraud] = scoredAttribute
	i.before[1] = text()
	i.perPage = pageBytes / len(i.before[1])
	return i
}

// scoredAttribute is a fraud result of usual size.
var scoredAttribute = func() types.AttributeValue {
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	number := func(n string) types.AttributeValue { return &types.AttributeValueMemberN{Value: n} }
	return &types.AttributeValueMemberM{Value: dynamodbledger.Item{
		contract.FraudScore: number("0.45"), contract.FraudRiskLevel: text("medium"), contract.FraudModelVersion: text("rules-2026-11"),
		contract.FraudScoredAt:    text("2026-11-20T15:00:01.500000000Z"),
		contract.FraudRiskSummary: text("Medium risk (score 0.45): an amount of 10000.00 USD or more; card of US used from BR."),
		contract.FraudRiskFactors: &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberM{Value: dynamodbledger.Item{
			contract.FraudFactorName: text("amount_magnitude"), contract.FraudFactorWeight: number("0.2"), contract.FraudFactorDetail: text("an amount of 10000.00 USD or more"),
		}}}},
	}}
}()

// ServeHTTP answers a Query of a shard.
func (i *items) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var query struct {
		ExpressionAttributeValues map[string]struct{ S string }
		ExclusiveStartKey         map[string]struct{ S string }
	}
	if err := json.NewDecoder(r.Body).Decode(&query); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, shard, _ := strings.Cut(query.ExpressionAttributeValues[":shard"].S, "#")
	first, _ := strconv.Atoi(query.ExclusiveStartKey[contract.FieldTransactionID].S)
	last := min(first+i.perPage, i.perShard)
	body := bytes.NewBuffer(make([]byte, 0, pageBytes+pageBytes/4))
	body.WriteString(`{"Items":[`)
	for n := first; n < last; n++ {
		if n > first {
			body.WriteByte(',')
		}
		scored := 0
		if n%10 == 0 {
			scored = 1
		}
		text := strings.ReplaceAll(i.before[scored], "SSNNNNNNNN", fmt.Sprintf("%s-%08d", shard, n))
		body.WriteString(strings.Replace(text, ":00.000000000Z", fmt.Sprintf(":00.%09dZ", n), 1))
	}
	body.WriteString("]")
	if last < i.perShard {
		fmt.Fprintf(body, `,"LastEvaluatedKey":{"%s":{"S":"%d"}}`, contract.FieldTransactionID, last)
	}
	body.WriteString("}")
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	_, _ = w.Write(body.Bytes()) // a client that went away
}

// discarding is an S3 that keeps nothing.
type discarding struct{ serial atomic.Int64 }

func (d *discarding) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	query := r.URL.Query()
	switch {
	case r.Method == http.MethodGet:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, "<Error><Code>NoSuchKey</Code></Error>")
	case r.Method == http.MethodPost && query.Has("uploads"):
		fmt.Fprint(w, "<R><UploadId>1</UploadId></R>")
	case r.Method == http.MethodPost:
		w.Header().Set("X-Amz-Version-Id", strconv.FormatInt(d.serial.Add(1), 10))
		fmt.Fprint(w, "<R></R>")
	default:
		w.Header().Set("X-Amz-Version-Id", strconv.FormatInt(d.serial.Add(1), 10))
		w.Header().Set("ETag", `"1"`)
	}
}
