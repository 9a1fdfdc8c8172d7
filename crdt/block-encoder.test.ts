import { expect, test } from 'vitest';
import * as Y from 'yjs';
import { replicaId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { PartitionDocument } from './partition-document.ts';

const REPLICA = replicaId(0xffff_ff17);
const SIZES = { segmentPatches: 5, chapterSegments: 3 };
/** Also such whose length in bytes takes more digits than that in units, and longer ones than an encoder has room for at first. */
const TEXTS = ['p', 'ä🚲\u2028', 'ä'.repeat(100), `long ${'x'.repeat(9_000)}`, `${'🚲x'.repeat(25_000)}`];

/** A document of Yjs itself with the same content. */
function stock(document: PartitionDocument): Y.Doc {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, document.encode());
  return doc;
}

test('appends of any size, of texts of any kind -> the bytes that Yjs encodes for them', () => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = new SeededRandom(seed);
    const below = (limit: number) => random.uint32() % limit;
    const document = PartitionDocument.hydrate('0', REPLICA, [], SIZES);
    for (let turn = 0; turn < 8; turn++) {
      const patches = Array.from({ length: 1 + below(6) }, (_, i) => `${TEXTS[below(TEXTS.length)]} ${turn} ${i}`);
      const before = document.stateVector();
      const update = document.append(patches);
      const yjs = stock(document);
      const at = `seed ${seed}, turn ${turn}`;
      expect(Buffer.from(update).equals(Y.encodeStateAsUpdate(yjs, before)), at).toBe(true);
      expect(Buffer.from(document.encode()).equals(Y.encodeStateAsUpdate(yjs)), at).toBe(true);
      expect(Buffer.from(document.diff(before)).equals(update), at).toBe(true);
    }
  }
});
