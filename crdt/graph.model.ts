/**
 * The merge rules a second time, as simply as they can be said: a bag of patches, sorted and filtered from scratch for
 * every question. It shares no code with `registers.ts` or the view and keeps no state, so order, duplicates and
 * compaction cannot matter here; the property tests ask whether they matter there.
 */

import * as Y from 'yjs';
import type { ReplicaId } from '../base/ids.ts';
import { compareText } from '../base/order.ts';
import { setOwn } from '../base/record.ts';
import { describeProperties, describeValue } from '../graph/describe.model.ts';
import { compareValues, Float, isList, type Properties, type Value } from '../graph/value.ts';
import type { Assignments, EdgeCreate, NodeCreate, Patch, RunningTotal, SeenTotals, StubCreate } from './patch.ts';
import { initialUpdate } from './text-history.ts';
import { textRoot } from './text-root.ts';

/** A patch and the partition in whose document it lies. */
export interface PlacedPatch {
  readonly partition: string;
  readonly patch: Patch;
}

export interface ModelSettings {
  readonly restoringTypes: readonly string[];
  /** The partition of a node id. */
  readonly homeOf: (node: string) => string;
  /** What expires by then is hidden. Here moments are integers of milliseconds. */
  readonly nowMs?: number;
}

export interface ModelNode {
  readonly id: string;
  readonly labels: readonly string[];
  readonly properties: Properties;
}

export interface ModelEdge {
  readonly id: string;
  readonly type: string;
  readonly from: string;
  readonly to: string;
  readonly properties: Properties;
  /** Whether the target's partition knows of it: whoever asks the target for incoming edges finds it. */
  readonly indexed: boolean;
}

export interface ModelGraph {
  readonly nodes: readonly ModelNode[];
  readonly edges: readonly ModelEdge[];
}

// --- stamps

interface At {
  readonly clock: number;
  readonly replica: number;
}

function laterThan(a: At, b: At | undefined): boolean {
  return b === undefined || a.clock > b.clock || (a.clock === b.clock && a.replica > b.replica);
}

/** The item with the latest stamp; of several with one stamp (that is, of one patch) the first. */
function latest<T extends At>(items: readonly T[]): T | undefined {
  return items.reduce<T | undefined>((best, item) => (laterThan(item, best) ? item : best), undefined);
}

// --- one element

const isCreate = (patch: Patch) =>
  patch.kind === 'node-create' || patch.kind === 'edge-create' || patch.kind === 'stub-create';
const isDelete = (patch: Patch) =>
  patch.kind === 'node-delete' || patch.kind === 'edge-delete' || patch.kind === 'stub-delete';

/** Whether the latest create of an element is later than its latest delete. */
export function elementExists(patches: readonly Patch[]): boolean {
  const created = latest(patches.filter(isCreate));
  return created !== undefined && laterThan(created, latest(patches.filter(isDelete)));
}

/** Type and ends, which are those of the latest create. */
export function elementEnds(patches: readonly Patch[]): { type: string; from: string; to: string } | undefined {
  const creates = patches.filter(
    (patch): patch is EdgeCreate | StubCreate => patch.kind === 'edge-create' || patch.kind === 'stub-create',
  );
  const created = latest(creates);
  return created && { type: created.type, from: created.from, to: created.to };
}

/**
 * The patches that no delete of the element dominates. `restored` reads it as if nothing had been deleted since its
 * latest create.
 */
function undominated(patches: readonly Patch[], restored: boolean): readonly Patch[] {
  const created = latest(patches.filter(isCreate));
  const deletes = patches.filter(isDelete);
  const former = deletes.filter((patch) => created !== undefined && laterThan(created, patch));
  const counted = latest(restored ? former : deletes);
  return patches.filter((patch) => !isDelete(patch) && laterThan(patch, counted));
}

const propertiesOf = (patch: Patch): Properties => ('properties' in patch ? patch.properties : {});
const moreOf = (patch: Patch): Assignments => ('more' in patch ? (patch.more ?? {}) : {});
const at = ({ clock, replica }: At): At => ({ clock, replica });

export function elementLabels(patches: readonly Patch[], restored = false): string[] {
  const assignments = undominated(patches, restored).flatMap((patch) => [
    ...((patch as NodeCreate).labels ?? []).map((label) => ({ ...at(patch), label, present: true })),
    ...(moreOf(patch).labelsAdded ?? []).map((label) => ({ ...at(patch), label, present: true })),
    ...(moreOf(patch).labelsRemoved ?? []).map((label) => ({ ...at(patch), label, present: false })),
  ]);
  const labels = new Set(assignments.map(({ label }) => label));
  return [...labels]
    .filter((name) => latest(assignments.filter(({ label }) => label === name))?.present)
    .sort(compareText);
}

export function elementProperties(patches: readonly Patch[], restored = false): Properties {
  const counting = undominated(patches, restored);
  const names = new Set(
    counting.flatMap((patch) => [
      ...Object.keys(propertiesOf(patch)),
      ...(moreOf(patch).totals?.keys() ?? []),
      ...(moreOf(patch).members?.keys() ?? []),
    ]),
  );
  const properties: { [name: string]: Value } = {};
  for (const name of [...names].sort(compareText)) {
    const value = propertyValue(counting, name);
    if (value !== undefined) setOwn(properties, name, value);
  }
  return properties;
}

