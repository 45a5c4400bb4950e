import { element, get } from './dom.js';
import { chart, clock, short, swatch } from './chart.js';

const interval = 5000; // milliseconds between two looks at the graphs
const ranges = [['', 'this run'], ['900', '15 minutes'], ['3600', '1 hour'], ['10800', '3 hours'], ['43200', '12 hours']];
const stateNames = { ALARM: 'In alarm', INSUFFICIENT_DATA: 'No data', OK: 'OK' };

let page; // what is shown; undefined while another view is
let timer;

async function show(main, parameters) {
  const mine = { widgets: [], alarms: new Map(), range: parameters.get('range') ?? '' };
  page = mine;
  mine.error = element('p', { class: 'error', role: 'alert', hidden: true });
  main.append(mine.error);
  try {
    const dashboards = await get('page/dashboards');
    if (page !== mine) return;
    mine.dashboard = dashboards.find((one) => one.name === parameters.get('name')) ?? dashboards[0];
    if (!mine.dashboard) {
      main.append(element('p', { class: 'panel' }, 'The stack has no dashboard.'));
    }
    main.append(toolbar(mine, dashboards), alarmPanel(mine), grid(mine));
    mine.observer = new ResizeObserver(() => redraw(mine));
    mine.observer.observe(mine.grid);
    await refresh(mine);
  } catch (error) {
    fail(mine, error);
  }
}

function fail(mine, error) {
  mine.error.textContent = error.message;
  mine.error.hidden = false;
}

function address(name, range) {
  const query = new URLSearchParams({ name });
  if (range) query.set('range', range);
  return `#/dashboard?${query}`;
}

function toolbar(mine, dashboards) {
  const select = element('select', { change: () => { location.hash = address(mine.dashboard.name, select.value).slice(1); } },
    ranges.map(([value, text]) => element('option', { value, selected: value === mine.range }, text)));
  mine.status = element('span', { class: 'soft' });
  return element('div', { class: 'toolbar' },
    element('nav', { 'aria-label': 'Dashboards' }, dashboards.map((one) => element('a', {
      href: address(one.name, mine.range), 'aria-current': one === mine.dashboard ? 'page' : undefined,
    }, one.name))),
    element('label', {}, 'Last', select), mine.status);
}

function hide() {
  clearTimeout(timer);
  page?.observer?.disconnect();
  page = undefined;
}

// update is called when alarms have been evaluated.
function update() {
  const mine = page;
  if (mine?.list) refreshAlarms(mine).catch((error) => fail(mine, error));
}

async function refresh(mine) {
  clearTimeout(timer);
  try {
    if (mine.dashboard) {
      const { from, to, data } = await get(`page/dashboards/${encodeURIComponent(mine.dashboard.name)}/graphs${mine.range ? `?last=${mine.range}` : ''}`);
      if (page !== mine) return;
      mine.shown = { from, to, data };
      mine.status.textContent = `${clock(from)} – ${clock(to)}, each minute`;
      redraw(mine);
    }
    await refreshAlarms(mine);
    mine.error.hidden = true;
  } catch (error) {
    if (page === mine) fail(mine, error);
  }
  if (page === mine) timer = setTimeout(() => refresh(mine), interval);
}

function redraw(mine) {
  if (!mine.shown) return;
  mine.widgets.forEach((widget, index) => widget.draw?.(mine.shown.data[index], mine.shown.from, mine.shown.to));
}

// The grid of 24 columns.
function grid(mine) {
  mine.grid = element('div', { class: 'dashboard' });
  for (const layout of mine.dashboard?.widgets ?? []) {
    const made = { text: textWidget, alarm: (widget) => alarmWidget(mine, widget), metric: metricWidget }[layout.type](layout);
    made.element.classList.add('widget');
    for (const [name, value] of Object.entries({ '--x': layout.x + 1, '--y': layout.y + 1, '--w': layout.width, '--h': layout.height })) made.element.style.setProperty(name, value);
    mine.widgets.push(made);
    mine.grid.append(made.element);
  }
  return mine.grid;
}

