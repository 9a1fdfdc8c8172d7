/** Any frame that a server could send, for property tests. */
import fc from 'fast-check';
import type { PartitionId, ReplicaId } from '../../base/ids.ts';
import type { Commit, PartitionKey } from '../../storage/store.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import type { Frame, RefusalCode } from './frame.ts';

const count = fc.oneof(fc.nat(300), fc.maxSafeNat());
const replica = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 0xffff_ffff })) as fc.Arbitrary<
  ReplicaId & number
>;
const vector: fc.Arbitrary<VersionVector> = fc
  .array(fc.tuple(replica, count), { maxLength: 5 })
  .map((entries) => new Map(entries));
const text = fc.string({ unit: 'grapheme', maxLength: 30 });
const bytes = fc.uint8Array({ maxLength: 300 });
const key: fc.Arbitrary<PartitionKey> = fc.record({
  graphKey: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
  partition: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }) as unknown as fc.Arbitrary<PartitionId>,
});

export const anyCommit: fc.Arbitrary<Commit> = fc.record({
  origin: replica,
  seq: count.map((seq) => Math.max(1, seq)),
  clock: count,
  parts: fc.uniqueArray(
    fc.tuple(key, bytes).map(([at, update]) => ({ ...at, update })),
    { maxLength: 3, selector: ({ graphKey, partition }) => `${graphKey}/${partition}` },
  ),
  locators: fc.array(
    fc.tuple(key, text).map(([at, edge]) => ({ ...at, edge: `e${edge}` })),
    { maxLength: 2 },
  ),
  after: vector.map((entries) => Array.from(entries)),
});

const names = fc.array(text, { maxLength: 3 });
export const configuration = fc.record({
  number: count,
  voters: names,
  before: names,
  fresh: fc.array(fc.tuple(text, text), { maxLength: 2 }),
});

const code = fc.constantFrom<RefusalCode>('version', 'cluster', 'secret', 'settings', 'clock', 'name', 'self');

export const anyFrame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({
    kind: fc.constant('hello' as const),
    version: count,
    versionMin: count,
    name: text.map((name) => `n${name}`),
    replica,
    clusterId: text,
    established: fc.boolean(),
    settingsHash: text,
    size: count,
    configuration,
    wallMs: count,
    nonce: bytes,
  }),
  fc.record({ kind: fc.constant('proof' as const), mac: bytes }),
  fc.record({ kind: fc.constant('refuse' as const), code, detail: text }),
  fc.record({
    kind: fc.constant('status' as const),
    clusterId: text,
    established: fc.boolean(),
    vector,
    retired: vector,
    direct: fc.array(replica, { maxLength: 4 }),
    wallMs: count,
    resend: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('acknowledge' as const), entries: vector }),
  fc.record({ kind: fc.constant('commits' as const), commits: fc.array(anyCommit, { maxLength: 4 }) }),
  fc.constant({ kind: 'behind' as const }),
  fc.record({ kind: fc.constant('list-state' as const), request: count, after: fc.option(key, { nil: undefined }) }),
  fc.record({
    kind: fc.constant('state-list' as const),
    request: count,
    after: fc.option(key, { nil: undefined }),
    partitions: fc.array(key, { maxLength: 20 }),
    more: fc.boolean(),
    vector,
    retired: vector,
    clock: count,
  }),
  fc.record({ kind: fc.constant('get-state' as const), request: count, key, stateVector: bytes, offset: count }),
  fc.record({
    kind: fc.constant('state' as const),
    request: count,
    key,
    offset: count,
    bytes,
    length: count,
    checksum: count,
    vector,
  }),
  fc.record({ kind: fc.constant('state-pending' as const), request: count, key }),
  fc.record({ kind: fc.constant('digest' as const), key, digest: text, vector }),
  fc.record({ kind: fc.constant('quorum' as const), body: bytes }),
  fc.record({ kind: fc.constant('quorum' as const), body: bytes, trace: text }),
  fc.record({
    kind: fc.constant('traces' as const),
    traces: fc.array(fc.record({ origin: replica, seq: count, trace: text }), { maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant('fragment' as const), message: count, index: count, count, bytes }),
);
