/**
 * The catalog of graphs is itself a graph, `_system`, so it is durable and will replicate like any other. A graph is a
 * node with label `Graph`; its `key` names its generation in the store, so that a graph made again starts empty.
 * `_system` and `default` always exist and are not in it.
 */
import { WeftError } from '../base/errors.ts';
import { type GraphName, graphName, nodeId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import { compareText, sortedKeys } from '../base/order.ts';
import type { GraphSettings, Node } from '../graph/model.ts';
import { isList } from '../graph/value.ts';

export const SYSTEM_GRAPH = '_system' as GraphName;
export const DEFAULT_GRAPH = 'default' as GraphName;
const LABEL = 'Graph';

export interface CatalogEntry {
  readonly name: GraphName;
  readonly key: string;
  readonly settings: GraphSettings;
}

export const BUILT_IN: readonly CatalogEntry[] = [
  { name: SYSTEM_GRAPH, key: 'system', settings: { partitions: 1, restoringTypes: [] } },
  { name: DEFAULT_GRAPH, key: 'default', settings: { partitions: LIMITS.partitionsDefault, restoringTypes: [] } },
];

export function entryNode({ name, key, settings }: CatalogEntry): Node {
  const { partitions, restoringTypes } = settings;
  return { id: entryId(name), labels: [LABEL], properties: { name, key, partitions, restoringTypes } };
}

/** A graph name fills the whole length that an id may have, so it is the id. */
export function entryId(name: GraphName): Node['id'] {
  return nodeId(name);
}

/** The entry that a node of `_system` describes, or undefined for other nodes. */
export function entryOf(node: Node): CatalogEntry | undefined {
  const { name, key, partitions, restoringTypes } = node.properties;
  if (!node.labels.includes(LABEL) || typeof name !== 'string' || typeof key !== 'string') return undefined;
  if (typeof partitions !== 'number' || restoringTypes === undefined || !isList(restoringTypes)) return undefined;
  return {
    name: graphName(name),
    key,
    settings: { partitions, restoringTypes: restoringTypes.filter((type) => typeof type === 'string') },
  };
}

/** Full settings from what a user gave. @throws WeftError `invalid-request`, definite */
export function completeSettings({ partitions, restoringTypes }: Partial<GraphSettings>): GraphSettings {
  const count = partitions ?? LIMITS.partitionsDefault;
  if (!Number.isInteger(count) || count < 1 || count > LIMITS.partitionsMax) {
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
