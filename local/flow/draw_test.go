package flow_test

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"payment-webhooks/local/flow"
)

// drawn is what a test reads of a drawing.
type drawn struct {
	ViewBox string `xml:"viewBox,attr"`
	Groups  []struct {
		Class string `xml:"class,attr"`
		Node  string `xml:"data-node,attr"`
		Edge  string `xml:"data-edge,attr"`
		Rect  struct {
			X float64 `xml:"x,attr"`
			Y float64 `xml:"y,attr"`
			W float64 `xml:"width,attr"`
			H float64 `xml:"height,attr"`
		} `xml:"rect"`
		Texts []string `xml:"text"`
	} `xml:"g"`
}

func TestDraw(t *testing.T) {
	for file, edits := range map[string][]string{
		"testdata/other.template.yaml": nil, stackTemplate: nil,
	} {
		g := read(t, file, edits...)
		for _, direction := range []flow.Direction{flow.Right, flow.Down, flow.Narrow} {
			t.Run(fmt.Sprintf("when %s is drawn in direction %d, nothing is left out and boxes do not overlap", g.Stack+file, direction), func(t *testing.T) {
				text := flow.Draw(g, flow.Options{Direction: direction})
				var d drawn
				if err := xml.Unmarshal([]byte(text), &d); err != nil {
					t.Fatal(err)
				}
				var width, height float64
				if _, err := fmt.Sscanf(d.ViewBox, "0 0 %g %g", &width, &height); err != nil {
					t.Fatal(err)
				}
				seen := map[string]bool{}
				for i, a := range d.Groups {
					seen[a.Node+a.Edge] = true
					if a.Node == "" {
						continue
					}
					if r := a.Rect; r.X < 0 || r.Y < 0 || r.X+r.W > width || r.Y+r.H > height {
						t.Errorf("%v is outside of %s", a.Texts, d.ViewBox)
					}
					for _, b := range d.Groups[:i] {
						p, q := a.Rect, b.Rect
						if b.Node != "" && p.X < q.X+q.W && q.X < p.X+p.W && p.Y < q.Y+q.H && q.Y < p.Y+p.H {
							t.Errorf("%v is over %v", a.Texts, b.Texts)
						}
					}
				}
				for _, n := range g.Nodes {
					if !seen[n.ID] {
						t.Errorf("no %s", n.Name)
					}
				}
				for _, e := range g.Edges {
					if !seen[e.ID] {
						t.Errorf("no arrow %s", e.ID)
					}
				}
			})
		}
	}
	t.Run("when a name has markup, it is text", func(t *testing.T) {
		text := flow.Draw(read(t, "testdata/other.template.yaml"), flow.Options{})
		if strings.Contains(text, "<img") || !strings.Contains(text, "&lt;img") {
			t.Error(text)
		}
	})
	t.Run("when it is drawn twice, it is the same", func(t *testing.T) {
		one := flow.Draw(read(t, stackTemplate), flow.Options{Picture: true})
		for range 5 {
			if flow.Draw(read(t, stackTemplate), flow.Options{Picture: true}) != one {
				t.Fatal("it differs")
			}
		}
	})
	t.Run("when a screen is 390 pixels wide, the text is readable without scrolling", func(t *testing.T) {
		var d drawn
		if err := xml.Unmarshal([]byte(flow.Draw(read(t, stackTemplate), flow.Options{Direction: flow.Narrow})), &d); err != nil {
			t.Fatal(err)
		}
		var width, height float64
		if _, err := fmt.Sscanf(d.ViewBox, "0 0 %g %g", &width, &height); err != nil || width > 520 {
			t.Errorf("%v %s", err, d.ViewBox)
		}
	})
}
