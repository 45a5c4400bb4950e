import { element, get, post, remove, time } from './dom.js';

const name = 'send';
const kept = 200; // responses of a run that are shown, as many as the server keeps

const runs = new Map(); // by id, oldest first
let faults = [];
let overview; // of what can be sent
let view; // the elements, while it is shown

// What the user has chosen, which stays when another view is shown.
const chosen = { provider: '', fixture: 'payment', id: newID(), signature: 'valid', skew: '-10m', repeat: '1', rate: '0' };

function newID() {
  return `page_${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}_{n}`;
}

function show(main, parameters) {
  for (const key of ['provider', 'fixture']) {
    if (parameters.has(key)) chosen[key] = parameters.get(key);
  }
  view = {
    form: element('section', { class: 'panel', 'aria-labelledby': 'send-title' }, element('h2', { id: 'send-title' }, 'Send'), loading('Reading what can be sent. The first time, scripts/send is built.')),
    runs: element('div', { class: 'runs' }),
    faults: element('section', { class: 'panel', 'aria-labelledby': 'faults-title' }, element('h2', { id: 'faults-title' }, 'Faults')),
    sections: new Map(),
  };
  main.append(element('div', { class: 'send' }, view.form, element('section', { 'aria-label': 'Responses' }, view.runs)), view.faults);
  for (const run of runs.values()) drawRun(run, run.responses);
  drawNoRuns();
  overview = undefined;
  load(parameters);
}

// load asks what can be sent, which an update of the stack changes.
async function load(parameters) {
  const current = view;
  current.failed = undefined;
  try {
    const found = await get('page/send');
    if (view !== current || JSON.stringify(found) === JSON.stringify(overview)) return;
    overview = found;
    drawForm();
    drawFaultForm(parameters);
  } catch (error) {
    current.failed = parameters; // the next update asks again
    if (view === current) view.form.replaceChildren(view.form.firstChild, element('p', { class: 'error', role: 'alert' }, error.message));
  }
}

function hide() {
  view = undefined;
}

function update(data) {
  if (data.complete) {
    runs.clear();
    view?.sections.clear();
    view?.runs.replaceChildren();
    if (view && overview) load(new URLSearchParams()); // of another stack, perhaps
  }
  if (view?.failed) load(view.failed);
  faults = data.faults;
  for (const run of data.runs) {
    const responses = (runs.get(run.id)?.responses ?? []).concat(run.responses).slice(-kept);
    runs.set(run.id, { ...run, responses });
    if (view) drawRun(runs.get(run.id), run.responses);
  }
  if (view) {
    drawNoRuns();
    drawFaults();
  }
}

const loading = (text) => element('p', { class: 'soft', role: 'status' }, text);

// The form.

function labelled(text, control, hint) {
  return element('label', {}, element('span', {}, text), control, hint && element('small', { class: 'soft' }, hint));
}

const option = (value, text, attributes = {}) => element('option', { value, ...attributes }, text);

