package flow

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// The layout is that of Sugiyama et al.: layers by the longest path, order within a layer by the mean of the
// neighbours, and positions as near to them as the order permits. Beyond it, queues of failures stay
// beside what writes to them, and reads and cycles are led around the boxes.

// Direction is the direction of the drawing.
type Direction int

// Directions. Along is that of the payments, across is the other one.
const (
	Right Direction = iota // failures below what writes to them
	Down                   // failures to the right of what writes to them
	// Narrow is Down for a screen of 390 pixels: failures are below what writes to them.
	Narrow
)

// Distances in pixels.
const (
	gapAcross = 18 // between boxes of a layer
	gapLeaf   = 16 // between a box and its queue of failures
	laneWidth = 9  // between lines that are led around
)

// metrics are the sizes of a direction in pixels.
var metrics = map[Direction]struct {
	width       float64 // of a box
	leaf        float64 // width of a queue of failures
	gap         float64 // between layers
	perLayer    int     // boxes; 0: any number
	characters  int     // of a line of text
	leavesBelow bool
}{
	Right:  {width: 134, leaf: 134, gap: 40, characters: 15, leavesBelow: true},
	Down:   {width: 146, leaf: 118, gap: 46, characters: 18},
	Narrow: {width: 110, leaf: 90, gap: 38, perLayer: 3, characters: 13, leavesBelow: true},
}

// box is a node with its place. Positions are of the upper left corner.
type box struct {
	node       *Node
	x, y, w, h float64
	name, text []string // lines
	leaves     []*box   // queues of failures beside it
	owner      *box     // of a leaf
	layer      int
	component  int
	order      float64 // in its layer
}

// point is a point of an edge.
type point struct{ x, y float64 }

// line is an edge with its way.
type line struct {
	edge     *Edge
	from, to *box // from is nil for what comes from outside
	points   []point
	square   bool // led around boxes
	layer    int
}

// drawing is a laid out graph.
type drawing struct {
	graph         *Graph
	direction     Direction
	boxes         []*box
	lines         []*line
	width, height float64

	byID map[string]*box
}

func layOut(g *Graph, direction Direction) *drawing {
	d := &drawing{graph: g, direction: direction, byID: map[string]*box{}}
	m := metrics[direction]
	for i := range g.Nodes {
		b := &box{node: &g.Nodes[i], w: m.width}
		b.setName(m.width, m.characters)
		lines := b.node.Lines
		if len(lines) > maxLines {
			lines = append(slices.Clone(lines[:maxLines-1]), more(len(lines)-maxLines+1))
		}
		for _, l := range lines {
			b.text = append(b.text, wrap(l, m.characters+2)...)
		}
		b.measure()
		d.boxes = append(d.boxes, b)
		d.byID[b.node.ID] = b
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		d.lines = append(d.lines, &line{edge: e, from: d.byID[e.From], to: d.byID[e.To]})
	}
	d.attachLeaves()
	d.findComponents()
	top := 10.0
	for c := 0; ; c++ {
		members := d.component(c)
		if len(members) == 0 {
			break
		}
		top = d.place(members, top)
	}
	d.route()
	d.finish()
	return d
}

// setName breaks the name for a width with room for a number of characters.
func (b *box) setName(width float64, characters int) {
	b.w, b.name = width, wrap(b.node.Name, characters)
}

func (b *box) measure() { b.h = 25 + 14.5*float64(len(b.name)) + 14*float64(len(b.text)) }

// attachLeaves puts boxes from which nothing goes on, and to which failures go, beside what writes to them. An
// archive is beside its bus.
func (d *drawing) attachLeaves() {
	for _, b := range d.boxes {
		var writers []*box
		for _, l := range d.lines {
			if l.from == b || l.to == b && l.edge.Way != Failure && b.node.Kind != Archive {
				writers = nil
				break
			}
			if l.to == b && l.from != nil {
				writers = append(writers, l.from)
			}
		}
		if len(writers) == 0 || slices.ContainsFunc(writers, func(w *box) bool { return w.owner != nil }) {
			continue
		}
		b.owner = writers[len(writers)-1]
		b.owner.leaves = append(b.owner.leaves, b)
		m := metrics[d.direction]
		b.setName(m.leaf, int(float64(m.characters)*m.leaf/m.width))
		b.measure()
	}
}

