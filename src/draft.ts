/**
 * A draft turns operations into patches. It is an overlay over the view: it reads its own writes, and until it is
 * committed nobody else sees any of them; dropping it leaves nothing behind.
 *
 * - ENG-1 `apply` either adds all patches of an operation or throws and adds none.
 * - ENG-2 A draft touches only open partitions: whatever else it needs is thrown as `Unhydrated`, the caller opens it
 *   and drafts again.
 */
import { present } from '../base/assert.ts';
import { WeftError } from '../base/errors.ts';
import type { EdgeId, NodeId, ReplicaId } from '../base/ids.ts';
import { getOwn } from '../base/record.ts';
import { EDGE_RECORD, STUB_EXISTS } from '../crdt/edge-table.ts';
import { type ElementState, PlainState } from '../crdt/element-state.ts';
import type { GraphView } from '../crdt/graph-view.ts';
import type { Assignments, EdgeCreate, NodeCreate, Patch } from '../crdt/patch.ts';
import { encodePatch } from '../crdt/patch-codec.ts';
import { Registers } from '../crdt/registers.ts';
import { makeEdgeId } from '../crdt/routing.ts';
import type { HybridClock } from '../crdt/stamp.ts';
import { registersVersion } from '../crdt/version.ts';
import { findNode, nodeVersion } from '../crdt/view-reads.ts';
import type { Condition, LabelChange, Operation } from '../graph/model.ts';
import { type Properties, type Value, valuesEqual } from '../graph/value.ts';
import { changesToAssignments, clearing } from './assignments.ts';
import { uniqueText } from './unique-text.ts';

export interface DraftedPatch {
  /** Ordinal of its partition in the view. */
  readonly home: number;
  readonly patch: Patch;
  readonly text: string;
  /** True for the create of an edge whose id the caller chose. */
  readonly chosenId: boolean;
}

export interface Drafted {
  readonly op: Operation['op'];
  readonly id: NodeId | EdgeId;
  readonly created: boolean;
}

/** An element as this draft leaves it. Registers are folded only when a later operation asks for them. */
class DraftElement {
  /** What the view has: registers, or a single create, or nothing. */
  readonly #base: Registers | NodeCreate | EdgeCreate | undefined;
  readonly #patches: Patch[] = [];
  #folded: Registers | undefined;
  #exists: boolean;

  constructor(base: Registers | NodeCreate | EdgeCreate | undefined) {
    this.#base = base;
    this.#exists = base instanceof Registers ? base.exists : base !== undefined;
  }

  fold(patch: Patch): void {
    this.#patches.push(patch);
    if (patch.kind === 'node-create' || patch.kind === 'edge-create') this.#exists = true;
    else if (patch.kind === 'node-delete' || patch.kind === 'edge-delete') this.#exists = false;
  }

  get exists(): boolean {
    return this.#exists;
  }

