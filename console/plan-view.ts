/** The plan of a statement as a tree: where rows come from, how many were expected and came, and what took the time. */
import type { QueryPlan } from '../client/graph-client-types.ts';
import { element } from './element.ts';

export function planView(plan: QueryPlan): HTMLElement {
  const all = flatten(plan);
  const isProfile = all.some(({ rows }) => rows !== undefined);
  const most = Math.max(1, ...all.map((each) => weightOf(each, isProfile)));
  return element(
    'div',
    { class: 'scroll pad', tabindex: 0, role: 'region', 'aria-label': 'Plan' },
    element(
      'p',
      { class: 'muted' },
      isProfile ? 'Bars: time of each operator.' : 'Bars: rows that each operator is expected to give.',
    ),
    element('ul', { class: 'plan' }, planNode(plan, { most, isProfile })),
  );
}

interface Scale {
  readonly most: number;
  readonly isProfile: boolean;
}

function planNode(plan: QueryPlan, scale: Scale): HTMLElement {
  const { operator, details, estimatedRows, rows, timeMs, children } = plan;
  const meter = element('meter', {
    min: 0,
    max: scale.most,
    value: weightOf(plan, scale.isProfile),
    'aria-label': `${scale.isProfile ? 'time' : 'rows'} of ${operator}`,
  });
  return element(
    'li',
    {},
    element(
      'div',
      { class: 'plan-step' },
      element('strong', {}, operator),
      element('code', {}, details),
      element(
        'span',
        { class: 'plan-figures' },
        rows !== undefined && element('span', {}, `${count(rows)} rows`),
        estimatedRows !== undefined && element('span', { class: 'muted' }, `${count(estimatedRows)} expected`),
        timeMs !== undefined && element('span', {}, `${timeMs.toFixed(2)} ms`),
        meter,
      ),
    ),
    children.length > 0 &&
      element(
        'ul',
        {},
        children.map((child) => planNode(child, scale)),
      ),
  );
}

const weightOf = ({ timeMs, estimatedRows }: QueryPlan, isProfile: boolean): number =>
  (isProfile ? timeMs : estimatedRows) ?? 0;

const flatten = (plan: QueryPlan): readonly QueryPlan[] => [plan, ...plan.children.flatMap(flatten)];

const count = (rows: number): string =>
  (Number.isInteger(rows) ? rows : Number(rows.toPrecision(3))).toLocaleString('en');
