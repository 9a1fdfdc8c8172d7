/** `_system` as users see it: readable like any graph, written only by the engine. */
import { WeftError } from '../../base/errors.ts';
import type { Graph } from '../engine-port.ts';

export class ProtectedGraph implements Graph {
  readonly #graph: Graph;
  readonly node: Graph['node'];
  readonly nodeNow: Graph['nodeNow'];
  readonly edge: Graph['edge'];
  readonly nodes: Graph['nodes'];
  readonly edgesOf: Graph['edgesOf'];
  readonly neighbors: Graph['neighbors'];
  readonly shortestPath: Graph['shortestPath'];
  readonly export: Graph['export'];
  readonly changes: Graph['changes'];
  readonly digest: Graph['digest'];
  readonly integrity: Graph['integrity'];
  readonly usage: Graph['usage'];
  readonly counts: Graph['counts'];

  constructor(graph: Graph) {
    this.#graph = graph;
    this.node = graph.node.bind(graph);
    this.nodeNow = graph.nodeNow.bind(graph);
    this.edge = graph.edge.bind(graph);
    this.nodes = graph.nodes.bind(graph);
    this.edgesOf = graph.edgesOf.bind(graph);
    this.neighbors = graph.neighbors.bind(graph);
    this.shortestPath = graph.shortestPath.bind(graph);
    this.export = graph.export.bind(graph);
    this.changes = graph.changes.bind(graph);
    this.digest = graph.digest.bind(graph);
    this.integrity = graph.integrity.bind(graph);
    this.usage = graph.usage.bind(graph);
    this.counts = graph.counts.bind(graph);
  }

  get key(): string {
    return this.#graph.key;
  }

  get description(): Graph['description'] {
    return this.#graph.description;
  }

  query(...[statement, options]: Parameters<Graph['query']>): ReturnType<Graph['query']> {
    return this.#graph.query(statement, { ...options, accessMode: 'read' });
  }

  queryRows(...[statement, options]: Parameters<Graph['queryRows']>): ReturnType<Graph['queryRows']> {
    return this.#graph.queryRows(statement, { ...options, accessMode: 'read' });
  }

  transaction(...[statements, options]: Parameters<Graph['transaction']>): ReturnType<Graph['transaction']> {
    return this.#graph.transaction(statements, { ...options, accessMode: 'read' });
  }

  transactionOnce(
    ...[statements, options, key]: Parameters<Graph['transactionOnce']>
  ): ReturnType<Graph['transactionOnce']> {
    return this.#graph.transactionOnce(statements, { ...options, accessMode: 'read' }, key);
  }

  async write(): Promise<never> {
    throw this.#refusal();
  }

  async load(): Promise<never> {
    throw this.#refusal();
  }

  async repair(): Promise<never> {
    throw this.#refusal();
  }

  #refusal(): WeftError {
    const { name } = this.description;
    return new WeftError('graph-protected', `graph \`${name}\` is written by the server only`, { graph: name });
  }
}
