/**
 * Frames as bytes: MessagePack arrays that begin with the number of the kind. Everything is checked before anything is
 * believed; a frame that does not fit is refused as a whole. docs/protocol.md has the layout.
 */

import { decode } from '@msgpack/msgpack';
import { assertNever } from '../../base/assert.ts';
import { WeftError } from '../../base/errors.ts';
import type { PartitionId } from '../../base/ids.ts';
import type { Commit, CommitPart, PartitionKey } from '../../storage/store.ts';
import { readCommits } from './commits-reader.ts';
import { configurationText, parseConfiguration } from './configuration.ts';
import { encodeFields } from './encode-fields.ts';
import {
  asBytes,
  asInteger,
  asKey,
  asReplica,
  asText,
  FieldReader,
  flat,
  keyFields,
  malformed,
} from './field-reader.ts';
import type { CommitTrace, Frame, PlainFrame, RefusalCode } from './frame.ts';
import { shapeFault } from './frame-shape.ts';

const KIND = {
  hello: 1,
  proof: 2,
  refuse: 3,
  status: 4,
  acknowledge: 5,
  commits: 6,
  behind: 7,
  'list-state': 8,
  'state-list': 9,
  'get-state': 10,
  state: 11,
  digest: 12,
  fragment: 13,
  quorum: 14,
  traces: 15,
  'state-pending': 16,
} as const satisfies Record<Frame['kind'], number>;

const REFUSALS: ReadonlySet<string> = new Set<RefusalCode>([
  'version',
  'cluster',
  'secret',
  'settings',
  'clock',
  'name',
  'self',
  'duplicate',
  'bad-frame',
  'silent',
  'stopping',
]);

const DECODING = { maxStrLength: 64 * 1024, maxArrayLength: 1_000_000 };
/** Characters of the detail of a refusal. */
const DETAIL_CHARS_MAX = 1000;

export function encodeFrame(frame: PlainFrame): Uint8Array {
  const kind = KIND[frame.kind];
  switch (frame.kind) {
    case 'hello': {
      const { version, versionMin, name, replica, clusterId, established, settingsHash, wallMs, nonce } = frame;
      const head = [kind, version, versionMin, name, replica, clusterId, established, settingsHash];
      return encodeFields([...head, frame.size, configurationText(frame.configuration), wallMs, nonce]);
    }
    case 'proof':
      return encodeFields([kind, frame.mac]);
    case 'refuse':
      return encodeFields([kind, frame.code, frame.detail.slice(0, DETAIL_CHARS_MAX)]);
    case 'status': {
      const { clusterId, established, vector, retired, direct, wallMs, resend } = frame;
      return encodeFields([kind, clusterId, established, flat(vector), flat(retired), direct, wallMs, resend]);
    }
    case 'acknowledge':
      return encodeFields([kind, flat(frame.entries)]);
    case 'behind':
      return encodeFields([kind]);
    case 'list-state':
      return encodeFields([kind, frame.request, ...keyFields(frame.after)]);
    case 'state-list': {
      const { request, after, partitions, more, vector, retired, clock } = frame;
      const keys = partitions.flatMap(({ graphKey, partition }) => [graphKey, partition]);
      return encodeFields([kind, request, ...keyFields(after), keys, more, flat(vector), flat(retired), clock]);
    }
    case 'get-state':
      return encodeFields([kind, frame.request, ...keyFields(frame.key), frame.stateVector, frame.offset]);
    case 'state': {
      const { request, key, offset, bytes, length, checksum, vector } = frame;
      return encodeFields([kind, request, ...keyFields(key), offset, bytes, length, checksum, flat(vector)]);
    }
    case 'state-pending':
      return encodeFields([kind, frame.request, ...keyFields(frame.key)]);
    case 'digest':
      return encodeFields([kind, ...keyFields(frame.key), frame.digest, flat(frame.vector)]);
    case 'quorum':
      return encodeFields(frame.trace === undefined ? [kind, frame.body] : [kind, frame.body, frame.trace]);
    case 'traces':
      return encodeFields([kind, frame.traces.flatMap(({ origin, seq, trace }) => [origin, seq, trace])]);
    case 'fragment':
      return encodeFields([kind, frame.message, frame.index, frame.count, frame.bytes]);
    default:
      return assertNever(frame);
  }
}

