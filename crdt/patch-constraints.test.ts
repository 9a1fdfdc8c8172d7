import { expect, test } from 'vitest';
import { type PartitionId, replicaId } from '../base/ids.ts';
import { ConstraintSet } from './constraint-set.ts';
import { DraftedPatch } from './drafted-patch.ts';
import { GraphView } from './graph-view.ts';
import type { NodeCreate, Patch } from './patch.ts';
import { encodePatch } from './patch-codec.ts';
import { checkConstraints } from './patch-constraints.ts';

const PARTITION = '0' as PartitionId;
const set = ConstraintSet.of([{ kind: 'unique', name: 'one', on: 'node', label: 'A', properties: ['key'], since: 1 }]);
const rules = { set, isDecisive: false, idsFollow: true, closedPartitions: () => [] };

const drafted = (home: number, patch: Patch) => [new DraftedPatch(home, patch, encodePatch(patch), false)];

test('patches: a node whose id does not follow from its key -> refused; the same patch, once it is held, changes nothing and is not', () => {
  const view = new GraphView({ partitions: 1, restoringTypes: [] });
  const partition = view.open(PARTITION);
  const stamp = { clock: 1, replica: replicaId(7) };
  const patch: NodeCreate = { kind: 'node-create', ...stamp, id: 'a', labels: ['A'], properties: { key: 1 } };
  const written = drafted(partition.ordinal, patch);
  expect(() => checkConstraints(view, written, rules)).toThrow(/only node `key~/);
  view.fold(partition, patch, encodePatch(patch).length);
  checkConstraints(view, written, rules);
});

test('patches: one gives a node nothing but the label, another one a property of no key -> only the first is judged', () => {
  const view = new GraphView({ partitions: 1, restoringTypes: [] });
  const partition = view.open(PARTITION);
  const held: NodeCreate = {
    kind: 'node-create',
    clock: 1,
    replica: replicaId(7),
    id: 'a',
    labels: [],
    properties: { key: 1 },
  };
  view.fold(partition, held, encodePatch(held).length);
  const update = { kind: 'node-update' as const, clock: 2, replica: replicaId(7), id: 'a' };
  const labelled = drafted(partition.ordinal, { ...update, properties: {}, more: { labelsAdded: ['A'] } });
  expect(() => checkConstraints(view, labelled, rules)).toThrow(/only node `key~/);
  checkConstraints(view, drafted(partition.ordinal, { ...update, properties: { other: 1 } }), rules);
});
