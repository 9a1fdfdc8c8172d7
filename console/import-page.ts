/** Import: a file of JSON Lines is dropped or chosen, and sent piece by piece into the chosen graph. */
import { button, element, replace } from './element.ts';
import { type ImportProgress, importFile } from './import-file.ts';
import type { App, Page } from './page.ts';
import { problemView } from './problem-view.ts';

export function importPage(app: App): Page {
  let running: AbortController | undefined;
  const outcome = element('div', { class: 'stack' });
  const skips = element('input', { type: 'checkbox', id: 'skips' });
  const input = element('input', {
    type: 'file',
    id: 'file',
    class: 'visually-hidden',
    // The button below stands for it.
    tabindex: -1,
    'aria-label': 'File to import',
    accept: '.ndjson,.jsonl,.json',
    on: {
      change: () => {
        const [file] = input.files ?? [];
        if (file !== undefined) void run(file);
        input.value = '';
      },
    },
  });
  const target = element('p');
  const zone = element(
    'div',
    {
      class: 'drop-zone',
      on: {
        dragover: (event) => {
          event.preventDefault();
          zone.classList.add('over');
        },
        dragleave: () => zone.classList.remove('over'),
        drop: (event) => {
          event.preventDefault();
          zone.classList.remove('over');
          const [file] = event.dataTransfer?.files ?? [];
          if (file !== undefined) void run(file);
        },
      },
    },
    target,
    input,
    button('Choose a file', () => input.click(), { class: 'primary' }),
    element('p', { class: 'muted' }, 'or drop it here: one node or relationship a line, as `weft export` writes it'),
  );

  const drawTarget = (): void => replace(target, 'Into the graph ', element('strong', {}, app.graphName));

  async function run(file: File): Promise<void> {
    if (running !== undefined) return;
    const stop = new AbortController();
    running = stop;
    const bar = element('progress', { max: Math.max(1, file.size), value: 0, 'aria-label': `Import of ${file.name}` });
    const figures = element('p', { role: 'status' });
    let last: ImportProgress | undefined;
    const draw = (progress: ImportProgress): void => {
      last = progress;
      bar.value = progress.bytes;
      replace(figures, figuresOf(progress));
    };
    const cancel = button('Cancel', () => stop.abort(), { class: 'danger' });
    replace(outcome, element('h2', {}, file.name), bar, figures, cancel);
    try {
      const graph = app.graphName;
      const { connection } = app;
      const done = await importFile(file, {
        graph,
        headers: connection.headers(),
        skipsBadLines: skips.checked,
        signal: stop.signal,
        progress: draw,
      });
      draw(done);
      cancel.remove();
      outcome.append(...leftOut(done), element('p', {}, element('a', { href: '#/query' }, `Query ${graph}`)));
      app.announce(`${file.name}: ${figuresOf(done)}`);
    } catch (error) {
      cancel.remove();
      const kept = last === undefined ? 'Nothing before it was sent.' : `Kept: ${figuresOf(last)}.`;
      outcome.append(
        stop.signal.aborted ? element('p', { role: 'status' }, 'Cancelled. What was sent stays.') : problemView(error),
        element('p', { class: 'muted' }, kept),
      );
    } finally {
      running = undefined;
    }
  }

  drawTarget();
  const page = element(
    'div',
    { class: 'page' },
    element('h1', {}, 'Import'),
    zone,
    element(
      'div',
      { class: 'row' },
      skips,
      element('label', { for: 'skips' }, 'Leave out lines that are wrong, and list them'),
    ),
    outcome,
  );
  return { element: page, reload: drawTarget, close: () => running?.abort() };
}

function figuresOf({ nodes, edges, failed }: ImportProgress): string {
  const left = failed === 0 ? '' : `, ${failed.toLocaleString('en')} lines left out`;
  return `${nodes.toLocaleString('en')} nodes and ${edges.toLocaleString('en')} edges${left}`;
}

function leftOut({ errors }: ImportProgress): HTMLElement[] {
  if (errors.length === 0) return [];
  return [
    element(
      'table',
      { class: 'graph-list' },
      element(
        'thead',
        {},
        element('tr', {}, element('th', { scope: 'col' }, 'Line'), element('th', { scope: 'col' }, 'What is wrong')),
      ),
      element(
        'tbody',
        {},
        errors.map(({ line, reason }) => element('tr', {}, element('td', {}, line), element('td', {}, reason))),
      ),
    ),
  ];
}