/** The bytes of one commit, which are the same in every frame that carries it. */
export function encodeCommit(commit: Commit): Uint8Array {
  const { origin, seq, clock, parts, locators, after } = commit;
  const fields: unknown[] = [
    origin,
    seq,
    clock,
    after.flat(),
    parts.flatMap(({ graphKey, partition, update }) => [graphKey, partition, update]),
  ];
  if (locators.length > 0) {
    fields.push(locators.flatMap(({ graphKey, edge, partition }) => [graphKey, edge, partition]));
  }
  return encodeFields(fields);
}

/** @throws WeftError `malformed-request` that says what is wrong */
export function decodeCommit(bytes: Uint8Array): Commit {
  try {
    return readCommit(decode(bytes, DECODING));
  } catch (cause) {
    if (cause instanceof WeftError) throw cause;
    throw new WeftError('malformed-request', `a commit of ${bytes.length} bytes is not MessagePack`, {}, cause);
  }
}

/** A `commits` frame from commits that are encoded already. */
export function commitsFrame(encoded: readonly Uint8Array[]): Uint8Array {
  const length = encoded.reduce((sum, { byteLength }) => sum + byteLength, 6);
  const bytes = new Uint8Array(length);
  // array 32: the header of an array of `encoded.length + 1` elements; then the kind.
  bytes[0] = 0xdd;
  new DataView(bytes.buffer).setUint32(1, encoded.length + 1);
  bytes[5] = KIND.commits;
  let at = 6;
  for (const commit of encoded) {
    bytes.set(commit, at);
    at += commit.byteLength;
  }
  return bytes;
}

/** Whether it looks like what `commitsFrame` makes; what does not may carry commits all the same. */
export const isCommitsFrame = (bytes: Uint8Array): boolean => bytes[0] === 0xdd && bytes[5] === KIND.commits;

/** Whether it looks like the beginning of a slice of a state: an array of nine, the first of them its kind. */
export const beginsState = (bytes: Uint8Array): boolean => bytes[0] === 0x99 && bytes[1] === KIND.state;

/** @throws WeftError `malformed-request` that says what is wrong */
export function decodeFrame(bytes: Uint8Array): Frame {
  const commits = readCommits(bytes, KIND.commits);
  return commits === undefined ? decodeAnyFrame(bytes) : { kind: 'commits', commits };
}

/** As `decodeFrame`, for frames of all forms. */
export function decodeAnyFrame(bytes: Uint8Array): Frame {
  const fault = shapeFault(bytes);
  if (fault !== undefined) throw malformed(fault);
  let fields: unknown;
  try {
    fields = decode(bytes, DECODING);
  } catch (cause) {
    throw new WeftError('malformed-request', `a frame of ${bytes.length} bytes is not MessagePack`, {}, cause);
  }
  const reader = new FieldReader(fields);
  const kind = reader.integer('kind');
  const frame = readFrame(kind, reader);
  reader.end();
  return frame;
}

