/**
 * A draft turns operations into patches. It is an overlay over the view: it reads its own writes, and until it is
 * committed nobody else sees any of them; dropping it leaves nothing behind.
 *
 * - ENG-1 `apply` either adds all patches of an operation or throws and adds none.
 * - ENG-2 A draft touches only open partitions: whatever else it needs is thrown as `Unhydrated`, the caller opens it
 *   and drafts again.
 *
 * The overlay itself is in `draft-overlay.ts`; elements, conditions and assignments have files of their own, too, as do
 * operations that only a server makes (`upkeep.ts`), which share `overlay`, `stamp`, `emit`, `removeEdge` and `endExpired`.
 */
import { present } from '../base/assert.ts';
import { WeftError } from '../base/errors.ts';
import type { EdgeId, NodeId, ReplicaId } from '../base/ids.ts';
import type { Condition, Operation, OperationResult } from '../graph/model.ts';
import type { Properties } from '../graph/value.ts';
import { assignsNothing, changesToAssignments, clearing, hasAny, labelAssignments, withTexts } from './assignments.ts';
import { checkCondition } from './condition.ts';
import type { Shown } from './constraint-set.ts';
import { withDefaultExpiry } from './default-expiry.ts';
import type { DraftConstraints } from './draft-constraints.ts';
import {
  type DraftEdge,
  type DraftNode,
  edgeState,
  sameContent,
  settledAs,
  showsJust,
  stateOfCreate,
} from './draft-element.ts';
import { DraftOverlay } from './draft-overlay.ts';
import { DraftedPatch, type DraftOptions, NewEdge, NewStub } from './drafted-patch.ts';
import type { ElementState } from './element-state.ts';
import type { GraphView } from './graph-view.ts';
import type { Assignments, EdgeCreate, NodeCreate, NodeUpdate, Patch } from './patch.ts';
import { encodeEdgeCreate, encodePatch } from './patch-codec.ts';
import type { QuotaMeter } from './quota-meter.ts';
import { makeEdgeId } from './routing.ts';
import { wallMsOfClock } from './stamp.ts';
import { textsOf } from './texts-of.ts';
import { uniqueText } from './unique-text.ts';
import { plainVersion, registersVersion } from './version.ts';

/** Without element it is completed after the batch; with it, it holds if nothing `lookedBack`. */
export interface Drafted extends OperationResult {
  /** Of an updated node, as in `DraftedPatch`. */
  readonly row?: number | undefined;
}

/** Partitions of the ends of an edge, by ordinal, and the ends' own ordinals if the view has them. */
interface Endpoints {
  readonly home: number;
  readonly target: number;
  readonly fromRow?: number | undefined;
  readonly toRow?: number | undefined;
}

export class Draft {
  readonly patches: DraftedPatch[] = [];
  readonly view: GraphView;
  readonly overlay: DraftOverlay;
  readonly #options: DraftOptions;
  /** Absent in most graphs. */
  readonly #constraints: DraftConstraints | undefined;
  readonly #meter: QuotaMeter | undefined;
  /** When the first patch was stamped: what follows is drafted in the same step. */
  #wall: number | undefined;

  constructor(options: DraftOptions) {
    this.#meter = options.quota?.(this);
    this.#options = options;
    this.#constraints = options.constraints?.(this);
    this.view = options.view;
    this.overlay = new DraftOverlay(options.view);
  }

  /** True once an operation looked for elements that earlier ones made. */
  get lookedBack(): boolean {
    return this.overlay.lookedBack;
  }