function drawForm() {
  const usable = overview.providers.filter((p) => !p.problem);
  if (!usable.some((p) => p.name === chosen.provider)) chosen.provider = usable[0]?.name ?? '';

  const provider = element('select', { id: 'send-provider', change: () => { chosen.provider = provider.value; drawForm(); document.querySelector('#send-provider').focus(); } },
    overview.providers.map((p) => option(p.name, p.problem ? `${p.name} (cannot be sent)` : p.name, { disabled: Boolean(p.problem) })));
  provider.value = chosen.provider;
  const p = usable.find((p) => p.name === chosen.provider);
  const unusable = overview.providers.filter((p) => p.problem);
  const title = view.form.firstChild;
  const reasons = unusable.length > 0 && element('details', { open: usable.length === 0 },
    element('summary', {}, `${unusable.length} ${unusable.length === 1 ? 'provider' : 'providers'} cannot be sent`),
    element('dl', { class: 'reasons' }, unusable.flatMap((p) => [element('dt', {}, p.name), element('dd', {}, p.problem)])));
  if (!p) {
    view.form.replaceChildren(title, element('p', {}, 'Nothing can be sent.'), reasons);
    return;
  }
  if (!p.fixtures.includes(chosen.fixture)) chosen.fixture = p.fixtures[0];
  if (!p.signs_time && chosen.signature === 'late') chosen.signature = 'valid';

  const set = (key) => (event) => { chosen[key] = event.target.value; preview(); };
  const fixture = element('select', { id: 'send-fixture', change: set('fixture') }, p.fixtures.map((f) => option(f, f)));
  fixture.value = chosen.fixture;
  const id = element('input', { id: 'send-id', value: chosen.id, maxlength: 200, autocomplete: 'off', spellcheck: 'false', placeholder: 'the payload’s own', input: set('id') });
  const skew = element('input', { id: 'send-skew', value: chosen.skew, autocomplete: 'off', input: set('skew') });
  const skewLabel = labelled('The signing clock is ahead by', skew, '-10m: ten minutes behind. Also 90s, 24h.');
  const signature = element('select', { id: 'send-signature', change: (event) => { chosen.signature = event.target.value; skewLabel.hidden = chosen.signature !== 'late'; preview(); } },
    option('valid', 'valid'), option('tampered', 'amount changed after signing'),
    option('late', p.signs_time ? 'valid, but late' : `late (${p.name} signs no time)`, { disabled: !p.signs_time }));
  signature.value = chosen.signature;
  skewLabel.hidden = chosen.signature !== 'late';
  const repeat = element('input', { id: 'send-repeat', type: 'number', min: 1, max: overview.max_repeat, value: chosen.repeat, input: set('repeat') });
  const rate = element('input', { id: 'send-rate', type: 'number', min: 0, max: overview.max_rate, step: 'any', value: chosen.rate, input: set('rate') });
  view.problem = element('p', { class: 'error', role: 'alert', hidden: true });
  view.command = element('pre', { id: 'send-command', tabindex: 0 });
  const form = element('form', { class: 'form', submit: (event) => { event.preventDefault(); submit(); } },
    labelled('Provider', provider, `POST ${p.path}`), labelled('Payload', fixture),
    labelled('Id', id, 'A new id is a new transaction. {n} is the delivery’s number. Empty: the payload’s own.'),
    labelled('Signature', signature), skewLabel,
    element('div', { class: 'pair' }, labelled('Times', repeat, `up to ${overview.max_repeat.toLocaleString()}`), labelled('A second', rate, `0: one after another; up to ${overview.max_rate}`)),
    p.note && element('p', { class: 'warn' }, p.note),
    element('div', { class: 'actions' }, element('button', { class: 'primary', id: 'send-now' }, 'Send'),
      element('button', { type: 'button', click: () => { chosen.id = newID(); id.value = chosen.id; preview(); } }, 'New id')),
    view.problem);
  view.form.replaceChildren(title, form,
    element('h3', {}, 'The same in a shell, in the repository'), view.command, copyButton(() => view.command.textContent), ...[reasons].filter(Boolean));
  preview();
}

function request() {
  return {
    provider: chosen.provider, fixture: chosen.fixture, id: chosen.id, tamper: chosen.signature === 'tampered',
    skew: chosen.signature === 'late' ? chosen.skew : '', repeat: Math.trunc(Number(chosen.repeat)), rate: Number(chosen.rate),
  };
}

function problem(text) {
  view.problem.textContent = text;
  view.problem.hidden = text === '';
}

let previews = 0;

// preview shows the command line, or what is wrong.
async function preview() {
  const current = view, number = ++previews;
  try {
    const { command } = await post('page/send/command', request());
    if (view !== current || number !== previews) return;
    view.command.textContent = command;
    problem('');
  } catch (error) {
    if (view !== current || number !== previews) return;
    view.command.textContent = '';
    problem(error.message);
  }
}

async function submit() {
  const current = view;
  try {
    problem('');
    await post('page/send', request());
  } catch (error) {
    if (view === current) problem(error.message);
  }
}

function copyButton(text) {
  const button = element('button', { type: 'button', click: async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Not copied: select the text';
    }
    setTimeout(() => { button.textContent = 'Copy'; }, 2000);
  } }, 'Copy');
  return button;
}

// Runs with their responses.

function drawNoRuns() {
  const none = view.runs.querySelector('.none');
  if (runs.size > 0) none?.remove();
  else if (!none) {
    view.runs.append(element('section', { class: 'panel none' }, element('h2', {}, 'Responses'),
      element('p', { class: 'soft' }, 'Nothing has been sent yet. Each response appears here: its status, its body and how long it took.')));
  }
}

function statusClass(status) {
  const first = String(status)[0];
  return first === '2' ? 'good' : first === '4' ? 'warn' : 'bad';
}

function drawRun(run, responses) {
  let section = view.sections.get(run.id);
  if (!section) {
    section = newRun(run);
    view.sections.set(run.id, section);
    view.runs.prepend(section.element);
  }
  section.state.textContent = run.ended ? (run.stopped ? 'stopped' : 'done') : 'sending';
  section.state.dataset.state = run.ended ? 'ended' : 'sending';
  section.stop.hidden = run.ended;
  section.counts.replaceChildren(...Object.entries(run.counts).map(([status, n]) => element('span', { class: `count ${statusClass(status)}` }, `${status} × ${n.toLocaleString()}`)));
  section.error.textContent = run.error ?? '';
  section.error.hidden = !run.error;
  section.body.prepend(...responses.map(responseRow).reverse());
  while (section.body.rows.length > kept) section.body.lastChild.remove();
  const hidden = run.total - section.body.rows.length;
  section.more.textContent = hidden > 0 ? `${hidden.toLocaleString()} earlier responses are counted, and not kept.` : '';
  section.table.hidden = section.body.rows.length === 0;
}