function readFrame(kind: number, read: FieldReader): Frame {
  switch (kind) {
    case KIND.hello:
      return {
        kind: 'hello',
        version: read.integer('version'),
        versionMin: read.integer('versionMin'),
        name: read.name('name'),
        replica: read.replica('replica'),
        clusterId: read.text('clusterId'),
        established: read.boolean('established'),
        settingsHash: read.text('settingsHash'),
        size: read.integer('size'),
        configuration: parseConfiguration(read.text('configuration')),
        wallMs: read.integer('wallMs'),
        nonce: read.bytes('nonce'),
      };
    case KIND.proof:
      return { kind: 'proof', mac: read.bytes('mac') };
    case KIND.refuse: {
      const code = read.text('code');
      const detail = read.text('detail').slice(0, DETAIL_CHARS_MAX);
      // A later version may have reasons that this one does not know.
      return { kind: 'refuse', code: REFUSALS.has(code) ? (code as RefusalCode) : 'bad-frame', detail };
    }
    case KIND.status:
      return {
        kind: 'status',
        clusterId: read.text('clusterId'),
        established: read.boolean('established'),
        vector: read.vector('vector'),
        retired: read.vector('retired'),
        direct: read.list('direct', (field) => asReplica('direct', field)),
        wallMs: read.integer('wallMs'),
        resend: read.boolean('resend'),
      };
    case KIND.acknowledge:
      return { kind: 'acknowledge', entries: read.vector('entries') };
    case KIND.commits:
      return { kind: 'commits', commits: read.rest(readCommit) };
    case KIND.behind:
      return { kind: 'behind' };
    case KIND['list-state']:
      return { kind: 'list-state', request: read.integer('request'), after: read.optionalKey('after') };
    case KIND['state-list']:
      return {
        kind: 'state-list',
        request: read.integer('request'),
        after: read.optionalKey('after'),
        partitions: readKeys(read.array('partitions')),
        more: read.boolean('more'),
        vector: read.vector('vector'),
        retired: read.vector('retired'),
        clock: read.integer('clock'),
      };
    case KIND['get-state']:
      return {
        kind: 'get-state',
        request: read.integer('request'),
        key: read.key('key'),
        stateVector: read.bytes('stateVector'),
        offset: read.integer('offset'),
      };
    case KIND.state:
      return {
        kind: 'state',
        request: read.integer('request'),
        key: read.key('key'),
        offset: read.integer('offset'),
        bytes: read.bytes('bytes'),
        length: read.integer('length'),
        checksum: read.integer('checksum'),
        vector: read.vector('vector'),
      };
    case KIND['state-pending']:
      return { kind: 'state-pending', request: read.integer('request'), key: read.key('key') };
    case KIND.digest:
      return { kind: 'digest', key: read.key('key'), digest: read.text('digest'), vector: read.vector('vector') };
    case KIND.quorum: {
      const body = read.bytes('body');
      return read.done ? { kind: 'quorum', body } : { kind: 'quorum', body, trace: read.text('trace') };
    }
    case KIND.traces:
      return { kind: 'traces', traces: readTraces(read.array('traces')) };
    case KIND.fragment:
      return {
        kind: 'fragment',
        message: read.integer('message'),
        index: read.integer('index'),
        count: read.integer('count'),
        bytes: read.bytes('bytes'),
      };
    default:
      throw malformed(`unknown kind ${kind}`);
  }
}

function readCommit(field: unknown): Commit {
  const read = new FieldReader(field);
  const origin = read.replica('origin');
  const seq = read.integer('seq');
  const clock = read.integer('clock');
  if (seq === 0) throw malformed('seq begins at 1');
  const after = Array.from(read.vector('after'));
  const fields = read.array('parts');
  const parts: CommitPart[] = [];
  for (let i = 0; i < fields.length; i += 3) {
    parts.push({ ...asKey(fields[i], fields[i + 1]), update: asBytes('update', fields[i + 2]) });
  }
  const located = read.done ? [] : read.array('locators');
  const locators: { graphKey: string; edge: string; partition: PartitionId }[] = [];
  for (let i = 0; i < located.length; i += 3) {
    const edge = asText('edge', located[i + 1]);
    if (edge === '') throw malformed('an edge id must not be empty');
    locators.push({ ...asKey(located[i], located[i + 2]), edge });
  }
  read.end();
  if (
    parts.length > 1 &&
    new Set(parts.map(({ graphKey, partition }) => `${graphKey}/${partition}`)).size < parts.length
  ) {
    throw malformed('a commit has at most one part for each partition');
  }
  return { origin, seq, clock, parts, locators, after };
}

function readTraces(fields: readonly unknown[]): CommitTrace[] {
  const traces: CommitTrace[] = [];
  for (let i = 0; i < fields.length; i += 3) {
    const seq = asInteger('seq', fields[i + 1]);
    traces.push({ origin: asReplica('origin', fields[i]), seq, trace: asText('trace', fields[i + 2]) });
  }
  return traces;
}

function readKeys(fields: readonly unknown[]): PartitionKey[] {
  const keys: PartitionKey[] = [];
  for (let i = 0; i < fields.length; i += 2) keys.push(asKey(fields[i], fields[i + 1]));
  return keys;
}