// findComponents numbers what is connected with other than side ways, the API's first.
func (d *drawing) findComponents() {
	for _, b := range d.boxes {
		b.component = -1
	}
	var mark func(b *box, c int)
	mark = func(b *box, c int) {
		if b.component >= 0 {
			return
		}
		b.component = c
		for _, l := range d.lines {
			switch {
			case l.edge.Way == Side || l.from == nil:
			case l.from == b:
				mark(l.to, c)
			case l.to == b:
				mark(l.from, c)
			}
		}
	}
	order := slices.Clone(d.boxes)
	slices.SortStableFunc(order, func(a, b *box) int { return cmp.Compare(rank(a.node.Kind), rank(b.node.Kind)) })
	next := 0
	for _, b := range order {
		if b.component < 0 {
			mark(b, next)
			next++
		}
	}
}

// rank orders the kinds that ways begin with.
func rank(k Kind) int {
	switch k {
	case API:
		return 0
	case Schedule, Bus:
		return 1
	default:
		return 2
	}
}

// component returns the boxes of a component that are in layers of their own.
func (d *drawing) component(c int) (members []*box) {
	for _, b := range d.boxes {
		if b.component == c && b.owner == nil {
			members = append(members, b)
		}
	}
	return members
}

// main returns the lines by which layers are made: those of a component that are no cycle.
func (d *drawing) main(members []*box) []*line {
	var all []*line
	for _, l := range d.lines {
		if l.from != nil && l.edge.Way != Side && l.from.owner == nil && l.to.owner == nil && slices.Contains(members, l.from) {
			all = append(all, l)
		}
	}
	state := map[*box]int{} // 1: on the path, 2: done
	back := map[*line]bool{}
	var visit func(b *box)
	visit = func(b *box) {
		state[b] = 1
		for _, l := range all {
			if l.from != b {
				continue
			}
			switch state[l.to] {
			case 0:
				visit(l.to)
			case 1:
				back[l] = true
			}
		}
		state[b] = 2
	}
	order := slices.Clone(members)
	slices.SortStableFunc(order, func(a, b *box) int { return cmp.Compare(rank(a.node.Kind), rank(b.node.Kind)) })
	for _, b := range order {
		if state[b] == 0 {
			visit(b)
		}
	}
	return slices.DeleteFunc(all, func(l *line) bool { return back[l] })
}

// item is a box or, on the way of a line across layers, a bend.
type item struct {
	box    *box
	at     float64 // across, where it begins
	size   float64 // across
	anchor float64 // where lines meet it, from at
	next   []*item
	prior  []*item
}

func (i *item) center() float64 { return i.at + i.anchor }

