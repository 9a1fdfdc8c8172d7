/** Folds what the store has of a partition into a view. */

import type { GraphView } from '../../crdt/graph-view.ts';
import { patchesOf } from '../../crdt/partition-document.ts';
import type { PartitionIndex } from '../../crdt/partition-index.ts';
import { decodePatch } from '../../crdt/patch-codec.ts';
import { foldViewSnapshot } from '../../crdt/view-snapshot.ts';
import type { PartitionState } from '../../storage/store.ts';

/** @param index just opened. @throws an error of any kind if the state is damaged */
export function foldPartition(view: GraphView, index: PartitionIndex, { snapshot, tail }: PartitionState): void {
  const updates = tail.map(({ update }) => update);
  if (snapshot !== undefined && snapshot.view === undefined) updates.unshift(snapshot.document);
  view.foldMany(() => {
    if (snapshot?.view !== undefined) foldViewSnapshot(view, index, snapshot.view);
    for (const update of updates) {
      for (const text of patchesOf(update)) view.fold(index, decodePatch(text), text.length);
    }
  });
}
