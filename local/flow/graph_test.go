package flow_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/local/emulator"
	"payment-webhooks/local/flow"
)

const stackTemplate = "../../constructs/testdata/template.golden.json"

// read returns the graph of a template, after edits: each replaces a text by another one.
func read(t *testing.T, file string, edits ...string) *flow.Graph {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	template := string(text)
	for edit := range slices.Chunk(edits, 2) {
		if !strings.Contains(template, edit[0]) {
			t.Fatalf("the template has no %s", edit[0])
		}
		template = strings.ReplaceAll(template, edit[0], edit[1])
	}
	g, err := emulator.Graph("shop", []byte(template))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// arrows returns the edges as text, sorted.
func arrows(g *flow.Graph) (list []string) {
	name := func(id string) string {
		if id == "" {
			return "outside"
		}
		n := g.Node(id)
		return string(n.Kind) + " " + n.Name
	}
	for _, e := range g.Edges {
		list = append(list, fmt.Sprintf("%s -> %s: %s (%s)", name(e.From), name(e.To), e.Label, e.Way))
	}
	slices.Sort(list)
	return list
}

func TestRead(t *testing.T) {
	t.Run("when a stack has another shape, its own ways are drawn", func(t *testing.T) {
		want := []string{
			"api shop-api -> function reader: invoke (normal)",
			"api shop-api -> function writer: invoke (normal)",
			"bus shop -> rule medium: match (normal)",
			"function digest -> topic news: Publish (normal)",
			"function writer -> bus shop: PutEvents (normal)",
			"function writer -> machine Machine: StartExecution (normal)",
			"function writer -> table Table: BatchWriteItem, DeleteItem, PutItem, UpdateItem (normal)",
			"machine Machine -> function reader: task (normal)",
			"machine Machine -> queue broken: catch (failure)",
			"machine Machine -> queue done: SendMessage (normal)",
			"outside -> api shop-api: HTTPS (normal)",
			"queue waiting -> function digest: messages (normal)",
			"queue waiting -> queue given-up: redrive (failure)",
			"rule medium -> queue undelivered: dead letters (failure)",
			"rule medium -> queue waiting: target (normal)",
			"table Table -> function reader: Query (side)",
			"topic news -> subscription <img src=x>@example.com: email (normal)",
		}
		if diff := cmp.Diff(want, arrows(read(t, "testdata/other.template.yaml"))); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("when the stack of this repository is read, its ways are there, and every queue", func(t *testing.T) {
		g := read(t, stackTemplate)
		got := arrows(g)
		for _, want := range []string{
			"api payment-webhooks -> function webhook-validator: invoke (normal)",
			"function webhook-validator -> table transactions: PutItem (normal)",
			"table transactions -> function event-relay: stream (normal)",
			"function event-relay -> queue relay-dlq: SendMessage, on failure (failure)",
			"rule high-value-transactions -> machine transaction-workflow: target (normal)",
			"machine transaction-workflow -> queue workflow-dlq: catch (failure)",
			"function fraud-detector -> table transactions: UpdateItem (normal)",
			"table transactions -> function transaction-archival: Query (side)",
			"function transaction-archival -> queue archival-failures: SendMessage, on failure (failure)",
			"schedule daily-archival -> queue archival-schedule-dlq: dead letters (failure)",
			"bus default bus -> rule deployment-archival: match (normal)",
		} {
			if !slices.Contains(got, want) {
				t.Errorf("no %s in\n%s", want, strings.Join(got, "\n"))
			}
		}
		queues := 0
		for _, n := range g.Nodes {
			if n.Kind != flow.Queue {
				continue
			}
			queues++
			if !n.Failures || n.Physical != n.Name+"-dev" || n.LogicalID == "" || !strings.HasSuffix(n.Path, "/Resource") {
				t.Errorf("%+v", n)
			}
		}
		text, _ := os.ReadFile(stackTemplate)
		if want := strings.Count(string(text), `"AWS::SQS::Queue"`); queues != want {
			t.Errorf("%d queues, want %d", queues, want)
		}
	})
	t.Run("when bounds change, the bands say so", func(t *testing.T) {
		g := read(t, stackTemplate, "10000", "2500.5")
		var lines []string
		for _, n := range g.Nodes {
			if n.Kind == flow.Rule {
				lines = append(lines, n.Name+": "+strings.Join(n.Lines, "; "))
			}
		}
		want := []string{
			"deployment-archival: CloudFormation Stack Status Change",
			"high-value-transactions: amount > 2\u00a0500.5; or amount beyond matching",
			"low-value-transactions: amount < 1\u00a0000",
			"medium-value-transactions: amount 1\u00a0000 to 2\u00a0500.5",
		}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("when a role may not call, there is no arrow", func(t *testing.T) {
		got := arrows(read(t, stackTemplate, `"events:PutEvents"`, `"events:DescribeEventBus"`))
		if slices.ContainsFunc(got, func(a string) bool { return strings.HasPrefix(a, "function event-relay -> bus") }) {
			t.Errorf("%s", strings.Join(got, "\n"))
		}
	})
}

func TestWords(t *testing.T) {
	numeric := func(list ...any) []any { return []any{map[string]any{"numeric": list}} }
	for name, c := range map[string]struct {
		pattern map[string]any
		want    []string
	}{
		"when there is no condition":        {map[string]any{}, []string{"every event"}},
		"when only the type is asked for":   {map[string]any{"detail-type": []any{"Paid"}}, []string{"all of Paid"}},
		"when it is a band":                 {map[string]any{"detail": map[string]any{"amount": numeric(">=", 1000.0, "<=", 1e6)}}, []string{"amount 1\u00a0000 to 1\u00a0000\u00a0000"}},
		"when a bound is not included":      {map[string]any{"detail": map[string]any{"amount": numeric(">", 0.5, "<", 999.0)}}, []string{"amount > 0.5 and < 999"}},
		"when it is negative":               {map[string]any{"detail": map[string]any{"amount": numeric("<", -1000.0)}}, []string{"amount < -1\u00a0000"}},
		"when it is for reversals":          {map[string]any{"detail": map[string]any{"kind": []any{"refund", "chargeback"}, "amount": numeric(">", 10.0)}}, []string{"amount > 10, kind refund, chargeback"}},
		"when something is left out":        {map[string]any{"detail": map[string]any{"kind": []any{map[string]any{"anything-but": []any{"refund"}}}, "amount": numeric(">", 10.0)}}, []string{"amount > 10, kind not refund"}},
		"when a field must be there or not": {map[string]any{"detail": map[string]any{"reverses": []any{map[string]any{"exists": false}}, "amount": numeric(">", 10.0)}}, []string{"amount > 10, without reverses"}},
		"when currencies have bounds of their own": {map[string]any{"detail": map[string]any{"$or": []any{
			map[string]any{"currency": []any{map[string]any{"anything-but": []any{"JPY", "KRW"}}}, "amount": numeric(">", 10.0)},
			map[string]any{"currency": []any{"JPY", "KRW"}, "amount": numeric(">", 2000.0)},
			map[string]any{"amount_beyond_matching": []any{true}},
		}}}, []string{"other currencies: amount > 10", "JPY, KRW: amount > 2\u00a0000", "or amount beyond matching"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, flow.Words(c.pattern)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
