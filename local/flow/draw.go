package flow

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
)

// Options say how a graph is drawn.
type Options struct {
	Direction Direction
	// Picture draws a file of its own: with styles, with the actions on the arrows, and without
	// numbers. Otherwise the styles are the page's, and so are the elements for counts and depths.
	Picture bool
}

// styles of a picture. Its colours are readable on a light and on a dark page, as it cannot know which
// it is on: boxes have a background of their own.
const styles = `text{font:11px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#1b2027}` +
	`.box{fill:#fff;stroke:#8b95a3}.name{font-weight:600;font-size:12px}.service{font-size:10px;fill:#56606e}` +
	`.failures .box{stroke:#c4453c;stroke-dasharray:4 3}.edge path{fill:none;stroke:#768390;stroke-width:1.4}` +
	`.edge.failure path{stroke:#d1574e;stroke-dasharray:4 3}.edge.side path{stroke-dasharray:1.5 3}` +
	`.label{font-size:10px;fill:#768390}marker path{fill:#768390}marker.failure path{fill:#d1574e}`

// Draw returns the graph as SVG. Without Picture, elements have the ids of nodes and edges in data-node and
// data-edge.
func Draw(g *Graph, o Options) string {
	d := layOut(g, o.Direction)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%s" height="%s" role="%s" aria-label="%s">`,
		number2(d.width), number2(d.height), number2(d.width), number2(d.height), map[bool]string{true: "img", false: "group"}[o.Picture], "The way of a payment through the stack")
	b.WriteString("\n")
	if o.Picture {
		b.WriteString("<style>" + styles + "</style>\n")
	}
	b.WriteString(`<defs>`)
	for _, name := range []string{"arrow", "failure", "bad"} {
		if name == "bad" && o.Picture {
			continue
		}
		fmt.Fprintf(&b, `<marker id="flow-%s" class="%s" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 .5 8 4 0 7.5z"/></marker>`, name, name)
	}
	b.WriteString("</defs>\n")
	for _, l := range d.lines {
		d.writeLine(&b, l, o)
	}
	for _, box := range d.boxes {
		d.writeBox(&b, box, o)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// number2 prints a coordinate with at most one decimal.
func number2(f float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", math.Round(f*10)/10), ".0")
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder does not fail
	return b.String()
}

func (d *drawing) writeLine(b *strings.Builder, l *line, o Options) {
	class, marker := "edge "+string(l.edge.Way), "arrow"
	if l.edge.Way == Failure {
		marker = "failure"
	}
	data := ""
	if !o.Picture {
		data = fmt.Sprintf(` data-edge="%s" data-layer="%d"`, l.edge.ID, l.layer)
	}
	fmt.Fprintf(b, `<g class="%s"%s><path d="%s" marker-end="url(#flow-%s)"/>`, class, data, d.path(l), marker)
	at, anchor := d.labelAt(l)
	switch {
	case !o.Picture:
		fmt.Fprintf(b, `<text class="count" x="%s" y="%s" text-anchor="%s"></text>`, number2(at.x), number2(at.y), anchor)
	case l.edge.Way == Normal && l.edge.Label != "" && l.to.owner == nil:
		fmt.Fprintf(b, `<text class="label" x="%s" y="%s" text-anchor="%s">%s</text>`, number2(at.x), number2(at.y), anchor, escape(short(l.edge.Label)))
	}
	b.WriteString("</g>\n")
}

// short leaves out all but the first actions.
func short(label string) string {
	if parts := strings.Split(label, ", "); len(parts) > 2 {
		return strings.Join(parts[:2], ", ") + ", …"
	}
	return label
}

// labelAt is where the text of a line is.
func (d *drawing) labelAt(l *line) (point, string) {
	n := len(l.points)
	a, z := l.points[n-2], l.points[n-1]
	if l.square {
		a, z = l.points[len(l.points)/2-1], l.points[len(l.points)/2]
		if a.x == z.x {
			return point{a.x + 5, (a.y + z.y) / 2}, "start"
		}
		return point{(a.x + z.x) / 2, (a.y+z.y)/2 - 4}, "middle"
	}
	if a.x == z.x || d.direction != Right && l.to.owner != l.from { // beside a vertical line
		middle := point{(a.x+z.x)/2 + 5, (a.y+z.y)/2 + 4}
		if l.from != nil && d.direction != Right && d.fans(l) {
			middle = point{z.x + 5, z.y - 8}
		}
		return middle, "start"
	}
	return point{(a.x + z.x) / 2, (a.y+z.y)/2 - 5}, "middle"
}

// fans reports whether several lines leave the box that a line leaves.
func (d *drawing) fans(l *line) bool {
	count := 0
	for _, other := range d.lines {
		if other.from == l.from && other.to.owner != l.from {
			count++
		}
	}
	return count > 1
}

// path returns the path of a line: curves between layers, round corners around boxes.
func (d *drawing) path(l *line) string {
	p := func(at point) string { return number2(at.x) + " " + number2(at.y) }
	var b strings.Builder
	b.WriteString("M" + p(l.points[0]))
	if l.square {
		for i := 1; i < len(l.points)-1; i++ {
			before, at, after := l.points[i-1], l.points[i], l.points[i+1]
			b.WriteString("L" + p(toward(at, before, 6)) + "Q" + p(at) + " " + p(toward(at, after, 6)))
		}
		b.WriteString("L" + p(l.points[len(l.points)-1]))
		return b.String()
	}
	if l.from != nil && l.to.owner == l.from {
		return b.String() + "L" + p(l.points[1])
	}
	for i := 1; i < len(l.points); i++ {
		from, to := l.points[i-1], l.points[i]
		if d.direction == Right {
			half := (to.x - from.x) / 2
			b.WriteString("C" + p(point{from.x + half, from.y}) + " " + p(point{to.x - half, to.y}) + " " + p(to))
		} else {
			half := (to.y - from.y) / 2
			b.WriteString("C" + p(point{from.x, from.y + half}) + " " + p(point{to.x, to.y - half}) + " " + p(to))
		}
	}
	return b.String()
}

// toward returns the point that is nearer to another one by a distance, but not beyond the middle.
func toward(from, to point, distance float64) point {
	length := math.Hypot(to.x-from.x, to.y-from.y)
	if length == 0 {
		return from
	}
	t := min(distance/length, .5)
	return point{from.x + (to.x-from.x)*t, from.y + (to.y-from.y)*t}
}

func (d *drawing) writeBox(b *strings.Builder, x *box, o Options) {
	n := x.node
	class := "node " + string(n.Kind)
	if n.Failures {
		class += " failures"
	}
	if o.Picture {
		fmt.Fprintf(b, `<g class="%s">`, class)
	} else {
		fmt.Fprintf(b, `<g class="%s" data-node="%s" tabindex="0" role="button" aria-label="%s %s">`, class, n.ID, escape(n.Service), escape(n.Name))
	}
	radius := "5"
	if n.Kind == Queue || n.Kind == Topic || n.Kind == Subscription {
		radius = "14"
	}
	fmt.Fprintf(b, `<rect class="box" x="%s" y="%s" width="%s" height="%s" rx="%s"/>`, number2(x.x), number2(x.y), number2(x.w), number2(x.h), radius)
	y := x.y + 15
	text := func(class, content string) {
		fmt.Fprintf(b, `<text class="%s" x="%s" y="%s">%s</text>`, class, number2(x.x+10), number2(y), escape(content))
	}
	text("service", n.Service)
	y++
	for _, l := range x.name {
		y += 14.5
		text("name", l)
	}
	for _, l := range x.text {
		y += 14
		text("line", l)
	}
	if !o.Picture {
		if n.Kind == Queue {
			fmt.Fprintf(b, `<text class="depth" x="%s" y="%s" text-anchor="end"></text>`, number2(x.x+x.w-10), number2(x.y+15))
		}
		// Not by colour alone: the sign says that the hop fails.
		fmt.Fprintf(b, `<g class="sign"><circle cx="%s" cy="%s" r="8"/><text x="%s" y="%s" text-anchor="middle">!</text></g>`,
			number2(x.x+x.w-2), number2(x.y+2), number2(x.x+x.w-2), number2(x.y+6))
	}
	b.WriteString("</g>\n")
}

func more(n int) string { return fmt.Sprintf("and %d more", n) }
