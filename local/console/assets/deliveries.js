import { element, get, time } from './dom.js';

// The list shows a page of deliveries from the server, newest first. The filters are in the address,
// and the server applies them: #/deliveries?provider=stripe&status=401&open=12.

const path = 'page/deliveries';
const minPause = 400; // milliseconds between two looks at the server

// Filters by what the server calls them. Those without choices are typed in.
const filters = [
  { name: 'q', title: 'Search', placeholder: 'id or text', type: 'search' },
  { name: 'provider', title: 'Provider', choices: true },
  { name: 'type', title: 'Event type', choices: true },
  { name: 'status', title: 'Status', choices: true, also: ['2xx', '4xx', '5xx'] },
  { name: 'result', title: 'Result', choices: true },
  { name: 'tier', title: 'Tier', choices: true },
  { name: 'risk', title: 'Fraud risk', choices: true },
  { name: 'kind', title: 'Kind', choices: true },
  { name: 'currency', title: 'Currency', choices: true, more: true },
  { name: 'min', title: 'Amount from', type: 'number', more: true },
  { name: 'max', title: 'Amount to', type: 'number', more: true },
  { name: 'alerts', title: 'Alerts', also: ['yes', 'no'], choices: true, more: true },
  { name: 'ms', title: 'Slower than (ms)', type: 'number', more: true },
  { name: 'from', title: 'From', type: 'datetime-local', more: true },
  { name: 'to', title: 'To', type: 'datetime-local', more: true },
];

const columns = [
  ['when', 'When'], ['provider', 'Provider'], ['type', 'Event type'], ['status', 'Status'], ['why', 'Result and why'], ['id', 'Transaction'],
  ['kind', 'Kind'], ['amount', 'Amount', 'number'], ['tier', 'Tier'], ['fraud', 'Fraud'], ['alerts', 'Alerts', 'number'], ['ms', 'ms', 'number'],
];

let parameters = new URLSearchParams();
let visible = false;
let root; // made once: the list keeps its place while a delivery is open
let parts; // of root
let pinned; // the newest delivery of the list while the user has scrolled; undefined: the newest there is
let opened; // the id of the open delivery
let openedText = ''; // what it shows
let timer;
let asking = false;
let stale = false;

export default {
  name: 'deliveries',
  title: 'Deliveries',
  show(main, given) {
    visible = true;
    root ??= build();
    const before = query(parameters);
    parameters = given;
    main.append(root);
    fillFilters();
    if (query(parameters) !== before) { // another list, which begins with its first row
      pinned = undefined;
      if (parts.body.getBoundingClientRect().top < 0) parts.bar.scrollIntoView();
    }
    const id = parameters.get('open');
    if (id) open(id);
    else close();
    refresh();
  },
  hide() {
    visible = false;
    if (parts?.dialog.open) parts.dialog.close();
  },
  update() {
    stale = true;
    if (visible) soon();
  },
};

