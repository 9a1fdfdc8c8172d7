/** Nodes and edges as a draft leaves them. Registers are folded only when a later operation asks for them. */
import { present } from '../base/assert.ts';
import type { Properties } from '../graph/value.ts';
import { clearing, sameProperties } from './assignments.ts';
import { EDGE_EXPIRED, EDGE_RECORD } from './edge-table.ts';
import { type ElementState, PlainState } from './element-state.ts';
import type { GraphView } from './graph-view.ts';
import type { EdgeCreate, NodeCreate, Patch } from './patch.ts';
import { Registers } from './registers.ts';

/** What the view has of an element: registers, or a single create, or nothing. */
type Base = Registers | NodeCreate | EdgeCreate | undefined;

export class DraftElement {
  readonly #base: Base;
  /** Not folded yet: the first, and, rarely, further ones. */
  #patch: Patch | undefined;
  #morePatches: Patch[] | undefined;
  #folded: Registers | undefined;
  #exists: boolean;

  constructor(exists: boolean, base: Base) {
    this.#exists = exists;
    this.#base = base;
  }

  fold(patch: Patch): void {
    if (this.#patch === undefined) this.#patch = patch;
    else {
      this.#morePatches ??= [];
      this.#morePatches.push(patch);
    }
    if (patch.kind === 'node-create' || patch.kind === 'edge-create') this.#exists = true;
    else if (patch.kind === 'node-delete' || patch.kind === 'edge-delete') this.#exists = false;
  }

  /** By its own registers. */
  get exists(): boolean {
    return this.#exists;
  }

  /** Undefined if nothing is known of the element. */
  state(): ElementState | undefined {
    if (this.#folded !== undefined || this.#morePatches !== undefined) return this.registers();
    const base = this.#base;
    const patch = this.#patch;
    if (patch === undefined) return base instanceof Registers ? base : plainState(base);
    return (base === undefined ? plainState(patch) : undefined) ?? this.registers();
  }

  registers(): Registers {
    if (this.#folded === undefined) {
      const base = this.#base;
      this.#folded = base instanceof Registers ? base.clone() : new Registers();
      if (base !== undefined && !(base instanceof Registers)) this.#folded.fold(base);
    }
    if (this.#patch !== undefined) this.#folded.fold(this.#patch);
    for (const patch of this.#morePatches ?? []) this.#folded.fold(patch);
    this.#patch = undefined;
    this.#morePatches = undefined;
    return this.#folded;
  }
}

/** The state that a single patch says, unless it takes registers to hold it. */
function plainState(only: Patch | undefined): ElementState | undefined {
  if (only?.kind === 'node-create' && only.more === undefined) return new PlainState(only.labels, only.properties);
  if (only?.kind === 'edge-create' && only.more === undefined) return new PlainState([], only.properties);
  return undefined;
}

export interface DraftNode {
  readonly id: string;
  /** Ordinal of its partition in the view. */
  readonly home: number;
  /** Its ordinal in the view, if it had one when the draft looked. */
  readonly row: number | undefined;
  readonly element: DraftElement;
  /** What it shows, beyond its registers: a node may be restored by an edge. */
  visible: boolean;
  /** It is there, but its time has come. */
  expired: boolean;
  /** Edges that the draft created at this node. */
  made: Set<DraftEdge> | undefined;
}

export interface DraftEdge {
  readonly id: string;
  /** Ordinal of the source partition in the view. */
  readonly home: number;
  readonly element: DraftElement;
  /** It is there, but its time has come. */
  expired: boolean;
  /** Ends of the existing edge, or of the one that was deleted. */
  type: string;
  from: string;
  to: string;
}

/** Of an edge that exists. */
export function edgeState(edge: DraftEdge): ElementState {
  return present(edge.element.state(), 'an existing edge has a state');
}

/** Whether a visible node exists by itself, with just this. @param labels in canonical order */
export function showsJust({ element }: DraftNode, labels: readonly string[], wanted: Content): boolean {
  if (!element.exists) return false;
  const state = present(element.state(), 'an existing node has a state');
  const held = state.labels();
  return labels.length === held.length && labels.every((label, i) => label === held[i]) && sameContent(state, wanted);
}

interface Content {
  readonly properties: Properties;
  /** Those of them that are texts. */
  readonly texts?: readonly string[];
}

/** Whether an element shows just these properties, and the same ones are texts. */
export function sameContent(state: ElementState, { properties, texts = [] }: Content): boolean {
  const held = state.textNames() ?? [];
  if (held.length !== texts.length || !texts.every((name) => held.includes(name))) return false;
  return sameProperties(state.properties(), properties);
}

/** What a create alone makes of an element. */
export function stateOfCreate(create: NodeCreate | EdgeCreate): Registers {
  const registers = new Registers();
  registers.fold(create);
  return registers;
}

/**
 * What makes a node that only an edge brings back exist by itself again, with what it shows. It takes the place of what was counted
 * so far, which whoever has not heard of the deletion counts on from.
 */
export function settledAs(known: ElementState): Pick<NodeCreate, 'labels' | 'properties' | 'more'> {
  const shown = { labels: known.labels(true), properties: known.properties(true) };
  return { ...shown, ...clearing(known, shown.labels, shown.properties, known.textNames(true)) };
}

/** Names an edge in a draft: its id is unique only within the partition of its source. */
export function edgeKey(home: number, id: string): string {
  return `${home}/${id}`;
}

/** An edge of which nothing is known yet. */
export function newEdge(home: number, id: string): DraftEdge {
  return { id, home, element: new DraftElement(false, undefined), expired: false, type: '', from: '', to: '' };
}

/** An edge as the view has it. */
export function edgeOfView(view: GraphView, edge: number): DraftEdge {
  const { edges, nodes } = view;
  const registers = edges.registers.get(edge);
  const record = edges.has(edge, EDGE_RECORD);
  const base = registers ?? (record ? view.plainEdgeCreate(edge) : undefined);
  return {
    id: edges.idAt(edge),
    home: edges.home[edge] as number,
    element: new DraftElement(registers?.exists ?? record, base),
    expired: edges.has(edge, EDGE_EXPIRED),
    type: edges.types[edges.type[edge] as number] ?? '',
    from: nodes.ids[edges.from[edge] as number] ?? '',
    to: nodes.ids[edges.to[edge] as number] ?? '',
  };
}
