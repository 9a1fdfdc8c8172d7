/**
 * A graph as a principal with limited rights sees it. Elements of scopes that he may not read do not exist for him: lists,
 * edges and exports leave them out. What names a foreign scope itself is refused, which tells nothing. What would have to
 * look at the whole graph (queries, longer walks, digests) needs rights on the whole graph. An edge touches the scopes of
 * both its endpoints.
 */
import { present } from '../../base/assert.ts';
import { WeftError } from '../../base/errors.ts';
import type { EdgeId, NodeId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import type { Edge, Node, Operation } from '../../graph/model.ts';
import type {
  Graph,
  GraphElement,
  GraphExport,
  IdempotencyKey,
  Page,
  PageRequest,
  QueryOptions,
} from '../../src/engine-port.ts';
import { authorise, forbidden, scopeOfId, scopesOf } from './authorise.ts';
import { ALL, type Names, type Principal, type Right } from './principal.ts';
import { toldOf } from './told-errors.ts';

/** The graph itself for who may do everything. */
export function guarded(graph: Graph, principal: Principal): Graph {
  return principal.isUnlimited ? graph : new GuardedGraph(graph, principal);
}

type Ends = readonly [from: NodeId, to: NodeId];

export class GuardedGraph implements Graph {
  readonly #graph: Graph;
  readonly #principal: Principal;
  readonly #name: string;
  readonly #readable: Names;

  constructor(graph: Graph, principal: Principal) {
    this.#graph = graph;
    this.#principal = principal;
    this.#name = graph.description.name;
    this.#readable = scopesOf(principal, 'read', this.#name);
  }

  get key(): string {
    return this.#graph.key;
  }

  get description(): Graph['description'] {
    return this.#graph.description;
  }

  async node(id: NodeId): ReturnType<Graph['node']> {
    this.#checkNode('read', id);
    return this.#graph.node(id);
  }

  nodeNow(id: NodeId): ReturnType<Graph['nodeNow']> {
    this.#checkNode('read', id);
    return this.#graph.nodeNow(id);
  }

  async edge(id: EdgeId): ReturnType<Graph['edge']> {
    const found = await this.#graph.edge(id);
    // Its id does not tell where it lives, so an edge that may not be seen must look like one that does not exist.
    if (!this.#seesEdge(found.element)) throw new WeftError('edge-not-found', `there is no edge \`${id}\``, { id });
    return found;
  }

  async nodes(filter: Parameters<Graph['nodes']>[0], page: PageRequest): Promise<Page<Node>> {
    return this.#pageOf(
      page,
      (part) => this.#graph.nodes(filter, part),
      ({ id }) => this.#seesNode(id),
    );
  }

  async edgesOf(id: NodeId, filter: Parameters<Graph['edgesOf']>[1], page: PageRequest): Promise<Page<Edge>> {
    this.#checkNode('read', id);
    return this.#pageOf(
      page,
      (part) => this.#graph.edgesOf(id, filter, part),
      (edge) => this.#seesEdge(edge),
    );
  }

  async neighbors(id: NodeId, filter: Parameters<Graph['neighbors']>[1], page: PageRequest): Promise<Page<Node>> {
    // A longer walk might pass through what he may not see.
    if (filter.depth > 1) this.#checkWhole('read');
    this.#checkNode('read', id);
    return this.#pageOf(
      page,
      (part) => this.#graph.neighbors(id, filter, part),
      (node) => this.#seesNode(node.id),
    );
  }

  async shortestPath(request: Parameters<Graph['shortestPath']>[0]): ReturnType<Graph['shortestPath']> {
    this.#checkWhole('read');
    return this.#graph.shortestPath(request);
  }

  async write(operations: readonly Operation[], key?: IdempotencyKey): ReturnType<Graph['write']> {
    const known = new Map<EdgeId, Ends>();
    for (const operation of operations) await this.#checkOperation(operation, known);
    try {
      return await this.#graph.write(operations, key);
    } catch (error) {
      throw this.#told(error, operations);
    }
  }

  async load(operations: readonly Operation[], options: { readonly stopAtFirst: boolean }): ReturnType<Graph['load']> {
    const allowed: number[] = [];
    const failures: { readonly index: number; readonly error: unknown }[] = [];
    const known = new Map<EdgeId, Ends>();
    for (const [index, operation] of operations.entries()) {
      try {
        await this.#checkOperation(operation, known);
        allowed.push(index);
      } catch (error) {
        if (!(error instanceof WeftError)) throw error;
        failures.push({ index, error });
        if (options.stopAtFirst) break;
      }
    }
    const loaded = await this.#graph.load(
      allowed.map((index) => operations[index] as Operation),
      options,
    );
    const before = loaded.failures.map(({ index, error }) => {
      const at = allowed[index] as number;
      return { index: at, error: this.#told(error, [operations[at] as Operation]) };
    });
    const ended = loaded.ended && { ...loaded.ended, at: allowed[loaded.ended.at] as number };
    // What stopped earlier is the only failure: the refused one was never reached.
    const isStopped = options.stopAtFirst && (before.length > 0 || ended !== undefined);
    const all = isStopped ? before : [...before, ...failures];
    return {
      applied: loaded.applied,
      failures: all.sort((a, b) => a.index - b.index),
      ...(ended !== undefined && { ended }),
    };
  }

  async query(...[statement, options]: Parameters<Graph['query']>): ReturnType<Graph['query']> {
    this.#checkWhole('read');
    return this.#graph.query(statement, this.#limited(options));
  }

  queryRows(...[statement, options]: Parameters<Graph['queryRows']>): ReturnType<Graph['queryRows']> {
    this.#checkWhole('read');
    return this.#graph.queryRows(statement, this.#limited(options));
  }

  async transaction(...[statements, options]: Parameters<Graph['transaction']>): ReturnType<Graph['transaction']> {
    this.#checkWhole('read');
    return this.#graph.transaction(statements, this.#limited(options));
  }

  async transactionOnce(
    ...[statements, options, key]: Parameters<Graph['transactionOnce']>
  ): ReturnType<Graph['transactionOnce']> {
    this.#checkWhole('read');
    return this.#graph.transactionOnce(statements, this.#limited(options), key);
  }

  async export(): Promise<GraphExport> {
    const whole = await this.#graph.export();
    return {
      vector: whole.vector,
      close: () => whole.close(),
      [Symbol.asyncIterator]: () => this.#seenOf(whole),
    };
  }

  async *#seenOf(items: AsyncIterable<GraphElement>): AsyncGenerator<GraphElement> {
    for await (const item of items) {
      if (item.kind === 'node' ? this.#seesNode(item.node.id) : this.#seesEdge(item.edge)) yield item;
    }
  }

  /** What a change was made to is not always known any more, so that it cannot be told who may see it. */
  async changes(...[since, options]: Parameters<Graph['changes']>): ReturnType<Graph['changes']> {
    this.#checkWhole('read');
    return this.#graph.changes(since, options);
  }

  async digest(): ReturnType<Graph['digest']> {
    this.#checkWhole('read');
    return this.#graph.digest();
  }

  async integrity(...request: Parameters<Graph['integrity']>): ReturnType<Graph['integrity']> {
    this.#checkWhole('read');
    return this.#graph.integrity(...request);
  }

  async repair(...request: Parameters<Graph['repair']>): ReturnType<Graph['repair']> {
    this.#checkWhole('admin');
    return this.#graph.repair(...request);
  }

  /** Who may not read the whole graph is not told how much it holds. */
  async usage(): ReturnType<Graph['usage']> {
    return this.#readable === ALL ? this.#graph.usage() : undefined;
  }

  async counts(): ReturnType<Graph['counts']> {
    this.#checkWhole('read');
    return this.#graph.counts();
  }

  #limited(options: QueryOptions): QueryOptions {
    return {
      ...options,
      permit: (right) => {
        this.#checkWhole(right);
        options.permit?.(right);
      },
    };
  }

  #told(error: unknown, operations: readonly Operation[]): unknown {
    if (this.#readable === ALL || !(error instanceof WeftError)) return error;
    return toldOf(error, (id) => this.#seesNode(id as NodeId) || operations.some((operation) => operation.id === id));
  }

  #checkWhole(right: Right): void {
    authorise(this.#principal, right, { graph: this.#name });
  }

  #checkNode(right: Right, id: string | undefined): void {
    const scope = id === undefined ? undefined : scopeOfId(id);
    authorise(this.#principal, right, scope === undefined ? { graph: this.#name } : { graph: this.#name, scope });
  }

  #checkEnds([from, to]: Ends): void {
    this.#checkNode('write', from);
    this.#checkNode('write', to);
  }

  #seesNode(id: NodeId): boolean {
    if (this.#readable === ALL) return true;
    const scope = scopeOfId(id);
    return scope !== undefined && this.#readable.has(scope);
  }

  #seesEdge({ from, to }: Edge): boolean {
    return this.#seesNode(from) && this.#seesNode(to);
  }

  /** @param known ends of the edges that earlier operations of the same request make */
  async #checkOperation(operation: Operation, known: Map<EdgeId, Ends>): Promise<void> {
    switch (operation.op) {
      case 'createNode':
      case 'putNode':
      case 'patchNode':
        this.#checkNode('write', operation.id);
        return;
      case 'deleteNode':
        this.#checkNode('write', operation.id);
        if (operation.detach) await this.#checkEdgesOf(operation.id);
        return;
      case 'createEdge':
      case 'putEdge': {
        const ends: Ends = [operation.from, operation.to];
        this.#checkEnds(ends);
        if (operation.id !== undefined) known.set(operation.id, ends);
        return;
      }
      case 'patchEdge':
      case 'deleteEdge':
        this.#checkEnds(known.get(operation.id) ?? (await this.#endsOf(operation.id)));
    }
  }

  /** @throws WeftError `edge-not-found` for an edge that he may not see as well */
  async #endsOf(id: EdgeId): Promise<Ends> {
    const { element } = await this.edge(id);
    return [element.from, element.to];
  }

  /** Deleting a node with its edges deletes edges that others see too. */
  async #checkEdgesOf(id: NodeId): Promise<void> {
    if (scopesOf(this.#principal, 'write', this.#name) === ALL) return;
    let cursor: string | undefined;
    do {
      const page: PageRequest = { limit: LIMITS.pageItemsMax, ...(cursor === undefined ? {} : { cursor }) };
      let found: Page<Edge>;
      try {
        found = await this.#graph.edgesOf(id, { direction: 'both' }, page);
      } catch (error) {
        // The write itself says so, or an earlier operation of the batch creates it.
        if (error instanceof WeftError && error.code === 'node-not-found') return;
        throw error;
      }
      for (const { from, to } of found.items) {
        if (!this.#seesEdge({ from, to } as Edge)) throw forbidden(this.#principal, 'write', { graph: this.#name });
        this.#checkEnds([from, to]);
      }
      cursor = found.cursor;
    } while (cursor !== undefined);
  }

  /** Reads on until the page is full, but not for ever: a page may be short, or empty, and still have a cursor. */
  async #pageOf<T>(
    { limit, cursor: begin }: PageRequest,
    read: (page: PageRequest) => Promise<Page<T>>,
    sees: (item: T) => boolean,
  ): Promise<Page<T>> {
    if (this.#readable === ALL) return read({ limit, ...(begin === undefined ? {} : { cursor: begin }) });
    const items: T[] = [];
    let cursor = begin;
    for (let parts = 0; parts < LIMITS.filteredPagesMax; parts++) {
      const page = await read({ limit: limit - items.length, ...(cursor === undefined ? {} : { cursor }) });
      items.push(...page.items.filter(sees));
      cursor = page.cursor;
      if (cursor === undefined) return { items };
      if (items.length === limit) break;
    }
    return { items, cursor: present(cursor, 'a page that is not the last has a cursor') };
  }
}
