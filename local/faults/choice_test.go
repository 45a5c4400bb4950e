package faults

import (
	"slices"
	"testing"
)

func TestChoices(t *testing.T) {
	s := New(1, functions)
	choices := s.Choices([]string{"lambda:InvokeFunction", "lambda:Invoke", "events:PutEvents", "kms:Decrypt", "dynamodb:*", "sqs:SendMessage"})
	t.Run("have each hop of the stack once", func(t *testing.T) {
		var hops []string
		for _, c := range choices {
			hops = append(hops, c.Hop)
		}
		want := []string{"stream", "clock", "function:event-relay", "function:webhook-validator", "events:PutEvents", "lambda:Invoke", "sqs:SendMessage"}
		if !slices.Equal(hops, want) {
			t.Errorf("%v, want %v", hops, want)
		}
	})
	t.Run("can all be injected", func(t *testing.T) {
		seconds := map[Fault]float64{}
		for _, k := range Kinds {
			if k.Meaning == "" {
				t.Errorf("%s has no meaning", k.Fault)
			}
			seconds[k.Fault] = 0
			if k.Seconds != nil {
				seconds[k.Fault] = k.Seconds.Default
			}
		}
		n := 0
		for _, c := range choices {
			for _, fault := range c.Faults {
				if _, known := seconds[fault]; !known {
					t.Errorf("%s is no kind", fault)
				}
				for _, caller := range append([]string{""}, c.Callers...) {
					n++
					if _, err := s.Add(Spec{Hop: c.Hop, Fault: fault, Seconds: seconds[fault], Where: Where{caller}}); err != nil {
						t.Error(err)
					}
				}
			}
		}
		if n < 100 {
			t.Errorf("%d combinations, want all of each call's callers", n)
		}
	})
}