// place lays out a component below top (across for Right, along otherwise), and returns where it ends.
func (d *drawing) place(members []*box, top float64) float64 {
	lines := d.main(members)
	count := setLayers(members, lines)
	if limit := metrics[d.direction].perLayer; limit > 0 {
		count = splitLayers(members, lines, count, limit)
	}
	layers := make([][]*item, count)
	items := map[*box]*item{}
	for _, b := range members {
		i := &item{box: b, size: d.across(b), anchor: d.anchor(b)}
		items[b] = i
		layers[b.layer] = append(layers[b.layer], i)
	}
	ways := map[*line][]*item{}
	for _, l := range lines {
		before := items[l.from]
		for layer := l.from.layer + 1; layer < l.to.layer; layer++ {
			bend := &item{size: 6, anchor: 3}
			layers[layer] = append(layers[layer], bend)
			join(before, bend)
			ways[l] = append(ways[l], bend)
			before = bend
		}
		join(before, items[l.to])
	}
	arrange(layers)

	// Along the payments, each layer begins where the largest box of the one before ends.
	m := metrics[d.direction]
	low := math.Inf(1)
	for _, layer := range layers {
		for _, i := range layer {
			low = min(low, i.at)
		}
	}
	along := 46.0 // room for what comes from outside
	if d.direction != Right {
		along = top + 30
	}
	end := top
	starts, ends := make([]float64, count), make([]float64, count)
	for n, layer := range layers {
		size := 0.0
		for _, i := range layer {
			if i.box != nil {
				size = max(size, d.along(i.box))
			}
		}
		for _, i := range layer {
			if i.box == nil {
				continue
			}
			if d.direction == Right {
				d.put(i.box, along, i.at-low+top)
				end = max(end, i.at-low+top+i.size)
			} else {
				d.put(i.box, i.at-low+24, along)
			}
		}
		starts[n], ends[n] = along, along+size
		along += size + m.gap
	}
	for l, bends := range ways {
		for n, bend := range bends {
			layer := l.from.layer + 1 + n
			if d.direction == Right {
				across := bend.center() - low + top
				l.points = append(l.points, point{starts[layer], across}, point{ends[layer], across})
			} else {
				across := bend.center() - low + 24
				l.points = append(l.points, point{across, starts[layer]}, point{across, ends[layer]})
			}
		}
	}
	for _, l := range lines {
		l.square = false
	}
	isMain := map[*line]bool{}
	for _, l := range lines {
		isMain[l] = true
	}
	for _, l := range d.lines {
		if l.from != nil && slices.Contains(members, l.from) && !isMain[l] && l.to.owner != l.from {
			l.square = true
		}
	}
	if d.direction != Right {
		return along - m.gap + 24
	}
	return end + 40
}

func join(a, b *item) { a.next, b.prior = append(a.next, b), append(b.prior, a) }

// setLayers puts each box into the layer after all that lead to it, and returns how many layers there
// are. What nothing leads to is directly before what it leads to.
func setLayers(members []*box, lines []*line) int {
	for range members {
		for _, l := range lines {
			l.to.layer = max(l.to.layer, l.from.layer+1)
		}
	}
	for _, b := range members {
		nearest := math.MaxInt
		for _, l := range lines {
			if l.to == b {
				nearest = math.MaxInt
				break
			}
			if l.from == b {
				nearest = min(nearest, l.to.layer-1)
			}
		}
		if nearest != math.MaxInt && b.node.Kind != API {
			b.layer = nearest
		}
	}
	count := 0
	for _, b := range members {
		count = max(count, b.layer+1)
	}
	return count
}

// splitLayers divides layers with more than limit boxes, and returns how many there are then.
func splitLayers(members []*box, lines []*line, count, limit int) int {
	for layer := 0; layer < count; layer++ {
		var in []*box
		for _, b := range members {
			if b.layer == layer {
				in = append(in, b)
			}
		}
		if len(in) <= limit {
			continue
		}
		// Those that lead on are nearer to what they lead to.
		leads := func(b *box) int {
			return len(slices.DeleteFunc(slices.Clone(lines), func(l *line) bool { return l.from != b }))
		}
		slices.SortStableFunc(in, func(a, b *box) int { return cmp.Compare(leads(a), leads(b)) })
		for _, b := range members {
			if b.layer > layer {
				b.layer++
			}
		}
		for _, b := range in[limit:] {
			b.layer = layer + 1
		}
		count++
	}
	return count
}

