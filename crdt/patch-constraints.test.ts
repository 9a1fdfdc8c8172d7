import { expect, test } from 'vitest';
import { type PartitionId, replicaId } from '../base/ids.ts';
import { ConstraintSet } from './constraint-set.ts';
import { GraphView } from './graph-view.ts';
import type { NodeCreate } from './patch.ts';
import { encodePatch } from './patch-codec.ts';
import { checkConstraints } from './patch-constraints.ts';

const PARTITION = '0' as PartitionId;
const set = ConstraintSet.of([{ kind: 'unique', name: 'one', on: 'node', label: 'A', properties: ['key'], since: 1 }]);
const rules = { set, isDecisive: false, idsFollow: true, closedPartitions: () => [] };

test('patches: a node whose id does not follow from its key -> refused; the same patch, once it is held, changes nothing and is not', () => {
  const view = new GraphView({ partitions: 1, restoringTypes: [] });
  const partition = view.open(PARTITION);
  const stamp = { clock: 1, replica: replicaId(7) };
  const patch: NodeCreate = { kind: 'node-create', ...stamp, id: 'a', labels: ['A'], properties: { key: 1 } };
  const text = encodePatch(patch);
  const drafted = [{ home: partition.ordinal, patch, text, chosenId: false }];
  expect(() => checkConstraints(view, drafted, rules)).toThrow(/only node `key~/);
  view.fold(partition, patch, text.length);
  checkConstraints(view, drafted, rules);
});
