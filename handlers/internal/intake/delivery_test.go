package intake_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger/dynamodbledger"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/adyen"
	"payment-webhooks/handlers/internal/provider/paypal"
	"payment-webhooks/handlers/internal/provider/square"
	"payment-webhooks/handlers/internal/provider/standardwebhooks"
	"payment-webhooks/handlers/internal/provider/stripe"
	"payment-webhooks/handlers/internal/transaction"
)

// storedAsRefunds are deliveries that an earlier release stored as refunds, and that are
// decoded as reversals now, which move the same money. A repeat is a duplicate.
var storedAsRefunds = []string{"paypal_reversal", "paypal_sale_reversal"}

func TestStoredDelivery(t *testing.T) {
	decoders := map[string]func(provider.Delivery) ([]provider.Event, error){
		"":       canonicalEvent,
		"adyen":  adyen.New(adyen.Options{}).Decode,
		"paypal": paypal.New(paypal.Options{}).Decode,
		"square": square.New().Decode,
		"stripe": stripe.New().Decode,
	}
	for _, delivery := range ledgertest.Stored(t) {
		t.Run(delivery.Name+"/becomes the same items", func(t *testing.T) {
			events, err := decoders[delivery.Provider](provider.Delivery{Body: []byte(delivery.Delivery), ReceivedAt: delivery.ReceivedAt})
			if err != nil {
				t.Fatal(err)
			}
			events = slices.DeleteFunc(events, func(e provider.Event) bool { return e.Transaction == nil })
			if len(events) != len(delivery.Transactions) {
				t.Fatalf("%d transactions, want %d", len(events), len(delivery.Transactions))
			}
			for i, stored := range delivery.Transactions {
				tx, masked := events[i].Transaction.Redact()
				tx.ReceivedAt = delivery.ReceivedAt
				if masked != stored.Masked {
					t.Errorf("masked %d card numbers, want %d", masked, stored.Masked)
				}
				item := dynamodbledger.EncodeItem(tx)
				want, err := attributevalue.UnmarshalMapJSON(stored.Item)
				if err != nil {
					t.Fatal(err)
				}
				if delivery.Name == ledgertest.StoredBeforeKinds {
					delete(item, contract.FieldKind)
				}
				if slices.Contains(storedAsRefunds, delivery.Name) {
					record, err := dynamodbledger.DecodeItem(want)
					if err != nil {
						t.Fatal(err)
					}
					contradictions, others := tx.Differences(record.Transaction)
					if tx.Kind != contract.KindReversal || len(contradictions) > 0 || !slices.Equal(others, []string{contract.FieldKind}) {
						t.Errorf("%s contradicts the stored item in %v and differs in %v", tx.Kind, contradictions, others)
					}
					continue
				}
				if !reflect.DeepEqual(want, item) {
					t.Errorf("item %+v, want %s", item, stored.Item)
				}
			}
		})
	}
}

func canonicalEvent(d provider.Delivery) ([]provider.Event, error) {
	draft, err := transaction.Normalise(d.Body)
	if err != nil {
		return nil, err
	}
	tx, err := draft.Validate()
	return []provider.Event{{Transaction: &tx}}, err
}

var benchmarkTime = time.Unix(1795340405, 0).UTC()