  /** Adds the patches of one operation. @throws WeftError, definite; Unhydrated */
  apply(operation: Operation): Drafted {
    const constraints = this.#constraints;
    const { expiry, clock } = this.#options;
    const given = expiry === undefined ? operation : withDefaultExpiry(operation, expiry, wallMsOfClock(clock.tick()));
    const prepared = constraints?.prepared(given, this.#options.skipEqual) ?? given;
    const growth = this.#meter?.admit(prepared);
    const drafted = this.#apply(prepared);
    constraints?.drafted(prepared, drafted.id);
    if (growth !== undefined) this.#meter?.add(growth);
    return drafted;
  }

  /** After the operations that are one for their user: CON-1. @throws WeftError `constraint-violated`, definite; Unhydrated */
  check(): void {
    this.#constraints?.check();
  }

  #apply(operation: Operation): Drafted {
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

  /** An empty draft over the same view. */
  fresh(): Draft {
    return new Draft(this.#options);
  }

  shownNode(id: string): Shown | undefined {
    const { visible, element } = this.overlay.node(id);
    const state = visible ? element.state() : undefined;
    const restored = !element.exists;
    return state && { labels: state.labels(restored), properties: state.properties(restored) };
  }

  shownEdge(id: string): (Shown & { readonly from: string }) | undefined {
    const edge = this.overlay.findEdge(id);
    if (edge === undefined || !this.overlay.isVisible(edge)) return undefined;
    return { labels: [edge.type], from: edge.from, properties: edgeState(edge).properties() };
  }

  /** A result with its element as this draft shows it now, whatever becomes of the view. */
  completed(result: OperationResult): OperationResult {
    if (result.element !== undefined && !this.lookedBack) return result;
    const { op, id, created } = result;
    if (op === 'deleteNode' || op === 'deleteEdge') return { op, id, created };
    if (op === 'createNode' || op === 'putNode' || op === 'patchNode') {
      const shown = this.shownNode(id);
      if (shown === undefined) return { op, id, created };
      const labels = this.view.nodes.labelSet(shown.labels);
      const held = this.overlay.node(id).element;
      const texts = textsOf('node', id, held.state(), !held.exists);
      const element = { id: id as NodeId, labels, properties: shown.properties, ...texts };
      return { op, id, created, element, version: registersVersion(held.registers(), !held.exists) };
    }
    const edge = this.overlay.findEdge(id);
    if (edge === undefined || !this.overlay.isVisible(edge)) return { op, id, created };
    const { type, from, to } = edge;
    const ends = { type, from: from as NodeId, to: to as NodeId };
    const state = edgeState(edge);
    const element = { id: id as EdgeId, ...ends, properties: state.properties(), ...textsOf('edge', id, state) };
    return { op, id, created, element, version: registersVersion(edge.element.registers()) };
  }

  stamp(): { readonly clock: number; readonly replica: ReplicaId } {
    const { clock, replica } = this.#options;
    this.#wall ??= clock.wall();
    return { clock: clock.tick(this.#wall), replica };
  }

  /** @throws WeftError `payload-too-large`, definite: so it comes before the draft itself changes */
  emit(home: number, patch: Patch, chosenId = false, row?: number): void {
    this.patches.push(new DraftedPatch(home, patch, encodePatch(patch), chosenId, row));
  }

  // --- nodes

  /** @throws WeftError `node-not-found`, definite */
  #visibleNode(id: string): DraftNode {
    const node = this.overlay.node(id);
    if (!node.visible) throw new WeftError('node-not-found', `there is no node \`${id}\``, { id });
    return node;
  }

  #foldNode(node: DraftNode, patch: Patch, visible: boolean): void {
    this.emit(node.home, patch, false, node.row);
    node.element.fold(patch);
    node.visible = visible;
  }

  #checkNode(node: DraftNode, condition: Condition | undefined): void {
    if (condition === undefined) return;
    const { element, visible } = node;
    const version = visible ? registersVersion(element.registers(), !element.exists) : undefined;
    checkCondition(condition, version, `node \`${node.id}\``);
  }

  #createNode(operation: Extract<Operation, { op: 'createNode' }>): Drafted {
    const stamp = this.stamp();
    const { op, labels, properties, texts, condition, id = uniqueText(stamp) as NodeId } = operation;
    // Somebody may have chosen this id, of the form that ids made here have.
    const isFree = () => !this.overlay.hasNode(id) && this.view.nodes.find(id) === undefined;
    if (operation.id === undefined && condition === undefined && isFree()) {
      const { clock, replica } = stamp;
      const patch: NodeCreate = { kind: 'node-create', clock, replica, id, labels, properties };
      return this.#makeNode(op, withTexts(patch, texts));
    }
    const node = this.overlay.node(id);
    this.#checkNode(node, condition);
    if (node.visible) throw new WeftError('node-exists', `node \`${id}\` exists`, { id });
    const fresh = this.endExpired(node) ? this.stamp() : stamp;
    const more = clearing(node.element.state(), labels, properties, texts);
    this.#foldNode(node, { kind: 'node-create', ...fresh, id, labels, properties, ...more }, true);
    return { op, id, created: true };
  }

  /** What has expired does not come back with a node of the same id, nor do its edges. False if the node has not. */
  endExpired(node: DraftNode): boolean {
    if (!node.expired) return false;
    for (const edge of this.overlay.incident(node)) this.removeEdge(edge);
    this.#foldNode(node, { kind: 'node-delete', ...this.stamp(), id: node.id }, false);
    node.expired = false;
    return true;
  }

