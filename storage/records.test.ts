/** Records are part of the format of a data directory: what format version 1 wrote is read, and what is not its own is noticed. */
import { describe, expect, test } from 'vitest';
import type { PartitionId, ReplicaId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { ByteWriter } from './bytes.ts';
import {
  chainHash,
  decodeBase,
  decodeDrop,
  decodeLocator,
  decodeManifest,
  decodeRow,
  decodeSeal,
  decodeSnapshotHeader,
  decodeState,
  encodeBase,
  encodeDrop,
  encodeLocator,
  encodeManifest,
  encodeRow,
  encodeSeal,
  encodeSnapshotHeader,
  encodeState,
  type Manifest,
  NO_HASH,
  updateChecksum,
} from './records.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const zero = { graphKey: 'g', partition: '0' as PartitionId };
const update = Uint8Array.from([1, 2, 3]);
const previous = Buffer.alloc(32, 7);

const manifest: Manifest = {
  origin: 0xa11ce as ReplicaId,
  seq: 300,
  lsn: 2 ** 40,
  clock: 7,
  previous,
  parts: [{ ...zero, length: 3, crc: 0xfffffffe }],
  locators: [{ ...zero, edge: 'e' }],
  after: [[5 as ReplicaId, 129]],
};
const row = { previousLsn: 300, crc: updateChecksum(update), update };
const headers = [
  { lsn: 300, document: { length: 5, crc: 9 }, view: undefined },
  { lsn: 300, document: { length: 5, crc: 9 }, view: { length: 130, crc: 8 } },
];
const base = { lsn: 300, streams: new Map([[5 as ReplicaId, { seq: 129, hash: previous, clock: 6 }]]) };
const locators = [
  { incomplete: true, places: [{ partition: '0' as PartitionId, lsn: 300 }] },
  { incomplete: false, places: [] },
];
const seal = { batch: 300, lastLsn: 2, stateRows: 3, stateDigest: 2 ** 51 };
const drops = [true, false].map((done) => ({ lsn: 300, done }));

interface Case {
  readonly key: string;
  readonly written: Buffer;
  readonly right: string;
  readonly decode: (key: string, record: Buffer) => unknown;
  readonly value: unknown;
}

const plain = (row: ReturnType<typeof decodeRow>) => row && { ...row, update: Uint8Array.from(row.update) };

/** With a checksum of their own. */
const CHECKED: Record<string, Case> = {
  commit: {
    key: 'c/k',
    written: encodeManifest('c/k', manifest),
    right:
      'af406d1ace110a00ac02808080808020070707070707070707070707070707070707070707070707070707070707070707020167013001000103feffffff010500000081010100016501',
    decode: decodeManifest,
    value: manifest,
  },
  row: {
    key: 't/k',
    written: encodeRow('t/k', row),
    right: 'f5c0603d1d80bc55ac02010203',
    decode: (key, record) => plain(decodeRow(key, record)),
    value: row,
  },
  locator: {
    key: 'l/k',
    written: encodeLocator('l/k', locators[0] as (typeof locators)[0]),
    right: 'd2e4ee7301010130ac02',
    decode: decodeLocator,
    value: locators[0],
  },
  'empty locator': {
    key: 'l/k',
    written: encodeLocator('l/k', locators[1] as (typeof locators)[0]),
    right: 'f8f633260000',
    decode: decodeLocator,
    value: locators[1],
  },
  state: {
    key: 'x/k',
    written: encodeState('x/k', 300, update),
    right: 'b30072f4ac02010203',
    decode: decodeState,
    value: { batch: 300, content: Buffer.from(update) },
  },
  seal: {
    key: '!seal',
    written: encodeSeal('!seal', seal),
    right: '566f773eac0202038080808080808004',
    decode: decodeSeal,
    value: seal,
  },
};

describe.each(Object.entries(CHECKED))('%s', (_name, { key, written, right, decode, value }) => {
  test('written -> the bytes of format version 1, and read back', () => {
    expect(hex(written)).toBe(right);
    expect(decode(key, Buffer.from(right, 'hex'))).toEqual(value);
  });

  test('under another key, with any bit flipped, or cut short -> refused', () => {
    expect(decode(`${key}2`, written)).toBeUndefined();
    for (let bit = 0; bit < written.length * 8; bit++) {
      const damaged = Buffer.from(written);
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(decode(key, damaged), `bit ${bit}`).toBeUndefined();
    }
    for (let length = 0; length < written.length; length++) {
      expect(decode(key, written.subarray(0, length)), `${length} bytes`).toBeUndefined();
    }
  });
});

/** Contents of state rows, which have the checksum of their row. */
test.each([
  [
    'snapshot header',
    encodeSnapshotHeader(headers[0] as (typeof headers)[0]),
    'ac02050900000000',
    decodeSnapshotHeader,
    headers[0],
  ],
  [
    'header with a view',
    encodeSnapshotHeader(headers[1] as (typeof headers)[0]),
    'ac02050900000001820108000000',
    decodeSnapshotHeader,
    headers[1],
  ],
  ['base', encodeBase(base), `ac02010500000081${'01'}${'07'.repeat(32)}06`, decodeBase, base],
  ['finished drop', encodeDrop(drops[0] as (typeof drops)[0]), 'ac0201', decodeDrop, drops[0]],
  ['drop under way', encodeDrop(drops[1] as (typeof drops)[0]), 'ac0200', decodeDrop, drops[1]],
])('%s -> the bytes of format version 1, and read back', (_name, written, right, decode, value) => {
  expect(hex(written)).toBe(right);
  expect(decode(Buffer.from(right, 'hex'))).toEqual(value);
});

test('checksum and hashes -> those of format version 1', () => {
  expect(updateChecksum(update)).toBe(1438416925);
  expect(hex(chainHash(update))).toBe('039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81');
  expect(hex(NO_HASH)).toBe('00'.repeat(32));
});

test('commits of any number of graphs, partitions and edges, one after the other in one buffer -> read back', () => {
  const random = new SeededRandom(1);
  const to = new ByteWriter(8);
  const texts = Array.from({ length: 12 }, (_, at) => String.fromCharCode(97 + at));
  const key = () => ({ graphKey: random.pick(texts), partition: random.pick(texts) as PartitionId });
  const list = <T>(make: () => T): T[] => Array.from({ length: random.below(random.pick([2, 25])) }, make);
  const written: { readonly record: Buffer; readonly manifest: Manifest }[] = [];
  for (let at = 0; at < 100; at++) {
    const made: Manifest = {
      ...{ origin: random.uint32() as ReplicaId, seq: random.uint32(), lsn: at, clock: random.uint32() * 2 ** 20 },
      previous: Buffer.from(Array.from({ length: 32 }, () => random.below(256))),
      parts: list(() => ({ ...key(), length: random.below(1000), crc: random.uint32() })),
      locators: list(() => ({ ...key(), edge: random.pick(texts) })),
      after: list(() => [random.uint32() as ReplicaId, random.uint32()] as const),
    };
    written.push({ record: encodeManifest(`c/${at}`, made, to), manifest: made });
  }
  for (const [at, { record, manifest: made }] of written.entries()) {
    expect(decodeManifest(`c/${at}`, record)).toEqual(made);
    expect(decodeManifest(`c/${at}`, record, 'references')).toEqual({ ...made, after: [], locators: [] });
  }
});

test('rows behind any commit, of any size -> read back', () => {
  const random = new SeededRandom(2);
  const to = new ByteWriter(8);
  const rows = Array.from({ length: 106 }, (_, at) => {
    const bytes = Uint8Array.from({ length: random.below(70) }, () => random.below(256));
    return { previousLsn: 2 ** (at >> 1) - (at & 1), crc: updateChecksum(bytes), update: bytes };
  });
  const written = rows.map((each, at) => [encodeRow(`t/${at}`, each), encodeRow(`t/${at}`, each, to.begin())]);
  for (const [at, records] of written.entries()) {
    for (const record of records) expect(plain(decodeRow(`t/${at}`, record))).toEqual(rows[at]);
  }
});