// arrange orders the items of each layer and places them.
func arrange(layers [][]*item) {
	for _, layer := range layers {
		at := 0.0
		for _, i := range layer {
			i.at = at
			at += i.size + gapAcross
		}
	}
	mean := func(list []*item, fallback float64) float64 {
		if len(list) == 0 {
			return fallback
		}
		sum := 0.0
		for _, i := range list {
			sum += i.center()
		}
		return sum / float64(len(list))
	}
	order := func(layer []*item, near func(*item) []*item) {
		wanted := map[*item]float64{}
		for _, i := range layer {
			wanted[i] = mean(near(i), i.center())
		}
		slices.SortStableFunc(layer, func(a, b *item) int { return cmp.Compare(wanted[a], wanted[b]) })
		spread(layer, func(i *item) float64 { return wanted[i] })
	}
	for range 12 {
		for n := 1; n < len(layers); n++ {
			order(layers[n], func(i *item) []*item { return i.prior })
		}
		for n := len(layers) - 2; n >= 0; n-- {
			order(layers[n], func(i *item) []*item { return i.next })
		}
	}
	for range 12 { // positions: between both neighbours, in the order found
		for _, layer := range layers {
			spread(layer, func(i *item) float64 { return mean(append(slices.Clone(i.prior), i.next...), i.center()) })
		}
	}
}

// spread places the items of a layer in their order, as near as possible to where their centers are wanted: the
// least squares with a minimal distance are means of neighbours that would overlap.
func spread(layer []*item, wanted func(*item) float64) {
	type pool struct {
		sum   float64
		count int
	}
	var pools []pool
	offset := 0.0
	offsets := make([]float64, len(layer))
	for n, i := range layer {
		offsets[n] = offset
		offset += i.size + gapAcross
		pools = append(pools, pool{wanted(i) - i.anchor - offsets[n], 1})
		for k := len(pools) - 1; k > 0 && pools[k-1].sum/float64(pools[k-1].count) > pools[k].sum/float64(pools[k].count); k-- {
			pools[k-1] = pool{pools[k-1].sum + pools[k].sum, pools[k-1].count + pools[k].count}
			pools = pools[:k]
		}
	}
	n := 0
	for _, p := range pools {
		for range p.count {
			layer[n].at = p.sum/float64(p.count) + offsets[n]
			n++
		}
	}
}

// across is the size of a box with its leaves across the payments.
func (d *drawing) across(b *box) float64 {
	switch {
	case d.direction == Right:
		size := b.h
		for _, l := range b.leaves {
			size += gapLeaf + l.h
		}
		return size
	case d.direction == Narrow:
		return b.w
	default:
		return b.w + float64(len(b.leaves))*(gapLeaf+10+metrics[d.direction].leaf)
	}
}

// along is the size of a box with its leaves along the payments.
func (d *drawing) along(b *box) float64 {
	switch d.direction {
	case Right:
		return b.w
	case Narrow:
		size := b.h
		for _, l := range b.leaves {
			size += gapLeaf + l.h
		}
		return size
	default:
		size := b.h
		for _, l := range b.leaves {
			size = max(size, l.h)
		}
		return size
	}
}

func (d *drawing) anchor(b *box) float64 {
	if d.direction == Right {
		return b.h / 2
	}
	return b.w / 2
}

// put places a box and its leaves.
func (d *drawing) put(b *box, x, y float64) {
	b.x, b.y = x, y
	for _, l := range b.leaves {
		if metrics[d.direction].leavesBelow {
			y += gapLeaf + map[bool]float64{true: b.h, false: 0}[l == b.leaves[0]]
			l.x, l.y = x+b.w-l.w, y
			y += l.h
		} else {
			x += map[bool]float64{true: b.w, false: l.w}[l == b.leaves[0]] + gapLeaf + 10
			l.x, l.y = x, y+(b.h-l.h)/2
		}
	}
}