function propertyValue(patches: readonly Patch[], name: string): Value | undefined {
  const assigned = latest(
    patches.flatMap((patch) => {
      const seen = moreOf(patch).seen?.get(name);
      const set = Object.entries(propertiesOf(patch)).filter(([key]) => key === name);
      const isText = (moreOf(patch).textsMade ?? []).includes(name);
      const removed = (moreOf(patch).propertiesRemoved ?? []).filter((key) => key === name);
      return [
        ...set.map(([, value]) => ({ ...at(patch), value: value as Value | undefined, seen, isText })),
        ...removed.map(() => ({ ...at(patch), value: undefined, seen, isText: false })),
      ];
    }),
  );
  if (typeof assigned?.value === 'string' && assigned.isText) return textValue(patches, name, assigned);
  return counterValue(patches, name, assigned) ?? setValue(patches, name, assigned) ?? assigned?.value;
}

// --- texts

/** All changes of it, in the order of their stamps, in an empty Yjs document. */
function textValue(patches: readonly Patch[], name: string, made: At & { readonly value: Value | undefined }): string {
  const [{ id = '', kind = 'node-create' } = {}] = patches;
  const element = kind.startsWith('node') ? 'node' : 'edge';
  const of = { clock: made.clock, replica: made.replica as ReplicaId };
  const root = textRoot({ element, id, property: name, of });
  const changes = patches
    .flatMap((patch) =>
      [...(moreOf(patch).textChanges ?? [])].map(([property, change]) => ({ ...at(patch), property, ...change })),
    )
    .filter((change) => change.property === name && change.of.clock === of.clock && change.of.replica === of.replica);
  const distinct = new Map(changes.map((change) => [`${change.clock} ${change.replica}`, change]));
  const doc = new Y.Doc();
  const first = initialUpdate(root, of, String(made.value));
  if (first !== undefined) Y.applyUpdate(doc, first);
  for (const { update } of [...distinct.values()].sort((a, b) => (laterThan(a, b) ? 1 : -1)))
    Y.applyUpdate(doc, update);
  return doc.getText(root).toString();
}

// --- counters

type Numeric = number | bigint | Float;
interface Assigned extends At {
  readonly value: Value | undefined;
  readonly seen: SeenTotals | undefined;
}

const isNumeric = (value: Value | undefined): value is Numeric =>
  typeof value === 'number' || typeof value === 'bigint' || value instanceof Float;
const isFloating = (value: Numeric) =>
  value instanceof Float || (typeof value === 'number' && !Number.isInteger(value));
const asFloat = (value: Numeric) => (value instanceof Float ? value.value : Number(value));
const asInteger = (value: Numeric) => BigInt(value instanceof Float ? value.value : value);

/** What the increments make of the property, or undefined if none applies. */
function counterValue(patches: readonly Patch[], name: string, assigned: Assigned | undefined): Value | undefined {
  if (assigned?.value !== undefined && !isNumeric(assigned.value)) return undefined;
  const entries = patches.flatMap((patch) => {
    const entry = moreOf(patch).totals?.get(name);
    return entry === undefined ? [] : [{ ...at(patch), ...entry }];
  });
  const writers = [...new Set(entries.map(({ replica }) => replica))].sort((a, b) => a - b);
  const counted: { plus: Numeric; minus: Numeric }[] = [];
  for (const writer of writers) {
    const entry = latest(entries.filter(({ replica }) => replica === writer));
    if (entry === undefined) continue;
    const minus = replacedBy(assigned?.seen, writer, entry);
    if (minus !== 'all') counted.push({ plus: entry.total, minus });
  }
  if (counted.length === 0) return undefined;
  return total(assigned?.value === undefined ? 0 : (assigned.value as Numeric), counted);
}

/** How much of a writer's entry the assignment had seen; `all` cancels the entry. */
function replacedBy(seen: SeenTotals | undefined, writer: number, entry: RunningTotal): Numeric | 'all' {
  for (const [seenWriter, { since, total }] of seen ?? []) {
    if (seenWriter !== writer || since < entry.since) continue;
    return since > entry.since || sameValue(total, entry.total) ? 'all' : total;
  }
  return 0;
}

function total(base: Numeric, counted: readonly { plus: Numeric; minus: Numeric }[]): Value {
  if ([base, ...counted.flatMap(({ plus, minus }) => [plus, minus])].some(isFloating)) {
    const sum = counted.reduce((so, { plus, minus }) => so + (asFloat(plus) - asFloat(minus)), asFloat(base));
    return Number.isInteger(sum) ? new Float(sum) : sum;
  }
  const exact = counted.reduce((so, { plus, minus }) => so + asInteger(plus) - asInteger(minus), asInteger(base));
  const least = -(2n ** 63n);
  const most = 2n ** 63n - 1n;
  const clamped = exact < least ? least : exact > most ? most : exact;
  return clamped >= BigInt(Number.MIN_SAFE_INTEGER) && clamped <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(clamped)
    : clamped;
}

