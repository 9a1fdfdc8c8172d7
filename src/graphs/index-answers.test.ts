/** What indexes answer about values of all kinds while they come and go, against the same questions without an index. */

import { expect, test } from 'vitest';
import type { NodeId } from '../../base/ids.ts';
import { SeededRandom } from '../../base/seeded-random.ts';
import type { LabelChange, Operation } from '../../graph/model.ts';
import { float, Point, Temporal, type Value } from '../../graph/value.ts';
import { put, type Running, remove, run, spreadIds } from '../engine-on-disk.model.ts';

const NUMBERS: readonly Value[] = [
  ...[0, -0, 1, 2 ** 53, -(2 ** 53), 2 ** 63, -(2 ** 63), 1e300, 0.5, Number.MIN_VALUE].map(float),
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ...[0, 1, -1, Number.MAX_SAFE_INTEGER, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)],
];
const TEXTS: readonly Value[] = [
  ...['', 'a', 'ab', 'b', '\u0000', '\uffff', 'a\uffff', 'a\uffff\uffff', '😀', 'a😀', '\ud83d', 'a\ue000'],
  ...['true', 'other', 'i9007199254740993', '__proto__', 'null'],
];
const TEMPORALS: readonly Value[] = [
  new Temporal('Date', '2026-01-31'),
  ...['12:00', '12:00:00.0'].map((text) => new Temporal('LocalTime', text)),
  ...['12:00Z', '12:00:00+00:00', '14:00+02:00'].map((text) => new Temporal('Time', text)),
  ...['2026-01-31T12:00', '2026-01-31T12:00:00'].map((text) => new Temporal('LocalDateTime', text)),
  ...['2026-01-31T12:00Z', '2026-01-31T13:00:00+01:00'].map((text) => new Temporal('DateTime', text)),
  ...['PT60M', 'PT1H'].map((text) => new Temporal('Duration', text)),
];
const LISTS: readonly Value[] = [
  ...[[], [1], [float(1)], [0], [float(-0)], [Number.NaN], [null], [1, null], [2n ** 53n], [float(2 ** 53)]],
  ...[['\uffff'], ['😀'], [[1]], [[float(1)]], [{ a: 1 }], [{ a: float(1) }]],
  ...TEMPORALS.map((each) => [each]),
];
const OTHERS: readonly Value[] = [
  ...[true, false],
  ...[new Point(7203, [0, 1]), new Point(7203, [-0, 1]), new Point(9157, [0, 1, 2]), new Point(4326, [0, 1])],
  ...[new Uint8Array(), new Uint8Array([1, 2])],
  ...[{}, { a: 1 }, { a: float(1) }, { a: null }],
];
const KINDS = [NUMBERS, TEXTS, TEMPORALS, LISTS, OTHERS];
const VALUES = KINDS.flat();

const IDS: readonly NodeId[] = spreadIds(16).concat(Array.from({ length: 24 }, (_, i) => `more${i}` as NodeId));
const LABELS = [[], ['L'], ['L'], ['L'], ['M'], ['L', 'M']];

function randomOperation(random: SeededRandom, there: Set<string>): Operation {
  const id = random.pick(IDS);
  const p = random.pick(random.pick(KINDS));
  if (!there.has(id) || random.below(5) === 0) {
    there.add(id);
    return put(id, { p, id }, random.pick(LABELS));
  }
  if (random.below(8) === 0) {
    there.delete(id);
    return remove(id);
  }
  const change = random.below(2) === 0 ? { add: ['L'], remove: [] } : { add: [], remove: ['L'] };
  const labels: LabelChange | undefined = random.below(4) === 0 ? { kind: 'change', ...change } : undefined;
  return {
    op: 'patchNode',
    id,
    properties: { p: random.below(8) === 0 ? { kind: 'remove' } : { kind: 'set', value: p } },
    ...(labels !== undefined && { labels }),
  };
}

const CONDITIONS = [
  ...['n.p = x', 'n.p < x', 'n.p <= x', 'n.p > x', 'n.p >= x', 'n.p STARTS WITH x'],
  ...['n.p IN [x, 1, x]', 'n.p >= x AND n.p < y', 'n.p > x AND n.p <= y'],
];

const WRITE = { accessMode: 'write', isCancelled: () => false } as const;

/** The nodes that are found for each value. */
async function answer({ graph }: Running, condition: string, xs: readonly Value[], ys: readonly Value[]) {
  const text = `UNWIND range(0, size($xs) - 1) AS at WITH at, $xs[at] AS x, $ys[at] AS y
    MATCH (n:L) WHERE ${condition} RETURN at, n.id ORDER BY at, n.id`;
  const { rows } = await graph.queryRows({ text, parameters: { xs, ys } }, WRITE);
  return rows.map(([at, id]) => ({ x: xs[at as number], y: ys[at as number], found: id }));
}

test('indexes: values of all kinds come and go -> the same nodes as without one', async () => {
  const seed = 7;
  const random = new SeededRandom(seed);
  const [plain, indexed] = [await run(), await run()];
  await indexed.graph.queryRows({ text: 'CREATE INDEX FOR (n:L) ON (n.p)', parameters: {} }, WRITE);
  const there = new Set<string>();
  for (let round = 0; round < 12; round++) {
    const operations = Array.from({ length: 24 }, () => randomOperation(random, there));
    for (const { graph } of [plain, indexed]) await graph.write(operations);
    // The second value mostly is of the same kind.
    const ys = KINDS.flatMap((kind) => kind.map(() => random.pick(random.below(9) === 0 ? VALUES : kind)));
    for (const condition of CONDITIONS) {
      const rows = await answer(plain, condition, VALUES, ys);
      const found = { seed, round, condition, rows: await answer(indexed, condition, VALUES, ys) };
      expect.soft(found).toEqual({ seed, round, condition, rows });
    }
  }
});
