import { element, svg } from './dom.js';

// A chart of lines over time, drawn for the pixels that it has. Libraries for Go draw on the server, where the size
// and the colours of the page are not known.

const margin = { top: 20, bottom: 20, left: 44, right: 12 };
const seriesColors = 8;

// short writes a number in at most five characters or so.
export function short(value) {
  if (value === undefined || value === null) return '–';
  const size = Math.abs(value);
  for (const [unit, name] of [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']]) {
    if (size >= unit * 10 || (size >= unit && value % (unit / 10) === 0)) return `${+(value / unit).toFixed(1)}${name}`;
  }
  if (size >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return String(+value.toPrecision(3));
}

// clock writes seconds since 1970 as a time of day.
export function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString(undefined, { hour12: false, hour: '2-digit', minute: '2-digit' });
}

// swatch shows the colour of a line.
export function swatch(line, index) {
  const made = element('span', { class: `swatch series-${index % seriesColors}`, 'aria-hidden': 'true' });
  if (line.color) made.style.setProperty('--series', line.color);
  return made;
}

// scale returns round limits around values, and the step between them.
function scale(values, axis) {
  let low = axis?.min ?? Math.min(0, ...values);
  let high = axis?.max ?? Math.max(0, ...values);
  if (high <= low) high = low + 1;
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const whole = values.every(Number.isInteger); // half a message is none
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough - 1e-12 && (!whole || candidate % 1 === 0)) ?? 1;
  if (axis?.max === undefined) high = Math.ceil(high / step - 1e-9) * step;
  if (axis?.min === undefined) low = Math.floor(low / step + 1e-9) * step;
  return { low, high, step };
}

// stack adds up lines, for a stacked widget: each point has its bottom and its top.
function stacked(lines) {
  const below = new Map();
  return lines.map((line) => line.points.map(([at, value]) => {
    const bottom = below.get(at) ?? 0;
    below.set(at, bottom + value);
    return [at, bottom + value, bottom];
  }));
}

const timeSteps = [60, 120, 300, 600, 900, 1800, 3600, 7200];

