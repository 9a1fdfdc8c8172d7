/**
 * A small graph that many people edit at once, online or not. What is shown is what the replica tells; what a hand does is one
 * write. There is nothing else: no requests, no conflict to resolve, no state of the page's own but which note is chosen.
 */
import { openReplica } from '../../dist/client/replica/index.js';

const $ = (id) => document.getElementById(id);
const settings = new URLSearchParams(location.search);
/** All notes lie in one scope, which is one document: what is opened, and what rights are given for. */
const SCOPE = 'editor!';

const replica = await openReplica({
  urls: settings.get('url') ?? 'http://127.0.0.1:7400',
  token: settings.get('token') ?? undefined,
  name: settings.get('name') ?? 'shared-editor',
  scopes: [SCOPE],
}).catch((error) => {
  $('status').textContent = error.message;
  throw error;
});

let chosen;
let notes = [];
let lines = [];
const fresh = () => `${SCOPE}${crypto.randomUUID()}`;
const show = (error) => {
  $('status').textContent = error.message;
};
/** What a hand does: a write that fails, as on a full disk, is told. */
const write = (...operations) => replica.write(operations).catch(show);

// --- what is shown

function svg(name, attributes, parent) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

function draw() {
  $('canvas').replaceChildren();
  const at = new Map(notes.map((note) => [note.id, note]));
  for (const { from, to } of lines) {
    const [a, b] = [at.get(from), at.get(to)];
    if (a && b) svg('line', { x1: a.x, y1: a.y, x2: b.x, y2: b.y }, $('canvas'));
  }
  for (const { id, x, y, text } of notes) {
    const group = svg('g', { transform: `translate(${x} ${y})`, class: id === chosen ? 'chosen' : '' }, $('canvas'));
    svg('circle', { r: 36 }, group);
    svg('text', { dy: 5 }, group).textContent = text;
    group.addEventListener('pointerdown', (event) => drag(event, id));
  }
}

replica.observe(
  'MATCH (n:Note) RETURN elementId(n) AS id, n.x AS x, n.y AS y, n.text AS text ORDER BY id',
  {},
  (rows) => {
    notes = rows;
    draw();
  },
  show,
);
replica.observe(
  'MATCH (a:Note)-[r:JOINS]->(b:Note) RETURN elementId(r) AS id, elementId(a) AS from, elementId(b) AS to ORDER BY id',
  {},
  (rows) => {
    lines = rows;
    draw();
  },
  show,
);

replica.onStatus(({ state, pending, reason, refusals }) => {
  $('status').textContent = pending === 0 ? state : `${state}, ${pending} not sent yet`;
  $('status').title = reason;
  $('online').checked = state !== 'offline';
  $('refusals').replaceChildren(
    ...refusals.map(({ number, detail }) => {
      const item = document.createElement('li');
      item.append(`A change was refused: ${detail} `);
      const button = document.createElement('button');
      button.textContent = 'Dismiss';
      button.onclick = () => replica.dismiss(number);
      item.append(button);
      return item;
    }),
  );
});

// --- what a hand does

const set = (id, properties) => {
  const changes = Object.entries(properties).map(([name, value]) => [name, { kind: 'set', value }]);
  return { op: 'patchNode', id, properties: Object.fromEntries(changes) };
};

$('add').onclick = () => {
  const place = () => Math.round(80 + Math.random() * 400);
  write({ op: 'createNode', id: fresh(), labels: ['Note'], properties: { x: place(), y: place(), text: 'new' } });
};
$('rename').onclick = () => {
  const text = chosen && prompt('What does it say?');
  if (text) write(set(chosen, { text }));
};
$('remove').onclick = () => {
  if (chosen) write({ op: 'deleteNode', id: chosen, detach: true });
  chosen = undefined;
};
$('online').onchange = ({ target }) => (target.checked ? replica.connect() : replica.disconnect());

function drag(down, id) {
  const group = down.currentTarget;
  let to;
  const move = ({ offsetX, offsetY }) => {
    to = { x: Math.round(offsetX), y: Math.round(offsetY) };
    group.setAttribute('transform', `translate(${to.x} ${to.y})`);
  };
  const up = () => {
    $('canvas').removeEventListener('pointermove', move);
    if (to) write(set(id, to));
    else choose(id);
  };
  $('canvas').addEventListener('pointermove', move);
  $('canvas').addEventListener('pointerup', up, { once: true });
}

function choose(id) {
  const other = chosen;
  chosen = other === undefined ? id : undefined;
  draw();
  if (other === undefined || other === id) return;
  const joining = lines.find(({ from, to }) => [from, to].includes(id) && [from, to].includes(other));
  if (joining) write({ op: 'deleteEdge', id: joining.id });
  else write({ op: 'createEdge', id: fresh(), type: 'JOINS', from: other, to: id, properties: {} });
}

globalThis.replica = replica;
globalThis.isReady = true;
