/** The peer of the writing benchmarks: one Y.Map, one transaction a batch, an `update` listener as a replica needs it. */
import * as Y from 'yjs';
import { measured, type Sample } from './measure.ts';

export type Entry = readonly [key: string, value: unknown];

/** Sets all entries: as objects, or as JSON text, which is sometimes faster. */
export async function setInYMap(work: readonly (readonly Entry[])[], form: 'object' | 'text'): Promise<Sample> {
  const doc = new Y.Doc();
  const map = doc.getMap('elements');
  const set =
    form === 'object' ? map.set.bind(map) : (key: string, value: unknown) => map.set(key, JSON.stringify(value));
  return transactions(doc, work, set);
}

/** One transaction a batch, with the `update` listener that a replicating peer has. */
export async function transactions(
  doc: Y.Doc,
  work: readonly (readonly Entry[])[],
  set: (key: string, value: unknown) => void,
): Promise<Sample> {
  let sent = 0;
  doc.on('update', (update: Uint8Array) => {
    if (update.length > 0) sent++;
  });
  const count = work.reduce((sum, batch) => sum + batch.length, 0);
  const sample = await measured(count, () => {
    for (const batch of work) {
      doc.transact(() => {
        for (const [key, value] of batch) set(key, value);
      });
    }
  });
  if (sent !== work.length) throw new Error(`the peer sent ${sent} updates instead of ${work.length}`);
  return sample;
}