function build() {
  parts = { inputs: {}, rows: new Map(), sections: new Map() };
  const control = (filter) => {
    const changed = () => go(filter.name, filter.type === 'datetime-local' && input.value ? new Date(input.value).toISOString().replace(/\.\d+/, '') : input.value.trim());
    const input = filter.choices
      ? element('select', { name: filter.name, change: changed })
      : element('input', { name: filter.name, type: filter.type, placeholder: filter.placeholder, step: filter.type === 'number' ? 'any' : filter.type === 'datetime-local' ? '1' : undefined, change: changed, autocomplete: 'off', spellcheck: 'false' });
    if (filter.name === 'q') input.addEventListener('input', debounce(changed, 300));
    parts.inputs[filter.name] = input;
    return element('label', {}, element('span', {}, filter.title), input);
  };
  parts.more = element('details', { class: 'more' }, element('summary', {}, 'More filters'), element('div', { class: 'filters' }, filters.filter((f) => f.more).map(control)));
  parts.clear = element('a', { href: '#/deliveries', class: 'clear' }, 'Clear filters');
  const form = element('form', { class: 'panel', 'aria-label': 'Filters', submit: (event) => event.preventDefault() },
    element('div', { class: 'filters' }, filters.filter((f) => !f.more).map(control)), parts.more);
  parts.summary = element('p', { class: 'summary' });
  parts.newer = element('button', { type: 'button', class: 'newer', hidden: true, click: newest });
  parts.problem = element('p', { class: 'error', role: 'alert', hidden: true });
  parts.bar = element('div', { class: 'bar' }, parts.summary, parts.newer, parts.clear);
  parts.body = element('tbody');
  parts.table = element('table', { class: 'list' },
    element('caption', {}, 'Deliveries, newest first'),
    element('thead', {}, element('tr', {}, columns.map(([key, title, kind]) => element('th', { scope: 'col', class: [key, kind].filter(Boolean).join(' ') }, title)))),
    parts.body);
  parts.empty = element('p', { class: 'empty', hidden: true });
  parts.older = element('a', { class: 'older', hidden: true }, 'Older deliveries');
  parts.dialog = element('dialog', { class: 'delivery', 'aria-labelledby': 'delivery-title', close: closed });
  parts.dialog.addEventListener('click', (event) => { if (event.target === parts.dialog) parts.dialog.close(); });
  return element('div', { class: 'deliveries' },
    element('h2', {}, 'Deliveries'), form, parts.problem,
    parts.bar,
    element('div', { class: 'panel listed' }, parts.table, parts.empty, parts.older), parts.dialog);
}

// The query of the list, without what is open.
function query(parameters) {
  const copy = new URLSearchParams(parameters);
  copy.delete('open');
  return copy.toString();
}

// address returns the address of the view with one parameter changed.
function address(name, value) {
  const copy = new URLSearchParams(parameters);
  if (value) copy.set(name, value);
  else copy.delete(name);
  if (name !== 'open' && name !== 'upto') copy.delete('upto');
  const text = copy.toString();
  return `#/deliveries${text && '?'}${text}`;
}

function go(name, value) {
  if (!visible) return; // what was typed is looked for after a pause
  const to = address(name, value);
  if (to !== location.hash) location.hash = to;
}

function debounce(call, pause) {
  let waiting;
  return () => {
    clearTimeout(waiting);
    waiting = setTimeout(call, pause);
  };
}

function fillFilters() {
  for (const filter of filters) {
    const input = parts.inputs[filter.name];
    let value = parameters.get(filter.name) ?? '';
    if (filter.choices) fillChoices(filter, [], value);
    if (filter.type === 'datetime-local' && value) value = local(value);
    if (input.value !== value && document.activeElement !== input) input.value = value;
  }
  if (filters.some((f) => f.more && parameters.has(f.name))) parts.more.open = true;
  parts.clear.hidden = query(parameters) === '';
}

// local returns a time as an input of type datetime-local has it.
function local(text) {
  const at = new Date(text);
  if (isNaN(at)) return '';
  return new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
}

function fillChoices(filter, choices, value) {
  const select = parts.inputs[filter.name];
  const known = [...select.options].map((option) => option.value);
  const wanted = ['', ...new Set([...(filter.also ?? []), ...known.filter(Boolean), ...choices, ...(value ? [value] : [])])];
  const order = ['', ...wanted.slice(1).sort()];
  if (order.join('\n') !== known.join('\n')) {
    select.replaceChildren(...order.map((choice) => element('option', { value: choice }, choice === '' ? 'any' : filter.name === 'tier' ? tier(choice) : choice)));
  }
  if (select.value !== value && document.activeElement !== select) select.value = value;
}

const tier = (rule) => rule.replace(/-transactions$/, '');

// soon asks the server again, but not too often.
function soon() {
  timer ??= setTimeout(() => {
    timer = undefined;
    refresh();
  }, minPause);
}

async function refresh() {
  if (asking) {
    stale = true;
    return;
  }
  asking = true;
  try {
    let asked, list;
    do { // again if the user has scrolled or changed the filters meanwhile
      stale = false;
      asked = wanted();
      list = await get(`${path}?${asked}`);
      if (!visible) return;
    } while (wanted() !== asked);
    parts.problem.hidden = true;
    draw(list);
    if (opened) await refreshOpened();
  } catch (problem) {
    parts.problem.textContent = problem.message;
    parts.problem.hidden = false;
  } finally {
    asking = false;
    if (stale && visible) soon();
  }
}

