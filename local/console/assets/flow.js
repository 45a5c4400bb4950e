import { element, get, svg } from './dom.js';

// What is known: the graph as the server has it, and the values as they were sent.
const state = { digest: undefined, graph: undefined, counts: {}, depths: {}, problems: [] };
let page; // the elements, while the view is shown
let selected;

const narrow = matchMedia('(max-width: 700px)');
const still = matchMedia('(prefers-reduced-motion: reduce)');
narrow.addEventListener('change', () => page && state.digest && load());

function show(main) {
  page = {
    summary: element('p', { class: 'flow-summary' }),
    problems: element('div', { role: 'status', class: 'flow-problems' }),
    details: element('div', { class: 'flow-details' }),
    drawing: element('div', { class: 'panel flow-drawing', role: 'region', 'aria-label': 'Drawing of the flow', tabindex: 0 }),
    table: element('details', { class: 'panel flow-table' }),
  };
  selected = undefined;
  main.append(element('h2', {}, 'Flow'), page.summary, page.problems, page.drawing, page.details, page.table);
  if (state.digest) load();
}

function hide() { page = undefined; }

let loading; // what is asked for

// load asks for the drawing, and for the graph if it is another one than before, and shows both.
async function load() {
  const { digest } = state;
  const direction = narrow.matches ? 'down' : 'right';
  const mine = `${digest} ${direction}`;
  if (loading === mine) return;
  loading = mine;
  try {
    const [graph, made] = await Promise.all([state.graph?.digest === digest ? state.graph : graphOf(digest), drawing(direction)]);
    if (page && loading === mine) draw(graph, made);
  } catch (error) {
    if (page && loading === mine) {
      page.edges = page.nodes = undefined; // the next update asks again
      page.drawing.replaceChildren(element('p', { class: 'error' }, error.message));
    }
  } finally {
    if (loading === mine) loading = undefined;
  }
}

async function graphOf(digest) {
  const graph = await get('page/flow/graph');
  return { ...graph, digest, node: new Map(graph.nodes.map((node) => [node.id, node])) };
}

// drawing asks for the SVG as a document: text is never made markup here.
function drawing(direction) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('GET', `page/flow/drawing.svg?direction=${direction}`);
    request.responseType = 'document';
    request.onload = () => (request.responseXML ? resolve(document.importNode(request.responseXML.documentElement, true)) : reject(new Error('no drawing')));
    request.onerror = () => reject(new Error('no drawing'));
    request.send();
  });
}

function draw(graph, made) {
  if (state.graph !== graph) { // in which the id of what is selected is another node's
    selected = undefined;
    page.details.replaceChildren();
  }
  state.graph = graph;
  page.drawing.replaceChildren(made);
  page.edges = new Map([...made.querySelectorAll('[data-edge]')].map((one) => [one.dataset.edge, one]));
  page.nodes = new Map([...made.querySelectorAll('[data-node]')].map((one) => [one.dataset.node, one]));
  for (const [id, one] of page.nodes) {
    one.classList.toggle('selected', id === selected);
    one.addEventListener('click', () => select(id));
    one.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      select(id);
    });
  }
  makeTable();
  for (const id of page.edges.keys()) showCount(id);
  for (const id of page.nodes.keys()) showDepth(id);
  showProblems();
}

function update(data) {
  const first = state.digest !== data.graph;
  if (first) Object.assign(state, { digest: data.graph, counts: {}, depths: {}, problems: [] });
  const before = state.counts;
  state.counts = { ...before, ...data.counts };
  Object.assign(state.depths, data.depths);
  if (data.problems) state.problems = data.problems;
  if (!page) return;
  if (!page.edges || state.graph.digest !== data.graph) {
    load();
    return;
  }
  const rising = Object.keys(data.counts ?? {}).filter((id) => before[id] !== undefined && state.counts[id] > before[id] && page.edges.has(id));
  for (const id of Object.keys(data.counts ?? {})) showCount(id);
  for (const id of Object.keys(data.depths ?? {})) showDepth(id);
  if (data.problems) showProblems();
  // What rose at once is shown in the order of the layers.
  const layers = [...new Set(rising.map((id) => Number(page.edges.get(id).dataset.layer)))].sort((a, b) => a - b);
  for (const id of rising) move(page.edges.get(id), state.counts[id] - before[id], layers.indexOf(Number(page.edges.get(id).dataset.layer)) * 120);
}

const number = (n) => (n ?? 0).toLocaleString('en').replaceAll(',', '\u202f');

function showCount(id) {
  const edge = page.edges?.get(id);
  if (!edge) return;
  const n = state.counts[id] ?? 0;
  edge.querySelector('.count').textContent = number(n);
  edge.classList.toggle('none', n === 0);
  const cell = page.cells?.get(id);
  if (cell) cell.textContent = number(n);
}

function showDepth(id) {
  const depth = page.nodes?.get(id)?.querySelector('.depth');
  if (!depth) return;
  depth.textContent = number(state.depths[id]);
  const cell = page.cells?.get(id);
  if (cell) cell.textContent = number(state.depths[id]);
}

