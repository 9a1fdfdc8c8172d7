/** The unique keys with which a replica is opened, a part (`parts.ts`). Others may write meanwhile, so nothing is decided here. */
import { ConstraintSet } from '../crdt/constraint-set.ts';
import { constraintsFor } from '../crdt/draft-constraints.ts';
import type { DraftOptions } from '../crdt/drafted-patch.ts';
import type { GraphView } from '../crdt/graph-view.ts';
import { type PartlyOpen, violationsOf } from '../crdt/violation-scan.ts';
import type { SchemaEntry } from '../graph/query-graph.ts';

export type UniqueKeys = readonly { readonly label: string; readonly properties: readonly string[] }[];

export class ReplicaConstraints {
  readonly entries: readonly SchemaEntry[];

  constructor(keys: UniqueKeys) {
    this.entries = keys.map(({ label, properties }, since) => {
      const name = ['unique', label, ...properties].join('_');
      return { kind: 'unique', name, on: 'node', label, properties, since };
    });
  }

  get set(): ConstraintSet | undefined {
    return ConstraintSet.of(this.entries);
  }

  /** What keeps them in a draft. */
  of(view: GraphView): DraftOptions['constraints'] {
    const { set } = this;
    return constraintsFor(view, { set, isDecisive: false, idsFollow: true, closedPartitions: () => [] });
  }

  violations(graph: PartlyOpen, entry: SchemaEntry): number {
    return violationsOf(graph, entry).elements;
  }
}
