package cloudwatch

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Tables compute the metrics of AWS/DynamoDB for a stack's tables from the calls that read and write
// items: ConsumedReadCapacityUnits, ConsumedWriteCapacityUnits, ReadThrottleEvents and WriteThrottleEvents of
// tables and of their global secondary indexes. Indexes are taken to have all attributes of an item that has
// their keys. The zero value has no tables. They are safe for concurrent use.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
type Tables struct {
	Store *Store
	Now   func() time.Time

	mu     sync.Mutex
	tables map[string]Table
	sizes  map[string]int // of items, by table and key, as far as known
}

// Table is a table with the key attributes of its indexes.
type Table struct {
	Name    string
	Key     []string
	Indexes map[string][]string
}

// Set makes these the tables.
func (t *Tables) Set(tables []Table) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tables = map[string]Table{}
	for _, one := range tables {
		t.tables[one.Name] = one
	}
}

// maxSizes bounds the items whose sizes are known, which matters for updates only.
const maxSizes = 10_000

// item is an item in DynamoDB's JSON.
type item map[string]any

// dynamoCall is what the units of a call depend on.
type dynamoCall struct {
	TableName, IndexName      string
	Item, Key                 item
	ExpressionAttributeValues item
	ConsistentRead            bool
}

// Observed takes note of a call in the JSON protocol, from its request and its response. Batches and transactions,
// which the stack does not use, are left out.
func (t *Tables) Observed(operation string, request []byte, status int, response []byte) {
	writes := operation == "PutItem" || operation == "UpdateItem" || operation == "DeleteItem"
	if !writes && operation != "GetItem" && operation != "Query" && operation != "Scan" {
		return
	}
	var in dynamoCall
	if json.Unmarshal(request, &in) != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	table, known := t.tables[in.TableName[strings.LastIndex(in.TableName, "/")+1:]]
	if !known {
		return
	}
	failure := ""
	var out struct {
		Type  string `json:"__type"`
		Item  item
		Items []item
	}
	if json.Unmarshal(response, &out) != nil {
		return
	}
	if status != http.StatusOK {
		failure = out.Type[strings.LastIndex(out.Type, "#")+1:]
	}
	switch {
	case isThrottle(failure):
		name := "ReadThrottleEvents"
		if writes {
			name = "WriteThrottleEvents"
		}
		t.put(table.Name, in.IndexName, name, 1)
	case failure != "" && failure != "ConditionalCheckFailedException":
	case writes:
		t.write(table, operation, in, out.Item, failure)
	case operation == "GetItem":
		t.put(table.Name, "", "ConsumedReadCapacityUnits", readUnits(sizeOf(out.Item), in.ConsistentRead))
	default:
		size := 0
		for _, one := range out.Items {
			size += sizeOf(one)
		}
		t.put(table.Name, in.IndexName, "ConsumedReadCapacityUnits", readUnits(size, in.ConsistentRead))
	}
}

// isThrottle reports whether an error is that of a throttled call.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
func isThrottle(code string) bool {
	return code == "ProvisionedThroughputExceededException" || code == "ThrottlingException" || code == "RequestLimitExceeded"
}

// write records a write. "If a ConditionExpression evaluates to false during a conditional write, DynamoDB still consumes
// write capacity from the table", by the size of the existing item; nothing is written to indexes then.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
func (t *Tables) write(table Table, operation string, in dynamoCall, existing item, failure string) {
	key := item{}
	for _, name := range table.Key {
		if key[name] = in.Key[name]; in.Item != nil {
			key[name] = in.Item[name]
		}
	}
	text, err := json.Marshal(key)
	if err != nil {
		return
	}
	id := table.Name + string(text)
	before := max(t.sizes[id], sizeOf(existing))
	after := 0
	switch operation {
	case "PutItem":
		after = sizeOf(in.Item)
	case "UpdateItem": // the item with the values that the update adds
		after = max(before, sizeOf(in.Key)) + sizeOf(in.ExpressionAttributeValues)
	}
	if failure != "" {
		t.put(table.Name, "", "ConsumedWriteCapacityUnits", writeUnits(before))
		return
	}
	units := writeUnits(max(before, after))
	t.put(table.Name, "", "ConsumedWriteCapacityUnits", units)
	for name, keys := range table.Indexes {
		if operation == "PutItem" {
			if !in.Item.has(keys) {
				continue
			}
		} else if before == 0 { // not known to be in the index
			continue
		}
		t.put(table.Name, name, "ConsumedWriteCapacityUnits", units)
	}
	if len(t.sizes) >= maxSizes || t.sizes == nil {
		t.sizes = map[string]int{}
	}
	if t.sizes[id] = after; operation == "DeleteItem" {
		delete(t.sizes, id)
	}
}

func (t *Tables) put(table, index, name string, value float64) {
	dimensions := []string{"TableName", table}
	if index != "" {
		dimensions = append(dimensions, "GlobalSecondaryIndexName", index)
	}
	t.Store.Put(NewMetric("AWS/DynamoDB", name, dimensions...), value, t.Now())
}

// writeUnits: "one write unit represents one write for an item up to 1 KB".
func writeUnits(size int) float64 { return max(1, math.Ceil(float64(size)/1024)) }

// readUnits: a unit for each 4 KB, or half of one when the read is eventually consistent. A read of nothing costs as much
// as one of a small item.
func readUnits(size int, consistent bool) float64 {
	units := max(1, math.Ceil(float64(size)/4096))
	if consistent {
		return units
	}
	return units / 2
}

func (i item) has(names []string) bool {
	for _, name := range names {
		if i[name] == nil {
			return false
		}
	}
	return true
}

// sizeOf returns the size of an item in bytes, names included.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
func sizeOf(i item) (size int) {
	for name, value := range i {
		size += len(name) + sizeOfValue(value)
	}
	return size
}

// sizeOfValue returns the size of {"S": "text"} and its like.
func sizeOfValue(value any) int {
	typed, isMap := value.(map[string]any)
	if !isMap {
		return 0
	}
	for kind, v := range typed {
		switch v := v.(type) {
		case string:
			switch kind {
			case "N": // "approximately (length of attribute name) + (1 byte per two significant digits) + (1 byte)"
				return len(strings.Trim(v, "-0."))/2 + 2
			case "B":
				return base64.StdEncoding.DecodedLen(len(v))
			}
			return len(v)
		case bool:
			return 1
		case map[string]any: // a map: 3 bytes, and 1 for each pair
			return 3 + len(v) + sizeOf(v)
		case []any:
			size := 3
			for _, member := range v {
				size += 1
				if text, is := member.(string); is { // a set
					size += len(text)
				} else {
					size += sizeOfValue(member)
				}
			}
			return size
		}
	}
	return 0
}
