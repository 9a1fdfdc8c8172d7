/** Clients as rows, time to the right: what each was doing, and how it went. */
import type { Operation } from '../entry.ts';
import type { RunRecord } from '../run-record.ts';
import { faultBands, LEFT, picture, rectangle, type Span, text, timeAxis, WIDTH, xOf } from './svg.ts';

const ROW = 13;
const TOP = 18;
/** Worst last: it is what shows when several fall on one place. */
const OUTCOMES = ['ok', 'fail', 'info'] as const;

export function timeline(run: RunRecord, span: Span): string {
  const clients = [...new Set(run.operations.map(({ invocation }) => invocation.process))].sort();
  const height = TOP + clients.length * ROW;
  const rows = clients.flatMap((client, index) => {
    const own = run.operations.filter(({ invocation }) => invocation.process === client);
    return [text(4, TOP + index * ROW + 10, client), ...row(own, span, TOP + index * ROW)];
  });
  const names = run.faults.map(({ begin }) => text(xOf(span, begin.atMs), 11, begin.kind, 'fault-name'));
  const bands = faultBands(span, run.faults, height);
  return picture(height + 18, [...timeAxis(span, height), ...bands, ...names, ...rows], 'What each client did');
}

/** One mark for each place where something was going on: thousands of calls are a few hundred marks. */
function row(operations: readonly Operation[], span: Span, y: number): string[] {
  const cells = new Array<number>(WIDTH - LEFT).fill(-1);
  const first = new Map<number, Operation>();
  for (const operation of operations) {
    const { invocation, completion } = operation;
    const worth = OUTCOMES.indexOf(completion?.type ?? 'info');
    const [from, to] = [xOf(span, invocation.atMs), xOf(span, completion?.atMs ?? span.toMs)];
    for (let x = Math.floor(from); x <= to && x < WIDTH; x++) {
      const cell = x - LEFT;
      if (worth <= (cells[cell] ?? -1)) continue;
      cells[cell] = worth;
      first.set(cell, operation);
    }
  }
  const marks: string[] = [];
  for (let begin = 0; begin < cells.length; ) {
    const worth = cells[begin] ?? -1;
    let end = begin + 1;
    while (end < cells.length && cells[end] === worth) end++;
    const operation = first.get(begin);
    if (worth >= 0 && operation !== undefined) {
      const box = { x: begin + LEFT, y: y + 1, width: end - begin, height: ROW - 2 };
      marks.push(rectangle(box, OUTCOMES[worth] ?? 'ok', worth === 0 ? undefined : titleOf(operation)));
    }
    begin = end;
  }
  return marks;
}

export function titleOf({ invocation, completion }: Operation): string {
  const { id, server, level, call, atMs } = invocation;
  const how = `${completion?.type ?? 'no end'} ${completion?.status ?? ''} ${completion?.code ?? ''}`;
  return `#${id} at ${Math.round(atMs)} ms on ${server}, ${level}: ${JSON.stringify(completion?.answer ?? call)} -> ${how}`;
}