// route adds the points where lines begin and end, and leads those around that are no way of a payment.
func (d *drawing) route() {
	type side struct {
		b   *box
		out bool
	}
	ports := map[side][]*line{}
	for _, l := range d.lines {
		if l.from != nil && l.to.owner == l.from {
			continue
		}
		if l.from != nil {
			ports[side{l.from, true}] = append(ports[side{l.from, true}], l)
		}
		ports[side{l.to, false}] = append(ports[side{l.to, false}], l)
	}
	position := func(p point) float64 {
		if d.direction == Right {
			return p.y
		}
		return p.x
	}
	center := func(b *box) point { return point{b.x + b.w/2, b.y + b.h/2} }
	// port is where a line meets a box: lines are in the order of where they come from or go to.
	port := func(l *line, b *box, out bool) point {
		list := ports[side{b, out}]
		far := func(l *line) float64 {
			switch {
			case out && len(l.points) > 0 && !l.square:
				return position(l.points[0])
			case out:
				return position(center(l.to))
			case l.from == nil:
				return position(center(b))
			case len(l.points) > 0 && !l.square:
				return position(l.points[len(l.points)-1])
			default:
				return position(center(l.from))
			}
		}
		slices.SortStableFunc(list, func(x, y *line) int { return cmp.Compare(far(x), far(y)) })
		size := b.h
		if d.direction != Right {
			size = b.w
		}
		step := min(16, size/float64(len(list)+1))
		offset := size/2 + (float64(slices.Index(list, l))-float64(len(list)-1)/2)*step
		switch {
		case d.direction == Right && out:
			return point{b.x + b.w, b.y + offset}
		case d.direction == Right:
			return point{b.x, b.y + offset}
		case out && d.direction == Narrow && len(b.leaves) > 0: // past the leaves, on their left
			return point{b.x + 5 + 10*float64(slices.Index(list, l))/float64(len(list)), b.y + b.h}
		case out:
			return point{b.x + offset, b.y + b.h}
		default:
			return point{b.x + offset, b.y}
		}
	}
	lanes := 0
	for _, l := range d.lines {
		switch {
		case l.from == nil:
			end := port(l, l.to, false)
			begin := point{end.x - 40, end.y}
			if d.direction != Right {
				begin = point{end.x, end.y - 28}
			}
			l.points = []point{begin, end}
		case l.to.owner == l.from:
			l.points = d.toLeaf(l.from, l.to)
		case l.square && l.to.owner != nil && l.to.owner.layer == l.from.layer && l.to.owner.component == l.from.component:
			l.points = d.beside(l.to, port(l, l.from, true))
		case l.square:
			begin, end := port(l, l.from, true), port(l, l.to, false)
			l.points = d.around(l, begin, end, &lanes)
		default:
			begin := port(l, l.from, true)
			way := []point{begin}
			if leaves := l.from.leaves; d.direction == Narrow && len(leaves) > 0 {
				last := leaves[len(leaves)-1]
				way = append(way, point{begin.x, last.y + last.h})
			}
			l.points = append(append(way, l.points...), port(l, l.to, false))
		}
	}
}

// toLeaf is the short way from a box to its queue of failures.
func (d *drawing) toLeaf(b, leaf *box) []point {
	before := b
	if i := slices.Index(b.leaves, leaf); i > 0 {
		before = b.leaves[i-1]
	}
	if metrics[d.direction].leavesBelow {
		return []point{{leaf.x + 20, before.y + before.h}, {leaf.x + 20, leaf.y}}
	}
	return []point{{before.x + before.w, leaf.y + leaf.h/2}, {leaf.x, leaf.y + leaf.h/2}}
}

// beside leads a line to a queue of failures of another box in the same layer, through the gap after the
// layer.
func (d *drawing) beside(leaf *box, begin point) []point {
	gap := metrics[d.direction].gap / 3
	if d.direction == Right {
		return []point{begin, {begin.x + gap, begin.y}, {begin.x + gap, leaf.y + leaf.h/2}, {leaf.x + leaf.w, leaf.y + leaf.h/2}}
	}
	after := max(begin.y, leaf.y+leaf.h, leaf.owner.y+leaf.owner.h) + gap
	return []point{begin, {begin.x, after}, {leaf.x + leaf.w/2, after}, {leaf.x + leaf.w/2, leaf.y + leaf.h}}
}

