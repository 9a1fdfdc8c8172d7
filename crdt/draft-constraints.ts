/**
 * The constraints of a graph as one draft keeps them. What counts is the state in which the operations leave the graph, so a
 * key may be taken from one node and given to another in one batch; an import is decided line by line.
 *
 * - CON-1 Nothing is committed that breaks a constraint in the state that the draft rests on.
 * - CON-2 What is not decided for all servers gives a node a key only if the id of the node follows from that key. So two
 *   servers that cannot see each other never give one key to two nodes.
 */
import { assert } from '../base/assert.ts';
import type { PartitionId } from '../base/ids.ts';
import { getOwn } from '../base/record.ts';
import type { LabelChange, Operation, PropertyChanges } from '../graph/model.ts';
import { type Properties, valuesEqual } from '../graph/value.ts';
import type { Constraint, ConstraintSet, Shown } from './constraint-set.ts';
import { type GraphView, Unhydrated } from './graph-view.ts';

export interface ConstraintRules {
  readonly set: ConstraintSet | undefined;
  /** Whether what is decided is decided for all: at `strong`, and on a server that stands alone. */
  readonly isDecisive: boolean;
  /** False plants `ids-not-derived`. */
  readonly idsFollow: boolean;
  /** Partitions that are not in memory: a key may be in each of them. */
  readonly closedPartitions: () => readonly PartitionId[];
}

/** What a draft shows of its elements; undefined if they are not visible. @throws Unhydrated */
export interface DraftReads {
  shownNode(id: string): Shown | undefined;
  shownEdge(id: string): Shown | undefined;
}

/** What keeps the constraints in a draft; undefined if there are none. */
export function constraintsFor(
  view: GraphView,
  rules: ConstraintRules,
): ((draft: DraftReads) => DraftConstraints) | undefined {
  const { set } = rules;
  return set && ((draft) => new DraftConstraints(view, rules, set, draft));
}

export class DraftConstraints {
  readonly #view: GraphView;
  readonly #rules: ConstraintRules;
  readonly #reads: DraftReads;
  readonly #set: ConstraintSet;
  /** What was written since the last check, with the index of the last operation that wrote it. */
  readonly #nodes = new Map<string, number>();
  readonly #edges = new Map<string, number>();
  #operations = 0;
  /** Nodes that the draft created or replaced. */
  readonly #put = new Set<string>();
  /** Nodes to which the draft gave a key, by constraint and key. They may have another by now. */
  readonly #keys = new Map<string, Set<string>>();

  constructor(view: GraphView, rules: ConstraintRules, set: ConstraintSet, reads: DraftReads) {
    this.#view = view;
    this.#rules = rules;
    this.#set = set;
    this.#reads = reads;
  }