function newRun(run) {
  const r = run.request;
  const how = [r.tamper && 'amount changed after signing', r.skew && `signed with a clock ${r.skew} off`, r.repeat > 1 && `${r.repeat.toLocaleString()} times${r.rate ? `, ${r.rate} a second` : ''}`].filter(Boolean);
  const section = {
    state: element('span', { class: 'state' }), counts: element('span', { class: 'counts' }),
    stop: element('button', { type: 'button', class: 'stop', click: () => post(`page/send/${run.id}/stop`, {}).catch((error) => { section.error.textContent = error.message; section.error.hidden = false; }) }, 'Stop'),
    error: element('p', { class: 'error' }), body: element('tbody'), more: element('p', { class: 'soft' }),
  };
  section.table = element('div', { class: 'scroll' }, element('table', { class: 'responses' },
    element('thead', {}, element('tr', {}, element('th', { class: 'number' }, '#'), element('th', {}, 'status'), element('th', {}, 'response'), element('th', { class: 'number' }, 'ms'))), section.body));
  section.element = element('section', { class: 'panel run', 'data-run': run.id },
    element('div', { class: 'head' }, element('h3', {}, `${r.provider} ${r.fixture}`), section.counts, section.state, section.stop, element('time', { class: 'soft', datetime: run.started }, time(run.started))),
    how.length > 0 && element('p', { class: 'soft' }, how.join('; ')),
    section.error, section.table, section.more,
    element('details', {}, element('summary', {}, 'The same in a shell'), element('pre', {}, run.command), copyButton(() => run.command)));
  return section;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// meaning says in a few words what a response's body says.
function meaning(body) {
  if (Array.isArray(body?.results)) return body.results.map(meaning).filter(Boolean).join('; ');
  if (typeof body?.transaction_id === 'string') return `${body.duplicate ? 'duplicate of' : 'stored as'} ${body.transaction_id}`;
  if (typeof body?.quarantined === 'string') return `quarantined: ${body.quarantined}`;
  const fields = Array.isArray(body?.errors) ? body.errors.map((e) => [e.field, e.message ?? e.detail].filter(Boolean).join(': ')).join('; ') : '';
  return [body?.title, body?.detail, fields].filter((part) => typeof part === 'string' && part).join(': ') || (body?.ignored ? 'ignored' : '');
}

// subject is what the deliveries view finds a response by.
function subject(response, body) {
  const event = Array.isArray(body?.results) ? body.results.find((e) => typeof e?.transaction_id === 'string') : body;
  return typeof event?.transaction_id === 'string' ? event.transaction_id : response.request_id;
}

function responseRow(response) {
  const body = parsed(response.body);
  const id = subject(response, body);
  return element('tr', {}, element('td', { class: 'number' }, response.delivery),
    element('td', { class: statusClass(response.status ?? 'none') }, response.status ?? 'none'),
    element('td', {}, element('details', {},
      element('summary', {}, response.error ?? (meaning(body) || response.body.slice(0, 120) || 'no body')),
      element('pre', {}, body === undefined ? response.body : JSON.stringify(body, null, 2)),
      response.request_id && element('p', { class: 'soft' }, 'request ', element('code', {}, response.request_id)),
      id && element('p', {}, element('a', { href: `#/deliveries?q=${encodeURIComponent(id)}` }, 'Open the delivery')))),
    element('td', { class: 'number' }, response.ms.toFixed(1)));
}

// Faults.

const groups = { function: 'Functions', call: 'AWS calls', other: 'Others' };

function group(hop) {
  return hop.startsWith('function:') ? 'function' : hop.includes(':') ? 'call' : 'other';
}

function drawFaultForm(parameters) {
  const title = view.faults.firstChild;
  const hop = element('select', { id: 'fault-hop', change: () => drawChoices() },
    Object.entries(groups).map(([key, label]) => {
      const hops = overview.hops.filter((h) => group(h.hop) === key);
      return hops.length > 0 && element('optgroup', { label }, hops.map((h) => option(h.hop, h.hop)));
    }));
  const fault = element('select', { id: 'fault-fault', change: () => drawMeaning() });
  const caller = element('select', { id: 'fault-caller' });
  const callerLabel = labelled('Called by', caller);
  const probability = element('input', { id: 'fault-probability', type: 'number', min: 0, max: 1, step: 'any', value: 1 });
  const times = element('input', { id: 'fault-times', type: 'number', min: 0, step: 1, value: 0 });
  const seconds = element('input', { id: 'fault-seconds', type: 'number', step: 'any' });
  const secondsLabel = labelled('Seconds', seconds);
  const meaningText = element('p', { class: 'soft', role: 'status' });
  view.faultProblem = element('p', { class: 'error', role: 'alert', hidden: true });
  const kind = () => overview.kinds.find((k) => k.fault === fault.value);

  function drawMeaning() {
    meaningText.textContent = kind()?.meaning ?? '';
    secondsLabel.hidden = !kind()?.seconds;
    const bounds = kind()?.seconds;
    if (bounds) {
      seconds.min = bounds.min;
      seconds.max = bounds.max;
      seconds.value = bounds.default;
    }
  }
  function drawChoices() {
    const h = overview.hops.find((h) => h.hop === hop.value);
    fault.replaceChildren(...(h?.faults ?? []).map((f) => option(f, f)));
    caller.replaceChildren(option('', 'anybody'), ...(h?.callers ?? []).map((c) => option(c, c)));
    callerLabel.hidden = !h?.callers.length;
    drawMeaning();
  }
  if (overview.hops.some((h) => h.hop === parameters.get('hop'))) hop.value = parameters.get('hop');
  drawChoices();
  if (parameters.has('fault')) fault.value = parameters.get('fault');
  if (parameters.has('caller')) caller.value = parameters.get('caller');
  drawMeaning();

  async function inject(event) {
    event.preventDefault();
    const spec = { hop: hop.value, fault: fault.value };
    if (probability.value !== '' && Number(probability.value) !== 1) spec.probability = Number(probability.value);
    if (Number(times.value) > 0) spec.times = Number(times.value);
    if (!secondsLabel.hidden) spec.seconds = Number(seconds.value);
    if (!callerLabel.hidden && caller.value) spec.where = { caller: caller.value };
    await faultRequest(() => post('faults', spec));
  }
  view.faultRows = element('tbody');
  view.faultTable = element('div', { class: 'scroll' }, element('table', {},
    element('thead', {}, element('tr', {}, ['hop', 'called by', 'fault', 'probability', 'times', 'calls', 'struck', ''].map((text) => element('th', ['calls', 'struck', 'probability', 'times'].includes(text) ? { class: 'number' } : {}, text)))), view.faultRows));
  view.noFaults = element('p', { class: 'soft' }, 'No fault is switched on.');
  view.faults.replaceChildren(title,
    element('p', { class: 'soft' }, 'Calls can be made to fail, to see what becomes of a payment then. A fault is on until it is switched off, or has struck so many times.'),
    element('form', { class: 'form faults', submit: inject }, labelled('Hop', hop), labelled('Fault', fault), callerLabel, secondsLabel,
      labelled('Probability', probability), labelled('Times', times, '0: no limit'), element('div', { class: 'actions' }, element('button', { class: 'primary', id: 'fault-on' }, 'Switch on'))),
    meaningText, view.faultProblem, view.noFaults, view.faultTable);
  drawFaults();
  if (parameters.has('hop')) { // not the button: the Enter that followed a link to here would press it
    title.tabIndex = -1;
    title.focus();
  }
}

async function faultRequest(act) {
  const current = view;
  try {
    view.faultProblem.hidden = true;
    await act();
  } catch (error) {
    if (view !== current) return;
    view.faultProblem.textContent = error.message;
    view.faultProblem.hidden = false;
  }
}

function drawFaults() {
  if (!view.faultRows) return;
  view.noFaults.hidden = faults.length > 0;
  view.faultTable.hidden = faults.length === 0;
  const rows = new Map([...view.faultRows.rows].map((row) => [row.dataset.fault, row]));
  for (const f of faults) {
    let row = rows.get(f.id);
    rows.delete(f.id);
    if (!row) {
      row = element('tr', { 'data-fault': f.id }, element('td', {}, element('code', {}, f.hop)), element('td', {}, f.where?.caller ?? 'anybody'),
        element('td', {}, f.fault + (f.seconds ? ` ${f.seconds} s` : '')), element('td', { class: 'number' }, f.probability ?? 1), element('td', { class: 'number' }, f.times ?? 'no limit'),
        element('td', { class: 'number calls' }), element('td', { class: 'number struck' }),
        element('td', {}, element('button', { type: 'button', class: 'off', 'aria-label': `Switch off ${f.fault} of ${f.hop}`, click: () => faultRequest(() => remove(`faults/${f.id}`)) }, 'Switch off')));
      view.faultRows.append(row);
    }
    row.querySelector('.calls').textContent = f.calls.toLocaleString();
    row.querySelector('.struck').textContent = f.struck.toLocaleString();
    row.querySelector('.struck').classList.toggle('bad', f.struck > 0);
  }
  for (const row of rows.values()) row.remove();
}

export default { name, title: 'Send', show, hide, update };
