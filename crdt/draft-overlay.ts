/**
 * A draft's copies of elements, each made when an operation first looks for it: as the view shows it, and then with what was
 * drafted of it. Whatever it needs of the view must be open (ENG-2).
 */
import type { EdgeId } from '../base/ids.ts';
import { type DraftEdge, DraftElement, type DraftNode, edgeKey, edgeOfView, newEdge } from './draft-element.ts';
import type { DraftedPatch } from './drafted-patch.ts';
import { EDGE_RECORD } from './edge-table.ts';
import type { GraphView } from './graph-view.ts';
import type { EdgeCreate, NodeCreate } from './patch.ts';

export type MadePatch = DraftedPatch<NodeCreate | EdgeCreate>;

export class DraftOverlay {
  readonly #view: GraphView;
  /** Made when there is something for them: most drafts are of one element that nobody knew. */
  #nodes: Map<string, DraftNode> | undefined;
  #edges: Map<string, DraftEdge> | undefined;
  /** Edges that the view does not know, by id. */
  #newById: Map<string, Set<DraftEdge>> | undefined;
  /**
   * Creates of elements with ids made here, which no later operation has looked for: there are no copies of them yet.
   * Callers hardly ever know such an id before the answer, so most drafts end like this.
   */
  #made: MadePatch[] = [];
  /** As `Draft.lookedBack`. */
  lookedBack = false;

  constructor(view: GraphView) {
    this.#view = view;
  }

  /** Takes note of an element whose id was made here. */
  add(patch: MadePatch): void {
    this.#made.push(patch);
  }

  /** Whether there is a copy of the node already. */
  hasNode(id: string): boolean {
    return this.#nodes?.has(id) === true;
  }

  /** The copy of a node, known or not. @throws Unhydrated */
  node(id: string): DraftNode {
    const drafted = this.#nodes?.get(id);
    if (drafted !== undefined) return drafted;
    const { nodes } = this.#view;
    const known = nodes.find(id);
    const record = known !== undefined && nodes.hasRecord(known) ? known : undefined;
    if (record === undefined && this.#lookBack()) return this.node(id);
    const home = known === undefined ? this.#view.homeOf(id) : (nodes.home[known] as number);
    this.#view.needAt(home);
    const registers = record === undefined ? undefined : nodes.registers.get(record);
    const exists = registers?.exists ?? record !== undefined;
    const base = registers ?? (record === undefined ? undefined : nodes.plainCreate(record));
    const visible = record !== undefined && nodes.exists(record);
    const expired = record !== undefined && nodes.hasExpired(record);
    const element = new DraftElement(exists, base);
    return this.#addNode({ id, home, row: known, element, visible, expired, made: undefined });
  }

  #addNode(node: DraftNode): DraftNode {
    this.#nodes ??= new Map();
    this.#nodes.set(node.id, node);
    return node;
  }

  /** Makes copies of the elements that were made so far. False if there are none. */
  #lookBack(): boolean {
    if (this.#made.length === 0) return false;
    this.lookedBack = true;
    const made = this.#made;
    this.#made = [];
    for (const { home, patch } of made) {
      if (patch.kind === 'node-create') {
        const { id } = patch;
        const element = new DraftElement(true, patch);
        this.#addNode({ id, home, row: undefined, element, visible: true, expired: false, made: undefined });
      } else {
        this.foldEdge(this.#newEdge(home, patch.id as EdgeId), patch);
      }
    }
    return true;
  }

  /** All existing edges of a node, hidden ones included. */
  incident(of: DraftNode): DraftEdge[] {
    this.#lookBack();
    const { id, made } = of;
    const { nodes, edges } = this.#view;
    const found = new Set<DraftEdge>();
    const node = nodes.find(id);
    if (node !== undefined) {
      for (let i = 0; i < nodes.out.degree(node); i++) found.add(this.edgeOf(nodes.out.edgeAt(node, i)));
      for (let i = 0; i < nodes.in.degree(node); i++) {
        const edge = edges.mainOf(nodes.in.edgeAt(node, i));
        if (!edges.has(edge, EDGE_RECORD)) this.#view.needAt(edges.home[edge] as number);
        if (edges.to[edge] === node) found.add(this.edgeOf(edge));
      }
    }
    for (const edge of made ?? []) found.add(edge);
    // An edge that this draft deleted and created again may have other ends now.
    return Array.from(found).filter((edge) => edge.element.exists && (edge.from === id || edge.to === id));
  }

  /** The copy of an edge of the view. */
  edgeOf(edge: number): DraftEdge {
    const { edges } = this.#view;
    const key = edgeKey(edges.home[edge] as number, edges.idAt(edge));
    const drafted = this.#edges?.get(key);
    if (drafted !== undefined) return drafted;
    const adopted = edgeOfView(this.#view, edge);
    this.#edges ??= new Map();
    this.#edges.set(key, adopted);
    return adopted;
  }

  /** The existing edge with this id, visible or hidden; a visible one first. */
  findEdge(id: string): DraftEdge | undefined {
    this.#lookBack();
    const candidates = new Set(this.#newById?.get(id));
    for (const edge of this.#view.edges.findAll(id)) {
      const home = this.#view.edges.home[edge] as number;
      if (!this.#view.edges.has(edge, EDGE_RECORD) && !this.#view.isOpen(this.#view.partitionAt(home))) continue;
      candidates.add(this.edgeOf(edge));
    }
    let hidden: DraftEdge | undefined;
    for (const edge of candidates) {
      if (this.isVisible(edge)) return edge;
      if (edge.element.exists) hidden = edge;
    }
    return hidden;
  }

  /** Whether it exists, and both its ends do. @throws Unhydrated */
  isVisible(edge: DraftEdge): boolean {
    return edge.element.exists && !edge.expired && this.node(edge.from).visible && this.node(edge.to).visible;
  }

  /** Makes it what its create says, and known at both ends. @throws Unhydrated */
  foldEdge(edge: DraftEdge, patch: EdgeCreate): void {
    edge.element.fold(patch);
    edge.expired = false;
    edge.type = patch.type;
    edge.from = patch.from;
    edge.to = patch.to;
    for (const end of [patch.from, patch.to]) {
      const node = this.node(end);
      node.made ??= new Set();
      node.made.add(edge);
    }
  }

  /** The copy of an edge, known or not, whose source is in that partition. */
  edgeAt(home: number, id: EdgeId): DraftEdge {
    const key = edgeKey(home, id);
    const drafted = this.#edges?.get(key);
    if (drafted !== undefined) return drafted;
    const known = this.#view.edges.find(id, home);
    if (known !== undefined && this.#view.edges.has(known, EDGE_RECORD)) return this.edgeOf(known);
    return this.#newEdge(home, id);
  }

  #newEdge(home: number, id: EdgeId): DraftEdge {
    const edge = newEdge(home, id);
    this.#edges ??= new Map();
    this.#edges.set(edgeKey(home, id), edge);
    this.#newById ??= new Map();
    const named = this.#newById.get(id);
    if (named === undefined) this.#newById.set(id, new Set([edge]));
    else named.add(edge);
    return edge;
  }
}
