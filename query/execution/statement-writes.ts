/** What a statement has written so far: elements that it made, and what it changed of those of the graph. */
import type { EdgeId, NodeId } from '../../base/ids.ts';
import type { Operation } from '../../graph/model.ts';
import type { StatementGraph } from '../../graph/query-graph.ts';
import type { Properties } from '../../graph/value.ts';
import { runtimeError } from '../query-error.ts';
import { differences } from './property-changes.ts';

/** Ordinals of elements that the statement made begin here. */
export const FIRST_NEW = 2 ** 30;

export interface NewNode {
  id: NodeId | undefined;
  labels: readonly string[];
  properties: Properties;
  deleted: boolean;
}

export interface NewEdge {
  id: EdgeId | undefined;
  readonly type: string;
  readonly from: number;
  readonly to: number;
  properties: Properties;
  deleted: boolean;
}

/** What changed of an element of the graph. */
export interface Change {
  labels: readonly string[] | undefined;
  properties: Properties | undefined;
  deleted: boolean;
  detach: boolean;
}

export class StatementWrites {
  readonly newNodes: NewNode[] = [];
  readonly newEdges: NewEdge[] = [];
  readonly nodes = new Map<number, Change>();
  readonly edges = new Map<number, Change>();
  /** New edges by end. */
  readonly out = new Map<number, number[]>();
  readonly in = new Map<number, number[]>();

  newNode(node: number): NewNode {
    return this.newNodes[node - FIRST_NEW] as NewNode;
  }

  newEdge(edge: number): NewEdge {
    return this.newEdges[edge - FIRST_NEW] as NewEdge;
  }

  /** What changes of a node of the graph. */
  nodeChange(node: number): Change {
    return changeOf(this.nodes, node);
  }

  edgeChange(edge: number): Change {
    return changeOf(this.edges, edge);
  }

  addNode(node: NewNode): number {
    return FIRST_NEW + this.newNodes.push(node) - 1;
  }

  addEdge(made: NewEdge): number {
    const edge = FIRST_NEW + this.newEdges.push(made) - 1;
    append(this.out, made.from, edge);
    append(this.in, made.to, edge);
    return edge;
  }

  /** How many elements it is about. */
  get size(): number {
    return this.newNodes.length + this.newEdges.length + this.nodes.size + this.edges.size;
  }

  /** As `GraphOverlay.operations`. @param nodeId of new nodes too */
  operations(base: StatementGraph, nodeId: (node: number) => NodeId): Operation[] {
    this.#checkDeleted(base);
    const operations: Operation[] = [];
    // What goes comes first: a node that is made may have the key, and so the id, of one that is deleted.
    for (const [edge, { deleted }] of this.edges) {
      if (deleted) operations.push({ op: 'deleteEdge', id: base.edgeId(edge) });
    }
    for (const [node, { deleted, detach }] of this.nodes) {
      if (deleted) operations.push({ op: 'deleteNode', id: base.nodeId(node), detach });
    }
    for (let i = 0; i < this.newNodes.length; i++) {
      const { id, deleted, labels, properties } = this.newNodes[i] as NewNode;
      if (deleted) continue;
      // Nobody has asked for its id, and no relationship names it: the graph makes one as it creates the node.
      const isNamed = id !== undefined || this.out.has(FIRST_NEW + i) || this.in.has(FIRST_NEW + i);
      operations.push({ op: 'createNode', ...(isNamed ? { id: nodeId(FIRST_NEW + i) } : {}), labels, properties });
    }
    for (const [node, change] of this.nodes) if (!change.deleted) patchNode(base, { node, change }, operations);
    for (let i = 0; i < this.newEdges.length; i++) {
      const { id, deleted, type, from, to, properties } = this.newEdges[i] as NewEdge;
      if (deleted) continue;
      const named = id === undefined ? {} : { id };
      operations.push({ op: 'createEdge', ...named, type, from: nodeId(from), to: nodeId(to), properties });
    }
    for (const [edge, change] of this.edges) {
      if (change.deleted || change.properties === undefined) continue;
      const properties = differences(base.edgeProperties(edge), change.properties);
      if (properties !== undefined) operations.push({ op: 'patchEdge', id: base.edgeId(edge), properties });
    }
    return operations;
  }

  #checkDeleted(base: StatementGraph): void {
    const buffer = { edges: new Int32Array(16), neighbors: new Int32Array(16), length: 0 };
    const check = (node: number) => {
      buffer.length = 0;
      if (node < FIRST_NEW) base.expand(node, 'both', undefined, buffer);
      let left = 0;
      for (let i = 0; i < buffer.length; i++) if (this.edges.get(buffer.edges[i] as number)?.deleted !== true) left++;
      for (const edges of [this.out.get(node), this.in.get(node)]) {
        for (const edge of edges ?? []) if (!this.newEdge(edge).deleted) left++;
      }
      if (left === 0) return;
      throw runtimeError(
        'ConstraintVerificationFailed',
        'DeleteConnectedNode',
        `a node with ${left} relationships cannot be deleted: delete them first, or use DETACH DELETE`,
      );
    };
    for (const [node, { deleted }] of this.nodes) if (deleted) check(node);
    for (let i = 0; i < this.newNodes.length; i++) if (this.newNodes[i]?.deleted === true) check(FIRST_NEW + i);
  }
}

function patchNode(
  base: StatementGraph,
  { node, change: { labels, properties } }: { readonly node: number; readonly change: Change },
  operations: Operation[],
): void {
  const changes = properties === undefined ? undefined : differences(base.nodeProperties(node), properties);
  const before = base.labels(node);
  const add = labels?.filter((label) => !before.includes(label)) ?? [];
  const remove = labels === undefined ? [] : before.filter((label) => !labels.includes(label));
  if (changes === undefined && add.length === 0 && remove.length === 0) return;
  operations.push({
    op: 'patchNode',
    id: base.nodeId(node),
    ...(add.length + remove.length === 0 ? {} : { labels: { kind: 'change', add, remove } as const }),
    ...(changes === undefined ? {} : { properties: changes }),
  });
}

function changeOf(changes: Map<number, Change>, ordinal: number): Change {
  let change = changes.get(ordinal);
  if (change === undefined) {
    change = { labels: undefined, properties: undefined, deleted: false, detach: false };
    changes.set(ordinal, change);
  }
  return change;
}

function append(lists: Map<number, number[]>, key: number, item: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}
