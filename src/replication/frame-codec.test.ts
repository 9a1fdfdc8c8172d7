import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import type { PartitionId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { PartitionDocument } from '../../crdt/partition-document.ts';
import { encodePatch } from '../../crdt/patch-codec.ts';
import { scopeOf } from '../../crdt/routing.ts';
import { clockOfWallMs } from '../../crdt/stamp.ts';
import type { Commit } from '../../storage/store.ts';
import { cutShort } from './cut-short.model.ts';
import { anyFrame } from './frame.model.ts';
import type { Frame, PlainFrame } from './frame.ts';
import { commitsFrame, decodeCommit, decodeFrame, encodeCommit, encodeFrame, isCommitsFrame } from './frame-codec.ts';
import { shapeFault } from './frame-shape.ts';
import { hello, replica, vector } from './link-harness.ts';

const bytesOf = (frame: Frame): Uint8Array =>
  frame.kind === 'commits' ? commitsFrame(frame.commits.map(encodeCommit)) : encodeFrame(frame);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (...values: readonly number[]): Uint8Array => new Uint8Array(values);
const key = { graphKey: 'default', partition: '7' as PartitionId };

/** What comes of decoding: the frame, or the code of the error. */
function outcome(encoded: Uint8Array): Frame | string {
  try {
    return decodeFrame(encoded);
  } catch (error) {
    if (error instanceof WeftError) return error.code;
    throw error;
  }
}

/** What the refusal says; nothing for a frame. */
function faultOf(encoded: Uint8Array): string {
  try {
    decodeFrame(encoded);
  } catch (error) {
    if (error instanceof WeftError) return error.message;
    throw error;
  }
  return '';
}

const COMMIT: Commit = {
  origin: replica(4_000_000_000),
  seq: 300,
  clock: 2 ** 50,
  parts: [{ ...key, update: bytes(1, 2, 3) }],
  locators: [],
  after: [[replica(1), 5]],
};

/** One frame of each kind, with its bytes as version 1 of the protocol has them. */
const PINNED: readonly (readonly [frame: Frame, hex: string])[] = [
  [
    hello(3, { clusterId: 'c', established: true, nonce: bytes(9, 8) }),
    '9c010101a87365727665722d3303a163c3a473616d6502ac5b302c5b5d2c5b5d2c5b5d5dcf000001977420dc00c4020908',
  ],
  [{ kind: 'proof', mac: bytes(1, 2, 255) }, '9202c4030102ff'],
  [{ kind: 'refuse', code: 'secret', detail: 'no' }, '9303a6736563726574a26e6f'],
  [
    {
      kind: 'status',
      clusterId: 'c',
      established: false,
      vector: vector({ 1: 5, 2: 70_000 }),
      retired: vector({ 3: 1 }),
      direct: [replica(2)],
      wallMs: 1_750_000_000_000,
      resend: true,
    },
    '9804a163c294010502ce00011170920301' + '9102cf000001977420dc00c3',
  ],
  [{ kind: 'acknowledge', entries: vector({ 1: 200 }) }, '92059201ccc8'],
  [
    { kind: 'commits', commits: [COMMIT] },
    'dd000000020695ceee6b2800cd012ccf0004000000000000920105' + '93a764656661756c74a137c403010203',
  ],
  [{ kind: 'behind' }, '9107'],
  [{ kind: 'list-state', request: 3, after: undefined }, '940803c0c0'],
  [
    {
      kind: 'state-list',
      request: 3,
      after: key,
      partitions: [key],
      more: false,
      vector: vector({ 1: 5 }),
      retired: new Map(),
      clock: 9,
    },
    '990903a764656661756c74a13792a764656661756c74a137c29201059009',
  ],
  [
    { kind: 'get-state', request: 3, key, stateVector: bytes(0), offset: 4096 },
    '960a03a764656661756c74a137c40100cd1000',
  ],
  [
    {
      kind: 'state',
      request: 3,
      key,
      offset: 1,
      bytes: bytes(7),
      length: 2,
      checksum: 0xffffffff,
      vector: vector({ 1: 5 }),
    },
    '990b03a764656661756c74a13701c4010702ceffffffff920105',
  ],
  [{ kind: 'state-pending', request: 3, key }, '941003a764656661756c74a137'],
  [{ kind: 'digest', key, digest: 'ab', vector: vector({ 1: 5 }) }, '950ca764656661756c74a137a26162920105'],
  [{ kind: 'fragment', message: 1, index: 0, count: 2, bytes: bytes(6, 7) }, '950d010002c4020607'],
];

describe('frame codec', () => {
  test('any frame -> what is decoded is what was encoded', () => {
    fc.assert(fc.property(anyFrame, (frame) => void expect(decodeFrame(bytesOf(frame))).toEqual(frame)));
  });

  test('one frame of each kind -> the bytes that other versions of the program expect', () => {
    expect(new Set(PINNED.map(([{ kind }]) => kind)).size).toBe(14);
    expect(PINNED.map(([frame]) => [frame.kind, hex(bytesOf(frame))])).toEqual(
      PINNED.map(([frame, expected]) => [frame.kind, expected]),
    );
    for (const [frame, expected] of PINNED)
      expect(decodeFrame(new Uint8Array(Buffer.from(expected, 'hex')))).toEqual(frame);
  });

  test('refuse: a later version has a reason that this one does not know -> bad-frame, with the detail', () => {
    const later = { kind: 'refuse', code: 'tuesday', detail: 'not on a Tuesday' } as unknown as PlainFrame;
    expect(decodeFrame(encodeFrame(later))).toEqual({ kind: 'refuse', code: 'bad-frame', detail: 'not on a Tuesday' });
  });

  test('refuse: a detail of a megabyte -> cut on both sides', () => {
    const sent = encodeFrame({ kind: 'refuse', code: 'name', detail: 'x'.repeat(1_000_000) });
    expect(sent.length).toBeLessThan(1100);
    expect((decodeFrame(sent) as { detail: string }).detail).toHaveLength(1000);
    const uncut = encode([3, 'name', 'x'.repeat(2_000)]);
    expect(decodeFrame(uncut)).toEqual({ kind: 'refuse', code: 'name', detail: 'x'.repeat(1_000) });
  });
});

test('a commit by itself -> as it was said, or malformed-request', () => {
  expect(decodeCommit(encodeCommit(COMMIT))).toEqual(COMMIT);
  const fault = (encoded: Uint8Array): unknown => {
    try {
      return decodeCommit(encoded);
    } catch (error) {
      return error instanceof WeftError && `${error.code}: ${error.message}`;
    }
  };
  expect(fault(encode([1, 0, 5, [], []]))).toBe('malformed-request: bad frame: seq begins at 1');
  expect(fault(bytes(0x92, 1))).toBe('malformed-request: a commit of 2 bytes is not MessagePack');
  expect([isCommitsFrame(commitsFrame([])), isCommitsFrame(encodeFrame({ kind: 'behind' }))]).toEqual([true, false]);
  const others = [0xdd, 0, 0, 0, 1, 5, 0x92, 0, 0, 0, 1, 6];
  expect([isCommitsFrame(bytes(...others.slice(0, 6))), isCommitsFrame(bytes(...others.slice(6)))]).toEqual([
    false,
    false,
  ]);
});

/** A commit of a server in a cluster of three: one property of one node is changed, after many others. */
function singleProperty(after: Commit['after']): Commit {
  const origin = replica(3_141_592_653);
  const document = PartitionDocument.hydrate('default/7', origin, []);
  const clock = clockOfWallMs(1_750_000_000_000);
  let update = new Uint8Array();
  for (let i = 0; i < 1000; i++) {
    const properties = { balance: 1000 + i };
    update = document.append([
      encodePatch({ kind: 'node-update', id: 'account-8241', replica: origin, clock: clock + i, properties }),
    ]) as Uint8Array<ArrayBuffer>;
  }
  return {
    origin,
    seq: 1_000_000,
    clock: clock + 1000,
    parts: [{ ...key, update }],
    locators: [],
    after,
  };
}

describe('frame size', () => {
  test('a commit that changes one property and builds on commits of two others, alone -> at most 200 bytes', () => {
    const others = [replica(2_718_281_828), replica(1_414_213_562)];
    const commit = singleProperty(others.map((other) => [other, 900_000] as const));
    expect(commitsFrame([encodeCommit(commit)]).length).toBeLessThanOrEqual(200);
  });

  // `after` names only streams that moved since the last commit, so most of many name none.
  test('commits that change one property and follow each other, many in a frame -> at most 100 bytes each', () => {
    const encoded = encodeCommit(singleProperty([]));
    const frame = commitsFrame(new Array(1000).fill(encoded));
    expect((frame.length - 6) / 1000).toBeLessThanOrEqual(100);
  });
});

describe('a frame that is no frame (REP-15)', () => {
  test('cut off anywhere -> malformed-request', () => {
    for (const [frame] of PINNED) {
      const whole = bytesOf(frame);
      for (let end = 0; end < whole.length; end++) {
        expect([frame.kind, end, outcome(whole.subarray(0, end))]).toEqual([frame.kind, end, 'malformed-request']);
      }
    }
  });

  test('a field is missing -> the refusal names it', () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        for (const fields of frame.kind === 'commits' ? [] : cutShort(decode(bytesOf(frame)))) {
          const missing = /^bad frame: (.*) is missing$/.exec(faultOf(encode(fields)));
          if (missing !== null) expect(missing[1]).toMatch(/^[a-zA-Z]+$/);
        }
      }),
    );
  });

  test('bytes or fields too many -> malformed-request', () => {
    for (const [frame] of PINNED) {
      const whole = bytesOf(frame);
      expect([frame.kind, outcome(Buffer.concat([whole, bytes(0xc0)]))]).toEqual([frame.kind, 'malformed-request']);
      if (frame.kind === 'commits') continue;
      const longer = Buffer.concat([bytes((whole[0] as number) + 1), whole.subarray(1), bytes(0xc0)]);
      expect([frame.kind, outcome(longer)]).toEqual([frame.kind, 'malformed-request']);
    }
  });

  test('any field replaced by something of another type -> malformed-request', () => {
    const others = [bytes(0xc0), bytes(0xc3), bytes(0xff), bytes(0xa0), bytes(0xc4, 0), bytes(0x91, 0xc0), bytes(0x80)];
    const minusOne = others[2] as Uint8Array;
    for (const [frame] of PINNED) {
      const whole = bytesOf(frame);
      for (const { start, end } of fieldsOf(whole)) {
        const refused = others.filter((other) => {
          const changed = Buffer.concat([whole.subarray(0, start), other, whole.subarray(end)]);
          const result = outcome(changed);
          return result === 'malformed-request';
        });
        // A field has one type, so of these at most one fits; -1 and a map fit nowhere.
        expect([frame.kind, start, refused.length >= others.length - 1]).toEqual([frame.kind, start, true]);
        expect(refused).toContain(minusOne);
        expect(refused).toContain(others.at(-1));
      }
    }
  });

  const refusedCommit = (change: (fields: unknown[]) => void): Frame | string => {
    const fields = decode(encodeCommit(COMMIT)) as unknown[];
    change(fields);
    return outcome(commitsFrame([encode(fields)]));
  };

  test('values of the right type that make no sense -> malformed-request', () => {
    expect(refusedCommit(() => undefined)).toMatchObject({ kind: 'commits' });
    const changes: Record<string, (fields: unknown[]) => void> = {
      'origin 0': (fields) => void fields.splice(0, 1, 0),
      'origin of 33 bits': (fields) => void fields.splice(0, 1, 2 ** 32),
      'seq 0': (fields) => void fields.splice(1, 1, 0),
      'seq with a fraction': (fields) => void fields.splice(1, 1, 1.5),
      'clock beyond the safe integers': (fields) => void fields.splice(2, 1, 2 ** 53),
      'clock not a number': (fields) => void fields.splice(2, 1, Number.NaN),
      'half an entry of a vector': (fields) => void fields.splice(3, 1, [1]),
      'half a part': (fields) => void fields.splice(4, 1, ['default', '7']),
      'the same partition twice': (fields) =>
        void fields.splice(4, 1, ['default', '7', bytes(1), 'default', '7', bytes(2)]),
      'an empty graph key': (fields) => void fields.splice(4, 1, ['', '7', bytes(1)]),
      'a graph key with a slash': (fields) => void fields.splice(4, 1, ['a/b', '7', bytes(1)]),
      'a graph key of 65 characters': (fields) => void fields.splice(4, 1, ['a'.repeat(65), '7', bytes(1)]),
      'an empty partition': (fields) => void fields.splice(4, 1, ['default', '', bytes(1)]),
      'a partition of 2 KB': (fields) => void fields.splice(4, 1, ['default', 'x'.repeat(2048), bytes(1)]),
      'half a locator': (fields) => void fields.push(['default', 'e']),
      'a locator of an empty edge id': (fields) => void fields.push(['default', '', '7']),
      'a field too many': (fields) => void fields.push(['default', 'e', '7'], 1),
    };
    for (const [name, change] of Object.entries(changes)) {
      expect([name, refusedCommit(change)]).toEqual([name, 'malformed-request']);
    }
    for (const kind of [0, 14, 127, -1, 2 ** 40]) expect(outcome(encode([kind]))).toBe('malformed-request');
    expect(outcome(encode([1, 1, 1, '', 3, '', true, 'same', 0, bytes(9)]))).toBe('malformed-request');
    expect(outcome(encode([8, 3, 'default', null]))).toBe('malformed-request');
    expect(outcome(encode([8, 3, null, '7']))).toBe('malformed-request');
  });

  test('what a list or commit holds is wrong -> the refusal says what', () => {
    const status = (direct: unknown[]) => [4, 'c', false, [], [], direct, 1, false];
    const cases: readonly (readonly [fields: unknown[], fault: string])[] = [
      [status(['a']), 'direct must be a non-negative integer'],
      [status([0]), 'direct must be a replica id'],
      [[15, ['a', 1, 't']], 'origin must be a non-negative integer'],
      [[15, [1, 'a', 't']], 'seq must be a non-negative integer'],
      [[15, [1, 1, 5]], 'trace must be text'],
      [[9, 3, null, null, ['g', ''], false, [], [], 9], 'a partition id is malformed'],
      [[99], 'unknown kind 99'],
    ];
    expect(cases.map(([fields]) => faultOf(encode(fields)))).toEqual(cases.map(([, fault]) => `bad frame: ${fault}`));
    const faultOfCommit = (at: number, ...fields: unknown[]): string => {
      const commit = decode(encodeCommit(COMMIT)) as unknown[];
      commit.splice(at, 1, ...fields);
      return faultOf(commitsFrame([encode(commit)]));
    };
    const commits: readonly (readonly [at: number, fields: unknown[], fault: string])[] = [
      [1, [0], 'seq begins at 1'],
      [4, [['default', '7', 'a']], 'update must be bytes'],
      [4, [['g', '7', bytes(1), 'g', '7', bytes(1)]], 'a commit has at most one part for each partition'],
      [4, [[], ['default', 5, '7']], 'edge must be text'],
      [4, [[], ['default', '', '7']], 'an edge id must not be empty'],
      [4, [[], [], 1], '1 fields too many'],
      [4, [[], 5], 'locators must be an array'],
    ];
    expect(commits.map(([at, fields]) => faultOfCommit(at, ...fields))).toEqual(
      commits.map(([, , fault]) => `bad frame: ${fault}`),
    );
    const long = encodeFrame(hello(3, { clusterId: 'x'.repeat(100_000) }));
    expect(faultOf(long)).toBe(`a frame of ${long.length} bytes is not MessagePack`);
  });

  test('names of partitions: the longest that a node can give its scope -> taken; longer -> malformed-request', () => {
    const scope = (length: number) => scopeOf(`${'x'.repeat(length)}!node`) ?? '';
    const commitOfPartition = (partition: string) =>
      refusedCommit((fields) => void fields.splice(4, 1, ['default', partition, bytes(1)]));
    expect(commitOfPartition(scope(LIMITS.nameBytesMax))).toMatchObject({ kind: 'commits' });
    expect(commitOfPartition(scope(LIMITS.nameBytesMax + 1))).toBe('malformed-request');
  });

  test('declared lengths that are not there -> malformed-request before room is made for them', () => {
    const huge = [0xff, 0xff, 0xff, 0xff];
    for (const head of [0xdd, 0xdb, 0xc6, 0xdf, 0xc9]) {
      expect(outcome(bytes(0x92, 0x02, head, ...huge))).toBe('malformed-request');
      expect(outcome(bytes(head, ...huge, 6))).toBe('malformed-request');
    }
    // Arrays of a million elements in each other: half a kilobyte that would cost 800 MB.
    const nested = new Uint8Array(500);
    for (let at = 0; at < nested.length; at += 5) nested.set([0xdd, 0x00, 0x0f, 0x42, 0x40], at);
    expect(outcome(nested)).toBe('malformed-request');
    expect(() => decodeFrame(nested)).toThrow(/an array of 1000000 elements in 500 bytes/);
  });

  test('nested a million times -> malformed-request', () => {
    expect(outcome(new Uint8Array(1_000_000).fill(0x91))).toBe('malformed-request');
    const closed = new Uint8Array(1_000_000).fill(0x91);
    closed[closed.length - 1] = 0x90;
    expect(() => decodeFrame(closed)).toThrow(/nested too deeply/);
  });

  test('text of more than any name -> malformed-request', () => {
    const frame = encodeFrame(hello(3, { clusterId: 'x'.repeat(100_000) }));
    expect(outcome(frame)).toBe('malformed-request');
  });

  test('an array of more elements than any frame has -> malformed-request', () => {
    const many = new Uint8Array(1_000_006).fill(1);
    many.set([0xdd, 0x00, 0x0f, 0x42, 0x41]);
    expect(many.length).toBeLessThan(LIMITS.frameBytesMax);
    expect(outcome(many)).toBe('malformed-request');
  });

  test('any bytes, and any frame with some bytes changed -> a frame or malformed-request, nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (any) => void outcome(any)),
      { numRuns: 2000 },
    );
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(anyFrame, fc.array(change, { minLength: 1, maxLength: 4 }), (frame, changes) => {
        const changed = bytesOf(frame).slice();
        for (const [at, value] of changes) changed[at % changed.length] = value;
        const result = outcome(changed);
        if (typeof result === 'string') expect(result).toBe('malformed-request');
        // Whatever is accepted can be said again.
        else expect(decodeFrame(bytesOf(result))).toEqual(result);
      }),
      { numRuns: 2000 },
    );
  });
});

/** Where the fields of a frame begin and end, after the kind; those of the commit in a frame of one commit. */
function fieldsOf(whole: Uint8Array): { readonly start: number; readonly end: number }[] {
  const fields: { start: number; end: number }[] = [];
  let at = whole[0] === 0xdd ? 7 : 2;
  while (at < whole.length) {
    let end = at + 1;
    // The shortest prefix that is a value by itself.
    while (shapeFault(whole.subarray(at, end)) !== undefined) end++;
    fields.push({ start: at, end });
    at = end;
  }
  return fields;
}