// around leads a line through the gaps between layers, and past all boxes of its component.
func (d *drawing) around(l *line, begin, end point, lanes *int) []point {
	shift := float64(*lanes%3) * laneWidth / 2
	*lanes++
	if d.direction != Right { // exchange the axes
		turned := func(p point) point { return point{p.y, p.x} }
		points := d.lane(l, turned(begin), turned(end), shift)
		for i := range points {
			points[i] = turned(points[i])
		}
		return points
	}
	return d.lane(l, begin, end, shift)
}

func (d *drawing) lane(l *line, begin, end point, shift float64) []point {
	gap := metrics[d.direction].gap
	out, in := point{begin.x + gap/4 + shift, begin.y}, point{end.x - gap/4 - shift, end.y}
	low, high, lowEnd := math.Inf(1), math.Inf(-1), math.Inf(1) // across, of the components of both ends
	for _, b := range d.boxes {
		from, to := b.y, b.y+b.h
		if d.direction != Right {
			from, to = b.x, b.x+b.w
		}
		if b.component == l.from.component || d.direction != Right {
			low, high = min(low, from), max(high, to)
		}
		if b.component == l.to.component {
			lowEnd = min(lowEnd, from)
		}
	}
	middle := (begin.y + end.y) / 2
	var across float64
	switch {
	case l.from.component != l.to.component && d.direction == Right && lowEnd > high:
		across = high + 12 + shift
	case l.from.component != l.to.component && d.direction == Right:
		across = low - 12 - shift
	case middle-low < high-middle:
		across = low - 10 - 2*shift
	default:
		across = high + 10 + 2*shift
	}
	return []point{begin, out, {out.x, across}, {in.x, across}, in, end}
}

// finish moves everything into the first quadrant, and measures it.
func (d *drawing) finish() {
	low, high := point{math.Inf(1), math.Inf(1)}, point{}
	grow := func(x, y float64) {
		low, high = point{min(low.x, x), min(low.y, y)}, point{max(high.x, x), max(high.y, y)}
	}
	for _, b := range d.boxes {
		grow(b.x, b.y)
		grow(b.x+b.w, b.y+b.h)
	}
	for _, l := range d.lines {
		for _, p := range l.points {
			grow(p.x, p.y)
		}
		if at, _ := d.labelAt(l); l.square { // of the text above a line
			grow(at.x, at.y-12)
		}
	}
	const margin = 8
	for _, b := range d.boxes {
		b.x, b.y = b.x-low.x+margin, b.y-low.y+margin
	}
	for _, l := range d.lines {
		for i := range l.points {
			l.points[i] = point{l.points[i].x - low.x + margin, l.points[i].y - low.y + margin}
		}
		if l.from != nil {
			l.layer = l.from.layer + 1
		}
	}
	d.width, d.height = high.x-low.x+2*margin, high.y-low.y+2*margin
}

// maxLines is how many routes or alternatives a box shows.
const maxLines = 6

// wrap breaks text after hyphens and slashes and at spaces into lines of at most a number of characters; longer words
// are cut.
func wrap(text string, characters int) (lines []string) {
	var words []string
	for _, field := range strings.Split(text, " ") {
		field = strings.NewReplacer("-", "-\x00", "/", "/\x00").Replace(field)
		words = append(words, strings.Split(field, "\x00")...)
		words[len(words)-1] += " "
	}
	current := ""
	for _, word := range words {
		if current != "" && utf8.RuneCountInString(strings.TrimRight(current+word, " ")) > characters {
			lines = append(lines, strings.TrimRight(current, " "))
			current = ""
		}
		current += word
	}
	lines = append(lines, strings.TrimRight(current, " "))
	for i, l := range lines {
		if r := []rune(l); len(r) > characters {
			lines[i] = string(r[:characters-1]) + "…"
		}
	}
	return lines
}
