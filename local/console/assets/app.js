import dashboard from './dashboard.js';
import deliveries from './deliveries.js';
import { element } from './dom.js';
import flow from './flow.js';
import queues from './queues.js';
import send from './send.js';

// A view has a name, a title, show(main, parameters), which fills the page, hide(), and
// update(data), which is called with each of its updates, also while it is hidden.
const views = [flow, deliveries, send, queues, dashboard];

const main = document.querySelector('main');
const nav = document.querySelector('nav');
const connection = document.querySelector('#connection');
let shown;

nav.append(...views.map((view) => element('a', { href: `#/${view.name}` }, view.title)));

// The address has the view and its parameters: #/deliveries?provider=stripe.
function navigate() {
  const [name, query] = location.hash.replace(/^#\//, '').split('?');
  const view = views.find((view) => view.name === name) ?? views[0];
  const parameters = new URLSearchParams(query);
  shown?.hide?.();
  shown = view;
  for (const link of nav.children) {
    if (link.getAttribute('href') === `#/${view.name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${view.title} · Payment Webhooks`;
  main.replaceChildren();
  view.show(main, parameters);
}
addEventListener('hashchange', navigate);

// A browser has six connections to a server for all of its tabs, so a hidden one gives its own back. The
// stream begins with all there is.
let updates;
function connect() {
  updates?.close();
  if (document.hidden) {
    connection.textContent = 'paused';
    connection.dataset.state = 'paused';
    return;
  }
  updates = new EventSource('page/updates');
  updates.onopen = () => {
    connection.textContent = 'live';
    connection.dataset.state = 'live';
  };
  updates.onerror = () => { // the browser connects again by itself
    connection.textContent = 'no connection';
    connection.dataset.state = 'lost';
  };
  for (const view of views) {
    updates.addEventListener(view.name, (event) => view.update?.(JSON.parse(event.data)));
  }
}
document.addEventListener('visibilitychange', connect);
connect();
if (views.length > 0) navigate();