function metricWidget(layout) {
  const title = layout.title ?? '';
  const heading = element('h3', {}, title);
  const legend = element('ul', { class: 'legend' });
  const table = element('div', { class: 'scroll' });
  const empty = element('div', { class: 'nothing', hidden: true });
  const details = element('details', { class: 'values' }, element('summary', {}, 'Values'), table);
  if (layout.view === 'singleValue') {
    const numbers = element('div', { class: 'numbers' });
    return {
      element: element('section', { 'aria-label': title }, heading, numbers, empty),
      draw: (graph) => {
        numbers.replaceChildren(...graph.lines.map((line) => element('p', {}, element('b', {}, short(line.points.at(-1)?.[1])), element('span', {}, line.label))));
        fillEmpty(empty, graph);
      },
    };
  }
  const plot = chart(title);
  const section = element('section', { 'aria-label': title }, heading, plot.element, empty, legend, details);
  let latest;
  const fillTable = () => {
    if (details.open && latest) table.replaceChildren(valueTable(latest));
  };
  details.addEventListener('toggle', fillTable);
  return {
    element: section,
    draw: (graph, from, to) => {
      latest = graph;
      const hasData = graph.lines.some((line) => line.points.length > 0);
      section.dataset.state = hasData ? 'data' : 'empty';
      fillEmpty(empty, graph);
      plot.element.hidden = !hasData;
      legend.replaceChildren(...graph.lines.map((line, index) => legendEntry(line, index, hasData)));
      if (hasData) plot.draw(layout, graph, from, to);
      fillTable();
    },
  };
}

function legendEntry(line, index, hasData) {
  const entry = element('li', { title: `${line.metric}${line.stat ? `, ${line.stat}` : ''}` },
    swatch(line, index), element('span', {}, line.label), element('b', {}, short(line.points.at(-1)?.[1])));
  if (line.right) entry.append(element('span', { class: 'soft' }, 'right axis'));
  if (line.empty?.wrong && hasData) entry.append(element('span', { class: 'bad' }, 'other dimensions?'));
  return entry;
}

// fillEmpty says why there is nothing in a graph.
function fillEmpty(panel, graph) {
  panel.hidden = graph.lines.some((line) => line.points.length > 0);
  if (panel.hidden) return;
  const groups = new Map(); // lines by what is known of them
  for (const line of graph.lines) {
    const key = JSON.stringify(line.empty ?? {});
    groups.set(key, [...(groups.get(key) ?? []), line]);
  }
  panel.replaceChildren(element('p', {}, element('b', {}, 'No data in this range')), ...[...groups.values()].map((lines) => element('div', {},
    lines.map((line) => element('p', {}, element('code', {}, line.metric))),
    element('p', { class: lines[0].empty?.wrong ? 'bad' : 'soft' }, lines[0].empty?.reason, ' ',
      lines[0].empty?.others && (lines[0].empty.wrong ? 'Values exist with other dimensions:' : 'Values exist of:')),
    (lines[0].empty?.others ?? []).map((other) => element('p', {}, element('code', {}, other))))));
}

function valueTable(graph) {
  const times = [...new Set(graph.lines.flatMap((line) => line.points.map(([at]) => at)))].sort((a, b) => b - a);
  return element('table', {},
    element('thead', {}, element('tr', {}, element('th', { scope: 'col' }, 'Time'), graph.lines.map((line) => element('th', { scope: 'col', class: 'number' }, line.label)))),
    element('tbody', {}, times.map((at) => element('tr', {}, element('th', { scope: 'row' }, clock(at)), graph.lines.map((line) => {
      const value = line.points.find(([time]) => time === at)?.[1];
      return element('td', { class: 'number' }, value === undefined ? '' : String(+value.toPrecision(6)));
    })))));
}

// textWidget shows the part of Markdown that dashboards use: headings, paragraphs, lists, bold, code and links.
function textWidget(layout) {
  const body = element('section', { class: 'text' });
  let list;
  for (const row of (layout.markdown ?? '').split('\n')) {
    const heading = row.match(/^(#{1,6})\s+(.*)/);
    const item = row.match(/^\s*[-*]\s+(.*)/);
    if (!item) list = undefined;
    if (heading) body.append(element(heading[1].length < 3 ? 'h2' : 'h3', {}, inline(heading[2])));
    else if (item) {
      list ??= body.appendChild(element('ul'));
      list.append(element('li', {}, inline(item[1])));
    } else if (row.trim()) body.append(element('p', {}, inline(row)));
  }
  return { element: body };
}

function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\(https?:[^)\s]+\))/).map((part) => {
    const link = part.match(/^\[([^\]]+)\]\((https?:[^)\s]+)\)$/);
    if (link) return element('a', { href: link[2], rel: 'noreferrer' }, link[1]);
    if (/^`.+`$/.test(part)) return element('code', {}, part.slice(1, -1));
    if (/^\*\*.+\*\*$/.test(part)) return element('b', {}, part.slice(2, -2));
    return part;
  });
}