  /**
   * The operation as it is to be drafted: a node that is made without an id gets the one that its key gives; what repeats a
   * key that a node has is left out of a patch, as another server may have taken the key away.
   * @param alone it is decided by itself, so it is refused before it changes the draft
   * @throws WeftError `constraint-violated`, definite
   */
  prepared(operation: Operation, alone: boolean): Operation {
    switch (operation.op) {
      case 'createNode': {
        const made = this.#identified(operation);
        if (alone && this.#set.bindsLabels(made.labels)) this.#checkPut(made);
        return made;
      }
      case 'putNode':
        if (alone) this.#checkPut(operation);
        return operation;
      case 'patchNode':
        return this.#rules.isDecisive ? operation : this.#withoutRepeating(operation);
      case 'createEdge':
        // Nobody knows its id before the answer, so it stays as it is made.
        if (alone || operation.id === undefined) this.#checkEdge(operation.type, operation.properties, operation.id);
        return operation;
      case 'putEdge':
        if (alone) this.#checkEdge(operation.type, operation.properties, operation.id);
        return operation;
      default:
        return operation;
    }
  }

  #identified(operation: Extract<Operation, { op: 'createNode' }>): Extract<Operation, { op: 'createNode' }> {
    const id = this.#rules.idsFollow ? this.#set.derivedId(operation) : undefined;
    const isChosen = operation.id !== undefined;
    if (id === undefined || (isChosen && (operation.id !== id || operation.condition !== undefined))) return operation;
    const holder = this.#reads.shownNode(id);
    if (holder === undefined) return { ...operation, id };
    // It may lose the key before the end. Where all is decided here, any id will do.
    if (this.#rules.isDecisive && !isChosen) return operation;
    const [constraint] = this.#set.ofNode(operation.labels).filter((each) => each.keyOf(operation) !== undefined);
    assert(constraint !== undefined, 'the id was derived from a key');
    const isHeld = constraint.keyOf(holder) === constraint.keyOf(operation);
    const detail = isHeld
      ? `node \`${id}\` has this key`
      : `the id that this key gives belongs to node \`${id}\`, which has it no more: write at \`strong\``;
    throw constraint.refusal(detail, { ids: [id] });
  }

  /** A patch of a node whose id does not follow from its key. */
  #withoutRepeating(operation: Extract<Operation, { op: 'patchNode' }>): Operation {
    const held = this.#reads.shownNode(operation.id);
    if (held === undefined) return operation;
    const foreign = this.#set.ofNode(held.labels).filter((constraint) => {
      const key = constraint.keyOf(held);
      return key !== undefined && constraint.derivedId(key) !== operation.id;
    });
    if (foreign.length === 0) return operation;
    const names = new Set(foreign.flatMap(({ names: each }) => each));
    const properties = operation.properties && newProperties(operation.properties, held.properties, names);
    const labels = operation.labels && newLabels(operation.labels, held.labels);
    return { ...operation, ...(properties && { properties }), ...(labels && { labels }) };
  }

  /** Notes what an operation wrote. */
  drafted(operation: Operation, id: string): void {
    const at = this.#operations++;
    switch (operation.op) {
      case 'createNode':
      case 'putNode':
        if (operation.id !== undefined) this.#put.add(id);
        // Others are looked at when something gives them a label.
        if (this.#set.bindsLabels(operation.labels)) this.#nodes.set(id, at);
        return;
      case 'patchNode':
        this.#nodes.set(id, at);
        return;
      case 'putEdge':
      case 'patchEdge':
        this.#edges.set(id, at);
        return;
      case 'createEdge':
        if (operation.id !== undefined) this.#edges.set(id, at);
        return;
      case 'deleteNode':
      case 'deleteEdge':
        return;
    }
  }

  /** Notes what was written elsewhere. */
  written({ kind, id, operation, isPut }: WrittenElsewhere): void {
    this.#operations = Math.max(this.#operations, operation + 1);
    if (isPut) this.#put.add(id);
    (kind === 'node' ? this.#nodes : this.#edges).set(id, operation);
  }

  /** CON-1 for all that was written since the last check. @throws WeftError `constraint-violated`, definite; Unhydrated */
  check(): void {
    const isBatch = this.#operations > 1;
    const written: { id: string; state: Shown; operation: number | undefined }[] = [];
    for (const [id, operation] of this.#nodes) {
      const state = this.#reads.shownNode(id);
      if (state === undefined || !this.#set.bindsLabels(state.labels)) continue;
      written.push({ id, state, operation: isBatch ? operation : undefined });
      this.#noteKeys(id, state);
    }
    const edges = Array.from(this.#edges);
    // Whatever comes of it, the next check is about what is written from now on. What throws `Unhydrated` begins anew.
    this.#nodes.clear();
    this.#edges.clear();
    this.#operations = 0;
    for (const { id, state, operation } of written) this.#checkNode(id, state, operation);
    for (const [id, operation] of edges) {
      const state = this.#reads.shownEdge(id);
      const [type] = state?.labels ?? [];
      if (state === undefined || type === undefined) continue;
      this.#checkEdge(type, state.properties, id, isBatch ? operation : undefined);
    }
  }

  #noteKeys(id: string, state: Shown): void {
    for (const constraint of this.#set.ofNode(state.labels)) {
      const key = constraint.keyOf(state);
      if (key === undefined) continue;
      const name = keyName(constraint, key);
      const others = this.#keys.get(name);
      if (others === undefined) this.#keys.set(name, new Set([id]));
      else others.add(id);
    }
  }

  #checkPut({ id, labels, properties }: Extract<Operation, { op: 'createNode' | 'putNode' }>): void {
    const name = id ?? '';
    const state = { labels, properties };
    if (id !== undefined && isSame(this.#reads.shownNode(id), state)) return;
    if (id !== undefined) this.#put.add(id);
    this.#checkNode(name, state, undefined);
    this.#noteKeys(name, state);
  }

  #checkNode(id: string, state: Shown, operation: number | undefined): void {
    const at = operation === undefined ? {} : { operation };
    const before = this.#shownBefore(id);
    let identity: Constraint | undefined;
    for (const constraint of this.#set.ofNode(state.labels)) {
      const fault = constraint.fault(state.properties);
      // What merged into a fault may be mended step by step.
      if (fault !== undefined && !isBroken(constraint, before))
        throw constraint.refusal(`${fault} in node \`${id}\``, { ids: [id], ...at });
      const key = constraint.keyOf(state);
      if (key === undefined) continue;
      identity ??= constraint;
      const isKept = this.#hadBefore(constraint, key, id);
      // What merged may share a key, and is kept; but the draft may have given the key to another since.
      const holder = isKept
        ? this.#holderInDraft(constraint, key, (other) => other === id || this.#hadBefore(constraint, key, other))
        : (this.#holderInDraft(constraint, key, (other) => other === id) ?? this.#holderOf(constraint, key, id));
      if (holder !== undefined) throw constraint.refusal(`node \`${holder}\` has this key`, { ids: [holder], ...at });
      const isRepeated = isKept && !this.#put.has(id);
      if (!this.#rules.isDecisive && this.#rules.idsFollow && !isRepeated)
        this.#checkIdentity({ id, constraint, key, identity, at });
    }
  }

  /** CON-2. */
  #checkIdentity({ id, constraint, key, identity, at }: Identified): void {
    const wanted = constraint.derivedId(key);
    if (constraint === identity && id === wanted) return;
    const detail =
      constraint === identity
        ? `below \`strong\` only node \`${wanted}\` can get this key: leave out the id, or write at \`strong\``
        : `below \`strong\` a node gets one unique key, and constraint \`${identity.entry.name}\` comes first: write at \`strong\``;
    throw constraint.refusal(detail, { ids: [id], ...at });
  }

  /** Without what the draft wrote. */
  #shownBefore(id: string): Shown | undefined {
    const { nodes } = this.#view;
    const node = nodes.find(id);
    if (node === undefined || !nodes.exists(node)) return undefined;
    return { labels: nodes.labels[node] as readonly string[], properties: nodes.properties[node] as Properties };
  }

  #hadBefore(constraint: Constraint, key: string, id: string): boolean {
    const before = this.#shownBefore(id);
    return before !== undefined && constraint.keyOf(before) === key;
  }

  /** A node to which the draft gave the key, or wrote while it had it, and that has it still; but none of these. */
  #holderInDraft(constraint: Constraint, key: string, isExempt: (id: string) => boolean): string | undefined {
    for (const other of this.#keys.get(keyName(constraint, key)) ?? []) {
      if (!isExempt(other) && this.#holds(constraint, key, other)) return other;
    }
    return undefined;
  }

  /** Another node of the view that has the key. @throws Unhydrated */
  #holderOf(constraint: Constraint, key: string, id: string): string | undefined {
    const closed = this.#rules.closedPartitions();
    if (closed.length > 0) throw new Unhydrated(closed);
    const { ids } = this.#view.nodes;
    for (const node of this.#view.indexes.useKey(constraint.entry.label, constraint.names).find(key)) {
      const other = ids[node] as string;
      if (other !== id && this.#holds(constraint, key, other)) return other;
    }
    return undefined;
  }

  #holds(constraint: Constraint, key: string, id: string): boolean {
    const state = this.#reads.shownNode(id);
    return state !== undefined && constraint.keyOf(state) === key;
  }

  #checkEdge(type: string, properties: Properties, id: string | undefined, operation?: number): void {
    for (const constraint of this.#set.ofEdge(type)) {
      const fault = constraint.fault(properties);
      if (fault === undefined) continue;
      const what = id === undefined ? 'the relationship' : `relationship \`${id}\``;
      const at = operation === undefined ? {} : { operation };
      throw constraint.refusal(`${fault} in ${what}`, { ids: id === undefined ? [] : [id], ...at });
    }
  }
}

