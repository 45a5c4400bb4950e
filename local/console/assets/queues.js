import { element, get, post } from './dom.js';

const name = 'queues';

let depths = {}; // by queue
let queues; // of the stack, once they are known
let view; // the elements, while it is shown
let clock; // renews the ages

function show(main, parameters) {
  view = {
    queue: parameters.get('queue') ?? '',
    rows: new Map(),
    begun: {}, // the newest of what is asked for
    list: element('section', { class: 'panel', 'aria-labelledby': 'queues-title' }, element('h2', { id: 'queues-title' }, 'Queues'), element('p', { class: 'soft', role: 'status' }, 'Reading what the queues are for. The first time, scripts/ops is built.')),
    detail: element('section', { class: 'panel', 'aria-labelledby': 'queue-title', hidden: true }),
  };
  main.append(view.list, view.detail);
  clock = setInterval(drawDepths, 1000);
  queues = undefined;
  load();
}

// load asks which queues there are, which an update of the stack changes.
async function load() {
  const current = view;
  current.failed = false;
  try {
    const found = await get('page/queues');
    if (view !== current) return;
    queues = found.queues;
    drawList(found.stack);
    drawQueue();
  } catch (error) {
    current.failed = true; // the next update asks again
    if (view === current) view.list.replaceChildren(view.list.firstChild, alertOf(error));
  }
}

function hide() {
  clearInterval(clock);
  view = undefined;
}

function update(data) {
  depths = data;
  if (!view) return;
  if (view.failed || queues && Object.keys(data).some((name) => !view.rows.has(name))) load();
  else drawDepths();
}

const alertOf = (error) => element('p', { class: 'error', role: 'alert' }, error.message);

