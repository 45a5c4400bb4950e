package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestBillGrowsWithTransactionsAndKeepsItsFixedPart(t *testing.T) {
	total := func(n float64) (sum float64) {
		for _, l := range bill(n, 0.05, 0.15, 1, 1, 1) {
			sum += l.units * l.price
		}
		return sum
	}
	idle, one, two := total(0), total(1e6), total(2e6)
	if idle <= 0 {
		t.Errorf("an idle stack costs %.2f, want its fixed part", idle)
	}
	if got, want := two-one, one-idle; got < want*0.999 || got > want*1.001 {
		t.Errorf("the second million costs %.4f, the first %.4f", got, want)
	}
}

func TestImpossibleSharesAreRefused(t *testing.T) {
	var out bytes.Buffer
	err := run([]string{"-high", "60", "-medium", "60"}, &out)
	if err == nil || !strings.Contains(err.Error(), "at most 100") {
		t.Errorf("got %v, want the bound named", err)
	}
	if out.Len() != 0 {
		t.Errorf("printed %q beside the error", out.String())
	}
}

// The template counts the alarms; the bill must not fall behind.
func TestEveryAlarmIsOnTheBill(t *testing.T) {
	template, err := os.ReadFile("../../constructs/testdata/template.golden.json")
	if err != nil {
		t.Fatal(err)
	}
	alarms := float64(bytes.Count(template, []byte(`"AWS::CloudWatch::Alarm"`)))
	for _, l := range bill(0, 0, 0, 0, 0, 1) {
		if strings.HasSuffix(l.what, " alarms") {
			if l.units != alarms {
				t.Errorf("%v alarms on the bill, %v in the template", l.units, alarms)
			}
			return
		}
	}
	t.Error("no alarms on the bill")
}