  /** Undefined if nothing is known of the element. */
  state(): ElementState | undefined {
    if (this.#folded !== undefined || this.#patches.length > 1) return this.registers();
    const [patch] = this.#patches;
    if (patch === undefined) return this.#base instanceof Registers ? this.#base : plainState(this.#base);
    return (this.#base === undefined ? plainState(patch) : undefined) ?? this.registers();
  }

  registers(): Registers {
    if (this.#folded === undefined) {
      this.#folded = this.#base instanceof Registers ? this.#base.clone() : new Registers();
      if (this.#base !== undefined && !(this.#base instanceof Registers)) this.#folded.fold(this.#base);
    }
    for (const patch of this.#patches.splice(0)) this.#folded.fold(patch);
    return this.#folded;
  }
}

/** The state that a single patch says, unless it takes registers to hold it. */
function plainState(only: Patch | undefined): ElementState | undefined {
  if (only?.kind === 'node-create' && only.more === undefined) return new PlainState(only.labels, only.properties);
  if (only?.kind === 'edge-create' && only.more === undefined) return new PlainState([], only.properties);
  return undefined;
}

interface DraftNode {
  readonly element: DraftElement;
  /** What it shows, beyond its registers: a node may be restored by an edge. */
  visible: boolean;
}

interface DraftEdge {
  readonly id: string;
  /** Ordinal of the source partition in the view. */
  readonly home: number;
  readonly element: DraftElement;
  /** Ends of the existing edge, or of the one that was deleted. */
  type: string;
  from: string;
  to: string;
}

export interface DraftOptions {
  readonly view: GraphView;
  readonly clock: HybridClock;
  readonly replica: ReplicaId;
  /** Leave out puts that change nothing: for imports that are repeated. */
  readonly skipEqual: boolean;
}

export class Draft {
  readonly patches: DraftedPatch[] = [];
  readonly #view: GraphView;
  readonly #clock: HybridClock;
  readonly #replica: ReplicaId;
  readonly #skipEqual: boolean;
  readonly #nodes = new Map<string, DraftNode>();
  readonly #edges = new Map<string, DraftEdge>();
  /** Edges that the view does not know, by id. */
  readonly #newById = new Map<string, Set<DraftEdge>>();
  /** Edges that this draft created, by endpoint. */
  readonly #createdAt = new Map<string, Set<DraftEdge>>();

  constructor({ view, clock, replica, skipEqual }: DraftOptions) {
    this.#view = view;
    this.#clock = clock;
    this.#replica = replica;
    this.#skipEqual = skipEqual;
  }

  /** Adds the patches of one operation. @throws WeftError, definite; Unhydrated */
  apply(operation: Operation): Drafted {
    switch (operation.op) {
      case 'createNode':
        return this.#createNode(operation);
      case 'putNode':
        return this.#putNode(operation);
      case 'patchNode':
        return this.#patchNode(operation);
      case 'deleteNode':
        return this.#deleteNode(operation);
      case 'createEdge':
        return this.#createEdge(operation);
      case 'putEdge':
        return this.#putEdge(operation);
      case 'patchEdge':
        return this.#patchEdge(operation);
      case 'deleteEdge':
        return this.#deleteEdge(operation);
    }
  }

  #stamp(): { readonly clock: number; readonly replica: ReplicaId } {
    return { clock: this.#clock.tick(), replica: this.#replica };
  }

  /** @throws WeftError `payload-too-large`, definite: so it comes before the draft itself changes */
  #emit(home: number, patch: Patch, chosenId = false): void {
    this.patches.push({ home, patch, text: encodePatch(patch), chosenId });
  }

  /** Ordinal of the partition of a node. */
  #homeOf(node: string): number {
    const known = this.#view.nodes.find(node);
    return known === undefined
      ? this.#view.indexOf(this.#view.partitionOf(node))
      : (this.#view.nodes.home[known] as number);
  }

  // --- nodes

  #nodeVisible(id: string): boolean {
    return this.#nodes.get(id)?.visible ?? findNode(this.#view, id) !== undefined;
  }

  /** Undefined if nothing is known of the node. */
  #nodeState(id: string): ElementState | undefined {
    const drafted = this.#nodes.get(id);
    if (drafted !== undefined) return drafted.element.state();
    const { nodes } = this.#view;
    const node = nodes.find(id);
    if (node === undefined || !nodes.hasRecord(node)) return undefined;
    const registers = nodes.registers.get(node);
    return registers ?? new PlainState(nodes.labels[node] as readonly string[], nodes.properties[node] as Properties);
  }

  #foldNode(id: string, patch: Patch, visible: boolean): void {
    const { nodes } = this.#view;
    this.#emit(this.#homeOf(id), patch);
    let drafted = this.#nodes.get(id);
    if (drafted === undefined) {
      const node = nodes.find(id);
      const known = node !== undefined && nodes.hasRecord(node);
      const base = known ? (nodes.registers.get(node) ?? this.#view.plainNodeCreate(node)) : undefined;
      drafted = { element: new DraftElement(base), visible };
      this.#nodes.set(id, drafted);
    }
    drafted.element.fold(patch);
    drafted.visible = visible;
  }

  #nodeVersion(id: string): string | undefined {
    const drafted = this.#nodes.get(id);
    if (drafted !== undefined) return drafted.visible ? registersVersion(drafted.element.registers()) : undefined;
    const node = findNode(this.#view, id);
    return node === undefined ? undefined : nodeVersion(this.#view, node);
  }

  #createNode(operation: Extract<Operation, { op: 'createNode' }>): Drafted {
    const stamp = this.#stamp();
    const id = operation.id ?? (uniqueText(stamp) as NodeId);
    this.#view.needAt(this.#homeOf(id));
    if (operation.id !== undefined) {
      checkCondition(operation.condition, () => this.#nodeVersion(id), `node \`${id}\``);
      if (this.#nodeVisible(id)) throw new WeftError('node-exists', `node \`${id}\` exists`, { id });
    }
    const more = clearing(this.#nodeState(id), operation.labels, operation.properties);
    const { labels, properties } = operation;
    this.#foldNode(id, { kind: 'node-create', ...stamp, id, labels, properties, ...more }, true);
    return { op: operation.op, id, created: true };
  }

  #putNode(operation: Extract<Operation, { op: 'putNode' }>): Drafted {
    const { op, id, labels, properties } = operation;
    const existed = this.#nodeVisible(id);
    checkCondition(operation.condition, () => this.#nodeVersion(id), `node \`${id}\``);
    if (existed && this.#skipEqual && this.#nodeEquals(id, labels, properties)) return { op, id, created: false };
    const more = clearing(this.#nodeState(id), labels, properties);
    this.#foldNode(id, { kind: 'node-create', ...this.#stamp(), id, labels, properties, ...more }, true);
    return { op, id, created: !existed };
  }

  #nodeEquals(id: string, labels: readonly string[], properties: Properties): boolean {
    const state = this.#nodeState(id);
    if (state?.exists !== true) return false;
    const wanted = this.#view.nodes.labelSet(labels);
    const held = state.labels();
    return (
      wanted.length === held.length &&
      wanted.every((label, i) => label === held[i]) &&
      sameProperties(state.properties(), properties)
    );
  }

  #patchNode(operation: Extract<Operation, { op: 'patchNode' }>): Drafted {
    const { op, id } = operation;
    if (!this.#nodeVisible(id)) throw new WeftError('node-not-found', `there is no node \`${id}\``, { id });
    checkCondition(operation.condition, () => this.#nodeVersion(id), `node \`${id}\``);
    const known = present(this.#nodeState(id), 'a visible node has a state');
    // A write to a node that only an edge brings back makes it exist by itself again, with what it shows.
    const settled = known.exists ? undefined : { labels: known.labels(true), properties: known.properties(true) };
    const state = settled === undefined ? known : new PlainState(settled.labels, settled.properties);
    const settling = this.#stamp();
    const stamp = this.#stamp();
    const change = changesToAssignments(state, operation.properties ?? {}, stamp);
    const labels = labelAssignments(state, operation.labels);
    const more: Assignments = { ...change.more, ...labels };
    const patch: Patch = {
      kind: 'node-update',
      ...stamp,
      id,
      properties: change.properties,
      ...(Object.keys(more).length > 0 && { more }),
    };
    if (assignsNothing(change.properties, more)) return { op, id, created: false };
    if (settled !== undefined) this.#foldNode(id, { kind: 'node-create', ...settling, id, ...settled }, true);
    this.#foldNode(id, patch, true);
    return { op, id, created: false };
  }

  #deleteNode(operation: Extract<Operation, { op: 'deleteNode' }>): Drafted {
    const { op, id, detach } = operation;
    if (!this.#nodeVisible(id)) throw new WeftError('node-not-found', `there is no node \`${id}\``, { id });
    checkCondition(operation.condition, () => this.#nodeVersion(id), `node \`${id}\``);
    const edges = this.#incident(id);
    const visible = edges.filter((edge) => this.#edgeVisible(edge)).length;
    if (visible > 0 && !detach) {
      throw new WeftError('node-has-edges', `node \`${id}\` has ${visible} edges`, { id, edges: visible });
    }
    for (const edge of edges) this.#removeEdge(edge);
    this.#foldNode(id, { kind: 'node-delete', ...this.#stamp(), id }, false);
    return { op, id, created: false };
  }

  // --- edges

  /** All existing edges of a node, hidden ones included. */
  #incident(id: string): DraftEdge[] {
    const { nodes, edges } = this.#view;
    const found = new Set<DraftEdge>();
    const node = nodes.find(id);
    if (node !== undefined) {
      for (let i = 0; i < nodes.out.degree(node); i++) found.add(this.#adoptEdge(nodes.out.edgeAt(node, i)));
      for (let i = 0; i < nodes.in.degree(node); i++) {
        const edge = nodes.in.edgeAt(node, i);
        if (!edges.has(edge, EDGE_RECORD)) this.#view.needAt(edges.home[edge] as number);
        if (edges.to[edge] === node) found.add(this.#adoptEdge(edge));
      }
    }
    for (const edge of this.#createdAt.get(id) ?? []) found.add(edge);
    // An edge that this draft deleted and created again may have other ends now.
    return Array.from(found).filter((edge) => edge.element.exists && (edge.from === id || edge.to === id));
  }

  /** The draft's copy of an edge of the view. */
  #adoptEdge(edge: number): DraftEdge {
    const { edges, nodes } = this.#view;
    const id = edges.ids[edge] as string;
    const home = edges.home[edge] as number;
    const key = edgeKey(home, id);
    const drafted = this.#edges.get(key);
    if (drafted !== undefined) return drafted;
    const plain = () => (edges.has(edge, EDGE_RECORD) ? this.#view.plainEdgeCreate(edge) : undefined);
    const adopted: DraftEdge = {
      id,
      home,
      element: new DraftElement(edges.registers.get(edge) ?? plain()),
      type: edges.types[edges.type[edge] as number] ?? '',
      from: nodes.ids[edges.from[edge] as number] ?? '',
      to: nodes.ids[edges.to[edge] as number] ?? '',
    };
    this.#edges.set(key, adopted);
    return adopted;
  }

  /** The existing edge with this id, visible or hidden; a visible one first. */
  #findEdge(id: string): DraftEdge | undefined {
    const candidates = new Set(this.#newById.get(id));
    for (const edge of this.#view.edges.findAll(id)) {
      const home = this.#view.edges.home[edge] as number;
      if (!this.#view.edges.has(edge, EDGE_RECORD) && !this.#view.isOpen(this.#view.partitionAt(home))) continue;
      candidates.add(this.#adoptEdge(edge));
    }
    let hidden: DraftEdge | undefined;
    for (const edge of candidates) {
      if (this.#edgeVisible(edge)) return edge;
      if (edge.element.exists) hidden = edge;
    }
    return hidden;
  }

  #edgeVisible(edge: DraftEdge): boolean {
    return edge.element.exists && this.#nodeVisible(edge.from) && this.#nodeVisible(edge.to);
  }

  #visibleEdge(id: EdgeId): DraftEdge {
    const edge = this.#findEdge(id);
    if (edge === undefined || !this.#edgeVisible(edge)) {
      throw new WeftError('edge-not-found', `there is no edge \`${id}\``, { id });
    }
    return edge;
  }

  #edgeVersion(edge: DraftEdge | undefined): string | undefined {
    return edge === undefined || !this.#edgeVisible(edge) ? undefined : registersVersion(edge.element.registers());
  }

  #createEdge(operation: Extract<Operation, { op: 'createEdge' | 'putEdge' }>): Drafted {
    const { op, type, from, to, properties } = operation;
    this.#needEndpoint(from, 'from');
    this.#needEndpoint(to, 'to');
    const stamp = this.#stamp();
    const home = this.#homeOf(from);
    const id = operation.id ?? makeEdgeId(this.#view.partitionAt(home), uniqueText(stamp));
    if (operation.id !== undefined) {
      const existing = this.#findEdge(id);
      checkCondition(operation.condition, () => this.#edgeVersion(existing), `edge \`${id}\``);
      if (existing !== undefined) {
        if (this.#edgeVisible(existing)) {
          throw new WeftError('edge-exists', `edge \`${id}\` exists`, { id });
        }
        this.#removeEdge(existing);
      }
    }
    // A later reading than that of the removal above.
    const created = operation.id === undefined ? stamp : this.#stamp();
    const edge = this.#edgeAt(home, id);
    const more = clearing(edge.element.state(), [], properties);
    const patch: EdgeCreate = { kind: 'edge-create', ...created, id, type, from, to, properties, ...more };
    this.#emit(home, patch, operation.id !== undefined);
    this.#emit(this.#homeOf(to), { kind: 'stub-create', ...created, id, type, from, to });
    edge.element.fold(patch);
    Object.assign(edge, { type, from, to });
    for (const end of [from, to]) {
      const created = this.#createdAt.get(end);
      if (created === undefined) this.#createdAt.set(end, new Set([edge]));
      else created.add(edge);
    }
    return { op, id, created: true };
  }

  #edgeAt(home: number, id: EdgeId): DraftEdge {
    const key = edgeKey(home, id);
    const drafted = this.#edges.get(key);
    if (drafted !== undefined) return drafted;
    const known = this.#view.edges.find(id, home);
    if (known !== undefined && this.#view.edges.has(known, EDGE_RECORD)) return this.#adoptEdge(known);
    const edge: DraftEdge = { id, home, element: new DraftElement(undefined), type: '', from: '', to: '' };
    this.#edges.set(key, edge);
    const named = this.#newById.get(id);
    if (named === undefined) this.#newById.set(id, new Set([edge]));
    else named.add(edge);
    return edge;
  }

  #needEndpoint(id: NodeId, end: 'from' | 'to'): void {
    if (!this.#nodeVisible(id)) {
      throw new WeftError('endpoint-missing', `there is no node \`${id}\` for \`${end}\` of the edge`, { id, end });
    }
  }

  #putEdge(operation: Extract<Operation, { op: 'putEdge' }>): Drafted {
    const { op, id, type, from, to, properties } = operation;
    const existing = this.#findEdge(id);
    if (existing === undefined || !this.#edgeVisible(existing)) {
      return this.#createEdge(operation);
    }
    checkCondition(operation.condition, () => this.#edgeVersion(existing), `edge \`${id}\``);
    if (existing.type !== type || existing.from !== from || existing.to !== to) {
      throw new WeftError('edge-exists', `edge \`${id}\` exists with another type or other endpoints`, { id });
    }
    if (this.#skipEqual && sameProperties(edgeState(existing).properties(), properties)) {
      return { op, id, created: false };
    }
    const { more } = clearing(edgeState(existing), [], properties);
    if (!assignsNothing(properties, more ?? {})) {
      this.#updateEdge(existing, { ...this.#stamp(), id, properties, ...(more && { more }) });
    }
    return { op, id, created: false };
  }

  #patchEdge(operation: Extract<Operation, { op: 'patchEdge' }>): Drafted {
    const { op, id } = operation;
    const edge = this.#visibleEdge(id);
    checkCondition(operation.condition, () => this.#edgeVersion(edge), `edge \`${id}\``);
    const stamp = this.#stamp();
    const { properties, more } = changesToAssignments(edgeState(edge), operation.properties, stamp);
    if (!assignsNothing(properties, more)) {
      this.#updateEdge(edge, { ...stamp, id, properties, ...(Object.keys(more).length > 0 && { more }) });
    }
    return { op, id, created: false };
  }

  #updateEdge(
    edge: DraftEdge,
    update: { clock: number; replica: ReplicaId; id: string; properties: Properties; more?: Assignments },
  ): void {
    const patch: Patch = { kind: 'edge-update', ...update };
    this.#emit(edge.home, patch);
    edge.element.fold(patch);
  }

  #deleteEdge(operation: Extract<Operation, { op: 'deleteEdge' }>): Drafted {
    const { op, id } = operation;
    const edge = this.#visibleEdge(id);
    checkCondition(operation.condition, () => this.#edgeVersion(edge), `edge \`${id}\``);
    this.#removeEdge(edge);
    return { op, id, created: false };
  }

  #removeEdge(edge: DraftEdge): void {
    const { id, home, from, to } = edge;
    const target = this.#homeOf(to);
    this.#view.needAt(target);
    const stamp = this.#stamp();
    const patch: Patch = { kind: 'edge-delete', ...stamp, id };
    edge.element.fold(patch);
    this.#emit(home, patch);
    this.#emit(target, { kind: 'stub-delete', ...stamp, id, from });
  }

  // --- repair

  /** Deletes an existing edge if an endpoint is missing; writes its stub again if that is missing. */
  repairEdge(ordinal: number): boolean {
    const edge = this.#adoptEdge(ordinal);
    if (!edge.element.exists) return false;
    if (!this.#edgeVisible(edge)) {
      this.#removeEdge(edge);
      return true;
    }
    if (this.#view.edges.has(ordinal, STUB_EXISTS) && this.#view.stubEnds(ordinal).to === edge.to) return false;
    const { id, type, from, to } = edge;
    this.#emit(this.#homeOf(to), { kind: 'stub-create', ...this.#stamp(), id, type, from, to });
    return true;
  }

  /** Deletes a stub whose edge does not exist or ends elsewhere. Its source partition must be open. */
  repairStub(ordinal: number): boolean {
    const { id, from, to } = this.#view.stubEnds(ordinal);
    const edge = this.#adoptEdge(ordinal);
    if (edge.element.exists && edge.to === to) return false;
    this.#emit(this.#homeOf(to), { kind: 'stub-delete', ...this.#stamp(), id, from });
    return true;
  }
}

function edgeState(edge: DraftEdge): ElementState {
  return present(edge.element.state(), 'an existing edge has a state');
}

function edgeKey(home: number, id: string): string {
  return `${home}/${id}`;
}

function labelAssignments(state: ElementState, change: LabelChange | undefined): Assignments {
  if (change === undefined) return {};
  const held = state.labels();
  const add = change.kind === 'replace' ? change.labels : change.add;
  const remove = change.kind === 'replace' ? held.filter((label) => !change.labels.includes(label)) : change.remove;
  return { ...(add.length > 0 && { labelsAdded: add }), ...(remove.length > 0 && { labelsRemoved: remove }) };
}

function assignsNothing(properties: Properties, more: Assignments): boolean {
  for (const _ in properties) return false;
  return Object.keys(more).length === 0;
}

function sameProperties(held: Properties, wanted: Properties): boolean {
  const names = Object.keys(wanted);
  if (names.length !== Object.keys(held).length) return false;
  return names.every((name) => {
    const value = getOwn(held, name);
    return value !== undefined && valuesEqual(value, wanted[name] as Value);
  });
}

function checkCondition(condition: Condition | undefined, version: () => string | undefined, what: string): void {
  if (condition === undefined) return;
  const held = version();
  const { match, noneMatch } = condition;
  const matches = (versions: '*' | readonly string[]) =>
    held !== undefined && (versions === '*' || versions.includes(held));
  if (match !== undefined && !matches(match)) {
    throw new WeftError('precondition-failed', `${what} does not have the version that If-Match asks for`, {
      version: held ?? null,
    });
  }
  if (noneMatch !== undefined && matches(noneMatch)) {
    throw new WeftError('precondition-failed', `${what} has a version that If-None-Match excludes`, {
      version: held ?? null,
    });
  }
}