// age writes how long ago a time was, in its two largest units.
function age(text) {
  const s = Math.max(0, Math.floor((Date.now() - new Date(text)) / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

// marked sets what is between backticks, as commands are in alarms, in another font.
const marked = (text) => text.split('`').map((part, i) => i % 2 === 1 ? element('code', {}, part) : part);

const link = (queue) => `#/queues?queue=${encodeURIComponent(queue)}`;

// The list of queues.

function drawList(stack) {
  const title = view.list.firstChild;
  view.rows.clear();
  if (queues.length === 0) {
    view.list.replaceChildren(title, element('p', { class: 'soft' }, stack ? 'The stack has no queues.' : 'No stack is deployed: run npx cdk bootstrap and npx cdk deploy against this local run.'));
    return;
  }
  const body = element('tbody', {}, queues.map((q) => {
    const row = {
      messages: element('td', { class: 'number' }), hidden: element('td', { class: 'number' }), oldest: element('td', { class: 'number' }),
    };
    row.element = element('tr', { 'data-queue': q.name },
      element('td', {}, element('a', { href: link(q.name), 'aria-current': q.name === view.queue && 'true' }, q.name)),
      row.messages, row.hidden, row.oldest, element('td', {}, q.purpose));
    view.rows.set(q.name, row);
    return row.element;
  }));
  view.state = element('p', { class: 'soft', role: 'status' });
  view.list.replaceChildren(title, view.state, element('div', { class: 'scroll' }, element('table', { class: 'queues' },
    element('thead', {}, element('tr', {}, element('th', {}, 'queue'), element('th', { class: 'number' }, 'messages'), element('th', { class: 'number' }, 'being read'), element('th', { class: 'number' }, 'oldest'), element('th', {}, 'what is in it'))), body)));
  drawDepths();
}

function drawDepths() {
  if (!queues || !view?.rows.size) return;
  let dead = 0;
  for (const q of queues) {
    const row = view.rows.get(q.name), depth = depths[q.name];
    const bad = q.dead_letter && depth?.messages > 0;
    if (bad) dead += depth.messages;
    row.element.classList.toggle('waiting', Boolean(bad));
    row.messages.textContent = depth ? depth.messages.toLocaleString() : '';
    row.hidden.textContent = depth?.hidden ? depth.hidden.toLocaleString() : '';
    row.oldest.textContent = depth?.oldest ? age(depth.oldest) : '';
  }
  const text = dead === 0 ? 'No dead letters.' : `${dead.toLocaleString()} dead ${dead === 1 ? 'letter' : 'letters'}: choose a queue to read why.`;
  if (view.state.textContent !== text) view.state.textContent = text;
  drawHint();
  drawNone();
}

// One queue.

function drawQueue() {
  if (!view.queue) return;
  view.detail.hidden = false;
  const q = queues.find((q) => q.name === view.queue);
  const title = element('h2', { id: 'queue-title' }, view.queue);
  if (!q) {
    view.detail.replaceChildren(title, element('p', {}, 'The stack has no such queue. ', element('a', { href: '#/queues' }, 'All queues')));
    return;
  }
  view.messages = element('div', { class: 'messages' });
  view.plan = element('div', { class: 'plan', role: 'region', 'aria-label': 'What is done', hidden: true });
  view.hint = element('p', { class: 'soft' });
  view.read = element('button', { type: 'button', id: 'queue-read', click: () => read(q) }, 'Read the messages');
  const advice = q.alarms.toSorted((a, b) => a.length - b.length)[0]; // the others say when, too
  view.detail.replaceChildren(title, element('p', {}, q.purpose && `${q.purpose[0].toUpperCase()}${q.purpose.slice(1)}.`, advice && element('span', { class: 'soft' }, ' ', marked(advice))),
    q.alarms.length > 0 && element('details', {}, element('summary', {}, `${q.alarms.length} ${q.alarms.length === 1 ? 'alarm watches' : 'alarms watch'} it`), element('ul', {}, q.alarms.map((text) => element('li', {}, marked(text))))) || '',
    q.dead_letter ? element('div', { class: 'actions' }, view.read) : element('p', { class: 'soft' }, 'Its consumer reads it. Messages of a queue that is not for dead letters are not read here, since that would hide them from the consumer.'),
    view.hint, view.plan, view.messages);
  drawHint();
  if (q.dead_letter && depths[q.name]?.messages > 0) read(q);
}

// drawHint says how a message gets into a queue that is empty.
function drawHint() {
  const q = view.hint && queues.find((q) => q.name === view.queue);
  if (!q) return;
  const empty = depths[q.name]?.messages === 0;
  if (view.hint.dataset.empty === String(empty)) return;
  view.hint.dataset.empty = String(empty);
  if (!empty || !q.dead_letter) {
    view.hint.replaceChildren();
    return;
  }
  const to = q.provoke && `#/send?${new URLSearchParams({ hop: q.provoke.hop, fault: q.provoke.fault, caller: q.provoke.caller ?? '' })}`;
  view.hint.replaceChildren('It is empty, as it should be. ', ...(to ? ['To see a message here, ', element('a', { href: to }, `switch on the fault ${q.provoke.fault} of ${q.provoke.hop}`),
    `, and send something that ${q.provoke.source} is for.`] : ['To see dead letters, ', element('a', { href: '#/send' }, 'switch on a fault'), ' and send something.']));
}

// begin returns a function that says whether another of the same name has begun, or another view is shown: what
// is read then must not be drawn over what came later.
function begin(name) {
  const current = view, mine = {};
  current.begun[name] = mine;
  return () => view !== current || current.begun[name] !== mine;
}

const path = (q, what) => `page/queues/${encodeURIComponent(q.name)}/${what}`;

async function read(q) {
  const superseded = begin('read');
  view.read.disabled = true;
  view.messages.setAttribute('aria-busy', 'true');
  if (!view.messages.firstChild) view.messages.append(element('p', { class: 'soft', role: 'status' }, 'Reading…'));
  try {
    const { output } = await get(path(q, 'messages'));
    if (!superseded()) drawMessages(q, output);
  } catch (error) {
    if (!superseded()) view.messages.replaceChildren(alertOf(error));
  }
  if (superseded()) return;
  view.read.disabled = false;
  view.read.textContent = 'Read again';
  view.messages.removeAttribute('aria-busy');
}

function drawMessages(q, messages) {
  if (messages.length === 0) {
    view.none = element('p', { class: 'soft', role: 'status' });
    view.messages.replaceChildren(view.none);
    drawNone();
    return;
  }
  const boxes = messages.map((m) => element('input', { type: 'checkbox', value: m.id, checked: true, 'aria-label': `Choose ${m.id}`, change: chosenChanged }));
  const redrive = element('button', { type: 'button', id: 'queue-redrive', click: () => dryRun(q, 'redrive', ids()) });
  const discard = element('button', { type: 'button', class: 'danger', id: 'queue-discard', click: () => dryRun(q, 'discard', ids()) });
  const everything = element('input', { type: 'checkbox', checked: true, 'aria-label': 'Choose all', change: () => { for (const box of boxes) box.checked = everything.checked; chosenChanged(); } });
  const ids = () => boxes.filter((box) => box.checked).map((box) => box.value);
  function chosenChanged() {
    const n = ids().length;
    redrive.textContent = `Redrive ${n}…`;
    discard.textContent = `Discard ${n}…`;
    redrive.disabled = discard.disabled = n === 0;
    everything.checked = n === boxes.length;
    everything.indeterminate = n > 0 && n < boxes.length;
  }
  chosenChanged();
  const total = depths[q.name]?.messages ?? messages.length;
  view.messages.replaceChildren(
    element('div', { class: 'actions' }, redrive, discard, element('span', { class: 'soft' }, 'What would be done is shown first.')),
    total > messages.length && element('p', { class: 'soft' }, `${messages.length} of about ${total.toLocaleString()} messages.`) || '',
    element('div', { class: 'scroll' }, element('table', { class: 'messages' },
      element('thead', {}, element('tr', {}, element('th', {}, everything), element('th', {}, 'what it is'), element('th', {}, 'why'), element('th', { class: 'number' }, 'sent'), element('th', { class: 'number' }, 'received'))),
      element('tbody', {}, messages.map((m, i) => element('tr', { 'data-message': m.id }, element('td', {}, boxes[i]), element('td', {}, messageDetails(m)), element('td', {}, m.reason),
        element('td', { class: 'number', title: m.sent }, `${age(m.sent)} ago`), element('td', { class: 'number' }, `${m.receives} ×`)))))));
}

// drawNone says why no message was read, as the depth is now: what was deleted a moment ago may be counted as hidden.
function drawNone() {
  const hidden = depths[view.queue]?.hidden ?? 0;
  const text = hidden > 0 ? `No message is visible: ${hidden.toLocaleString()} are hidden while somebody else reads them.` : 'There are no messages.';
  if (view.none && view.none.textContent !== text) view.none.textContent = text;
}

function messageDetails(m) {
  const attributes = Object.entries(m.attributes ?? {});
  return element('details', {}, element('summary', {}, m.summary),
    attributes.length > 0 && element('dl', { class: 'attributes' }, attributes.flatMap(([key, value]) => [element('dt', {}, key), element('dd', {}, value)])),
    element('pre', {}, m.body), element('p', { class: 'soft' }, 'message ', element('code', {}, m.id)),
    (m.about ?? []).map((key) => element('p', {}, element('a', { href: `#/deliveries?q=${encodeURIComponent(key.transaction_id)}` }, `The delivery of ${key.transaction_id}`))));
}

// dryRun shows what would be done with messages, and asks.
async function dryRun(q, command, ids) {
  const superseded = begin('plan');
  view.plan.hidden = false;
  view.plan.replaceChildren(element('p', { class: 'soft', role: 'status' }, 'Looking what would be done…'));
  try {
    const plan = await post(path(q, command), { ids, execute: false });
    if (!superseded()) drawPlan(q, command, plan);
  } catch (error) {
    if (!superseded()) view.plan.replaceChildren(alertOf(error));
  }
}

function drawPlan(q, command, plan) {
  const would = plan.output.filter((o) => o.result !== 'stays');
  const stay = plan.output.length - would.length;
  const verb = command === 'redrive' ? 'Send on' : 'Discard';
  const close = element('button', { type: 'button', click: () => { view.plan.hidden = true; } }, 'Cancel');
  const confirm = element('button', { type: 'button', id: 'queue-confirm', class: command === 'redrive' ? 'primary' : 'danger', disabled: would.length === 0,
    click: () => execute(q, command, would.map((o) => o.id)) }, `${verb} ${would.length} ${would.length === 1 ? 'message' : 'messages'}`);
  const what = command === 'redrive' ? 'This is what would be sent. A message is deleted once that has succeeded.' : 'These messages would be deleted for good, and nothing is sent.';
  view.plan.replaceChildren(element('h3', { tabindex: -1 }, command === 'redrive' ? 'Redrive: dry run' : 'Discard: dry run'),
    element('p', {}, plan.output.length === 0 ? 'The messages are no longer visible: somebody reads them, or they are gone.' : what, stay > 0 && ` ${stay} would stay in the queue.`),
    outcomes(plan.output), element('div', { class: 'actions' }, confirm, close), shellLine(plan.command + ' --execute'));
  view.plan.firstChild.focus();
}

async function execute(q, command, ids) {
  const current = view;
  begin('read'); // one that has begun would draw buttons again
  for (const button of view.detail.querySelectorAll('button')) button.disabled = true; // the outcome is shown before anything else is done
  try {
    const done = await post(path(q, command), { ids, execute: true });
    if (view !== current) return;
    const stay = done.output.filter((o) => o.result === 'stays').length;
    view.plan.replaceChildren(element('h3', { tabindex: -1 }, stay === 0 && done.output.length === ids.length ? 'Done' : 'Not everything was done'),
      outcomes(done.output), done.log && done.status !== 0 ? element('p', { class: 'error' }, done.log) : '',
      element('div', { class: 'actions' }, element('button', { type: 'button', click: () => { view.plan.hidden = true; } }, 'Close')));
    view.plan.firstChild.focus();
  } catch (error) {
    if (view === current) view.plan.prepend(alertOf(error));
  }
  if (view === current) read(q);
}

function outcomes(list) {
  if (list.length === 0) return '';
  return element('div', { class: 'scroll' }, element('table', { class: 'outcomes' },
    element('thead', {}, element('tr', {}, element('th', {}, 'message'), element('th', {}, 'what is done'), element('th', {}, 'result'))),
    element('tbody', {}, list.map((o) => element('tr', { 'data-message': o.id }, element('td', {}, o.summary),
      element('td', {}, o.action, (o.sends ?? []).map((s) => element('details', { open: list.length === 1 }, element('summary', {}, s.to), element('pre', {}, s.body))),
        o.message && element('details', {}, element('summary', {}, 'the message'), element('pre', {}, o.message.body))),
      element('td', { class: o.result === 'stays' ? 'bad' : '' }, o.error ? `${o.result}: ${o.error}` : o.result))))));
}

function shellLine(command) {
  return element('details', {}, element('summary', {}, 'The same in a shell'), element('pre', {}, command));
}

export default { name, title: 'Queues', show, hide, update };
