/** Many creates of nodes at once, as a view snapshot has them: what is new and plain goes into the columns of the view directly. */
import type { ReplicaId } from '../base/ids.ts';
import type { Int32List } from './columns.ts';
import { expiryOf } from './expiry.ts';
import type { GraphView } from './graph-view.ts';
import { NODE_BYTES, type PartitionIndex } from './partition-index.ts';
import { propertiesFromPlain } from './value-codec.ts';

/** One entry a node in each column, and what entries of two of them stand for. */
export interface NodeCreates {
  readonly id: readonly string[];
  /** Index into `labelSets`, which are shared (`NodeTable.labelSet`). */
  readonly labels: readonly number[];
  readonly labelSets: readonly (readonly string[])[];
  readonly properties: readonly { readonly [name: string]: unknown }[];
  readonly clock: readonly number[];
  /** Index into `replicas`. */
  readonly replica: readonly number[];
  readonly replicas: readonly ReplicaId[];
}

/** As `GraphView.fold` of one create after the other, each of `chars`. */
export function foldNodeCreates(view: GraphView, partition: PartitionIndex, creates: NodeCreates, chars: number): void {
  const { nodes, indexes } = view;
  const { id: ids, labels, labelSets, clock, replica, replicas } = creates;
  const lists = labelSets.map((set) => set.map((label) => partition.labelList(label)));
  nodes.makeRoom(ids.length);
  partition.nodes.makeRoom(ids.length);
  let added = 0;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as string;
    const head = { clock: clock[i] as number, replica: replicas[replica[i] as number] as ReplicaId };
    const set = labels[i] as number;
    const shown = labelSets[set] as readonly string[];
    const properties = propertiesFromPlain(creates.properties[i] as { readonly [name: string]: unknown });
    if (expiryOf(properties) !== undefined || nodes.find(id) !== undefined) {
      view.fold(partition, { kind: 'node-create', ...head, id, labels: shown, properties }, chars);
      continue;
    }
    const node = nodes.addCreated(id, partition.ordinal, head, shown, properties);
    partition.nodes.push(node);
    for (const list of lists[set] as Int32List[]) list.push(node);
    indexes.note(node);
    added++;
  }
  partition.patches += added;
  partition.revision += added;
  partition.bytes += (NODE_BYTES + chars) * added;
  view.countNodes(added);
}
