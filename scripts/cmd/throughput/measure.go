package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/moto"
	"payment-webhooks/local/session"
)

// warmUp is how many payments are sent before the measurement: the environments of the
// functions have started then.
const warmUp = 60

// account is any account: the bare puts have no policies.
const account = "123456789012"

// measure adds one round to results.
func measure(ctx context.Context, cdkOut string, clients []int, payments int, results []result, log io.Writer) (err error) {
	s, err := session.Start(ctx, session.Options{Root: ".", CDKOut: cdkOut, Log: log, Flags: []string{"--quiet"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	b, err := newBare(ctx, s)
	if err != nil {
		return err
	}
	defer b.server.Stop()
	l := &local{session: s, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: slices.Max(clients)}}}
	if _, err := load(ctx, slices.Max(clients), warmUp, l.pay); err != nil {
		return err
	}
	if err := l.idle(ctx); err != nil {
		return err
	}
	if b.item, err = l.lastItem(ctx, s); err != nil {
		return err
	}
	if _, err := load(ctx, slices.Max(clients), warmUp, b.put); err != nil {
		return err
	}
	for i, n := range clients {
		begin := time.Now()
		acknowledged, err := load(ctx, n, payments, l.pay)
		if err != nil {
			return err
		}
		if err := l.idle(ctx); err != nil {
			return err
		}
		whole := time.Since(begin)
		put, err := load(ctx, n, payments, b.put)
		if err != nil {
			return err
		}
		fmt.Fprintf(log, "%2d clients: %.0f payments/s, p50 %s; %.0f puts/s, p50 %s\n", n, acknowledged.perSecond, acknowledged.p50, put.perSecond, put.p50)
		r := &results[i]
		r.local, r.bare, r.whole = append(r.local, acknowledged.perSecond), append(r.bare, put.perSecond), append(r.whole, float64(payments)/whole.Seconds())
		r.p50, r.p99 = append(r.p50, acknowledged.p50), append(r.p99, acknowledged.p99)
		r.bareP50, r.bareP99 = append(r.bareP50, put.p50), append(r.bareP99, put.p99)
	}
	return nil
}

// rate is how fast a load went.
type rate struct {
	perSecond float64
	p50, p99  time.Duration
}

// load calls do n times from a number of clients.
func load(ctx context.Context, clients, n int, do func(ctx context.Context) error) (rate, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan struct{}, n)
	for range n {
		work <- struct{}{}
	}
	close(work)
	var mu sync.Mutex
	var took []time.Duration
	var all sync.WaitGroup
	begin := time.Now()
	for range clients {
		all.Go(func() {
			for range work {
				start := time.Now()
				if err := do(ctx); err != nil {
					cancel(err)
					return
				}
				d := time.Since(start)
				mu.Lock()
				took = append(took, d)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return rate{}, err
	}
	whole := time.Since(begin)
	slices.Sort(took)
	return rate{float64(n) / whole.Seconds(), took[n/2], took[n*99/100]}, nil
}

// local sends payments to the local run.
type local struct {
	session *session.Session
	http    *http.Client
	mu      sync.Mutex
	sent    int
}

func (l *local) next() (id string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
	return fmt.Sprintf("txn_bench_%d", l.sent), l.sent
}

// pay sends a payment. Of twenty, one is of the default tier high, three are medium and
// sixteen low.
func (l *local) pay(ctx context.Context) error {
	id, n := l.next()
	amount := 500
	switch n % 20 {
	case 0:
		amount = 15_000
	case 5, 10, 15:
		amount = 5_000
	}
	body := fmt.Sprintf(`{"transaction_id":%q,"amount":%d,"currency":"USD","provider":"shop","customer_id":"cust_%d","metadata":{"order_id":"order_%d","channel":"web"}}`, id, amount, n, n)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.session.APIURL+"/webhook", bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := l.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusAccepted {
		return fmt.Errorf("payment %s: %s: %s", id, response.Status, text)
	}
	return nil
}

// idle waits until every payment sent was published and every log line is written.
func (l *local) idle(ctx context.Context) error {
	err := session.Until(ctx, func() (bool, error) {
		var mappings []struct {
			Stats struct{ Delivered int }
		}
		if err := l.session.Control(ctx, http.MethodGet, "/_local/mappings", nil, &mappings); err != nil {
			return false, err
		}
		delivered := 0
		for _, m := range mappings {
			delivered += m.Stats.Delivered
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		return delivered >= l.sent, nil
	})
	return errors.Join(err, l.session.Control(ctx, http.MethodPost, "/_local/flush", nil, nil))
}

// lastItem reads the payment sent last, so that the bare puts store the same.
func (l *local) lastItem(ctx context.Context, s *session.Session) (map[string]types.AttributeValue, error) {
	id := fmt.Sprintf("txn_bench_%d", l.sent)
	out, err := dynamodb.NewFromConfig(s.AWS).GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(s.Outputs[contract.OutputTable]),
		Key: map[string]types.AttributeValue{
			contract.FieldTransactionID: &types.AttributeValueMemberS{Value: id},
			contract.FieldProvider:      &types.AttributeValueMemberS{Value: "shop"},
		},
	})
	if err == nil && out.Item == nil {
		err = fmt.Errorf("payment %s is not in the table", id)
	}
	return out.Item, err
}

// bare puts items into a data server without anything in between.
type bare struct {
	server *moto.Server
	client *dynamodb.Client
	table  *string
	item   map[string]types.AttributeValue

	mu   sync.Mutex
	sent int
}

// newBare starts a data server with the same table as the session's.
func newBare(ctx context.Context, s *session.Session) (*bare, error) {
	path, err := moto.Find(".", os.Getenv)
	if err != nil {
		return nil, err
	}
	b := &bare{table: aws.String(s.Outputs[contract.OutputTable])}
	if b.server, err = moto.Start(ctx, path, account); err != nil {
		return nil, err
	}
	config, err := session.Config(ctx, b.server.URL)
	if err != nil {
		b.server.Stop()
		return nil, err
	}
	config.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.MaxIdleConnsPerHost = 64 })
	b.client = dynamodb.NewFromConfig(config)
	if err := b.create(ctx, dynamodb.NewFromConfig(s.AWS)); err != nil {
		b.server.Stop()
		return nil, err
	}
	return b, nil
}

func (b *bare) create(ctx context.Context, local *dynamodb.Client) error {
	out, err := local.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: b.table})
	if err != nil {
		return err
	}
	input := &dynamodb.CreateTableInput{
		TableName: b.table, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: out.Table.AttributeDefinitions, KeySchema: out.Table.KeySchema, StreamSpecification: out.Table.StreamSpecification,
	}
	for _, index := range out.Table.GlobalSecondaryIndexes {
		input.GlobalSecondaryIndexes = append(input.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: index.IndexName, KeySchema: index.KeySchema, Projection: index.Projection,
		})
	}
	_, err = b.client.CreateTable(ctx, input)
	return err
}

func (b *bare) put(ctx context.Context) error {
	b.mu.Lock()
	b.sent++
	item := map[string]types.AttributeValue{}
	for name, value := range b.item {
		item[name] = value
	}
	item[contract.FieldTransactionID] = &types.AttributeValueMemberS{Value: fmt.Sprintf("txn_bench_%d", b.sent)}
	b.mu.Unlock()
	_, err := b.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: b.table, Item: item,
		ConditionExpression:                 aws.String("attribute_not_exists(" + contract.FieldTransactionID + ")"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	return err
}