// move sends dots along an arrow, or only marks it where motion is not wanted.
function move(edge, times, delay) {
  edge.classList.add('rising');
  clearTimeout(edge.fade);
  edge.fade = setTimeout(() => edge.classList.remove('rising'), delay + 1500);
  if (still.matches || document.hidden) return;
  const path = edge.querySelector('path').getAttribute('d');
  for (let i = 0; i < Math.min(times, 4); i++) {
    const dot = svg('circle', { class: 'dot', r: 4.5 });
    dot.style.setProperty('offset-path', `path("${path}")`);
    dot.style.setProperty('offset-distance', '0%');
    edge.append(dot);
    const animation = dot.animate([{ offsetDistance: '0%' }, { offsetDistance: '100%' }], { duration: 800, delay: delay + i * 150, easing: 'ease-in-out', fill: 'backwards' });
    animation.onfinish = animation.oncancel = () => dot.remove();
  }
}

// advice shows text with commands between backquotes.
function advice(text) {
  return text.split('`').map((part, i) => (i % 2 ? element('code', {}, part) : part));
}

function showProblems() {
  const { problems } = state;
  const bad = { nodes: new Set(problems.map((one) => one.node)), edges: new Set(problems.flatMap((one) => one.edges ?? [])) };
  for (const [id, one] of page.nodes ?? []) {
    one.classList.toggle('bad', bad.nodes.has(id));
    const node = state.graph.node.get(id);
    const says = problems.filter((problem) => problem.node === id).map((problem) => problem.what);
    one.setAttribute('aria-label', [`${node.service} ${node.name}`, ...says.map((text) => `fails: ${text}`)].join(', '));
  }
  for (const [id, one] of page.edges ?? []) {
    const is = bad.edges.has(id);
    one.classList.toggle('bad', is);
    one.querySelector('path').setAttribute('marker-end', `url(#flow-${is ? 'bad' : one.classList.contains('failure') ? 'failure' : 'arrow'})`);
    const row = page.cells?.get(id)?.parentElement;
    if (row) row.lastChild.textContent = is ? 'fails' : '';
  }
  const text = problems.length ? `${problems.length} ${problems.length === 1 ? 'hop fails' : 'hops fail'}` : 'No hop fails.';
  if (page.summary.textContent !== text) page.summary.textContent = text;
  page.problems.replaceChildren();
  if (problems.length) {
    page.problems.append(element('div', { class: 'panel error' }, element('ul', {}, problems.map((one) => element('li', {},
      element('p', {}, element('strong', {}, one.what)), element('p', {}, advice(one.advice)))))));
  }
  if (selected) showDetails();
}

function select(id) {
  selected = selected === id ? undefined : id;
  for (const [other, one] of page.nodes) one.classList.toggle('selected', other === selected);
  showDetails();
  page.details.scrollIntoView({ block: 'nearest' });
}

function showDetails() {
  page.details.replaceChildren();
  const node = state.graph.node.get(selected);
  if (!node) return;
  const entry = (term, value) => value && [element('dt', {}, term), element('dd', {}, value)];
  page.details.append(element('section', { class: 'panel', 'aria-label': node.name },
    element('button', { class: 'close', click: () => { const one = page.nodes.get(selected); select(selected); one.focus(); } }, 'Close'),
    element('h3', {}, `${node.service}: ${node.name}`),
    element('dl', {},
      entry('Name', node.physical), entry('Logical id', node.logical_id), entry('Path in the CDK app', node.path),
      node.lines?.length ? entry('', node.lines.map((line) => element('div', {}, line))) : undefined,
      node.kind === 'queue' ? entry('Messages', number(state.depths[node.id])) : undefined,
      state.problems.filter((one) => one.node === node.id).map((one) => entry('Fails', [one.what, '. ', advice(one.advice)].flat()))),
    element('p', {}, node.kind === 'queue'
      ? element('a', { href: `#/queues?queue=${encodeURIComponent(node.physical)}` }, 'Its messages')
      : element('a', { href: '#/deliveries' }, 'Deliveries'))));
}

// makeTable shows the same without a drawing.
function makeTable() {
  const open = page.table.open;
  const { graph } = state;
  page.cells = new Map();
  const cell = (id) => {
    const made = element('td', { class: 'number' });
    page.cells.set(id, made);
    return made;
  };
  const name = (id) => (id ? `${graph.node.get(id).service} ${graph.node.get(id).name}` : 'a provider');
  const bounds = (id) => graph.node.get(id).lines?.join('; ');
  page.table.replaceChildren(element('summary', {}, 'The same as a table'),
    element('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Arrows and queues' },
      element('table', {}, element('thead', {}, element('tr', {}, ['From', 'Action', 'To', 'Count', 'State'].map((text) => element('th', { scope: 'col', class: text === 'Count' ? 'number' : undefined }, text)))),
        element('tbody', {}, graph.edges.map((edge) => element('tr', {},
          element('td', {}, name(edge.from)), element('td', {}, edge.label),
          element('td', {}, name(edge.to), bounds(edge.to) && element('div', { class: 'soft' }, bounds(edge.to))), cell(edge.id), element('td', { class: 'bad' }))))),
      element('table', {}, element('thead', {}, element('tr', {}, element('th', { scope: 'col' }, 'Queue'), element('th', { scope: 'col', class: 'number' }, 'Messages'))),
        element('tbody', {}, graph.nodes.filter((node) => node.kind === 'queue').map((node) => element('tr', {}, element('td', {}, node.physical), cell(node.id)))))));
  page.table.open = open;
}

export default { name: 'flow', title: 'Flow', show, hide, update };
