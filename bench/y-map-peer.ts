/**
 * The peer of the writing benchmarks: one Y.Map, one transaction a batch, an `update` listener as a replica needs it. Ids are made
 * while the clock runs, as ours are: a text that is there beforehand has its hash already.
 */
import * as Y from 'yjs';
import type { Sample } from './measure.ts';
import { sustained } from './workload.ts';

/** Sets each value under an id of its own: as objects, or as JSON text, which is sometimes faster. */
export async function setInYMap(work: readonly (readonly unknown[])[], form: 'object' | 'text'): Promise<Sample> {
  const doc = new Y.Doc();
  const map = doc.getMap('elements');
  let made = 1_000_000;
  const makeId = () => `-Nq0ZtB-${made++}`;
  return transactions(
    doc,
    work,
    form === 'object' ? (value) => map.set(makeId(), value) : (value) => map.set(makeId(), JSON.stringify(value)),
  );
}

/** One transaction a batch, with the `update` listener that a replicating peer has. */
export async function transactions<T>(
  doc: Y.Doc,
  work: readonly (readonly T[])[],
  set: (item: T) => void,
): Promise<Sample> {
  let sent = 0;
  doc.on('update', (update: Uint8Array) => {
    if (update.length > 0) sent++;
  });
  const sample = await sustained(work, (batches) => {
    for (const batch of batches) {
      doc.transact(() => {
        for (const item of batch) set(item);
      });
    }
  });
  if (sent !== work.length) throw new Error(`the peer sent ${sent} updates instead of ${work.length}`);
  return sample;
}
