/** A violation drawn: the few operations that cannot all be right, each as long as it took, with what it said. */
import type { Operation } from '../entry.ts';
import type { GuaranteeVerdict } from '../judge.ts';
import type { RunRecord } from '../run-record.ts';
import { escaped, picture, rectangle, type Span, text, timeAxis, xOf } from './svg.ts';
import { titleOf } from './timeline.ts';

const ROW = 22;
const MIDDLE = 640;
/** More than these say nothing to an eye. */
const DRAWN_MAX = 24;

export function violation(run: RunRecord, { checker, promise, why = '' }: GuaranteeVerdict): string {
  const named = new Set([...why.matchAll(/(?:#|\bT)(\d+)\b/g)].map(([, id]) => Number(id)));
  const operations = run.operations.filter(({ invocation }) => named.has(invocation.id)).slice(0, DRAWN_MAX);
  const drawn = operations.length === 0 ? '' : drawing(operations);
  return `<section class="violation"><h3>${escaped(checker)}: broken</h3><p>Promised: ${escaped(promise)}.</p>${drawn}
<pre>${escaped(why)}</pre></section>`;
}

function drawing(operations: readonly Operation[]): string {
  const begins = operations.map(({ invocation }) => invocation.atMs);
  const ends = operations.map(({ invocation, completion }) => completion?.atMs ?? invocation.atMs);
  const margin = Math.max(1, (Math.max(...ends) - Math.min(...begins)) * 0.04);
  const span: Span = { fromMs: Math.min(...begins) - margin, toMs: Math.max(...ends) + margin };
  const rows = operations.flatMap((operation, index) => {
    const { invocation, completion } = operation;
    const y = index * ROW + 2;
    const [from, to] = [xOf(span, invocation.atMs), xOf(span, completion?.atMs ?? span.toMs)];
    const box = { x: from, y, width: Math.max(3, to - from), height: ROW - 6 };
    return [
      text(4, y + 12, `#${invocation.id} ${invocation.process}`),
      rectangle(box, completion?.type ?? 'info', titleOf(operation)),
      // Beside the bar, on the side where there is room.
      from < MIDDLE
        ? text(Math.max(from, to) + 6, y + 12, shortly(operation), 'inside')
        : text(from - 6, y + 12, shortly(operation), 'inside before'),
    ];
  });
  const height = operations.length * ROW + 2;
  return picture(height + 18, [...timeAxis(span, height), ...rows], 'Operations that cannot all be right');
}

function shortly({ invocation, completion }: Operation): string {
  const said = JSON.stringify(completion?.answer ?? invocation.call).replace(/"(\w+)":/g, '$1: ');
  return `${invocation.server}: ${said.length > 90 ? `${said.slice(0, 90)}...` : said}`;
}
