/**
 * The catalog of graphs is itself a graph, `_system`, so it is durable and replicates like any other. A generation of a
 * graph is a node with label `Graph`; its `key` names it in the store. `_system` and `default` always exist and are not
 * in it.
 *
 * - CAT-1 A key follows from name, generation and settings alone, so that servers that create the same graph without
 *   knowing of each other mean the same data. The generation counts those of its name that were dropped before, so a
 *   graph made again starts empty.
 * - CAT-2 Dropping gives the node the label `DroppedGraph`, which is never taken away: a key that was dropped stays so,
 *   whatever else is written about it or into it, now or later.
 * - CAT-3 Generations of one name that were created apart with different settings all stay. One, the same on every
 *   server, bears the name; the others are called `NAME (conflict KEY)`.
 * - CAT-4 No server gets a commit without its parts, though their graph was dropped since (`dropped-graphs.ts`).
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { WeftError } from '../../base/errors.ts';
import { type GraphName, type NodeId, nodeId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { compareText, sortedKeys } from '../../base/order.ts';
import { toUtf8, utf8Length } from '../../base/text.ts';
import { toBase64 } from '../../crdt/value-codec.ts';
import type { GraphSettings, Node, Operation } from '../../graph/model.ts';
import { isList } from '../../graph/value.ts';

export const SYSTEM_GRAPH = '_system' as GraphName;
export const SYSTEM_KEY = 'system';
export const DEFAULT_GRAPH = 'default' as GraphName;
export const GRAPH_LABEL = 'Graph';
export const DROPPED_LABEL = 'DroppedGraph';
/** Bytes of the hash in a key: nobody finds two graphs with the same. */
const KEY_BYTES = 15;

export interface CatalogEntry {
  readonly name: GraphName;
  readonly key: string;
  readonly settings: GraphSettings;
  readonly generation: number;
  readonly isDropped: boolean;
  /** The node that says so. */
  readonly node: NodeId;
}

const builtIn = (name: GraphName, key: string, settings: GraphSettings): CatalogEntry => ({
  name,
  key,
  settings,
  generation: 0,
  isDropped: false,
  node: nodeId(name),
});

/** Where strong writes keep what they answered to an Idempotency-Key (`consistency/outcome.ts`); not listed. */
export const OUTCOMES_GRAPH = '_outcomes' as GraphName;

/** Graphs that the server keeps for itself. */
export function isInternal(name: GraphName): boolean {
  return name === SYSTEM_GRAPH || name === OUTCOMES_GRAPH;
}

export const BUILT_IN: readonly CatalogEntry[] = [
  builtIn(SYSTEM_GRAPH, SYSTEM_KEY, { partitions: 1, restoringTypes: [] }),
  builtIn(OUTCOMES_GRAPH, 'outcomes', { partitions: LIMITS.partitionsDefault, restoringTypes: [] }),
  builtIn(DEFAULT_GRAPH, 'default', { partitions: LIMITS.partitionsDefault, restoringTypes: [] }),
];

/** CAT-1. */
export function newEntry(name: GraphName, generation: number, settings: GraphSettings): CatalogEntry {
  const text = JSON.stringify([name, generation, settings.partitions, settings.restoringTypes]);
  const hash = toBase64(sha256(toUtf8(text)).subarray(0, KEY_BYTES));
  const key = `h${hash.replaceAll('+', '-').replaceAll('/', '_')}`;
  return { name, key, settings, generation, isDropped: false, node: nodeId(`graph:${key}`) };
}

export function creation({ name, key, settings, generation, node }: CatalogEntry): Operation {
  const { partitions, restoringTypes } = settings;
  const properties = { name, key, partitions, restoringTypes, generation };
  return { op: 'putNode', id: node, labels: [GRAPH_LABEL], properties };
}

/** CAT-2. */
export function dropping({ node }: CatalogEntry): Operation {
  return { op: 'patchNode', id: node, labels: { kind: 'change', add: [DROPPED_LABEL], remove: [GRAPH_LABEL] } };
}

/** The entry that a node of `_system` describes, or undefined for other nodes. */
export function entryOf({ id, labels, properties }: Node): CatalogEntry | undefined {
  const { name, key, partitions, restoringTypes, generation } = properties;
  const isDropped = labels.includes(DROPPED_LABEL);
  if (!isDropped && !labels.includes(GRAPH_LABEL)) return undefined;
  if (typeof name !== 'string' || name === '' || typeof key !== 'string') return undefined;
  if (typeof partitions !== 'number' || !isPartitionCount(partitions)) return undefined;
  if (restoringTypes === undefined || !isList(restoringTypes)) return undefined;
  return {
    name: name as GraphName,
    key,
    settings: { partitions, restoringTypes: restoringTypes.filter((type) => typeof type === 'string') },
    generation: typeof generation === 'number' ? generation : 0,
    isDropped,
    node: id,
  };
}

/** CAT-3: what each of these generations, none of them dropped, is called. By key. */
export function namesOf(entries: readonly CatalogEntry[]): Map<string, GraphName> {
  const names = new Map<string, GraphName>();
  const taken = new Set<GraphName>(BUILT_IN.map(({ name }) => name));
  const rivals: CatalogEntry[] = [];
  const inOrder = Array.from(entries).sort((a, b) => b.generation - a.generation || compareText(a.key, b.key));
  for (const entry of inOrder) {
    if (taken.has(entry.name)) {
      rivals.push(entry);
      continue;
    }
    taken.add(entry.name);
    names.set(entry.key, entry.name);
  }
  for (const { name, key } of rivals) {
    let other = conflictName(name, key);
    while (taken.has(other)) other = conflictName(other, key);
    taken.add(other);
    names.set(key, other);
  }
  return names;
}

function conflictName(name: string, key: string): GraphName {
  const suffix = ` (conflict ${key})`;
  const characters = Array.from(name);
  while (utf8Length(characters.join('') + suffix) > LIMITS.nameBytesMax) characters.pop();
  return (characters.join('') + suffix) as GraphName;
}

function isPartitionCount(count: number): boolean {
  return Number.isInteger(count) && count >= 1 && count <= LIMITS.partitionsMax;
}

/** Full settings from what a user gave. @throws WeftError `invalid-request`, definite */
export function completeSettings({ partitions, restoringTypes }: Partial<GraphSettings>): GraphSettings {
  const count = partitions ?? LIMITS.partitionsDefault;
  if (!isPartitionCount(count)) {
    throw new WeftError('invalid-request', `partitions must be an integer from 1 to ${LIMITS.partitionsMax}`);
  }
  return { partitions: count, restoringTypes: Array.from(new Set(restoringTypes ?? [])).sort(compareText) };
}

/** True if `asked` names nothing that differs from `held`. */
export function settingsAgree(asked: Partial<GraphSettings>, held: GraphSettings): boolean {
  const full = completeSettings({ ...held, ...asked });
  return sortedKeys(full).every((key) => {
    const name = key as keyof GraphSettings;
    return JSON.stringify(full[name]) === JSON.stringify(held[name]);
  });
}