// chart returns an element with a chart, whose draw(widget, graph, from, to) draws it. The keys left and right move a
// cursor, as the pointer does.
export function chart(label) {
  const picture = svg('svg', { 'aria-hidden': 'true' });
  const tip = element('div', { class: 'tip', hidden: true });
  const plot = element('div', { class: 'plot', tabindex: '0', role: 'img', 'aria-label': label }, picture, tip);
  let drawn; // what the cursor needs
  let cursor; // a time

  const point = () => {
    picture.querySelector('.cursor')?.remove();
    tip.hidden = true;
    if (cursor === undefined || !drawn || drawn.times.length === 0) return;
    const at = drawn.times.reduce((best, time) => (Math.abs(time - cursor) < Math.abs(best - cursor) ? time : best));
    cursor = at;
    const x = drawn.x(at);
    picture.append(svg('line', { class: 'cursor', x1: x, x2: x, y1: margin.top, y2: drawn.height - margin.bottom }));
    tip.replaceChildren(element('p', {}, clock(at)), ...drawn.lines.map((line, index) => {
      const value = line.points.find(([time]) => time === at)?.[1];
      return value === undefined ? undefined : element('p', {}, swatch(line, index), ` ${line.label} `, element('b', {}, short(value)));
    }).filter(Boolean));
    tip.hidden = false;
    tip.classList.toggle('before', x > drawn.width / 2);
    tip.style.setProperty('--x', `${x}px`);
    plot.setAttribute('aria-label', `${label}, ${tip.innerText.replace(/\n+/g, ', ')}`);
  };
  plot.addEventListener('pointermove', (event) => {
    if (!drawn) return;
    cursor = drawn.time(event.clientX - plot.getBoundingClientRect().left);
    point();
  });
  const leave = () => {
    cursor = undefined;
    plot.setAttribute('aria-label', label);
    point();
  };
  plot.addEventListener('pointerleave', leave);
  plot.addEventListener('blur', leave);
  plot.addEventListener('keydown', (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === 'Escape') leave();
    if (!move || !drawn?.times.length) return;
    event.preventDefault();
    const index = cursor === undefined ? (move < 0 ? drawn.times.length : -1) : drawn.times.indexOf(cursor);
    cursor = drawn.times[Math.min(drawn.times.length - 1, Math.max(0, index + move))];
    point();
  });

  const draw = (widget, graph, from, to) => {
    const width = Math.max(160, plot.clientWidth);
    const height = Math.max(90, plot.clientHeight);
    const lines = graph.lines;
    const tops = widget.stacked ? stacked(lines) : lines.map((line) => line.points);
    const onRight = lines.some((line) => line.right);
    const right = onRight ? margin.left : margin.right;
    const values = (side) => tops.filter((_, index) => Boolean(lines[index].right) === side).flat().flatMap((p) => (p[2] === undefined ? [p[1]] : [p[1], p[2]]))
      .concat((widget.thresholds ?? []).filter((t) => (t.yAxis === 'right') === side).map((t) => t.value));
    const axes = [scale(values(false), widget.left), scale(values(true), widget.right)];
    const first = Math.min(from, ...lines.flatMap((line) => (line.period > 3600 ? line.points.map(([at]) => at) : [])));
    const x = (at) => margin.left + ((at - first) / (to - first)) * (width - margin.left - right);
    const y = (value, axis) => height - margin.bottom - ((value - axis.low) / (axis.high - axis.low)) * (height - margin.top - margin.bottom);

    picture.setAttribute('viewBox', `0 0 ${width} ${height}`);
    const parts = [];
    for (const [side, axis] of axes.entries()) {
      if (side === 1 && !onRight) continue;
      const unit = (side === 0 ? widget.left : widget.right)?.label;
      if (unit) parts.push(svg('text', { x: side === 0 ? 0 : width, y: 10, 'text-anchor': side === 0 ? 'start' : 'end' }, unit));
      for (let value = axis.low; value <= axis.high + axis.step / 1000; value += axis.step) {
        const at = y(value, axis);
        if (side === 0) parts.push(svg('line', { class: 'grid', x1: margin.left, x2: width - right, y1: at, y2: at }));
        parts.push(svg('text', { x: side === 0 ? margin.left - 6 : width - right + 6, y: at + 4, 'text-anchor': side === 0 ? 'end' : 'start' }, short(+value.toPrecision(6))));
      }
    }
    const step = timeSteps.find((candidate) => ((to - first) / candidate) * 52 < width - margin.left - right) ?? 14400;
    for (let at = Math.ceil(first / step) * step; at <= to; at += step) {
      parts.push(svg('text', { x: x(at), y: height - 5, 'text-anchor': 'middle' }, clock(at)));
    }
    for (const threshold of widget.thresholds ?? []) {
      const at = y(threshold.value, axes[threshold.yAxis === 'right' ? 1 : 0]);
      parts.push(svg('line', { class: 'threshold', x1: margin.left, x2: width - right, y1: at, y2: at, stroke: threshold.color }));
      if (threshold.label) parts.push(svg('text', { class: 'threshold', x: width - right - 4, y: at - 4, 'text-anchor': 'end' }, threshold.label));
    }
    lines.forEach((line, index) => parts.push(...drawLine(line, tops[index], index, x, (value) => y(value, axes[line.right ? 1 : 0]), first, to, widget.stacked)));
    picture.replaceChildren(...parts);
    drawn = {
      x, width, height, lines, times: [...new Set(lines.flatMap((line) => line.points.map(([at]) => at)))].filter((at) => at >= first).sort((a, b) => a - b),
      time: (pixels) => first + ((pixels - margin.left) / (width - margin.left - right)) * (to - first),
    };
    point();
  };
  return { element: plot, draw };
}

// drawLine draws the stretches of a line between which periods have no value. A period that has not ended is dashed.
function drawLine(line, points, index, x, y, from, to, filled) {
  const stretches = [];
  let before;
  for (const point of points) {
    if (point[0] < from) continue;
    if (before === undefined || point[0] - before > line.period) stretches.push([]);
    stretches.at(-1).push(point);
    before = point[0];
  }
  const group = svg('g', { class: `series series-${index % seriesColors}` });
  if (line.color) group.style.setProperty('--series', line.color);
  for (const stretch of stretches) {
    if (filled && stretch.length > 1) {
      const top = stretch.map((p) => `${x(p[0])},${y(p[1])}`);
      const bottom = stretch.toReversed().map((p) => `${x(p[0])},${y(p[2])}`);
      group.append(svg('polygon', { points: [...top, ...bottom].join(' ') }));
    }
    const last = stretch.at(-1);
    const open = last[0] + line.period > to && stretch.length > 1;
    const whole = open ? stretch.slice(0, -1) : stretch;
    if (stretch.length === 1) group.append(svg('circle', { cx: x(last[0]), cy: y(last[1]), r: 2.5 }));
    if (whole.length > 1) group.append(svg('polyline', { points: whole.map((p) => `${x(p[0])},${y(p[1])}`).join(' ') }));
    if (open) group.append(svg('polyline', { class: 'open', points: [stretch.at(-2), last].map((p) => `${x(p[0])},${y(p[1])}`).join(' ') }));
  }
  return [group];
}
