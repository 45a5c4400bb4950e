//go:build !race

package constructs

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// aslState is as much of a state as the tests look at.
type aslState struct {
	Type           string
	Resource       string
	Next           string
	Default        string
	End            bool
	TimeoutSeconds float64
	Parameters     map[string]any
	ResultSelector map[string]any
	ResultPath     *string
	Retry          []struct {
		ErrorEquals                               []string
		IntervalSeconds, MaxAttempts, BackoffRate float64
	}
	Catch []struct {
		ErrorEquals []string
		ResultPath  *string
		Next        string
	}
	Choices  []map[string]any
	Branches []aslMachine
	Error    string
}

type aslMachine struct {
	StartAt        string
	TimeoutSeconds float64
	States         map[string]aslState
}

func machine(t *testing.T) (template, aslMachine) {
	t.Helper()
	s := stack(t)
	_, r := s.only("AWS::StepFunctions::StateMachine")
	var m aslMachine
	if err := json.Unmarshal([]byte(s.render(r.at("DefinitionString"))), &m); err != nil {
		t.Fatal(err)
	}
	return s, m
}

// every visits all states, those of branches included.
func (m aslMachine) every(visit func(name string, state aslState)) {
	for _, name := range slices.Sorted(maps.Keys(m.States)) {
		visit(name, m.States[name])
		for _, branch := range m.States[name].Branches {
			branch.every(visit)
		}
	}
}

func (m aslMachine) state(t *testing.T, want string) aslState {
	t.Helper()
	var found *aslState
	m.every(func(name string, state aslState) {
		if name == want {
			found = &state
		}
	})
	if found == nil {
		t.Fatalf("no state %q", want)
	}
	return *found
}

func TestWorkflowProperties(t *testing.T) {
	s, m := machine(t)
	_, r := s.only("AWS::StepFunctions::StateMachine")
	logs, group := s.named("AWS::Logs::LogGroup", "LogGroupName", "/aws/vendedlogs/states/transaction-workflow-dev")
	s.expect(group, map[string]string{"RetentionInDays": "30"})
	s.expect(r, map[string]string{
		"StateMachineName":     "transaction-workflow-dev",
		"StateMachineType":     "EXPRESS",
		"TracingConfiguration": `{"Enabled":true}`,
		"LoggingConfiguration": `{"Destinations":[{"CloudWatchLogsLogGroup":{"LogGroupArn":"${` + logs + `.Arn}"}}],"IncludeExecutionData":false,"Level":"ALL"}`,
	})
	if m.TimeoutSeconds != 300 {
		t.Errorf("an execution may take %v s", m.TimeoutSeconds)
	}
}

func TestWorkflowBranches(t *testing.T) {
	s, m := machine(t)
	fn, _ := s.named("AWS::Lambda::Function", "FunctionName", "fraud-detector-dev")
	topic, _ := s.only("AWS::SNS::Topic")

	start := m.States[m.StartAt]
	if start.Type != "Pass" || s.render(start.Parameters) != `{"transaction.$":"$"}` {
		t.Errorf("the workflow starts with %+v", start)
	}
	parallel := m.States[start.Next]
	if parallel.Type != "Parallel" || len(parallel.Branches) != 2 {
		t.Fatalf("then comes %+v", parallel)
	}
	if parallel.ResultPath == nil || *parallel.ResultPath != "$.results" ||
		s.render(parallel.ResultSelector) != `{"fraud.$":"$[0]","notification.$":"$[1]"}` {
		t.Error("the transaction is lost, or the branches' results are not told apart")
	}

	score, notify := m.state(t, stateScore), m.state(t, stateNotify)
	if parallel.Branches[0].StartAt != stateScore || parallel.Branches[1].StartAt != stateNotify {
		t.Error("the branches are in another order")
	}
	if score.Resource != "arn:${AWS::Partition}:states:::lambda:invoke" ||
		s.render(score.Parameters) != `{"FunctionName":"${`+fn+`.Arn}","Payload.$":"$.transaction"}` ||
		s.render(score.ResultSelector) != `{"assessment.$":"$.Payload","outcome":"succeeded"}` {
		t.Errorf("scoring is %+v", score)
	}
	if notify.Resource != "arn:${AWS::Partition}:states:::sns:publish" || notify.Parameters["TopicArn"] != "${"+topic+"}" {
		t.Errorf("notifying is %+v", notify)
	}
}

