/** Two arrays of elements, changed in place, with the counts of an answer. A copy is made before a statement runs. */
import { type Plain, PlainEdge, PlainError, PlainNode } from './plain-values.model.ts';

export class PlainGraph {
  nodes: PlainNode[] = [];
  edges: PlainEdge[] = [];
  readonly counts = { nodesCreated: 0, nodesDeleted: 0, relationshipsCreated: 0, relationshipsDeleted: 0 };
  #places = 0;

  createNode(labels: Iterable<string>, properties: Iterable<readonly [string, Plain]>, id?: string): PlainNode {
    const place = this.#places++;
    const node = new PlainNode(id ?? `new${place}`, place, labels, properties);
    this.nodes.push(node);
    this.counts.nodesCreated++;
    return node;
  }

  createEdge(
    type: string,
    ends: { readonly from: PlainNode; readonly to: PlainNode },
    properties: Iterable<readonly [string, Plain]>,
    id?: string,
  ): PlainEdge {
    const place = this.#places++;
    const edge = new PlainEdge({ id: id ?? `new${place}`, place, type }, ends, properties);
    this.edges.push(edge);
    this.counts.relationshipsCreated++;
    return edge;
  }

  deleteEdge(edge: PlainEdge): void {
    if (!this.edges.includes(edge)) return;
    this.edges = this.edges.filter((each) => each !== edge);
    this.counts.relationshipsDeleted++;
  }

  deleteNode(node: PlainNode, detach: boolean): void {
    if (!this.nodes.includes(node)) return;
    if (detach) for (const edge of this.#at(node)) this.deleteEdge(edge);
    this.nodes = this.nodes.filter((each) => each !== node);
    this.counts.nodesDeleted++;
  }

  #at(node: PlainNode): readonly PlainEdge[] {
    return this.edges.filter(({ from, to }) => from === node || to === node);
  }

  /** At the end of a statement. */
  check(): void {
    for (const { from, to } of this.edges) {
      if (!this.nodes.includes(from) || !this.nodes.includes(to)) throw new PlainError('an end of an edge is deleted');
    }
  }
}
