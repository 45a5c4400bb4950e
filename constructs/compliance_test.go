//go:build !race

package constructs

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/constructs/compliance"
)

// nagPacks are the packs of rules that the stack is held against. Each writes a report beside
// the template, and annotates what it finds; the template stays as it is.
func nagPacks() []awscdk.IAspect {
	props := &cdknag.NagPackProps{ReportFormats: &[]cdknag.NagReportFormat{cdknag.NagReportFormat_JSON}}
	return []awscdk.IAspect{cdknag.NewAwsSolutionsChecks(props), cdknag.NewNIST80053R5Checks(props), cdknag.NewPCIDSS321Checks(props)}
}

// reports are what the packs wrote, by pack.
func (s template) reports() map[string][]compliance.Line {
	s.t.Helper()
	reports := map[string][]compliance.Line{}
	for _, pack := range compliance.Packs() {
		var report struct{ Lines []compliance.Line }
		if err := json.Unmarshal(s.files[pack+"--TapStackdev-NagReport.json"], &report); err != nil {
			s.t.Fatalf("%s: %v", pack, err)
		}
		reports[pack] = report.Lines
	}
	return reports
}

// findings are what the packs annotated: the annotation says more than the report, which has
// one name for all findings of a rule. A rule that could not be evaluated is a finding too.
func (s template) findings() (found []compliance.Finding) {
	s.t.Helper()
	var annotations map[string][]struct {
		Type string
		Data any
	}
	if err := json.Unmarshal(s.files["TapStackdev.metadata.json"], &annotations); err != nil {
		s.t.Fatal(err)
	}
	for path, list := range annotations {
		for _, annotation := range list {
			data, _ := annotation.Data.(string)
			if annotation.Type != "aws:cdk:error" && annotation.Type != "aws:cdk:warning" || strings.Contains(data, "payment-webhooks:") {
				continue
			}
			rule, _, ok := strings.Cut(data, ": ")
			if !ok || strings.ContainsAny(rule, " ") {
				s.t.Fatalf("%s: no finding of a rule: %s", path, data)
			}
			found = append(found, compliance.Finding{Rule: rule, Resource: strings.TrimPrefix(path, "/TapStackdev/")})
		}
	}
	return found
}

func TestCompliance(t *testing.T) {
	stacks := map[compliance.Set]template{compliance.Default: stack(t), compliance.Production: productionStack(t)}
	reports := map[compliance.Set]map[string][]compliance.Line{}
	for set, s := range stacks {
		t.Run(fmt.Sprintf("of the %s set, when every finding is acknowledged and none is stale", set), func(t *testing.T) {
			s.t = t
			reports[set] = s.reports()
			found := s.findings()
			failed := map[compliance.Finding]bool{}
			for pack, lines := range reports[set] {
				if len(lines) < 50 {
					t.Errorf("%s checked %d things: did it run?", pack, len(lines))
				}
				for _, line := range lines {
					switch line.Compliance {
					case "Compliant":
					case "Non-Compliant":
						failed[compliance.Finding{Rule: line.RuleID, Resource: strings.TrimPrefix(line.ResourceID, "TapStackdev/")}] = true
					default:
						t.Errorf("%s on %s: %s", line.RuleID, line.ResourceID, line.Compliance)
					}
				}
			}
			for _, f := range found { // both sources know the same
				rule, _, _ := strings.Cut(f.Rule, "[")
				delete(failed, compliance.Finding{Rule: rule, Resource: f.Resource})
			}
			for f := range failed {
				t.Errorf("%s on %s is in the report and has no annotation", f.Rule, f.Resource)
			}
			unexplained, stale := compliance.Check(set, found)
			for _, f := range unexplained {
				t.Errorf("%s on %s: correct it, or say in constructs/compliance why it stays", f.Rule, f.Resource)
			}
			for _, f := range stale {
				t.Errorf("%s on %s is acknowledged and not found: remove it from constructs/compliance", f.Rule, f.Resource)
			}
		})
	}
	t.Run("is on its page", func(t *testing.T) {
		const page, begin = "../docs/compliance.md", "<!-- What follows is written by: go test ./constructs -run TestCompliance -update -->\n"
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		head, _, ok := strings.Cut(string(text), begin)
		if !ok {
			t.Fatalf("%s has no line %s", page, begin)
		}
		want := head + begin + "\n" + compliance.Markdown(reports)
		if *update {
			if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		if diff := cmp.Diff(want, string(text)); diff != "" {
			t.Errorf("%s is not that of the packs: run go test ./constructs -run TestCompliance -update\n%s", page, diff)
		}
	})
}
