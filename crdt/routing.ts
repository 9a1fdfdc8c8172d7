/**
 * Where elements live. A node lives in a hash partition, or, if its id reads `scope!rest`, in the one partition of its
 * scope. An edge lives with its source. Edge ids made here name their partition; others are found by a locator.
 */
import type { EdgeId, PartitionId } from '../base/ids.ts';
import { hashText } from '../base/text.ts';

/** Scopes longer than this are not repeated in edge ids, which have a limit of their own. */
const SCOPE_CHARS_IN_EDGE_ID = 128;

/** The scope partition that `id` names, as `tenant!`, or undefined if it has no scope. */
export function scopeOf(id: string): PartitionId | undefined {
  const mark = id.indexOf('!');
  return mark > 0 ? (id.slice(0, mark + 1) as PartitionId) : undefined;
}

/** The partition of a node. `partitions` is the graph's number of hash partitions; changing it would lose nodes. */
export function partitionOfNode(id: string, partitions: number): PartitionId {
  return scopeOf(id) ?? (String(hashText(id) % partitions) as PartitionId);
}

/** A new edge id that names the partition of its source wherever that is short. `unique` must be `[-_0-9A-Za-z]+`. */
export function makeEdgeId(source: PartitionId, unique: string): EdgeId {
  if (source.length > SCOPE_CHARS_IN_EDGE_ID) return `~${unique}` as EdgeId;
  return `${source}~${unique}` as EdgeId;
}

/**
 * The partition that an edge id names, if it has the form that `makeEdgeId` gives. A caller may choose such an id
 * for an edge elsewhere, so this is where to look first, not a proof.
 */
export function partitionNamedByEdge(id: string, partitions: number): PartitionId | undefined {
  const scope = scopeOf(id);
  if (scope !== undefined) return id[scope.length] === '~' ? scope : undefined;
  const mark = id.indexOf('~');
  if (mark <= 0 || mark > 4 || !/^(0|[1-9]\d*)$/.test(id.slice(0, mark))) return undefined;
  return Number(id.slice(0, mark)) < partitions ? (id.slice(0, mark) as PartitionId) : undefined;
}

/** True if an edge with this id in `partition` can only be found through a locator. */
export function needsLocator(id: string, partition: PartitionId, partitions: number): boolean {
  return partitionNamedByEdge(id, partitions) !== partition;
}