// wanted returns the query of the list. It keeps the rows in their place while the user has scrolled to them
// or reads one.
function wanted() {
  const reads = parts.body.getBoundingClientRect().top < -40 || opened !== undefined || parts.body.contains(document.activeElement);
  if (reads) pinned ??= Number(parts.body.firstElementChild?.dataset.id) || undefined;
  else pinned = undefined;
  const wanted = new URLSearchParams(query(parameters));
  if (!wanted.has('upto') && pinned !== undefined) wanted.set('upto', pinned);
  return wanted.toString();
}

function newest() {
  pinned = undefined;
  scrollTo({ top: 0 });
  document.activeElement?.blur();
  if (parameters.has('upto')) go('upto', '');
  else refresh();
}

function draw(list) {
  for (const filter of filters) if (filter.choices) fillChoices(filter, list.choices[filter.name] ?? [], parameters.get(filter.name) ?? '');
  const all = query(parameters) === '' || [...parameters.keys()].every((key) => key === 'upto' || key === 'open');
  parts.summary.textContent = `${all ? '' : `${list.matching} of `}${list.kept} ${list.kept === 1 ? 'delivery' : 'deliveries'}` +
    (list.total > list.kept ? `: the last ${list.capacity} of ${list.total} are kept` : '');
  parts.newer.hidden = list.newer === 0;
  parts.newer.textContent = `Show ${list.newer} newer`;
  parts.older.hidden = list.older === 0;
  const last = list.rows.at(-1);
  if (last) parts.older.setAttribute('href', address('upto', last.id - 1));
  parts.older.textContent = `Older deliveries (${list.older})`;
  parts.table.hidden = list.rows.length === 0;
  parts.empty.hidden = list.rows.length > 0;
  parts.empty.textContent = list.kept === 0 ? 'No request has come in yet.' : 'No delivery matches the filters.';
  drawRows(list.rows);
}

// drawRows changes only the rows that differ: the others keep focus and selection.
function drawRows(rows) {
  const wanted = new Map(rows.map((row) => [String(row.id), row]));
  for (const [id, kept] of parts.rows) {
    if (!wanted.has(id)) {
      kept.node.remove();
      parts.rows.delete(id);
    }
  }
  let before = parts.body.firstElementChild;
  for (const row of rows) {
    const id = String(row.id);
    const text = JSON.stringify(row) + query(parameters);
    let kept = parts.rows.get(id);
    if (kept?.text !== text) {
      const node = tableRow(row);
      if (kept) {
        const focused = [...kept.node.querySelectorAll('a')].indexOf(document.activeElement);
        if (before === kept.node) before = node;
        kept.node.replaceWith(node);
        node.querySelectorAll('a')[focused]?.focus();
      }
      kept = { text, node };
      parts.rows.set(id, kept);
    }
    if (kept.node === before) before = before.nextElementSibling;
    else parts.body.insertBefore(kept.node, before);
  }
}

function tableRow(row) {
  const link = (child) => element('a', { href: address('open', row.id) }, child);
  const lines = (show) => row.events.map((event) => {
    const shown = show(event);
    return element('div', { class: shown ? 'line' : 'line none' }, shown || '\u00a0');
  });
  const cell = (key, kind, ...children) => element('td', { class: [key, kind].filter(Boolean).join(' '), 'data-title': columns.find(([name]) => name === key)[1] }, children);
  const why = row.why || (row.status < 400 ? row.cause : '');
  return element('tr', { 'data-id': row.id, class: row.status >= 400 ? 'failed' : undefined },
    cell('when', '', link(time(row.at))),
    cell('provider', '', row.provider || '–'),
    cell('type', '', row.events.length ? lines((event) => event.type) : row.method === 'POST' ? '' : row.method),
    cell('status', '', element('span', { class: `status s${Math.floor(row.status / 100)}` }, row.status)),
    cell('why', '', row.events.length > 1 ? lines((event) => event.result) : element('div', { class: 'result' }, row.result || '\u00a0'),
      why && element('div', { class: 'reason', title: [row.why, row.cause].filter(Boolean).join('\n') }, why),
      row.why && row.cause && row.status >= 400 && element('div', { class: 'reason cause', title: row.cause }, row.cause)),
    cell('id', '', lines((event) => event.transaction_id && link(event.transaction_id)), row.more > 0 && element('div', { class: 'line' }, `and ${row.more} more`)),
    cell('kind', '', lines((event) => event.kind)),
    cell('amount', 'number', lines((event) => event.amount)),
    cell('tier', '', lines((event) => event.tiers.map(tier).join(', '))),
    cell('fraud', '', lines((event) => event.risk && risk(event))),
    cell('alerts', 'number', lines((event) => event.alerts || '')),
    cell('ms', 'number', row.ms.toFixed(1)));
}