// BenchmarkDelivery measures what processing a delivery costs between the
// gateway and PutItem: verify, decode, check, redact, fingerprint and encode the
// item, as package intake calls them.
func BenchmarkDelivery(b *testing.B) {
	for _, size := range []struct {
		name  string
		lines int // of an order, in the payment's metadata
	}{{"2KB", 3}, {"170KB", 1600}} {
		b.Run("stripe/"+size.name, func(b *testing.B) {
			deliver(b, signedByStripe(b, stripePayment(b, size.lines)), func(d provider.Delivery, secrets []string) (transaction.Transaction, error) {
				if err := stripe.New().Verify(b.Context(), d, secrets); err != nil {
					return transaction.Transaction{}, err
				}
				events, err := stripe.New().Decode(d)
				if err != nil || events[0].Err != nil {
					return transaction.Transaction{}, fmt.Errorf("%+v: %w", events, err)
				}
				return *events[0].Transaction, events[0].Transaction.Check()
			})
		})
	}
	for _, size := range []struct {
		name  string
		lines int
	}{{"2KB", 19}, {"170KB", 1600}} {
		b.Run("canonical/"+size.name, func(b *testing.B) {
			deliver(b, signedByOwnSystem(canonicalPayment(size.lines)), func(d provider.Delivery, secrets []string) (transaction.Transaction, error) {
				if err := standardwebhooks.Verify(d, secrets); err != nil {
					return transaction.Transaction{}, err
				}
				draft, err := transaction.Normalise(d.Body)
				if err != nil {
					return transaction.Transaction{}, err
				}
				return draft.Validate()
			})
		})
	}
}

const benchmarkSecret = "whsec_RXhhbXBsZUV4YW1wbGVFeGFtcGxlRXhhbXBsZTAx"

func deliver(b *testing.B, d provider.Delivery, read func(provider.Delivery, []string) (transaction.Transaction, error)) {
	secrets := []string{benchmarkSecret}
	b.SetBytes(int64(len(d.Body)))
	b.ReportAllocs()
	for b.Loop() {
		t, err := read(d, secrets)
		if err != nil {
			b.Fatal(err)
		}
		t, _ = t.Redact()
		t.ReceivedAt = d.ReceivedAt
		dynamodbledger.EncodeItem(t) // with the fingerprint
	}
}

// order is metadata of a payment: an order of so many lines, 112 bytes each.
func order(lines int) string {
	var text strings.Builder
	text.WriteString(`{"order_id":"order_123","channel":"web","items":[`)
	for i := range lines {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, `{"sku":"A-%05d","price":%d.50,"quantity":%d,"gift":%t,"note":"a line of the order, as it was shipped"}`, i, 1000+i, 1+i%9, i%2 == 0)
	}
	text.WriteString(`]}`)
	return text.String()
}

func canonicalPayment(lines int) []byte {
	return []byte(`{"transaction_id":"txn_123456","amount":15000.00,"currency":"USD","provider":"shop","customer_id":"cust_789","metadata":` + order(lines) + `}`)
}

// stripePayment is a payment_intent.succeeded event with metadata.
func stripePayment(b *testing.B, lines int) []byte {
	fixture, err := os.ReadFile("../provider/stripe/testdata/payment.json")
	if err != nil {
		b.Fatal(err)
	}
	body := jsontext.Value(fixture)
	if err := body.Compact(); err != nil {
		b.Fatal(err)
	}
	own := []byte(`"metadata":{"order_id":"1001","channel":"web"}`)
	if bytes.Count(body, own) != 1 {
		b.Fatal("the fixture has other metadata")
	}
	return bytes.Replace(body, own, []byte(`"metadata":`+order(lines)), 1)
}

func signedByStripe(b *testing.B, body []byte) provider.Delivery {
	mac := hmac.New(sha256.New, []byte(benchmarkSecret))
	fmt.Fprintf(mac, "%d.%s", benchmarkTime.Unix(), body)
	signature := fmt.Sprintf("t=%d,v1=%s", benchmarkTime.Unix(), hex.EncodeToString(mac.Sum(nil)))
	return provider.Delivery{Header: http.Header{stripe.SignatureHeader: {signature}}, Body: body, ReceivedAt: benchmarkTime}
}

func signedByOwnSystem(body []byte) provider.Delivery {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(benchmarkSecret, "whsec_"))
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "msg_1.%d.%s", benchmarkTime.Unix(), body)
	return provider.Delivery{Header: http.Header{
		standardwebhooks.HeaderID:        {"msg_1"},
		standardwebhooks.HeaderTimestamp: {fmt.Sprint(benchmarkTime.Unix())},
		standardwebhooks.HeaderSignature: {"v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	}, Body: body, ReceivedAt: benchmarkTime}
}
