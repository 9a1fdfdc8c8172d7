import { expect, test } from 'vitest';
import { LayoutRounds, NODE_NUMBERS, placesOf } from './layout-rounds.ts';

const NOTHING = new Float32Array(0);

/** Rounds that each take `roundMs` on a clock that moves only with them. */
function timed(count: number, roundMs: number) {
  let nowMs = 0;
  let run = 0;
  const round = () => {
    nowMs += roundMs;
    run++;
  };
  const rounds = new LayoutRounds(count, { round, nodes: NOTHING });
  return { slice: (ms: number) => rounds.slice(ms, () => nowMs), run: () => run };
}

test('layout: more rounds than a slice has time for -> gives way after it, and goes on where it was', () => {
  const { slice, run } = timed(10, 15);
  expect(slice(40)).toBe(7);
  expect(slice(40)).toBe(4);
  expect(run()).toBe(6);
  expect([slice(40), slice(40), slice(40)]).toEqual([1, 0, 0]);
  expect(run()).toBe(10);
});

test('layout: one round takes longer than a slice -> one a slice', () => {
  const { slice, run } = timed(3, 1000);
  expect([slice(40), slice(40)]).toEqual([2, 1]);
  expect(run()).toBe(2);
});

test('layout: places -> x and y of each node, copied', () => {
  const nodes = Float32Array.from({ length: 2 * NODE_NUMBERS }, (_, i) => i);
  const places = placesOf(nodes);
  nodes.fill(-1);
  expect([...places]).toEqual([0, 1, NODE_NUMBERS, NODE_NUMBERS + 1]);
});
