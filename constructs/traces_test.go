//go:build !race

package constructs

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestTraceSamplingContext(t *testing.T) {
	for name, c := range map[string]struct {
		value any
		want  TraceSampling
	}{
		"absent, it is the default":            {nil, TraceSampling{Percent: 5, Batches: true}},
		"whole, all of it is read":             {map[string]any{"perSecond": 1.0, "percent": 0.5, "batches": false}, TraceSampling{1, 0.5, false}},
		"text, it is read as JSON":             {`{"perSecond": 5000, "percent": 100, "batches": true}`, TraceSampling{5000, 100, true}},
		"zero, no request is traced":           {`{"percent": 0}`, TraceSampling{Batches: true}},
		"partial, the rest is as the defaults": {`{"perSecond": 2}`, TraceSampling{2, 5, true}},
	} {
		t.Run("when it is "+name, func(t *testing.T) {
			if got, err := TraceSamplingFromContext(NewSettings(nil, map[string]any{ContextTraceSampling: c.value})); err != nil || got != c.want {
				t.Errorf("%+v, %v; want %+v", got, err, c.want)
			}
		})
	}
	for text, want := range map[string][]string{
		`5`:                   {"traceSampling", "5", "JSON object"},
		`five`:                {"traceSampling", "five", "JSON object"},
		`{"percent": 101}`:    {"traceSampling.percent", "101", "0 to 100"},
		`{"percent": -1}`:     {"traceSampling.percent", "-1", "0 to 100"},
		`{"percent": "5"}`:    {"traceSampling.percent", "5", "0 to 100"},
		`{"perSecond": 0.5}`:  {"traceSampling.perSecond", "0.5", "whole number"},
		`{"perSecond": -1}`:   {"traceSampling.perSecond", "-1", "whole number"},
		`{"perSecond": 5001}`: {"traceSampling.perSecond", "5001", "5000"},
		`{"rate": 5}`:         {"traceSampling.rate", "perSecond, percent, batches"},
		`{"batches": 1}`:      {"traceSampling.batches", "1", "true or false"},
	} {
		t.Run("when it is "+text+", it is rejected", func(t *testing.T) {
			_, err := TraceSamplingFromContext(NewSettings(nil, map[string]any{ContextTraceSampling: text}))
			if !errors.Is(err, ErrConfig) {
				t.Fatalf("got %v", err)
			}
			for _, fact := range want {
				if !strings.Contains(err.Error(), fact) {
					t.Errorf("%q does not name %s", err, fact)
				}
			}
		})
	}
	t.Run("when several members are wrong, each is reported", func(t *testing.T) {
		if _, err := TraceSamplingFromContext(NewSettings(nil, map[string]any{ContextTraceSampling: `{"percent": 101, "perSecond": -1, "rate": 5}`})); err == nil || strings.Count(err.Error(), "\n") != 2 {
			t.Errorf("want 3 lines, got %v", err)
		}
	})
}

func TestSamplingRule(t *testing.T) {
	t.Run("when nothing is configured, it samples five percent of this API", func(t *testing.T) {
		s := stack(t)
		_, api := s.only("AWS::ApiGateway::RestApi")
		_, stage := s.only("AWS::ApiGateway::Stage")
		s.expect(stage, map[string]string{"TracingEnabled": "true"})
		_, rule := s.only("AWS::XRay::SamplingRule")
		s.expect(rule, map[string]string{
			"SamplingRule.RuleName": "payment-api-dev", "SamplingRule.Priority": "1000", "SamplingRule.Version": "1",
			"SamplingRule.ReservoirSize": "0", "SamplingRule.FixedRate": "0.05",
			// As API Gateway names itself, without a wildcard: a neighbour's API is another.
			"SamplingRule.ServiceType": "AWS::ApiGateway::Stage",
			"SamplingRule.ServiceName": s.render(api.at("Name")) + "/" + s.render(stage.at("StageName")),
			"SamplingRule.ResourceARN": "*", "SamplingRule.Host": "*", "SamplingRule.HTTPMethod": "*", "SamplingRule.URLPath": "*",
		})
	})
	t.Run("when it is configured, it has those numbers", func(t *testing.T) {
		cfg := config(t, map[string]string{"ENVIRONMENT_SUFFIX": "pr-7"})
		cfg.TraceSampling = TraceSampling{PerSecond: 1, Percent: 0.5} // without batches
		s := synthesize(t, cfg)
		_, rule := s.only("AWS::XRay::SamplingRule")
		s.expect(rule, map[string]string{
			"SamplingRule.ReservoirSize": "1", "SamplingRule.FixedRate": "0.005",
			"SamplingRule.RuleName": "payment-api-pr-7", "SamplingRule.ServiceName": "payment-webhooks-pr-7/v1",
		})
		for function, mode := range map[string]string{"event-relay-pr-7": "PassThrough", "webhook-validator-pr-7": "Active", "fraud-detector-pr-7": "Active"} {
			_, fn := s.named("AWS::Lambda::Function", "FunctionName", function)
			s.expect(fn, map[string]string{"TracingConfig.Mode": mode})
		}
	})
	t.Run("when it is what X-Ray does by itself, there is none", func(t *testing.T) {
		cfg := config(t, nil)
		cfg.TraceSampling = TraceSampling{PerSecond: 1, Percent: 5, Batches: true}
		if rules := synthesize(t, cfg).all("AWS::XRay::SamplingRule"); len(rules) != 0 {
			t.Errorf("got %q", rules)
		}
	})
	// https://docs.aws.amazon.com/xray/latest/api/API_SamplingRule.html
	t.Run("when the suffix is the longest, its name is short enough", func(t *testing.T) {
		const region = "us-a-1" // no region is shorter by the pattern, so no suffix is longer
		for length, ok := range map[int]bool{20: true, 21: false} {
			suffix := strings.Repeat("s", length)
			if _, err := configFromEnv(getenvFrom(map[string]string{"ENVIRONMENT_SUFFIX": suffix, "AWS_REGION": region})); (err == nil) != ok {
				t.Errorf("%d characters: %v", length, err)
			}
			if name := "payment-api-" + suffix; (len(name) <= 32) != ok {
				t.Errorf("%s has %d characters", name, len(name))
			}
			if name := fmt.Sprintf("payment-webhooks-%s/v1", suffix); len(name) > 64 {
				t.Errorf("%s has %d characters", name, len(name))
			}
		}
	})
}