function risk(event) {
  return element('span', { class: `risk ${{ high: 'bad', medium: 'warn', low: 'good' }[event.risk] ?? ''}` }, `${event.risk}${event.score ? ` ${event.score}` : ''}`);
}

// One delivery.

async function open(id) {
  if (opened !== id) {
    opened = id;
    openedText = '';
    parts.sections.clear();
    parts.dialog.replaceChildren(heading(`Delivery ${id}`));
  }
  if (!parts.dialog.open) {
    parts.dialog.showModal();
    parts.dialog.scrollTop = 0;
  }
}

function close() {
  if (parts.dialog.open) parts.dialog.close();
  const id = opened;
  opened = undefined;
  if (id !== undefined) parts.rows.get(id)?.node.querySelector('a').focus({ preventScroll: true });
}

// closed is called by Escape, too.
function closed() {
  if (visible && parameters.has('open')) location.hash = address('open', '');
}

// The title has the focus at first, not the button: the Enter that opens a delivery would press that, too.
function heading(title) {
  return element('header', {}, element('h2', { id: 'delivery-title', tabindex: '-1', autofocus: true }, title), element('button', { type: 'button', class: 'close', click: () => parts.dialog.close() }, 'Close'));
}

async function refreshOpened() {
  const id = opened;
  let one;
  try {
    one = await get(`${path}/${encodeURIComponent(id)}`);
  } catch (problem) {
    if (id === opened) parts.dialog.replaceChildren(heading(`Delivery ${id}`), element('p', { class: 'error', role: 'alert' }, problem.message));
    return;
  }
  if (id !== opened) return;
  const text = JSON.stringify(one);
  if (text === openedText) return;
  openedText = text;
  if (parts.sections.size === 0) {
    parts.dialog.replaceChildren(heading(`${one.provider || one.method} ${new Date(one.at).toLocaleString(undefined, { hour12: false })}`));
  }
  section('summary', one, summary);
  for (const about of one.transactions) section(`transaction ${about.index}`, about, (about) => transaction(id, about, one.events[about.index]));
  section('steps', one.bars, (bars) => waterfall(bars, one));
  section('request', one.request_headers, (headers) => [element('h3', {}, 'Request headers'), element('p', { class: 'note' }, `${one.method} ${one.path} from ${one.source}. Secrets, signatures and card numbers are masked; the body is not kept.`), table(['Name', 'Value'], headers.map((h) => [h.name, h.value]))]);
  section('response', [one.response_headers, one.body], () => [element('h3', {}, 'Response'), element('p', {}, element('span', { class: `status s${Math.floor(one.status / 100)}` }, one.status), ` ${one.result}`), json(one.body), table(['Name', 'Value'], one.response_headers.map((h) => [h.name, h.value]))]);
  section('log', one.log, (log) => log && [element('h3', {}, 'Log line of the function'), json(log)]);
}

// section shows a part of an open delivery, again only if it has changed.
function section(name, data, show) {
  const text = JSON.stringify(data);
  let kept = parts.sections.get(name);
  if (!kept) {
    kept = { node: element('section') };
    parts.sections.set(name, kept);
    parts.dialog.append(kept.node);
  }
  if (kept.text === text) return;
  kept.text = text;
  kept.node.replaceChildren(...[show(data)].flat().filter(Boolean));
}

