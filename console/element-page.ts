/**
 * One node or edge: read, changed, deleted, made. What is saved is what the user changed, and only if nobody changed the element
 * since it was read: the version that was read goes along as If-Match.
 */
import type { ClientEdge, ClientNode, Versioned } from '../client/graph-client-types.ts';
import { isWeftError } from './connection.ts';
import { button, element, replace } from './element.ts';
import type { App, Page } from './page.ts';
import { problemView } from './problem-view.ts';
import { propertyFields } from './property-fields.ts';
import { elementLink } from './result-table.ts';

type Kind = 'node' | 'edge';
const NEIGHBOURS_MAX = 50;

export function elementPage(app: App, [kindText, id]: readonly string[]): Page {
  const kind: Kind = kindText === 'edge' ? 'edge' : 'node';
  const place = element('div', { class: 'stack' });
  const failure = element('div');
  const fail = (error: unknown): void => replace(failure, problemView(error), readAgain(error));

  /** Who finds that the element has changed wants to see how. */
  function readAgain(error: unknown): HTMLElement | false {
    if (!isWeftError(error) || error.code !== 'precondition-failed') return false;
    return element(
      'p',
      {},
      'Somebody changed it since it was read. ',
      button('Read it again', () => void draw()),
    );
  }

  const attempt = async (what: () => Promise<void>): Promise<void> => {
    try {
      await what();
    } catch (error) {
      fail(error);
    }
  };

  const draw = (): Promise<void> =>
    attempt(async () => {
      replace(failure);
      if (id === undefined) {
        replace(place, newNode(), newEdge());
        return;
      }
      replace(place, element('p', { class: 'muted' }, 'Reading…'));
      const found = kind === 'node' ? await app.graph.getNode(id) : await app.graph.getEdge(id);
      if (found === undefined)
        replace(place, element('p', { role: 'status' }, `There is no ${kind} ${id} in ${app.graphName}.`));
      else if ('labels' in found) replace(place, nodeForm(found));
      else replace(place, edgeForm(found));
    });

  function form(title: string, save: () => Promise<void>, ...content: (HTMLElement | false)[]): HTMLElement {
    return element(
      'form',
      {
        class: 'panel block element-form',
        'aria-label': title,
        on: {
          submit: (event) => {
            event.preventDefault();
            void attempt(save);
          },
        },
      },
      element('h2', {}, title),
      content,
    );
  }

  function field(label: string, input: HTMLInputElement): HTMLElement {
    return element('div', { class: 'field' }, element('label', { for: input.id }, label), input);
  }

  const save = (): HTMLElement => element('button', { type: 'submit', class: 'primary' }, 'Save');

  function nodeForm({ id: nodeId, labels, properties, version }: Versioned<ClientNode>): HTMLElement {
    const labelInput = element('input', { id: 'labels', value: labels.join(', '), spellcheck: 'false' });
    const fields = propertyFields(properties);
    const detach = element('input', { type: 'checkbox', id: 'detach' });
    const edges = element('div', { class: 'stack' });
    void attempt(() => drawEdges(nodeId, edges));
    return element(
      'div',
      { class: 'stack' },
      form(
        `Node ${nodeId}`,
        async () => {
          const wanted = labelsOf(labelInput);
          const isRelabelled = wanted.join('\n') !== labels.join('\n');
          const patch = { ...(isRelabelled && { labels: wanted }), properties: fields.changes() };
          await app.graph.patchNode(nodeId, patch, { ifMatch: version });
          app.announce(`Saved node ${nodeId}.`);
          await draw();
        },
        field('Labels, separated by commas', labelInput),
        fields.element,
        element(
          'div',
          { class: 'row' },
          save(),
          element('span', { class: 'spring' }),
          detach,
          element('label', { for: 'detach' }, 'with its edges'),
          button(
            'Delete',
            () =>
              void attempt(() =>
                remove(() => app.graph.deleteNode(nodeId, { ifMatch: version, detach: detach.checked })),
              ),
            { class: 'danger' },
          ),
        ),
      ),
      element('section', { class: 'panel block', 'aria-label': 'Edges' }, element('h2', {}, 'Edges'), edges),
    );
  }

  async function drawEdges(nodeId: string, into: HTMLElement): Promise<void> {
    const rows: HTMLElement[] = [];
    for await (const { id: edgeId, type, from, to } of app.graph.edgesOf(
      nodeId,
      { direction: 'both' },
      { pageItems: NEIGHBOURS_MAX },
    )) {
      const other = from === nodeId ? to : from;
      rows.push(
        element(
          'li',
          {},
          elementLink('edge', edgeId, type),
          from === nodeId ? ' → ' : ' ← ',
          elementLink('node', other, other),
        ),
      );
      if (rows.length >= NEIGHBOURS_MAX) break;
    }
    replace(
      into,
      rows.length === 0 ? element('p', { class: 'muted' }, 'none') : element('ul', { class: 'edge-list' }, rows),
      rows.length >= NEIGHBOURS_MAX && element('p', { class: 'muted' }, `The first ${NEIGHBOURS_MAX}.`),
    );
  }

  function edgeForm({ id: edgeId, type, from, to, properties, version }: Versioned<ClientEdge>): HTMLElement {
    const fields = propertyFields(properties);
    return form(
      `Edge ${edgeId}`,
      async () => {
        await app.graph.patchEdge(edgeId, { properties: fields.changes() }, { ifMatch: version });
        app.announce(`Saved edge ${edgeId}.`);
        await draw();
      },
      element('p', {}, elementLink('node', from, from), ` —[${type}]→ `, elementLink('node', to, to)),
      fields.element,
      element(
        'div',
        { class: 'row' },
        save(),
        element('span', { class: 'spring' }),
        button('Delete', () => void attempt(() => remove(() => app.graph.deleteEdge(edgeId, { ifMatch: version }))), {
          class: 'danger',
        }),
      ),
    );
  }

  async function remove(act: () => Promise<void>): Promise<void> {
    await act();
    app.announce(`Deleted ${kind} ${id}.`);
    location.hash = '#/element';
  }

  function newNode(): HTMLElement {
    const idInput = element('input', {
      id: 'node-id',
      autocomplete: 'off',
      placeholder: 'made by the server if empty',
    });
    const labelInput = element('input', { id: 'node-labels', autocomplete: 'off' });
    const fields = propertyFields({});
    return form(
      'New node',
      async () => {
        const wanted = idInput.value === '' ? {} : { id: idInput.value };
        const made = await app.graph.createNode({ ...wanted, labels: labelsOf(labelInput), properties: fields.all() });
        show('node', made.id);
      },
      field('Id', idInput),
      field('Labels, separated by commas', labelInput),
      fields.element,
      element('div', { class: 'row' }, element('button', { type: 'submit', class: 'primary' }, 'Create')),
    );
  }

  function newEdge(): HTMLElement {
    const [from, type, to] = ['edge-from', 'edge-type', 'edge-to'].map((name) =>
      element('input', { id: name, autocomplete: 'off', required: true }),
    );
    if (from === undefined || type === undefined || to === undefined) throw new Error('three fields were made');
    const fields = propertyFields({});
    return form(
      'New edge',
      async () => {
        const made = await app.graph.createEdge({
          from: from.value,
          type: type.value,
          to: to.value,
          properties: fields.all(),
        });
        show('edge', made.id);
      },
      field('From node (id)', from),
      field('Type', type),
      field('To node (id)', to),
      fields.element,
      element('div', { class: 'row' }, element('button', { type: 'submit', class: 'primary' }, 'Create')),
    );
  }

  const kindChoice = element(
    'select',
    { id: 'kind', 'aria-label': 'Kind of element' },
    element('option', { value: 'node' }, 'node'),
    element('option', { value: 'edge' }, 'edge'),
  );
  kindChoice.value = kind;
  const idInput = element('input', {
    id: 'open-id',
    placeholder: 'id',
    'aria-label': 'Id',
    value: id ?? '',
    autocomplete: 'off',
  });
  const open = element(
    'form',
    {
      class: 'row',
      on: {
        submit: (event) => {
          event.preventDefault();
          if (idInput.value !== '') show(kindChoice.value === 'edge' ? 'edge' : 'node', idInput.value);
        },
      },
    },
    kindChoice,
    idInput,
    element('button', { type: 'submit' }, 'Open'),
    id !== undefined && element('a', { href: '#/element' }, 'Make a new one'),
  );
  void draw();
  return {
    element: element('div', { class: 'page' }, element('h1', {}, 'Elements'), open, failure, place),
    reload: () => void draw(),
  };
}

function show(kind: Kind, id: string): void {
  location.hash = `#/element/${kind}/${encodeURIComponent(id)}`;
}

function labelsOf({ value }: HTMLInputElement): string[] {
  return value
    .split(',')
    .map((label) => label.trim())
    .filter((label) => label !== '');
}