interface WrittenElsewhere {
  readonly kind: 'node' | 'edge';
  readonly id: string;
  /** Index of the patch. */
  readonly operation: number;
  /** Whether a node was created or replaced. */
  readonly isPut: boolean;
}

interface Identified {
  readonly id: string;
  readonly constraint: Constraint;
  readonly key: string;
  /** The first constraint by which the node has a key. */
  readonly identity: Constraint;
  readonly at: { readonly operation?: number };
}

function keyName({ entry }: Constraint, key: string): string {
  return JSON.stringify([entry.name, key]);
}

function isBroken(constraint: Constraint, shown: Shown | undefined): boolean {
  return shown?.labels.includes(constraint.entry.label) === true && constraint.fault(shown.properties) !== undefined;
}

export function isSame(held: Shown | undefined, wanted: Shown): boolean {
  if (held === undefined) return false;
  const labels = new Set(wanted.labels);
  const names = Object.keys(wanted.properties);
  return (
    labels.size === held.labels.length &&
    held.labels.every((label) => labels.has(label)) &&
    names.length === Object.keys(held.properties).length &&
    names.every((name) => {
      const value = getOwn(held.properties, name);
      return value !== undefined && valuesEqual(value, wanted.properties[name] ?? null);
    })
  );
}

function newProperties(changes: PropertyChanges, held: Properties, names: ReadonlySet<string>): PropertyChanges {
  return Object.fromEntries(
    Object.entries(changes).filter(([name, change]) => {
      const value = getOwn(held, name);
      const repeats = change.kind === 'set' && value !== undefined && valuesEqual(change.value, value);
      return !(names.has(name) && repeats);
    }),
  );
}

function newLabels(change: LabelChange, held: readonly string[]): LabelChange {
  const wanted = change.kind === 'replace' ? change.labels : change.add;
  const remove = change.kind === 'replace' ? held.filter((label) => !wanted.includes(label)) : change.remove;
  return { kind: 'change', add: wanted.filter((label) => !held.includes(label)), remove };
}