// Whatever fails is retried, then recorded with the transaction and the error,
// and does not keep the rest from happening.
func TestFailedStatesAreRecorded(t *testing.T) {
	s, m := machine(t)
	queue, _ := s.named("AWS::SQS::Queue", "QueueName", "workflow-dlq-dev")
	for failing, next := range map[string]string{
		stateScore:      "Not scored",
		stateNotify:     "Not notified",
		stateFraudAlert: "Something failed",
		stateBranches:   "Something failed",
	} {
		t.Run(failing, func(t *testing.T) {
			state := m.state(t, failing)
			if state.Type == "Task" {
				last := state.Retry[len(state.Retry)-1]
				if !slices.Equal(last.ErrorEquals, []string{"States.ALL"}) || last.MaxAttempts != 2 || last.BackoffRate != 2 {
					t.Errorf("retries are %+v", state.Retry)
				}
			}
			if len(state.Catch) != 1 || !slices.Equal(state.Catch[0].ErrorEquals, []string{"States.ALL"}) ||
				state.Catch[0].ResultPath == nil || *state.Catch[0].ResultPath != "$.error" {
				t.Fatalf("catches are %+v", state.Catch)
			}
			record := m.state(t, state.Catch[0].Next)
			want := map[string]any{
				"QueueUrl": "${" + queue + "}",
				"MessageBody": map[string]any{
					"state": failing, "execution.$": "$$.Execution.Id", "error.$": "$.error", "transaction.$": "$.transaction",
				},
			}
			if diff := cmp.Diff(want, record.Parameters); diff != "" || record.Resource != "arn:${AWS::Partition}:states:::sqs:sendMessage" {
				t.Error(record.Resource, diff)
			}
			if record.Next != next || len(record.Retry) != 1 || len(record.Catch) != 1 || record.Catch[0].Next != next {
				t.Errorf("recording goes on with %q, after an error of its own with %+v; want %q", record.Next, record.Catch, next)
			}
		})
	}
	for name, want := range map[string]string{
		"Not scored":   `{"assessment":{"risk_level":"unknown"},"outcome":"failed"}`,
		"Not notified": `{"outcome":"failed"}`,
	} {
		if state := m.state(t, name); s.render(state.Parameters) != want || !state.End {
			t.Errorf("%s is %+v", name, state)
		}
	}
}

func TestHighRiskIsAlwaysAlerted(t *testing.T) {
	s, m := machine(t)
	risk := m.States[m.state(t, stateBranches).Next]
	want := `[{"Next":"Alert of high risk","StringEquals":"high","Variable":"$.results.fraud.assessment.risk_level"}]`
	if got := s.render(toAny(t, risk.Choices)); risk.Type != "Choice" || got != want {
		t.Errorf("after the branches comes %s", got)
	}
	outcome := m.state(t, risk.Default)
	if next := m.state(t, stateFraudAlert).Next; next != risk.Default {
		t.Errorf("after the alert comes %q, want %q", next, risk.Default)
	}
	want = `[{"Next":"Something failed","Or":[{"StringEquals":"failed","Variable":"$.results.fraud.outcome"},` +
		`{"StringEquals":"failed","Variable":"$.results.notification.outcome"}]}]`
	if got := s.render(toAny(t, outcome.Choices)); got != want {
		t.Errorf("the end is chosen by %s", got)
	}
	if m.state(t, outcome.Default).Type != "Succeed" || m.state(t, "Something failed").Type != "Fail" {
		t.Error("the ends are no Succeed and Fail")
	}
}

func toAny(t *testing.T, value any) any {
	t.Helper()
	var read any
	if err := json.Unmarshal(mustJSON(t, value), &read); err != nil {
		t.Fatal(err)
	}
	return read
}

var formatPattern = regexp.MustCompile(`^States\.Format\('([^']*)'((?:, \$[\w.]+)*)\)$`)

