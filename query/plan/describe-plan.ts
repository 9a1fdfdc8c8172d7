/** The plan as EXPLAIN and PROFILE show it. */
import type { ProfileEntry } from '../execution/profile.ts';
import type { Operator, Plan } from './operator.ts';
import type { PlanDescription } from './planned-statement.ts';

export function describePlan(plan: Plan, profile: ReadonlyMap<Operator, ProfileEntry> | undefined): PlanDescription {
  const root = describe(plan.root, profile);
  return {
    operator: 'ProduceResults',
    details: plan.columns.map(({ name }) => name).join(', '),
    estimatedRows: root.estimatedRows,
    rows: root.rows,
    timeMs: root.timeMs,
    children: [root, ...plan.subplans.map((each) => describe(each, profile))],
  };
}

function describe(operator: Operator, profile: ReadonlyMap<Operator, ProfileEntry> | undefined): PlanDescription {
  const entry = profile?.get(operator);
  return {
    operator: operator.kind,
    details: detailsOf(operator),
    estimatedRows: operator.estimatedRows,
    rows: entry?.rows,
    timeMs: entry?.timeMs,
    children: inputsOf(operator).map((each) => describe(each, profile)),
  };
}

function inputsOf(operator: Operator): readonly Operator[] {
  if (operator.kind === 'Argument') return [];
  if (operator.kind === 'Union') return operator.inputs;
  if (operator.kind === 'HashJoin') return [operator.input, operator.right];
  return 'inner' in operator ? [operator.input, operator.inner] : [operator.input];
}

function detailsOf(operator: Operator): string {
  switch (operator.kind) {
    case 'LabelScan':
      return `:${operator.label}`;
    case 'IndexSeek':
      return `:${operator.label}(${operator.property}) ${operator.seek.kind}`;
    case 'Expand':
    case 'VarLengthExpand':
    case 'ShortestPath': {
      const [left, right] = { out: ['-', '->'], in: ['<-', '-'], both: ['-', '-'] }[operator.direction] as [
        string,
        string,
      ];
      const types = operator.types.length === 0 ? '' : `:${operator.types.join('|')}`;
      const range = operator.kind === 'Expand' ? '' : `*${operator.min}..${operator.max ?? ''}`;
      const into = operator.kind !== 'ShortestPath' && operator.into ? ' into' : '';
      return `${left}[${types}${range}]${right}${into}`;
    }
    case 'Aggregate':
      return operator.aggregates.map((each) => `${each.function}${each.distinct ? ' distinct' : ''}`).join(', ');
    case 'Sort':
      return operator.limit === undefined ? '' : 'top';
    case 'SemiApply':
      return operator.anti ? 'anti' : '';
    case 'ProcedureCall':
      return operator.name;
    default:
      return '';
  }
}

/** The description as an indented text, one operator a line. */
export function planText(description: PlanDescription, depth = 0): string {
  const { operator, details, estimatedRows, rows, timeMs, children } = description;
  const parts = [`${'  '.repeat(depth)}${operator}`];
  if (details !== '') parts.push(details);
  if (estimatedRows !== undefined) parts.push(`(about ${Math.round(estimatedRows)} rows)`);
  if (rows !== undefined) parts.push(`${rows} rows`);
  if (timeMs !== undefined) parts.push(`${timeMs.toFixed(1)} ms`);
  return [parts.join(' '), ...children.map((child) => planText(child, depth + 1))].join('\n');
}
