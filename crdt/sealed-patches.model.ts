/** What any Yjs client sees of a document's sealed segments. */
import * as Y from 'yjs';
import { patchesOfBlock } from './block.ts';
import type { PartitionDocument } from './partition-document.ts';

/** Patches in sealed segments, in order: those that compaction can do something about. */
export function sealedPatches(document: PartitionDocument): string[] {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, document.encode());
  const chapters = doc.getArray<Y.Array<Y.Array<string>>>('log').toArray();
  const open = new Set(new Map(chapters.map((chapter) => [chapter._item?.id.client, chapter])).values());
  return chapters
    .flatMap((chapter) => chapter.toArray().slice(0, open.has(chapter) ? -1 : undefined))
    .flatMap((segment) => segment.toArray().flatMap(patchesOfBlock));
}
