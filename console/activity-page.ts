/** What the server that served the page does now: statements that run, with a way to end them, and a glance at its metrics. */
import { button, element, replace } from './element.ts';
import { metricsGlance } from './metrics-glance.ts';
import type { App, Page } from './page.ts';
import { messageOf, problemView } from './problem-view.ts';

const LOOK_MS = 1_500;

interface Running {
  readonly id: string;
  readonly graph: string;
  readonly statement: string;
  readonly startedAt: string;
  readonly elapsedMs: number;
}

export function activityPage(app: App): Page {
  const { connection } = app;
  const list = element('div', { class: 'scroll-x', tabindex: 0, role: 'region', 'aria-label': 'Running statements' });
  const failure = element('div');
  const glance = metricsGlance(connection);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOpen = true;
  /** Ids of what is drawn: while they stay, only times are written anew, and no focus is lost. */
  let drawn = '-';

  const look = async (): Promise<void> => {
    clearTimeout(timer);
    try {
      const { queries } = await connection.call<{ readonly queries: readonly Running[] }>('GET', '/v1/queries');
      if (!isOpen) return;
      draw(queries);
      replace(failure);
    } catch (error) {
      if (isOpen) replace(failure, problemView(error));
    }
    await glance.look();
    clearTimeout(timer);
    if (isOpen) timer = setTimeout(() => void look(), LOOK_MS);
  };

  const cancel = async (id: string): Promise<void> => {
    try {
      await connection.call('DELETE', `/v1/queries/${encodeURIComponent(id)}`);
      app.announce(`The statement ${id} is told to end.`);
    } catch (error) {
      app.announce(messageOf(error), 'failed');
    }
    await look();
  };

  const draw = (queries: readonly Running[]): void => {
    const ids = queries.map(({ id }) => id).join();
    if (ids !== drawn) {
      drawn = ids;
      replace(
        list,
        queries.length === 0 ? element('p', { class: 'muted' }, 'Nothing runs.') : tableOf(queries, cancel),
      );
    }
    for (const { id, elapsedMs } of queries) {
      const cell = list.querySelector(`[data-time-of="${CSS.escape(id)}"]`);
      if (cell !== null) cell.textContent = `${(elapsedMs / 1000).toFixed(1)} s`;
    }
  };

  void look();
  return {
    element: element(
      'div',
      { class: 'page' },
      element('h1', {}, 'Activity'),
      failure,
      element(
        'section',
        { class: 'panel block', 'aria-label': 'Statements' },
        element('h2', {}, 'Running statements'),
        element('p', { class: 'muted' }, 'Yours, and those on graphs that you administer, on this server.'),
        list,
      ),
      glance.element,
    ),
    reload: () => void look(),
    close: () => {
      isOpen = false;
      clearTimeout(timer);
    },
  };
}

function tableOf(queries: readonly Running[], cancel: (id: string) => Promise<void>): HTMLElement {
  const columns = ['Id', 'Graph', 'Since', 'Statement'].map((title) => element('th', { scope: 'col' }, title));
  return element(
    'table',
    { class: 'graph-list' },
    element('thead', {}, element('tr', {}, columns, element('td'))),
    element(
      'tbody',
      {},
      queries.map(({ id, graph, statement, startedAt }) =>
        element(
          'tr',
          {},
          element('td', {}, id),
          element('td', {}, graph),
          element('td', { class: 'number', 'data-time-of': id, title: startedAt }),
          element('td', {}, element('code', { class: 'statement-text' }, statement)),
          element(
            'td',
            {},
            button('Cancel', () => void cancel(id), { class: 'danger', 'aria-label': `Cancel ${id}` }),
          ),
        ),
      ),
    ),
  );
}
