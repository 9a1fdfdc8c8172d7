/**
 * Graphs: which there are, and of the chosen one its settings, what it uses and declares (labels, types, properties, indexes,
 * constraints), and whether all of it fits together.
 */
import { confirmDialog } from './confirm-dialog.ts';
import { quoted } from './cypher-language.ts';
import { button, element, replace } from './element.ts';
import { graphIntegrity } from './graph-integrity.ts';
import { type GraphDocument, graphSettings } from './graph-settings.ts';
import type { App, Page } from './page.ts';
import { messageOf, problemView } from './problem-view.ts';
import { shortText } from './value-text.ts';

type Cell = Parameters<typeof shortText>[0];

export function graphsPage(app: App): Page {
  const list = element('div', { class: 'scroll-x', tabindex: 0, role: 'region', 'aria-label': 'Table of graphs' });
  const schema = element('div', { class: 'schema-columns' });
  const declared = element('div', {
    class: 'scroll-x',
    tabindex: 0,
    role: 'region',
    'aria-label': 'Indexes and constraints',
  });
  const failure = element('div');
  const heading = element('h2');
  const settingsHeading = element('h2');
  const settings = graphSettings(app);
  const integrity = graphIntegrity(app);

  const attempt = async (what: () => Promise<void>, done: string): Promise<void> => {
    try {
      await what();
      replace(failure);
      app.announce(done);
    } catch (error) {
      replace(failure, problemView(error));
    }
    await draw();
  };

  const drawList = async (): Promise<void> => {
    const { graphs } = await app.connection.call<{ readonly graphs: readonly GraphDocument[] }>('GET', '/v1/graphs');
    replace(
      list,
      element(
        'table',
        { class: 'graph-list' },
        tableHead(['Name', 'Partitions', 'Lifecycle']),
        element(
          'tbody',
          {},
          graphs.map(({ name, partitions, lifecycle }) =>
            element(
              'tr',
              {},
              element(
                'td',
                {},
                element('strong', {}, name),
                name === app.graphName && element('span', { class: 'muted' }, ' chosen'),
              ),
              element('td', {}, partitions),
              element('td', {}, lifecycle ?? 'persistent'),
              element(
                'td',
                {},
                element(
                  'div',
                  { class: 'row end' },
                  name !== app.graphName &&
                    button('Choose', () => app.chooseGraph(name), { 'aria-label': `Choose ${name}` }),
                  name !== 'default' &&
                    button('Delete', () => confirmDelete(name), { class: 'danger', 'aria-label': `Delete ${name}` }),
                ),
              ),
            ),
          ),
        ),
      ),
    );
  };

  const confirmDelete = (name: string): void => {
    const question = {
      title: `Delete ${name} and all that it holds?`,
      typed: name,
      action: 'Delete',
      refusal: 'Keep it',
    };
    const confirmed = () =>
      attempt(async () => {
        await app.connection.client.deleteGraph(name);
        await app.refreshGraphs();
      }, `The graph ${name} is gone.`);
    confirmDialog(page, question, () => void confirmed());
  };

  const drawSchema = async (): Promise<void> => {
    const { graph } = app;
    const counts = async (statement: string): Promise<HTMLElement> => {
      const { rows } = await graph.query(statement, {}, { readOnly: true, maxRows: 1000 });
      if (rows.length === 0) return element('p', { class: 'muted' }, 'none');
      return element(
        'ul',
        {},
        rows.map(({ name, count }) =>
          element(
            'li',
            {},
            shortText(name),
            ' ',
            element('span', { class: 'muted' }, count === undefined ? '' : shortText(count)),
          ),
        ),
      );
    };
    const column = (title: string, content: HTMLElement): HTMLElement =>
      element('div', {}, element('h3', {}, title), content);
    const labels = await counts('CALL db.labels() YIELD label RETURN label AS name ORDER BY name');
    const types = await counts(
      'CALL db.relationshipTypes() YIELD relationshipType RETURN relationshipType AS name ORDER BY name',
    );
    const properties = await counts(
      'CALL db.propertyKeys() YIELD propertyKey RETURN propertyKey AS name ORDER BY name',
    );
    replace(schema, column('Labels', labels), column('Relationship types', types), column('Properties', properties));
  };

  const drawDeclared = async (): Promise<void> => {
    const tables: HTMLElement[] = [];
    for (const kind of ['INDEX', 'CONSTRAINT'] as const) {
      const { fields, rows } = await app.graph.query(kind === 'INDEX' ? 'SHOW INDEXES' : 'SHOW CONSTRAINTS');
      tables.push(
        element('h3', {}, kind === 'INDEX' ? 'Indexes' : 'Constraints'),
        rows.length === 0
          ? element('p', { class: 'muted' }, 'none')
          : element(
              'table',
              { class: 'graph-list' },
              tableHead(fields),
              element(
                'tbody',
                {},
                rows.map((row) => {
                  const name = shortText(row.name as Cell);
                  const drop = () =>
                    attempt(
                      async () => void (await app.graph.query(`DROP ${kind} ${quoted(name)}`)),
                      `${name} is dropped.`,
                    );
                  return element(
                    'tr',
                    {},
                    fields.map((field) => element('td', {}, shortText(row[field]))),
                    element(
                      'td',
                      {},
                      button('Drop', () => void drop(), { class: 'danger', 'aria-label': `Drop ${name}` }),
                    ),
                  );
                }),
              ),
            ),
      );
    }
    replace(declared, tables);
  };

  const draw = async (): Promise<void> => {
    replace(heading, `Schema of ${app.graphName}`);
    replace(settingsHeading, `Settings of ${app.graphName}`);
    settings.choose();
    try {
      await drawList();
      await settings.draw();
      await drawSchema();
      await drawDeclared();
    } catch (error) {
      replace(failure, problemView(error));
    }
  };

  const name = element('input', { id: 'new-graph', autocomplete: 'off', required: true });
  const partitions = element('input', { id: 'partitions', type: 'number', min: 1, max: 4096, value: 16 });
  const lifecycle = element(
    'select',
    { id: 'lifecycle' },
    element('option', { value: 'persistent' }, 'persistent'),
    element('option', { value: 'ephemeral' }, 'ephemeral'),
  );
  const createForm = element(
    'form',
    {
      class: 'row',
      on: {
        submit: (event) => {
          event.preventDefault();
          const wanted = name.value;
          void attempt(async () => {
            const made = { partitions: Number(partitions.value), lifecycle: lifecycle.value };
            await app.connection.call('PUT', `/v1/graphs/${encodeURIComponent(wanted)}`, made);
            await app.refreshGraphs();
            app.chooseGraph(wanted);
            name.value = '';
          }, `The graph ${wanted} is there.`);
        },
      },
    },
    element('div', { class: 'field' }, element('label', { for: 'new-graph' }, 'New graph'), name),
    element('div', { class: 'field' }, element('label', { for: 'partitions' }, 'Partitions'), partitions),
    element('div', { class: 'field' }, element('label', { for: 'lifecycle' }, 'Lifecycle'), lifecycle),
    element('button', { type: 'submit', class: 'primary' }, 'Create'),
  );

  const statement = element('input', {
    id: 'declaration',
    class: 'mono',
    autocomplete: 'off',
    spellcheck: 'false',
    placeholder: 'CREATE INDEX FOR (s:Station) ON (s.name)',
  });
  const declareForm = element(
    'form',
    {
      class: 'row declare',
      on: {
        submit: (event) => {
          event.preventDefault();
          void attempt(async () => {
            await app.graph.query(statement.value);
            statement.value = '';
          }, 'Declared.').catch((error: unknown) => app.announce(messageOf(error), 'failed'));
        },
      },
    },
    element(
      'div',
      { class: 'field wide' },
      element('label', { for: 'declaration' }, 'Declare an index or a constraint'),
      statement,
    ),
    element('button', { type: 'submit' }, 'Declare'),
  );

  const page = element(
    'div',
    { class: 'page' },
    element('h1', {}, 'Graphs'),
    failure,
    element('section', { class: 'panel block', 'aria-label': 'Graphs' }, list, createForm),
    element('section', { class: 'panel block', 'aria-label': 'Settings' }, settingsHeading, settings.element),
    integrity.element,
    element('section', { class: 'panel block', 'aria-label': 'Schema' }, heading, schema, declared, declareForm),
  );
  void draw();
  return {
    element: page,
    reload: () => {
      integrity.clear();
      void draw();
    },
    close: () => integrity.clear(),
  };
}

/** Titles of columns, and a last one without a title, for buttons. */
function tableHead(titles: readonly string[]): HTMLElement {
  const columns = titles.map((title) => element('th', { scope: 'col' }, title));
  return element('thead', {}, element('tr', {}, columns, element('td')));
}
