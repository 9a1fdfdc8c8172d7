/** The result of a statement in all of its forms, as tabs. The form that was looked at last is looked at again. */
import type { QueryResult } from '../client/graph-client-types.ts';
import type { Row } from '../client/result-rows.ts';
import { button, element, replace } from './element.ts';
import type { App } from './page.ts';
import { planView } from './plan-view.ts';
import { problemView } from './problem-view.ts';
import { ResultGraph } from './result-graph.ts';
import { resultJson, resultTable } from './result-table.ts';
import { elementsOf } from './value-text.ts';

type Form = 'graph' | 'table' | 'json' | 'plan';
const TITLES: Readonly<Record<Form, string>> = { graph: 'Graph', table: 'Table', json: 'JSON', plan: 'Plan' };

export class QueryResults {
  readonly element: HTMLElement;
  readonly #app: App;
  readonly #tabs = element('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Form of the result' });
  readonly #summary = element('span', { class: 'summary', role: 'status' });
  readonly #body = element('div', {
    class: 'result-body',
    role: 'tabpanel',
    id: 'result-body',
    'aria-label': 'Result',
  });
  #preferred: Form = 'graph';
  #graph: ResultGraph | undefined;

  constructor(app: App) {
    this.#app = app;
    const head = element(
      'div',
      { class: 'result-head' },
      this.#tabs,
      element('span', { class: 'spring' }),
      this.#summary,
    );
    this.element = element('section', { class: 'result', 'aria-label': 'Result' }, head, this.#body);
    this.showNothing();
  }

  /** What to do here, before anything was run. */
  showNothing(): void {
    this.#clear();
    replace(
      this.#body,
      element(
        'div',
        { class: 'empty' },
        element('p', {}, 'Nothing was run yet.'),
        element(
          'p',
          { class: 'muted' },
          element('kbd', {}, 'Ctrl'),
          ' + ',
          element('kbd', {}, 'Enter'),
          ' runs the statement.',
        ),
      ),
    );
  }

  showRunning(cancel: () => void): void {
    replace(
      this.#summary,
      element('span', { class: 'running' }, 'Running '),
      button('Cancel', cancel, { class: 'danger' }),
    );
  }

  showError(error: unknown): void {
    this.#clear();
    replace(this.#body, element('div', { class: 'pad' }, problemView(error)));
  }

  showNote(note: string): void {
    this.#clear();
    replace(this.#body, element('div', { class: 'empty' }, element('p', { role: 'status' }, note)));
  }

  show(result: QueryResult<Row>, tookMs: number): void {
    const { fields, rows, plan } = result;
    const elements = elementsOf(rows);
    const forms: Form[] = [];
    if (elements.nodes.size > 0) forms.push('graph');
    if (fields.length > 0) forms.push('table', 'json');
    if (plan !== undefined) forms.push('plan');
    this.#clear();
    replace(this.#summary, summaryOf(result, tookMs));
    if (forms.length === 0) {
      replace(this.#body, element('div', { class: 'empty' }, element('p', {}, 'Done. The statement returns no rows.')));
      return;
    }
    const open = (form: Form): void => {
      this.#graph?.close();
      this.#graph = undefined;
      for (const tab of this.#tabs.querySelectorAll('button')) {
        const isOpen = tab.dataset.form === form;
        tab.setAttribute('aria-selected', String(isOpen));
        tab.tabIndex = isOpen ? 0 : -1;
      }
      switch (form) {
        case 'graph':
          this.#graph = new ResultGraph(this.#app);
          replace(this.#body, this.#graph.element);
          this.#graph.show(elements);
          return;
        case 'table':
          replace(this.#body, resultTable(fields, rows));
          return;
        case 'json':
          replace(this.#body, resultJson(rows));
          return;
        case 'plan':
          replace(this.#body, plan === undefined ? null : planView(plan));
      }
    };
    replace(
      this.#tabs,
      forms.map((form) => this.#tab(form, open)),
    );
    const first = plan !== undefined ? 'plan' : forms.includes(this.#preferred) ? this.#preferred : 'table';
    open(first);
  }

  close(): void {
    this.#graph?.close();
  }

  #tab(form: Form, open: (form: Form) => void): HTMLElement {
    const tab = button(
      TITLES[form],
      () => {
        if (form !== 'plan') this.#preferred = form;
        open(form);
      },
      { role: 'tab', class: 'tab', 'data-form': form, 'aria-controls': 'result-body' },
    );
    tab.addEventListener('keydown', ({ key }) => {
      const to =
        key === 'ArrowRight' ? tab.nextElementSibling : key === 'ArrowLeft' ? tab.previousElementSibling : null;
      if (!(to instanceof HTMLButtonElement)) return;
      to.focus();
      to.click();
    });
    return tab;
  }

  #clear(): void {
    this.#graph?.close();
    this.#graph = undefined;
    replace(this.#tabs);
    replace(this.#summary);
  }
}

function summaryOf({ rows, counters }: QueryResult<Row>, tookMs: number): string {
  const changes = Object.entries(counters)
    .filter(([, value]) => typeof value === 'number' && value > 0)
    .map(([name, value]) => `${value} ${name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`);
  return [`${rows.length} ${rows.length === 1 ? 'row' : 'rows'}`, ...changes, `${Math.round(tookMs)} ms`].join(' · ');
}
