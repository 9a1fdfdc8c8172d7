/** Statements: the editor, what a statement is run with, and its result. */
import type { ClientProperties } from '../client/graph-client-types.ts';
import type { ConsistencyLevel } from '../client/http-calls.ts';
import { parseExactJson } from '../graph/exact-json.ts';
import { decodeValue } from '../graph/json-values.ts';
import { isWeftError } from './connection.ts';
import { NO_NAMES, type SchemaNames } from './cypher-language.ts';
import { button, element, replace } from './element.ts';
import type { App, Page } from './page.ts';
import { queryEditor } from './query-editor.ts';
import { forgetQueries, pastQueries, remember } from './query-history.ts';
import { QueryResults } from './query-results.ts';
import { readSchemaNames } from './schema-names.ts';

const TEXT_KEY = 'weft.statement';
const PARAMETERS_KEY = 'weft.parameters';
const FIRST = 'MATCH (a)-[r]->(b)\nRETURN a, r, b LIMIT 300';
const ROWS_MAX = 10_000;

export function queryPage(app: App): Page {
  let names: SchemaNames = NO_NAMES;
  let running: AbortController | undefined;
  const results = new QueryResults(app);

  const editor = queryEditor({
    text: sessionStorage.getItem(TEXT_KEY) ?? FIRST,
    names: () => names,
    run: () => void run(''),
    changed: (text) => sessionStorage.setItem(TEXT_KEY, text),
  });

  const parameters = element('textarea', {
    id: 'parameters',
    rows: 3,
    spellcheck: 'false',
    placeholder: '{ "name": "Skarvøy" }',
  });
  parameters.value = sessionStorage.getItem(PARAMETERS_KEY) ?? '';
  parameters.addEventListener('input', () => sessionStorage.setItem(PARAMETERS_KEY, parameters.value));
  const level = element(
    'select',
    { 'aria-label': 'Consistency level', title: 'Consistency level' },
    ['session', 'strong', 'eventual'].map((name) => element('option', { value: name }, name)),
  );
  const runButton = button('Run', () => void run(''), { class: 'primary', title: 'Ctrl + Enter' });

  const readNames = (): void => {
    readSchemaNames(app.graph).then(
      (read) => {
        names = read;
      },
      () => {
        names = NO_NAMES;
      },
    );
  };

  /** @throws SyntaxError or WeftError if they are no map of values */
  const readParameters = (): ClientProperties => {
    if (parameters.value.trim() === '') return {};
    const value = decodeValue(parseExactJson(parameters.value), 'parameters');
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new SyntaxError('parameters are a JSON object');
    return value as ClientProperties;
  };

  async function run(prefix: '' | 'EXPLAIN ' | 'PROFILE '): Promise<void> {
    const text = editor.text().trim();
    if (text === '' || running !== undefined) return;
    editor.unmark();
    const stop = new AbortController();
    running = stop;
    runButton.disabled = true;
    results.showRunning(() => stop.abort(new Error('cancelled')));
    const begunMs = performance.now();
    try {
      const statement = prefix + text.replace(prefix === '' ? /^/ : /^(?:EXPLAIN|PROFILE)\s+/i, '');
      const options = { consistency: level.value as ConsistencyLevel, maxRows: ROWS_MAX, signal: stop.signal };
      const result = await app.graph.query(statement, readParameters(), options);
      if (prefix === '') remember(text, app.graphName);
      results.show(result, performance.now() - begunMs);
      if (result.counters.containsUpdates) readNames();
    } catch (error) {
      if (stop.signal.aborted)
        results.showNote('Cancelled. Nothing of it took effect, unless it had just been committed.');
      else showError(error, prefix.length);
    } finally {
      running = undefined;
      runButton.disabled = false;
      drawHistory();
    }
  }

  /** @param ahead characters on the first line that stand before the user's text */
  function showError(error: unknown, ahead: number): void {
    results.showError(error);
    if (!isWeftError(error)) return;
    const { position } = error.context as { readonly position?: { readonly line: number; readonly column: number } };
    if (position === undefined) return;
    const column = position.line === 1 ? Math.max(1, position.column - ahead) : position.column;
    editor.mark({ line: position.line, column });
  }

  const history = element('div', { class: 'history' });
  function drawHistory(): void {
    const past = pastQueries();
    replace(
      history,
      past.length === 0 && element('p', { class: 'muted' }, 'No statement was run yet.'),
      past.slice(0, 20).map(({ text, graph, atMs }) =>
        button(
          [
            element('code', {}, text),
            element('span', { class: 'muted' }, `${graph}, ${new Date(atMs).toLocaleString()}`),
          ],
          () => {
            editor.setText(text);
            editor.focus();
          },
          { class: 'past' },
        ),
      ),
      past.length > 0 &&
        button(
          'Clear',
          () => {
            forgetQueries();
            drawHistory();
          },
          { class: 'quiet' },
        ),
    );
  }
  drawHistory();
  readNames();

  const page = element(
    'div',
    { class: 'query-page' },
    element('h1', { class: 'visually-hidden' }, 'Query'),
    element(
      'section',
      { class: 'panel statement', 'aria-label': 'Statement' },
      editor.element,
      element(
        'div',
        { class: 'statement-tools' },
        runButton,
        button('Explain', () => void run('EXPLAIN '), { title: 'The plan; nothing runs' }),
        button('Profile', () => void run('PROFILE '), { title: 'Runs it, and counts rows and time of each operator' }),
        level,
        element('span', { class: 'spring' }),
        element(
          'details',
          { class: 'drop' },
          element('summary', {}, 'Parameters'),
          element('div', { class: 'drop-body' }, element('label', { for: 'parameters' }, 'JSON object'), parameters),
        ),
        element(
          'details',
          { class: 'drop' },
          element('summary', {}, 'History'),
          element('div', { class: 'drop-body' }, history),
        ),
      ),
    ),
    results.element,
  );
  return {
    element: page,
    reload: () => {
      readNames();
      results.showNothing();
    },
    close: () => {
      running?.abort(new Error('cancelled'));
      results.close();
      editor.close();
    },
  };
}
