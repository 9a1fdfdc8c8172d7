/** Folds what the store has of a partition, and what arrives for it, into a view. */
import type { CheckedUpdate } from '../../crdt/foreign-update.ts';
import type { GraphView } from '../../crdt/graph-view.ts';
import { patchesOf } from '../../crdt/partition-document.ts';
import type { PartitionIndex } from '../../crdt/partition-index.ts';
import type { Patch } from '../../crdt/patch.ts';
import { decodePatch } from '../../crdt/patch-codec.ts';
import { foldViewSnapshot } from '../../crdt/view-snapshot.ts';
import type { PartitionState } from '../../storage/store.ts';

/** @param index just opened. @throws an error of any kind if the state is damaged */
export function foldPartition(view: GraphView, index: PartitionIndex, { snapshot, tail }: PartitionState): void {
  const updates = tail.map(({ update }) => update);
  if (snapshot !== undefined && snapshot.view === undefined) updates.unshift(snapshot.document);
  const compact = snapshot?.view;
  if (compact !== undefined) view.foldMany(() => foldViewSnapshot(view, index, compact));
  // Apart, so that the estimate of memory is charged what the tail adds to what was there, not all that was overwritten.
  view.foldMany(() => {
    for (const update of updates) {
      for (const text of patchesOf(update)) view.fold(index, decodePatch(text), text.length);
    }
  });
}

/** An update that was checked: of a commit of another replica, or of a state of others. */
export function foldUpdate(view: GraphView, index: PartitionIndex, { texts, patches }: CheckedUpdate): void {
  view.foldMany(() => {
    for (let i = 0; i < patches.length; i++) view.fold(index, patches[i] as Patch, (texts[i] as string).length);
  });
}
