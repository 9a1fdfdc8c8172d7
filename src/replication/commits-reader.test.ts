import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import type { PartitionId } from '../../base/ids.ts';
import type { Commit } from '../../storage/store.ts';
import { readCommits } from './commits-reader.ts';
import { anyCommit } from './frame.model.ts';
import { commitsFrame, decodeAnyFrame, encodeCommit } from './frame-codec.ts';
import { replica } from './link-harness.ts';

const KIND = 6;

const frameOf = (commits: readonly Commit[]): Uint8Array => commitsFrame(commits.map(encodeCommit));

/** What the decoder of all frames makes of it: commits, or undefined if it refuses. */
function reference(bytes: Uint8Array): readonly Commit[] | undefined {
  try {
    const frame = decodeAnyFrame(bytes);
    return frame.kind === 'commits' ? frame.commits : undefined;
  } catch (error) {
    if (error instanceof WeftError) return undefined;
    throw error;
  }
}

/** Either it leaves the frame to the other decoder, or both take it for the same. */
function expectAgreement(bytes: Uint8Array): void {
  const commits = readCommits(bytes, KIND);
  if (commits !== undefined) expect(comparable(commits)).toEqual(comparable(reference(bytes)));
}

/** With updates as text, which is compared at once. */
function comparable(commits: readonly Commit[] | undefined) {
  return commits?.map(({ parts, ...rest }) => ({
    ...rest,
    parts: parts.map(({ update, ...key }) => ({ ...key, update: Buffer.from(update).toString('hex') })),
  }));
}

const COMMIT: Commit = {
  origin: replica(4_000_000_000),
  seq: 70_000,
  clock: 2 ** 50,
  parts: [
    { graphKey: 'default', partition: '7' as PartitionId, update: new Uint8Array(300).fill(3) },
    { graphKey: 'default', partition: 'tenant!' as PartitionId, update: new Uint8Array([1]) },
  ],
  locators: [{ graphKey: 'default', edge: 'e'.repeat(100), partition: '7' as PartitionId }],
  after: [[replica(200), 5]],
};

describe('commits reader', () => {
  test('commits with names of ASCII -> read here, as the decoder of all frames reads them', () => {
    const plain: Commit = { ...COMMIT, parts: COMMIT.parts.slice(0, 1), locators: [], after: [] };
    const long = 'x'.repeat(1000) as PartitionId;
    const scoped: Commit = { ...plain, parts: [{ ...COMMIT.parts[0], partition: long } as Commit['parts'][number]] };
    const numbers = [1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER];
    const many = numbers.map((seq) => ({ ...COMMIT, seq, clock: seq }));
    for (const commits of [[], [COMMIT], [plain], [scoped], many]) {
      const read = readCommits(frameOf(commits), KIND);
      expect(read).toEqual(commits);
      expect(read).toEqual(reference(frameOf(commits)));
    }
  });

  test('updates -> views of the bytes of the frame, wherever those lie', () => {
    const larger = new Uint8Array(2000).fill(9);
    const frame = frameOf([COMMIT]);
    larger.set(frame, 100);
    const read = readCommits(larger.subarray(100, 100 + frame.length), KIND);
    expect(read).toEqual([COMMIT]);
    expect(read?.[0]?.parts[0]?.update.buffer).toBe(larger.buffer);
  });

  test('names that share a place among those that are kept -> each stays what it is', () => {
    const part = (partition: string) => ({
      graphKey: 'default',
      partition: partition as PartitionId,
      update: new Uint8Array(),
    });
    const commits = [{ ...COMMIT, parts: [part('Aa'), part('BB'), part('Aa!'), part('BB!')] }];
    for (let i = 0; i < 2; i++) expect(readCommits(frameOf(commits), KIND)).toEqual(commits);
  });

  test('a stream twice in a vector -> as the decoder of all frames takes it', () => {
    const twice = [...COMMIT.after, [replica(200), 9] as const];
    const frame = frameOf([{ ...COMMIT, after: twice }]);
    expect(reference(frame)?.[0]?.after).toEqual([[200, 9]]);
    expectAgreement(frame);
  });

  test('any commits -> read here or left to the decoder of all frames, and the same for both', () => {
    fc.assert(fc.property(fc.array(anyCommit, { maxLength: 4 }), (commits) => expectAgreement(frameOf(commits))));
  });

  test('any commits with some bytes changed, cut off or added -> nothing that the decoder of all frames refuses', () => {
    const change = fc.tuple(fc.nat(), fc.oneof(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0x90, max: 0xdf })));
    const commits = fc.array(fc.oneof(fc.constant(COMMIT), anyCommit), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(commits, fc.array(change, { maxLength: 3 }), fc.nat(), (all, changes, cut) => {
        const changed = frameOf(all).slice();
        for (const [at, value] of changes) changed[at % changed.length] = value;
        expectAgreement(changed);
        expectAgreement(changed.subarray(0, cut % changed.length));
        expectAgreement(Buffer.concat([changed, changed.subarray(0, 1)]));
      }),
      { numRuns: 2000 },
    );
  });

  test('values of the right type that make no sense, one in each field -> left to the decoder that refuses them', () => {
    const bytes = new Uint8Array([1]);
    const part = ['default', '7', bytes];
    const changes: Record<string, (fields: unknown[]) => void> = {
      'origin 0': (fields) => void fields.splice(0, 1, 0),
      'origin of 33 bits': (fields) => void fields.splice(0, 1, 2 ** 32),
      'seq 0': (fields) => void fields.splice(1, 1, 0),
      'clock beyond the safe integers': (fields) => void fields.splice(2, 1, 2 ** 53),
      'half an entry of a vector': (fields) => void fields.splice(3, 1, [1]),
      'a stream 0 in a vector': (fields) => void fields.splice(3, 1, [0, 1]),
      'half a part': (fields) => void fields.splice(4, 1, ['default', '7']),
      'the same partition twice': (fields) => void fields.splice(4, 1, [...part, ...part]),
      'an empty graph key': (fields) => void fields.splice(4, 1, ['', '7', bytes]),
      'a graph key with a slash': (fields) => void fields.splice(4, 1, ['a/b', '7', bytes]),
      'an empty partition': (fields) => void fields.splice(4, 1, ['default', '', bytes]),
      'a partition of 2 KB': (fields) => void fields.splice(4, 1, ['default', 'x'.repeat(2048), bytes]),
      'half a locator': (fields) => void fields.splice(5, 1, ['default', 'e']),
      'a locator of an empty edge id': (fields) => void fields.splice(5, 1, ['default', '', '7']),
      'a field too many': (fields) => void fields.push(1),
    };
    for (const [name, change] of Object.entries(changes)) {
      const fields = decode(encodeCommit(COMMIT)) as unknown[];
      change(fields);
      const frame = commitsFrame([encode(fields)]);
      expect([name, readCommits(frame, KIND), reference(frame)]).toEqual([name, undefined, undefined]);
    }
  });

  test('an array without elements, a kind that is missing, another kind -> left to the decoder of all frames', () => {
    for (const bytes of [[0xdd, 0, 0, 0, 0, KIND], [0xdd, 0, 0, 0, 1], [0xdd, 0, 0, 0, 1, KIND + 1], []]) {
      expect(readCommits(new Uint8Array(bytes), KIND)).toBeUndefined();
    }
    const many = new Uint8Array(1_000_006).fill(0x90);
    many.set([0xdd, 0x00, 0x0f, 0x42, 0x41, KIND]);
    expect(readCommits(many, KIND)).toBeUndefined();
  });
});
