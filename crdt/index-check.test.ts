/** Indexes that are put right while others read by them. */
import { expect, test } from 'vitest';
import { type PartitionId, replicaId } from '../base/ids.ts';
import { GraphView } from './graph-view.ts';
import { checkPartitionIndexes } from './index-check.ts';
import { ListScan } from './list-scan.ts';

const AT = 'a!' as PartitionId;

test('index check: a label list is repaired under a scan -> the scan goes on, each node once, the lost one too', () => {
  const view = new GraphView({ partitions: 1, restoringTypes: [] });
  const partition = view.open(AT);
  let clock = 1;
  const create = (id: string, labels: readonly string[]) =>
    view.fold(
      partition,
      { kind: 'node-create', clock: clock++, replica: replicaId(1), id, labels, properties: {} },
      20,
    );
  // Nodes get the label in another order than the one in which they came.
  const ids = ['a!1', 'a!2', 'a!3', 'a!4'];
  for (const id of ids) create(id, []);
  for (const id of ids.toReversed()) create(id, ['L']);
  const scan = new ListScan(view, [AT], {
    of: (open) => open.labelled('L'),
    keep: (node) => (view.nodes.labels[node] as readonly string[]).includes('L'),
    label: 'L',
  });
  const found: string[] = [];
  const next = () => {
    const into = new Int32Array(1);
    const count = scan.next(into, 0, 1);
    if (count > 0) found.push(view.nodes.ids[into[0] as number] as string);
    return count > 0;
  };
  next();
  // Its last one is missing.
  const list = partition.labelled('L');
  if (list !== undefined) list.length--;
  const differences = [...checkPartitionIndexes(view, partition, true)].filter((one) => one !== undefined);
  expect(differences).toEqual([{ index: 'label', of: 'L', partition: AT }]);
  while (next());
  expect(found).toEqual(['a!4', 'a!3', 'a!2', 'a!1']);
  expect([...checkPartitionIndexes(view, partition, false)].filter((one) => one !== undefined)).toEqual([]);
});
