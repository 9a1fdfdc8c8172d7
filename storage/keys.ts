/**
 * The keys of a data directory. LevelDB orders keys by their UTF-8 bytes; positions are written so that this order
 * is the numeric one, and user text so that no two texts share a key and none is a prefix of another.
 */
import { assert } from '../base/assert.ts';
import type { PartitionId, ReplicaId } from '../base/ids.ts';
import { compareText } from '../base/order.ts';
import { utf8Length } from '../base/text.ts';
import type { PartitionKey } from './store.ts';

export const FORMAT_KEY = '!format';
/** The seal lies at both ends of the key space, so that one damaged block cannot take both copies. */
export const SEAL_KEYS = ['!seal', '~seal'] as const;
/** State rows are mirrored under two prefixes for the same reason. */
export const STATE_PREFIXES = ['x/', 'y/'] as const;

/** A non-negative safe integer as text that sorts like the number: how many hexadecimal digits, then the digits. */
export function encodeNumber(value: number): string {
  const digits = value.toString(16);
  return String.fromCharCode(96 + digits.length) + digits;
}

export function decodeNumber(text: string): number {
  return Number.parseInt(text.slice(1), 16);
}

const NUL = '\u0000';
// biome-ignore lint/suspicious/noControlCharactersInRegex: user text may hold them, which is why they are escaped
const needsEscape = /[\u0000\u0001]/;

/** User text that ends at the first NUL: injective, order-preserving. */
function encodeText(text: string): string {
  assert(
    utf8Length(text) >= 0,
    'storage keys are well-formed Unicode: UTF-8 maps all lone surrogates to one character',
  );
  if (!needsEscape.test(text)) return text + NUL;
  return text.replaceAll('\u0001', '\u0001\u0002').replaceAll(NUL, '\u0001\u0001') + NUL;
}

function decodeText(encoded: string): string {
  return encoded.slice(0, -1).replaceAll('\u0001\u0001', NUL).replaceAll('\u0001\u0002', '\u0001');
}

/** The range of all keys that start with `prefix`, whose last character must be ASCII. */
export function startingWith(prefix: string): { readonly gte: string; readonly lt: string } {
  const last = prefix.length - 1;
  return { gte: prefix, lt: prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1) };
}

export const COMMITS = 'c/';
export const commitPrefix = (origin: ReplicaId): string => `c/${origin.toString(16).padStart(8, '0')}/`;
export const commitKey = (origin: ReplicaId, seq: number): string => commitPrefix(origin) + encodeNumber(seq);

export function parseCommitKey(key: string): { readonly origin: ReplicaId; readonly seq: number } {
  return { origin: Number.parseInt(key.slice(2, 10), 16) as ReplicaId, seq: decodeNumber(key.slice(11)) };
}

export const ROWS = 't/';
export const graphRowsPrefix = (graphKey: string): string => `t/${graphKey}/`;
export const rowPrefix = (key: PartitionKey): string => graphRowsPrefix(key.graphKey) + encodeText(key.partition);
export const rowKey = (prefix: string, lsn: number): string => prefix + encodeNumber(lsn);

/** The prefix (which names the partition) and the lsn of a row's key; the encoded number never holds a NUL. */
export function parseRowKey(key: string): { readonly prefix: string; readonly lsn: number } {
  const end = key.lastIndexOf(NUL) + 1;
  return { prefix: key.slice(0, end), lsn: decodeNumber(key.slice(end)) };
}

export function parsePartitionPath(path: string): PartitionKey {
  const slash = path.indexOf('/');
  return { graphKey: path.slice(0, slash), partition: decodeText(path.slice(slash + 1)) as PartitionId };
}

export const partitionPath = (key: PartitionKey): string => `${key.graphKey}/${encodeText(key.partition)}`;
/** Canonical order. */
export const compareKeys = (a: PartitionKey, b: PartitionKey): number =>
  compareText(a.graphKey, b.graphKey) || compareText(a.partition, b.partition);
export const SNAPSHOT_BODIES = 's/';
export const documentKey = (key: PartitionKey): string => `${SNAPSHOT_BODIES}${partitionPath(key)}d`;
export const viewKey = (key: PartitionKey): string => `${SNAPSHOT_BODIES}${partitionPath(key)}v`;

/** States that are kept apart. */
export const STAGED = 'p/';
export const stagedKey = (key: PartitionKey): string => STAGED + partitionPath(key);
export const parseStagedKey = (key: string): PartitionKey => parsePartitionPath(key.slice(STAGED.length));

export const LOCATORS = 'l/';
export const locatorPrefix = (graphKey: string): string => `${LOCATORS}${graphKey}/`;
export const locatorKey = (graphKey: string, edge: string): string => locatorPrefix(graphKey) + encodeText(edge);

export function parseLocatorKey(key: string): { readonly graphKey: string; readonly edge: string } {
  const { graphKey, partition: edge } = parsePartitionPath(key.slice(LOCATORS.length));
  return { graphKey, edge };
}

/** Names of state rows. */
export const CLEAN = 'clean';
export const BASE = 'base';
export const metaName = (name: string): string => `meta/${encodeText(name)}`;
export const DROPS = 'drop/';
export const dropName = (graphKey: string): string => DROPS + graphKey;
export const SNAPSHOTS = 'snapshot/';
export const snapshotName = (key: PartitionKey): string => SNAPSHOTS + partitionPath(key);
