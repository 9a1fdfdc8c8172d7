/**
 * Patches of an offline replica, checked before a server takes them. Replicas are not trusted: nothing is believed but what the
 * patch itself shows. But for SYN-11 the verdict depends on no state of the graph, so that a batch that is sent again gets the same.
 *
 * - SYN-1 Every patch bears the stamp of its replica, not further in the future than the drift limit.
 * - SYN-2 Every patch lies in the partition of its element, and the replica may write there.
 * - SYN-3 An edge comes and goes together with its stub, under one stamp.
 * - SYN-11 Who changes or ends an edge may write at both its ends, as over HTTP. Such a patch does not name them, so they are looked up.
 */
import { WeftError } from '../base/errors.ts';
import { checkName, type PartitionId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { isList, isMap, type Properties, type Value } from '../graph/value.ts';
import type { DraftedPatch } from './drafted-patch.ts';
import { UNKNOWN } from './edge-table.ts';
import type { GraphView } from './graph-view.ts';
import type { Assignments, Patch } from './patch.ts';
import { decodePatch } from './patch-codec.ts';
import { partitionOfNode } from './routing.ts';
import { checkDrift } from './stamp.ts';
import type { PlacedText } from './sync-frame.ts';
import { isOwnChange } from './text-history.ts';
import { textRoot } from './text-root.ts';
import { readTextUpdate } from './text-update.ts';

export interface ReplicaRights {
  readonly replica: number;
  /** Hash partitions of the graph. */
  readonly partitions: number;
  readonly mayWrite: (partition: PartitionId) => boolean;
  readonly wallMs: number;
}

/**
 * The patches of a batch, decoded.
 * @throws WeftError definite: what is wrong with the first bad one, with its index as `operation`
 */
export function checkReplicaPatches(placed: readonly PlacedText[], rights: ReplicaRights): readonly Patch[] {
  if (placed.length === 0 || placed.length > LIMITS.batchOperationsMax * 2) {
    throw new WeftError('invalid-request', `a batch has 1 to ${LIMITS.batchOperationsMax * 2} patches`);
  }
  const patches: Patch[] = [];
  placed.forEach((one, index) => {
    try {
      patches.push(checked(one, rights));
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      throw new WeftError(error.code, error.message, { ...error.context, operation: index }, error);
    }
  });
  checkPairs(placed, patches, rights.partitions);
  return patches;
}

function checked({ partition, text }: PlacedText, { replica, partitions, mayWrite, wallMs }: ReplicaRights): Patch {
  if (text.length > LIMITS.patchCharsMax) {
    throw new WeftError('payload-too-large', `a patch has at most ${LIMITS.patchCharsMax} characters`);
  }
  const patch = decodePatch(text);
  if (patch.replica !== replica) throw new WeftError('invalid-request', 'the patch has the stamp of another replica');
  checkDrift(patch.clock, wallMs);
  if (!mayWrite(partition)) throw noRight(partition);
  const home = homeOf(patch);
  if (home !== undefined && partitionOfNode(home, partitions) !== partition) {
    throw new WeftError('invalid-request', `the patch does not belong into partition ${partition}`);
  }
  checkContent(patch);
  return patch;
}

function noRight(partition: PartitionId): WeftError {
  return new WeftError('forbidden', `no right to write in partition ${partition}`);
}

/**
 * SYN-11, of the target: the source lies where the patch does. An edge that nobody here knows has none yet.
 * @throws WeftError `forbidden`, definite
 */
export function checkTargets(
  view: GraphView,
  drafted: readonly DraftedPatch[],
  mayWrite: ReplicaRights['mayWrite'],
): void {
  for (const { home, patch } of drafted) {
    if (patch.kind !== 'edge-update' && patch.kind !== 'edge-delete') continue;
    const edge = view.edges.find(patch.id, home);
    const to = edge === undefined ? UNKNOWN : (view.edges.to[edge] as number);
    if (to === UNKNOWN) continue;
    const target = view.partitionOf(view.nodes.ids[to] as string);
    if (!mayWrite(target)) throw noRight(target);
  }
}

/** The node in whose partition the patch lies, if the patch names it. */
function homeOf(patch: Patch): string | undefined {
  switch (patch.kind) {
    case 'node-create':
    case 'node-update':
    case 'node-delete':
      return patch.id;
    case 'edge-create':
      return patch.from;
    case 'stub-create':
      return patch.to;
    default:
      return undefined;
  }
}

function checkContent(patch: Patch): void {
  const isNode = patch.kind === 'node-create' || patch.kind === 'node-update' || patch.kind === 'node-delete';
  checkName(isNode ? 'node id' : 'edge id', patch.id);
  if (patch.kind === 'edge-create' || patch.kind === 'stub-create') {
    checkName('edge type', patch.type);
    checkName('node id', patch.from);
    checkName('node id', patch.to);
  }
  if (patch.kind === 'stub-delete') checkName('node id', patch.from);
  if (patch.kind === 'node-create') checkLabels(patch.labels);
  if ('properties' in patch) checkProperties(patch.properties);
  if ('more' in patch && patch.more !== undefined) checkMore(patch, patch.more);
}

function checkLabels(labels: readonly string[]): void {
  if (labels.length > LIMITS.labelsMax) throw tooMany('labels', LIMITS.labelsMax);
  for (const label of labels) checkName('label', label);
}

function checkProperties(properties: Properties): void {
  const names = Object.keys(properties);
  if (names.length > LIMITS.propertiesMax) throw tooMany('properties', LIMITS.propertiesMax);
  for (const name of names) checkName('property name', name);
}

function checkMore(patch: Patch, more: Assignments): void {
  const { labelsAdded, labelsRemoved, propertiesRemoved, totals, members, seen, textsMade, textChanges } = more;
  checkLabels(labelsAdded ?? []);
  for (const label of labelsRemoved ?? []) checkName('label', label);
  const names = [
    ...(totals?.keys() ?? []),
    ...(members?.keys() ?? []),
    ...(textsMade ?? []),
    ...(textChanges?.keys() ?? []),
  ];
  if (names.length > LIMITS.propertiesMax) throw tooMany('properties', LIMITS.propertiesMax);
  // What is taken away is as much as was there, whatever takes its place.
  for (const name of [...names, ...(propertiesRemoved ?? []), ...(seen?.keys() ?? [])]) {
    checkName('property name', name);
  }
  // Not under the ids of others: an update of Yjs is believed whoever sends it.
  for (const [property, { of, update }] of textChanges ?? []) {
    const element = patch.kind.startsWith('node') ? 'node' : 'edge';
    const root = textRoot({ element, id: patch.id, property, of });
    if (!isOwnChange(readTextUpdate(update), root, patch)) {
      throw new WeftError('invalid-request', 'the patch changes a text in the name of somebody else');
    }
  }
  // A value by itself was checked as it was decoded; members are shown as a list, which is one level more.
  for (const { add, remove } of members?.values() ?? [])
    for (const member of [...add, ...remove]) checkDepth(member, 1);
}

function checkDepth(value: Value, depth: number): void {
  if (depth > LIMITS.valueDepthMax) throw tooMany('levels of a value', LIMITS.valueDepthMax);
  if (isList(value)) for (const member of value) checkDepth(member, depth + 1);
  else if (isMap(value)) for (const key of Object.keys(value)) checkDepth(value[key] as Value, depth + 1);
}

function tooMany(what: string, limit: number): WeftError {
  return new WeftError('payload-too-large', `at most ${limit} ${what} are allowed`, { limit });
}

/** SYN-3. A stub of its own could show an edge that its source does not know, or hide one that it has. */
function checkPairs(placed: readonly PlacedText[], patches: readonly Patch[], partitions: number): void {
  // An update or deletion of an edge does not name its source; its id mostly does.
  placed.forEach(({ partition }, i) => {
    const { kind } = patches[i] as Patch;
    const isLoose = kind === 'edge-update' || kind === 'edge-delete' || kind === 'stub-delete';
    if (isLoose && !isPartition(partition, partitions)) {
      throw new WeftError('invalid-request', `there is no partition ${partition}`);
    }
  });
  const half = new Map<string, Patch>();
  /** Of ends of edges: where the source of each lies. */
  const sources = new Map<string, PartitionId>();
  patches.forEach((patch, i) => {
    const isCreate = patch.kind === 'edge-create' || patch.kind === 'stub-create';
    if (!isCreate && patch.kind !== 'edge-delete' && patch.kind !== 'stub-delete') return;
    const key = `${isCreate} ${patch.clock} ${patch.id}`;
    if (!isCreate) {
      const at = (placed[i] as PlacedText).partition;
      const source = patch.kind === 'stub-delete' ? partitionOfNode(patch.from, partitions) : at;
      if ((sources.get(key) ?? source) !== source) throw unpaired(patch);
      sources.set(key, source);
    }
    const other = half.get(key);
    if (other === undefined) half.set(key, patch);
    else if (isCreate ? !sameEnds(patch, other) : patch.kind === other.kind) throw unpaired(patch);
    else half.delete(key);
  });
  const [lone] = half.values();
  if (lone !== undefined) throw unpaired(lone);
}

function sameEnds(a: Patch, b: Patch): boolean {
  const isEdge = (patch: Patch) => patch.kind === 'edge-create' || patch.kind === 'stub-create';
  if (!isEdge(a) || !isEdge(b) || a.kind === b.kind) return false;
  const [one, other] = [a, b] as (Patch & { readonly kind: 'stub-create' })[];
  return one?.type === other?.type && one?.from === other?.from && one?.to === other?.to;
}

function unpaired({ id }: Patch): WeftError {
  return new WeftError('invalid-request', `the patches of edge \`${id}\` and of its stub do not belong together`);
}

/** Whether a partition of this name can exist: a hash partition of the graph, or a scope. */
export function isPartition(partition: string, partitions: number): boolean {
  if (partition.endsWith('!')) return partition.length > 1 && partition.indexOf('!') === partition.length - 1;
  return /^(0|[1-9]\d{0,3})$/.test(partition) && Number(partition) < partitions;
}