  /** Creates a node whose id was made from the stamp of `patch`. */
  #makeNode(op: Operation['op'], patch: NodeCreate): Drafted {
    const home = this.view.indexOf(this.view.partitionOf(patch.id));
    this.view.needAt(home);
    const drafted = new DraftedPatch(home, patch, encodePatch(patch), false);
    this.patches.push(drafted);
    this.overlay.add(drafted);
    const id = patch.id as NodeId;
    const shown = { id, labels: this.view.nodes.labelSet(patch.labels), properties: patch.properties };
    const element = patch.more === undefined ? shown : { ...shown, ...textsOf('node', id, stateOfCreate(patch)) };
    return { op, id, created: true, element, version: plainVersion(patch.clock, patch.replica) };
  }

  #putNode(operation: Extract<Operation, { op: 'putNode' }>): Drafted {
    const { op, id, labels, properties, texts } = operation;
    const node = this.overlay.node(id);
    const existed = node.visible;
    this.#checkNode(node, operation.condition);
    if (this.#options.skipEqual && existed && showsJust(node, this.view.nodes.labelSet(labels), operation)) {
      return { op, id, created: false };
    }
    this.endExpired(node);
    const more = clearing(node.element.state(), labels, properties, texts);
    this.#foldNode(node, { kind: 'node-create', ...this.stamp(), id, labels, properties, ...more }, true);
    return { op, id, created: !existed };
  }

  #patchNode(operation: Extract<Operation, { op: 'patchNode' }>): Drafted {
    const { op, id } = operation;
    const node = this.#visibleNode(id);
    this.#checkNode(node, operation.condition);
    let state: ElementState = present(node.element.state(), 'a visible node has a state');
    let settling: NodeCreate | undefined;
    if (!state.exists) {
      // A write to a node that only an edge brings back makes it exist by itself again, with what it shows.
      settling = { kind: 'node-create', ...this.stamp(), id, ...settledAs(state) };
      const registers = node.element.registers().clone();
      registers.fold(settling);
      state = registers;
    }
    const stamp = this.stamp();
    const change = changesToAssignments(state, operation.properties ?? {}, stamp, 'node', id);
    const more =
      operation.labels === undefined ? change.more : { ...change.more, ...labelAssignments(state, operation.labels) };
    if (assignsNothing(change.properties, more)) return { op, id, created: false };
    if (settling !== undefined) this.#foldNode(node, settling, true);
    const { properties } = change;
    const { clock, replica } = stamp;
    const update: NodeUpdate = hasAny(more)
      ? { kind: 'node-update', clock, replica, id, properties, more }
      : { kind: 'node-update', clock, replica, id, properties };
    this.#foldNode(node, update, true);
    return { op, id, created: false, row: node.row };
  }

  #deleteNode(operation: Extract<Operation, { op: 'deleteNode' }>): Drafted {
    const { op, id, detach } = operation;
    const node = this.#visibleNode(id);
    this.#checkNode(node, operation.condition);
    const edges = this.overlay.incident(node);
    const visible = edges.filter((edge) => this.overlay.isVisible(edge)).length;
    if (visible > 0 && !detach) {
      throw new WeftError('node-has-edges', `node \`${id}\` has ${visible} edges`, { id, edges: visible });
    }
    for (const edge of edges) this.removeEdge(edge);
    this.#foldNode(node, { kind: 'node-delete', ...this.stamp(), id }, false);
    return { op, id, created: false };
  }

  // --- edges

  #visibleEdge(id: EdgeId): DraftEdge {
    const edge = this.overlay.findEdge(id);
    if (edge === undefined || !this.overlay.isVisible(edge)) {
      throw new WeftError('edge-not-found', `there is no edge \`${id}\``, { id });
    }
    return edge;
  }

  #checkEdge(id: EdgeId, edge: DraftEdge | undefined, condition: Condition | undefined): void {
    if (condition === undefined) return;
    const visible = edge !== undefined && this.overlay.isVisible(edge);
    checkCondition(condition, visible ? registersVersion(edge.element.registers()) : undefined, `edge \`${id}\``);
  }

  #createEdge(operation: Extract<Operation, { op: 'createEdge' | 'putEdge' }>): Drafted {
    const { op, id, type, from, to, properties, texts } = operation;
    const fromRow = this.#endpointRow(from);
    const toRow = this.#endpointRow(to);
    const home = this.#endpoint(from, fromRow, 'from');
    const target = this.#endpoint(to, toRow, 'to');
    if (id === undefined) {
      const stamp = this.stamp();
      const made = makeEdgeId(this.view.partitionAt(home), uniqueText(stamp));
      this.#checkEdge(made, undefined, operation.condition);
      const patch = new NewEdge(stamp, made, operation);
      return this.#makeEdge(op, { home, target, fromRow, toRow }, withTexts(patch, texts));
    }
    const existing = this.overlay.findEdge(id);
    this.#checkEdge(id, existing, operation.condition);
    if (existing !== undefined) {
      if (this.overlay.isVisible(existing)) throw new WeftError('edge-exists', `edge \`${id}\` exists`, { id });
      this.removeEdge(existing);
    }
    const edge = this.overlay.edgeAt(home, id);
    const more = clearing(edge.element.state(), [], properties, texts);
    const patch: EdgeCreate = { kind: 'edge-create', ...this.stamp(), id, type, from, to, properties, ...more };
    this.#emitEdge({ home, target }, patch, true);
    this.overlay.foldEdge(edge, patch);
    return { op, id, created: true };
  }

  /** Emits the create of an edge and of its stub. */
  #emitEdge(
    { home, target, fromRow, toRow }: Endpoints,
    patch: EdgeCreate,
    chosenId: boolean,
  ): DraftedPatch<EdgeCreate> {
    const { edge, stub } = encodeEdgeCreate(patch);
    const drafted = new DraftedPatch(home, patch, edge, chosenId, fromRow, toRow);
    this.patches.push(drafted, new DraftedPatch(target, new NewStub(patch, patch.id, patch), stub, false));
    return drafted;
  }

  /** Creates an edge whose id was made from the stamp of `patch`. */
  #makeEdge(op: Operation['op'], ends: Endpoints, patch: EdgeCreate): Drafted {
    // The name of a long scope is not in the id: such an edge is found as one with a chosen id is.
    this.overlay.add(this.#emitEdge(ends, patch, patch.id.startsWith('~')));
    const { clock, replica, type, properties } = patch;
    const id = patch.id as EdgeId;
    const shown = { id, type, from: patch.from as NodeId, to: patch.to as NodeId, properties };
    const element = patch.more === undefined ? shown : { ...shown, ...textsOf('edge', id, stateOfCreate(patch)) };
    return { op, id, created: true, element, version: plainVersion(clock, replica) };
  }

  /** The ordinal in the view of a visible node of which the draft has no copy: most ends of edges need none. */
  #endpointRow(id: NodeId): number | undefined {
    const { nodes } = this.view;
    const known = this.overlay.hasNode(id) ? undefined : nodes.find(id);
    return known !== undefined && nodes.exists(known) ? known : undefined;
  }

  /** The home of a visible node. @throws WeftError `endpoint-missing`, definite; Unhydrated */
  #endpoint(id: NodeId, row: number | undefined, end: 'from' | 'to'): number {
    if (row !== undefined) return this.view.nodes.home[row] as number;
    const node = this.overlay.node(id);
    if (node.visible) return node.home;
    throw new WeftError('endpoint-missing', `there is no node \`${id}\` for \`${end}\` of the edge`, { id, end });
  }

  #putEdge(operation: Extract<Operation, { op: 'putEdge' }>): Drafted {
    const { op, id, type, from, to, properties, texts } = operation;
    const existing = this.overlay.findEdge(id);
    if (existing === undefined || !this.overlay.isVisible(existing)) {
      return this.#createEdge(operation);
    }
    this.#checkEdge(id, existing, operation.condition);
    if (existing.type !== type || existing.from !== from || existing.to !== to) {
      throw new WeftError('edge-exists', `edge \`${id}\` exists with another type or other endpoints`, { id });
    }
    if (this.#options.skipEqual && sameContent(edgeState(existing), operation)) {
      return { op, id, created: false };
    }
    const { more } = clearing(edgeState(existing), [], properties, texts);
    if (!assignsNothing(properties, more ?? {})) {
      this.#updateEdge(existing, { ...this.stamp(), id, properties, ...(more && { more }) });
    }
    return { op, id, created: false };
  }

  #patchEdge(operation: Extract<Operation, { op: 'patchEdge' }>): Drafted {
    const { op, id } = operation;
    const edge = this.#visibleEdge(id);
    this.#checkEdge(id, edge, operation.condition);
    const stamp = this.stamp();
    const change = changesToAssignments(edgeState(edge), operation.properties, stamp, 'edge', id);
    const { properties, more } = change;
    if (!assignsNothing(properties, more)) {
      this.#updateEdge(edge, { ...stamp, id, properties, ...(hasAny(more) && { more }) });
    }
    return { op, id, created: false };
  }

  #updateEdge(
    edge: DraftEdge,
    update: { clock: number; replica: ReplicaId; id: string; properties: Properties; more?: Assignments },
  ): void {
    const patch: Patch = { kind: 'edge-update', ...update };
    this.emit(edge.home, patch);
    edge.element.fold(patch);
  }

  #deleteEdge(operation: Extract<Operation, { op: 'deleteEdge' }>): Drafted {
    const { op, id } = operation;
    const edge = this.#visibleEdge(id);
    this.#checkEdge(id, edge, operation.condition);
    this.removeEdge(edge);
    return { op, id, created: false };
  }

  /** Emits the delete of an edge and of its stub. */
  removeEdge(edge: DraftEdge): void {
    const { id, home, from, to } = edge;
    const target = this.overlay.node(to).home;
    const stamp = this.stamp();
    const patch: Patch = { kind: 'edge-delete', ...stamp, id };
    edge.element.fold(patch);
    this.emit(home, patch);
    this.emit(target, { kind: 'stub-delete', ...stamp, id, from });
  }
}