func TestAlertTexts(t *testing.T) {
	_, m := machine(t)
	values := strings.NewReplacer(
		"$.transaction.kind", "dispute", "$.transaction.amount_text", "15000.00 USD", "$.transaction.provider", "stripe",
		"$.transaction.transaction_id", "pi_3MtwBwLkdIwHu7ix28a3tqPa",
		"$.results.fraud.assessment.risk_summary", "High risk (score 0.87): the amount is unusual.",
	)
	for _, name := range []string{stateNotify, stateFraudAlert} {
		t.Run(name, func(t *testing.T) {
			parameters := m.state(t, name).Parameters
			message := parameters["Message"].(map[string]any)
			if parameters["MessageStructure"] != "json" || message["default.$"] == nil {
				t.Fatal("SNS accepts messages by protocol only with MessageStructure json and a default")
			}
			rendered := func(expression any) string {
				parts := formatPattern.FindStringSubmatch(expression.(string))
				if parts == nil {
					t.Fatalf("%v is no States.Format with plain text", expression)
				}
				text := parts[1]
				for path := range strings.SplitSeq(strings.TrimPrefix(parts[2], ", "), ", ") {
					if values.Replace(path) == path {
						t.Fatalf("unknown path %s", path)
					}
					text = strings.Replace(text, "{}", values.Replace(path), 1)
				}
				return text
			}
			subject, long, short := rendered(parameters["Subject.$"]), rendered(message["email.$"]), rendered(message["sms.$"])
			if len(subject) > 100 {
				t.Errorf("the subject has %d characters, SNS accepts 100", len(subject))
			}
			if len(short) > 140 || len(short) >= len(long) {
				t.Errorf("the SMS has %d characters: %s", len(short), short)
			}
			for _, text := range []string{subject, long, short} {
				if !strings.Contains(text, "dispute") {
					t.Errorf("%q does not say what it is about", text)
				}
			}
			for _, text := range []string{long, short} {
				for _, fact := range []string{"15000.00 USD", "stripe", "pi_3MtwBwLkdIwHu7ix28a3tqPa"} {
					if !strings.Contains(text, fact) {
						t.Errorf("%q does not say %s", text, fact)
					}
				}
				if strings.ContainsAny(text, "{}\"[]") || !strings.HasSuffix(text, ".") {
					t.Errorf("%q is no sentence", text)
				}
			}
		})
	}
}

// A timeout of the execution can be caught by no state, so the longest way
// through the retries must end before it.
func TestInactiveFunctionIsRetried(t *testing.T) {
	_, m := machine(t)
	var waited time.Duration
	for _, branch := range m.States["Score and notify"].Branches {
		for _, retry := range branch.States["Score for fraud"].Retry {
			if slices.Contains(retry.ErrorEquals, "Lambda.CodeArtifactUserPendingException") {
				for i := range int(retry.MaxAttempts) {
					waited += time.Duration(retry.IntervalSeconds * math.Pow(retry.BackoffRate, float64(i)) * float64(time.Second))
				}
			}
		}
	}
	if waited < 2*time.Minute {
		t.Errorf("retries end after %v; Lambda takes two minutes to prepare an image again", waited)
	}
}

func TestRetriesEndBeforeTheTimeout(t *testing.T) {
	_, m := machine(t)
	worst := m.longest(m.StartAt)
	if limit := time.Duration(m.TimeoutSeconds) * time.Second; worst >= limit {
		t.Errorf("the longest path takes %v of %v", worst, limit)
	}
	if worst < time.Minute {
		t.Errorf("the longest path takes only %v: the test counts nothing", worst)
	}
}

// longest is the time of the slowest way from a state to an end, each task
// timing out at every attempt and each wait at its full length. Of the retries that
// Lambda's own errors cause only the longer count: while it prepares a function it
// rejects everything with one error, and it fails or throttles only what it has.
func (m aslMachine) longest(name string) time.Duration {
	state, ok := m.States[name]
	if !ok {
		return 0
	}
	own := time.Duration(state.TimeoutSeconds) * time.Second
	var lambda time.Duration
	for _, retry := range state.Retry {
		wait, attempt := retry.IntervalSeconds, state.TimeoutSeconds
		if slices.Contains(retry.ErrorEquals, "Lambda.CodeArtifactUserPendingException") {
			attempt = 0 // rejected at once
		}
		var total time.Duration
		for range int(retry.MaxAttempts) {
			total += time.Duration((wait + attempt) * float64(time.Second))
			wait *= retry.BackoffRate
		}
		if strings.HasPrefix(retry.ErrorEquals[0], "Lambda.") {
			lambda = max(lambda, total)
		} else {
			own += total
		}
	}
	own += lambda
	for _, branch := range state.Branches {
		own = max(own, branch.longest(branch.StartAt))
	}
	nexts := []string{state.Next, state.Default}
	for _, catch := range state.Catch {
		nexts = append(nexts, catch.Next)
	}
	for _, choice := range state.Choices {
		nexts = append(nexts, fmt.Sprint(choice["Next"]))
	}
	var rest time.Duration
	for _, next := range nexts {
		rest = max(rest, m.longest(next))
	}
	return own + rest
}