function summary(one) {
  const facts = [
    ['Response', element('span', {}, element('span', { class: `status s${Math.floor(one.status / 100)}` }, one.status), ` ${one.result}`)],
    one.why && ['Why', one.why],
    one.cause && ['Cause', one.cause],
    ['Took', `${one.ms.toFixed(1)} ms`],
    ['Trace', one.trace_id],
    ['Request', one.request_id],
  ].filter(Boolean);
  return element('dl', { class: 'facts' }, facts.map(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]));
}

function transaction(id, about, event) {
  const found = element('div', { class: 'found' });
  const look = element('button', { type: 'button', click: () => find(id, about, found, look) }, 'Look again');
  const known = results.get(nameOf(id, about));
  if (known) drawFound(found, known);
  if (!known || finding.has(nameOf(id, about))) setTimeout(() => find(id, about, found, look));
  return [
    element('h3', {}, `Transaction ${about.transaction_id}`),
    element('p', { class: 'note' }, [about.provider, event?.kind, event?.amount].filter(Boolean).join(' · '), event?.risk ? [' · ', risk(event)] : ''),
    about.forgotten && element('p', { class: 'note' }, 'It is no longer in memory; what is stored is below.'),
    element('div', { class: 'command' }, element('code', {}, about.command), copy(about.command)),
    element('div', { class: 'bar' }, element('h4', {}, 'What scripts/ops find says'), look), found,
    element('h4', {}, `Alerts (${about.alerts.length})`),
    about.alerts.length === 0 ? element('p', { class: 'note' }, 'None was delivered.')
      : element('ul', { class: 'messages' }, about.alerts.map((alert) => element('li', {},
        element('p', { class: 'note' }, `${time(alert.at)} · ${alert.protocol === 'none' ? 'the topic has no subscription' : `${alert.protocol} to ${alert.endpoint}`}`),
        alert.subject && element('p', { class: 'subject' }, alert.subject), element('p', { class: 'message' }, alert.message)))),
    element('h4', {}, 'Rules and targets'),
    about.targets.length === 0 ? element('p', { class: 'note' }, 'No rule has matched.')
      : table(['Rule', 'Target', 'Started', 'ms', 'Retries', 'Error'], about.targets.map((t) => [t.rule, t.target, time(t.started), t.ms === null ? 'under way' : number(t.ms), t.retries, t.error + (t.queue ? ` (sent to ${t.queue})` : '')]), [3, 4]),
    about.executions.map((run) => [
      element('h4', {}, 'Execution'),
      element('p', { class: 'note' }, `${run.name} · ${run.status}${run.ms === null ? '' : ` · ${number(run.ms)} ms`}${run.error ? ` · ${run.error} ${run.cause ?? ''}` : ''}`),
      run.states === null ? element('p', { class: 'note' }, run.status === 'RUNNING' ? 'It is running.' : 'Its states are no longer in memory.')
        : table(['State', 'Type', 'Entered', 'Exited', 'ms', 'Error'], run.states.map((s) => [element('span', { class: `depth${Math.min(s.depth, 3)}` }, s.state), s.type, time(s.entered), s.exited ? time(s.exited) : 'not', s.ms === null ? '' : number(s.ms), s.error]), [4]),
    ]),
    element('h4', {}, 'Event on the bus'),
    about.event ? json(about.event) : element('p', { class: 'note' }, 'There is none yet.'),
  ].flat(2);
}

const number = (ms) => (ms < 0.05 ? '0' : ms.toFixed(1));

// What scripts/ops find looks for, and what it said last.
const finding = new Map();
const results = new Map();

// A local run that was started again numbers its deliveries from 1 again.
const nameOf = (id, about) => `${id} ${about.index} ${about.transaction_id}`;

async function find(id, about, into, button) {
  const name = nameOf(id, about);
  button.disabled = true;
  if (!into.hasChildNodes()) into.replaceChildren(element('p', { class: 'note' }, 'scripts/ops find is running; the first time, it is built before.'));
  if (!finding.has(name)) { // a part that is drawn again waits for the same
    finding.set(name, get(`${path}/${encodeURIComponent(id)}/found?event=${about.index}`).catch((problem) => ({ error: problem.message })).finally(() => finding.delete(name)));
  }
  const result = await finding.get(name);
  if (results.size > 50) results.clear();
  results.set(name, result);
  button.disabled = false;
  drawFound(into, result);
}