function alarmWidget(mine, layout) {
  const list = element('ul', { class: 'states' });
  mine.onAlarms ??= [];
  mine.onAlarms.push((alarms) => {
    const watched = layout.alarms.map((name) => alarms.find((alarm) => alarm.name === name) ?? { name, state: 'INSUFFICIENT_DATA' });
    const wanted = watched.filter((alarm) => !layout.states || layout.states.includes(alarm.state));
    if (wanted.length === 0) list.replaceChildren(element('li', { class: 'soft none' }, `none of ${watched.length}`));
    else list.replaceChildren(...wanted.map((alarm) => element('li', { class: `state-${alarm.state}`, title: `${alarm.name}: ${stateNames[alarm.state]}` }, shortName(alarms, alarm.name))));
  });
  return { element: element('section', { 'aria-label': layout.title }, element('h3', {}, layout.title ?? 'Alarms'), list) };
}

// shortName leaves out what the names of all alarms begin and end with.
function shortName(alarms, name) {
  const names = alarms.map((alarm) => alarm.name);
  const common = (parts) => {
    let n = 0;
    while (parts.length > 1 && parts.every((list) => list.length > n + 1 && list[n] === parts[0][n])) n++;
    return n;
  };
  const words = names.map((one) => one.split('-'));
  const before = common(words);
  const after = common(words.map((list) => list.slice(before).reverse()));
  const mine = name.split('-');
  return mine.slice(before, mine.length - after).join('-') || name;
}

// The alarms of the template.
function alarmPanel(mine) {
  mine.summary = element('summary', {}, 'Alarms');
  mine.list = element('div', { class: 'alarms' });
  mine.panel = element('details', { class: 'panel alarm-panel' }, mine.summary, mine.list);
  return mine.panel;
}

async function refreshAlarms(mine) {
  const alarms = await get('page/alarms');
  if (page !== mine) return;
  const count = (state) => alarms.filter((alarm) => alarm.state === state).length;
  mine.summary.replaceChildren(element('b', {}, 'Alarms'), ...Object.keys(stateNames).map((state) => element('span', { class: `count state-${state}`, 'data-count': count(state) }, `${count(state)} ${stateNames[state].toLowerCase()}`)),
    element('span', { class: 'soft' }, 'evaluated each minute'));
  for (const alarm of alarms) {
    let row = mine.alarms.get(alarm.name);
    if (!row) mine.alarms.set(alarm.name, row = alarmRow(alarm, shortName(alarms, alarm.name)));
    row.fill(alarm);
  }
  const rows = alarms.map((alarm) => mine.alarms.get(alarm.name).element);
  if (rows.some((row, index) => mine.list.children[index] !== row)) { // moving a row takes the focus away
    const focused = document.activeElement;
    mine.list.replaceChildren(...rows);
    if (mine.list.contains(focused)) focused.focus();
  }
  if (count('ALARM') > 0 && !mine.opened) {
    mine.opened = true;
    mine.panel.open = true;
  }
  for (const fill of mine.onAlarms ?? []) fill(alarms);
}

function alarmRow(alarm, name) {
  const state = element('span', { class: 'state' });
  const since = element('span', { class: 'soft' });
  const reason = element('p');
  const graph = element('div', { class: 'widget' });
  const row = element('details', { class: 'alarm', 'data-name': name },
    element('summary', {}, state, element('span', { class: 'name' }, name), since),
    element('div', {}, element('p', {}, alarm.description), reason, element('p', { class: 'soft' }, `Raised when ${alarm.condition}; missing data: ${alarm.missing_data}. Heard of by ${alarm.actions.map((arn) => arn.split(':').at(-1)).join(', ') || 'nobody'}.`), graph));
  const layout = { type: 'metric', view: 'timeSeries', title: alarm.name, thresholds: [{ value: alarm.threshold, label: 'threshold' }] };
  let drawn;
  const draw = async () => {
    if (!row.open) return;
    drawn ??= metricWidget(layout);
    try {
      const { from, to, data } = await get(`page/alarms/${encodeURIComponent(alarm.name)}/graph`);
      if (!graph.contains(drawn.element)) graph.replaceChildren(drawn.element);
      drawn.draw(data, from, to);
    } catch (error) {
      graph.replaceChildren(element('p', { class: 'error' }, error.message));
    }
  };
  row.addEventListener('toggle', draw);
  return {
    element: row,
    fill: (now) => {
      row.dataset.state = now.state;
      state.className = `state state-${now.state}`;
      state.textContent = stateNames[now.state];
      since.textContent = `since ${clock(new Date(now.since) / 1000)}`;
      reason.textContent = now.reason;
      draw();
    },
  };
}

export default { name: 'dashboard', title: 'Dashboard', show, hide, update };
