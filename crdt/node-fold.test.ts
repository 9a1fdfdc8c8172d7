/** A node shows the same whether each patch is shown when it is folded, some of them in a short way, or all at once at the end. */
import { expect, test } from 'vitest';
import type { PartitionId } from '../base/ids.ts';
import { replicaId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import type { GraphSettings } from '../graph/model.ts';
import type { Value } from '../graph/value.ts';
import { GraphView } from './graph-view.ts';
import type { Patch } from './patch.ts';

const SETTINGS: GraphSettings = { partitions: 1, restoringTypes: ['R'] };
const PARTITION = '0' as PartitionId;
const ROUNDS = Number(process.env.WEFT_ROUNDS ?? 3000);
const FIRST_SEED = Number(process.env.WEFT_SEED ?? 1);

function drawn(random: SeededRandom): readonly Patch[] {
  const below = (limit: number) => random.uint32() % limit;
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T;
  const clocks = Array.from({ length: 8 }, (_, i) => i + 1);
  return Array.from({ length: clocks.length }, (): Patch => {
    const [clock] = clocks.splice(below(clocks.length), 1);
    const at = { clock: clock as number, replica: replicaId(1), id: 'n' };
    const properties: { [name: string]: Value } = {};
    for (const name of ['p', '__proto__', 'expiresAt']) {
      if (below(3) > 0) continue;
      const value = name === 'expiresAt' ? pick([200, 500, 900]) : below(4);
      Object.defineProperty(properties, name, { value, enumerable: true, writable: true, configurable: true });
    }
    const ends = { ...at, type: 'R', from: 'n', to: 'm', properties: {} };
    return pick<Patch>([
      { kind: 'node-create', ...at, labels: ['A'], properties },
      { kind: 'node-delete', ...at },
      { kind: 'edge-create', ...ends, id: 'e' },
      { kind: 'node-update', ...at, properties, more: { propertiesRemoved: ['p'], labelsAdded: ['B'] } },
      ...Array.from({ length: 4 }, (): Patch => ({ kind: 'node-update', ...at, properties })),
    ]);
  });
}

function shownIn(view: GraphView) {
  const { nodes } = view;
  const node = nodes.find('n');
  if (node === undefined) return undefined;
  const values = Object.entries(nodes.properties[node] ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    flags: nodes.flags[node],
    labels: nodes.labels[node],
    values,
    usage: view.usage(view.need(PARTITION).ordinal),
  };
}

function opened(): GraphView {
  const view = new GraphView(SETTINGS);
  view.open(PARTITION);
  return view;
}

test('random patches of a node that expires and is restored -> after each of them, what all so far show when they are folded at once', () => {
  let shownShort = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) {
    const random = new SeededRandom(seed);
    const patches = drawn(random);
    const view = opened();
    let nowMs = 0;
    for (const [i, patch] of patches.entries()) {
      nowMs += [0, 0, 150, 300][random.uint32() % 4] as number;
      view.expire(nowMs);
      view.fold(view.need(PARTITION), patch, 10);
      const atOnce = opened();
      atOnce.expire(nowMs);
      const folded = patches.slice(0, i + 1);
      atOnce.foldMany(() => {
        for (const each of folded) atOnce.fold(atOnce.need(PARTITION), each, 10);
      });
      expect(
        shownIn(view),
        `WEFT_SEED=${seed} WEFT_ROUNDS=1 npx vitest run crdt/node-fold.test.ts, patch ${i}`,
      ).toEqual(shownIn(atOnce));
      if (patch.kind === 'node-update' && patch.more === undefined && (shownIn(view)?.values.length ?? 0) > 0)
        shownShort++;
    }
  }
  expect(shownShort).toBeGreaterThan(ROUNDS / 3);
});