// --- sets

/** What the member registers make of the property, or undefined if none applies. */
function setValue(patches: readonly Patch[], name: string, assigned: Assigned | undefined): Value | undefined {
  const base = assigned?.value;
  if (base !== undefined && !isList(base)) return undefined;
  const changes = patches
    .filter((patch) => laterThan(patch, assigned))
    .flatMap((patch) => {
      const { add = [], remove = [] } = moreOf(patch).members?.get(name) ?? {};
      return [
        ...add.map((value) => ({ ...at(patch), value, present: true })),
        ...remove.map((value) => ({ ...at(patch), value, present: false })),
      ];
    });
  if (changes.length === 0) return undefined;
  const candidates: Value[] = [];
  for (const value of [...(base ?? []), ...changes.map((change) => change.value)]) {
    if (!candidates.some((known) => sameValue(known, value))) candidates.push(value);
  }
  const present = candidates.filter((value) => {
    const change = latest(changes.filter((item) => sameValue(item.value, value)));
    return change?.present ?? true;
  });
  return present.sort(compareValues);
}

const sameValue = (a: Value, b: Value) => describeValue(a) === describeValue(b);

// --- the graph

/** Everything that a reader may see, by id in canonical order; edges with one id by source partition, then. */
export function visibleGraph(bag: readonly PlacedPatch[], settings: ModelSettings): ModelGraph {
  const nodePatches = groups(bag, ({ patch }) => (patch.kind.startsWith('node-') ? patch.id : undefined));
  const edgePatches = groups(bag, ({ partition, patch }) =>
    patch.kind.startsWith('edge-') ? JSON.stringify([patch.id, partition]) : undefined,
  );
  // A partition knows its own stubs only: what another one holds of an edge with this id cannot matter to it.
  const stubPatches = groups(bag, ({ partition, patch }) =>
    patch.kind === 'stub-create' || patch.kind === 'stub-delete'
      ? JSON.stringify([patch.id, settings.homeOf(patch.from), partition])
      : undefined,
  );

  const restores = (patches: readonly Patch[]) =>
    elementExists(patches) && settings.restoringTypes.includes(elementEnds(patches)?.type ?? '');
  const held = new Set([
    ...[...edgePatches.values()].filter(restores).map((patches) => elementEnds(patches)?.from),
    ...[...stubPatches.values()].filter(restores).map((patches) => elementEnds(patches)?.to),
  ]);

  const nodes: ModelNode[] = [];
  for (const [id, patches] of nodePatches) {
    const restored = !elementExists(patches) && patches.some(isCreate) && held.has(id);
    if (!elementExists(patches) && !restored) continue;
    const properties = elementProperties(patches, restored);
    if (!isExpired(properties, settings.nowMs))
      nodes.push({ id, labels: elementLabels(patches, restored), properties });
  }
  const visible = new Set(nodes.map(({ id }) => id));
  const edges: ModelEdge[] = [];
  for (const [key, patches] of [...edgePatches].sort(([a], [b]) => compareText(a, b))) {
    const ends = elementEnds(patches);
    if (ends === undefined || !elementExists(patches) || !visible.has(ends.from) || !visible.has(ends.to)) continue;
    const properties = elementProperties(patches);
    if (isExpired(properties, settings.nowMs)) continue;
    const [id, home] = JSON.parse(key) as [string, string];
    const stub = stubPatches.get(JSON.stringify([id, home, settings.homeOf(ends.to)])) ?? [];
    const indexed = elementExists(stub) && elementEnds(stub)?.to === ends.to;
    edges.push({ id, ...ends, properties, indexed });
  }
  return { nodes: nodes.sort((a, b) => compareText(a.id, b.id)), edges };
}

const isExpired = ({ expiresAt }: Properties, nowMs = Number.NEGATIVE_INFINITY) =>
  typeof expiresAt === 'number' && expiresAt <= nowMs;

function groups(
  bag: readonly PlacedPatch[],
  keyOf: (placed: PlacedPatch) => string | undefined,
): Map<string, readonly Patch[]> {
  const found = new Map<string, Patch[]>();
  for (const placed of bag) {
    const key = keyOf(placed);
    if (key === undefined) continue;
    const patches = found.get(key);
    if (patches === undefined) found.set(key, [placed.patch]);
    else patches.push(placed.patch);
  }
  return found;
}

/** The whole graph as text, one element a line: what replicas are compared by. */
export function describeGraph({
  nodes,
  edges,
}: {
  readonly nodes: readonly ModelNode[];
  readonly edges: readonly Omit<ModelEdge, 'indexed'>[];
}): string {
  return [
    ...nodes.map(
      (node) => `node ${JSON.stringify(node.id)} ${JSON.stringify(node.labels)} ${describeProperties(node.properties)}`,
    ),
    ...edges.map(
      (edge) =>
        `edge ${JSON.stringify([edge.id, edge.type, edge.from, edge.to])} ${describeProperties(edge.properties)}`,
    ),
  ]
    .sort(compareText)
    .join('\n');
}