function drawFound(into, result) {
  const nodes = [];
  if (result.error) nodes.push(element('p', { class: 'error' }, result.error));
  for (const one of result.found ?? []) {
    nodes.push(table(['Step', '', 'What is known'], one.facts.map((f) => [f.step, f.known, f.detail])));
    if (one.item) nodes.push(element('h5', {}, 'Item in the table'), json(one.item));
    if (one.archive?.length) nodes.push(element('h5', {}, 'In the archive'), ...one.archive.map((place) => element('div', {}, element('p', { class: 'note' }, `${place.object ?? place.Object}, line ${place.line ?? place.Line}`), json(place.record ?? place.Record))));
    for (const dead of one.dead_letters ?? []) nodes.push(element('h5', {}, 'Dead letter'), json(dead));
    if (one.logs?.length) nodes.push(element('details', {}, element('summary', {}, `Log lines (${one.logs.length})`), one.logs.map((line) => element('div', {}, element('p', { class: 'note' }, `${line.group} · ${time(line.at)}`), json(line.text)))));
  }
  into.replaceChildren(...nodes);
}

function copy(text) {
  const button = element('button', { type: 'button', click: async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = 'Copied';
    } catch {
      const code = button.previousElementSibling;
      getSelection().selectAllChildren(code);
      button.textContent = 'Selected';
    }
    setTimeout(() => { button.textContent = 'Copy'; }, 2000);
  } }, 'Copy');
  return button;
}

// json shows a value, or a text that is JSON, with indents.
function json(value) {
  if (typeof value === 'string') {
    try {
      value = JSON.parse(value);
    } catch {
      return element('pre', { tabindex: '0' }, value);
    }
  }
  return element('pre', { tabindex: '0' }, JSON.stringify(value, undefined, 2));
}

function table(titles, rows, numbers = []) {
  const kind = (i) => (numbers.includes(i) ? 'number' : undefined);
  return element('div', { class: 'scroll' }, element('table', {},
    element('thead', {}, element('tr', {}, titles.map((title, i) => element('th', { scope: 'col', class: kind(i) }, title)))),
    element('tbody', {}, rows.map((cells) => element('tr', {}, cells.map((cell, i) => element('td', { class: kind(i) }, cell)))))));
}

function waterfall(bars, one) {
  const end = Math.max(...bars.map((bar) => bar.offset + bar.ms), 1);
  const start = Math.min(...bars.map((bar) => bar.offset), 0);
  const span = end - start || 1;
  return [
    element('h3', {}, 'Steps'),
    element('p', { class: 'note' }, `${number(span)} ms from the request to the last step. Functions' subsegments are of X-Ray, each invocation in a trace of its own; the other times are the local run's.` +
      (one.sampled ? '' : ' The trace of this request was not sampled, as most are when there are many in a second.')),
    element('div', { class: 'scroll' }, element('table', { class: 'waterfall' },
      element('thead', {}, element('tr', {}, ['Step', 'Service', 'At (ms)', 'ms', ''].map((title, i) => element('th', { scope: 'col', class: i === 2 || i === 3 ? 'number' : undefined, 'aria-label': title || 'When it was' }, title)))),
      element('tbody', {}, bars.map((bar) => {
        const mark = element('span', { class: `mark ${bar.error ? 'failed' : bar.traced ? 'traced' : ''}` });
        mark.style.setProperty('--from', `${(100 * (bar.offset - start)) / span}%`);
        mark.style.setProperty('--width', `${(100 * bar.ms) / span}%`);
        return element('tr', {},
          element('td', { class: `depth${Math.min(bar.depth, 4)}` }, bar.name, bar.error && element('div', { class: 'bad' }, bar.error)),
          element('td', { class: 'note' }, bar.service),
          element('td', { class: 'number' }, number(bar.offset)),
          element('td', { class: 'number' }, number(bar.ms)),
          element('td', { class: 'track' }, mark));
      })))),
  ];
}
