/** One graph as the engine offers it: reads, writes, paging. Bulk work (load, export, proofs) is in `graph-bulk.ts`. */
import type { Env } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import type { EdgeId, NodeId, PartitionId, ReplicaId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { compareText } from '../../base/order.ts';
import { partitionNamedByEdge } from '../../crdt/routing.ts';
import type { HybridClock } from '../../crdt/stamp.ts';
import type { Usage } from '../../crdt/usage.ts';
import { edgeAt, edgeVersion, findEdge, findNode, forEachEdge, nodeAt, nodeVersion } from '../../crdt/view-reads.ts';
import { type Decide, ViewStatementGraph } from '../../crdt/view-statement-graph.ts';
import type { Direction, Edge, Node, Operation } from '../../graph/model.ts';
import type { StatementAnswer, StatementRows } from '../../query/execution/statement-answer.ts';
import { inRange, isEqual } from '../../query/values/range.ts';
import type { GraphPolicy } from '../catalog/graph-policy.ts';
import type { GraphSchema } from '../catalog/graph-schema.ts';
import type { ChangeFeed } from '../changes/change-feed.ts';
import { GraphChanges } from '../changes/graph-changes.ts';
import type { Declarations } from '../constraints/declarations.ts';
import type {
  ChangeOptions,
  ChangePage,
  Graph,
  GraphDescription,
  GraphExport,
  IdempotencyKey,
  IntegrityOptions,
  IntegrityReport,
  KeptAnswers,
  NodeFilter,
  OperationResult,
  Page,
  PageRequest,
  QueryOptions,
  QueryStatement,
  Versioned,
} from '../engine-port.ts';
import type { ReplicaCut } from '../replication/replica.ts';
import { PartitionHold } from '../residency/partition-hold.ts';
import type { Residency } from '../residency/residency.ts';
import type { ResidentGraph } from '../residency/resident-graph.ts';
import type { KeptOutcomes } from '../sessions/kept-outcomes.ts';
import { decodeAnswers } from './answer-codec.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { GraphBulk } from './graph-bulk.ts';
import { CutExport } from './graph-export.ts';
import { type DecideKept, GraphQueries } from './graph-queries.ts';
import type { GraphWriter } from './graph-writer.ts';
import { IntegrityCheck } from './integrity-check.ts';
import { NodeList } from './node-list.ts';
import { PartitionedReads } from './reads.ts';
import { checkVisited, Traversal } from './traversal.ts';

/** An export holds no more than this part of the memory budget. */
const EXPORT_SHARE = 8;

/** What statements and readers of changes need beside the graph. */
export interface StatementSource {
  readonly env: Env;
  readonly schema: GraphSchema;
  readonly policy: GraphPolicy;
  readonly isEphemeral: boolean;
  /** The integrity of the whole graph was looked through. */
  readonly onChecked: (report: IntegrityReport) => void;
  readonly declarations: Declarations;
  readonly clock: HybridClock;
  readonly replica: ReplicaId;
  readonly feed: ChangeFeed;
  readonly kept: KeptOutcomes;
  readonly openCut: () => Promise<ReplicaCut>;
}

export class EngineGraph implements Graph {
  readonly resident: ResidentGraph;
  readonly writer: GraphWriter;
  readonly #residency: Residency;
  readonly #traversal: Traversal;
  readonly #partitioned: PartitionedReads;
  readonly #bulk: GraphBulk;
  readonly #list: NodeList;

  readonly #statements: StatementSource;
  readonly #queries: GraphQueries;
  readonly #changes: GraphChanges;

  constructor(resident: ResidentGraph, residency: Residency, writer: GraphWriter, statements: StatementSource) {
    this.resident = resident;
    this.writer = writer;
    this.#statements = statements;
    this.#queries = new GraphQueries(statements.env, (decide) => this.statementGraph(decide));
    this.#changes = new GraphChanges(resident.key, this, statements.feed);
    this.#residency = residency;
    this.#traversal = new Traversal(resident.view);
    this.#partitioned = new PartitionedReads(resident, residency);
    this.#list = new NodeList(resident, residency, statements.schema);
    this.#bulk = new GraphBulk(resident, residency, writer);
  }

  get key(): string {
    return this.resident.key;
  }

  get description(): GraphDescription {
    const { name, settings } = this.resident;
    const { quota, expiry } = this.policy;
    return {
      name,
      settings,
      ...(this.#statements.isEphemeral ? { lifecycle: 'ephemeral' as const } : {}),
      ...(Object.keys(quota).length === 0 ? {} : { quota }),
      ...(expiry === undefined ? {} : { expiry }),
    };
  }

  async node(id: NodeId): Promise<Versioned<Node>> {
    const { view } = this.resident;
    const read = () => this.#readNode(id);
    this.#residency.expire(this.resident);
    const found = view.isOpen(view.partitionOf(id)) ? read() : await this.#residency.run(this.resident, [], read);
    if (found !== undefined) this.#touch(id);
    const durable = this.writer.durable();
    if (durable !== undefined) await durable;
    return found ?? noNode(id);
  }

  nodeNow(id: NodeId): Versioned<Node> | undefined {
    const { view } = this.resident;
    // Most reads find their partition open and nothing in flight.
    if (!view.isOpen(view.partitionOf(id)) || this.writer.durable() !== undefined) return undefined;
    this.#residency.expire(this.resident);
    const found = this.#readNode(id) ?? noNode(id);
    this.#touch(id);
    return found;
  }

  #readNode(id: NodeId): Versioned<Node> | undefined {
    const { view } = this.resident;
    const node = this.resident.mayHold(id) ? findNode(view, id) : undefined;
    return node === undefined ? undefined : { element: nodeAt(view, node), version: nodeVersion(view, node) };
  }

  #touch(id: NodeId): void {
    this.#residency.touchRead(this.resident.partition(this.resident.view.partitionOf(id)));
  }

  async edge(id: EdgeId): Promise<Versioned<Edge>> {
    const { view, settings } = this.resident;
    const named = partitionNamedByEdge(id, settings.partitions);
    let sawAll = false;
    const read = () => {
      sawAll = this.resident.whole;
      const edge = findEdge(view, id);
      return edge === undefined ? undefined : { element: edgeAt(view, edge), version: edgeVersion(view, edge) };
    };
    let found = await this.#residency.run(this.resident, named === undefined ? [] : [named], read);
    if (found === undefined && !sawAll) {
      found = await this.#residency.run(this.resident, await this.writer.locate([id]), read);
    }
    await this.writer.durable();
    if (found === undefined) throw new WeftError('edge-not-found', `there is no edge \`${id}\``, { id });
    return found;
  }

  async nodes(filter: NodeFilter, page: PageRequest): Promise<Page<Node>> {
    const found = await this.#list.page(filter, page);
    await this.writer.durable();
    return found;
  }

  async edgesOf(
    id: NodeId,
    filter: { readonly direction: Direction; readonly type?: string },
    page: PageRequest,
  ): Promise<Page<Edge>> {
    const after = page.cursor === undefined ? '' : (decodeCursor(page.cursor, 1)[0] as string);
    this.#residency.expire(this.resident);
    const edges = this.resident.whole
      ? this.#edgesInMemory(id, filter.direction, filter.type)
      : await this.#edgesPartitioned(id, filter.direction, filter.type);
    await this.writer.durable();
    return pageOf(edges, after, page.limit);
  }

  /** @throws WeftError `node-not-found`, definite */
  #startNode(id: NodeId): number {
    const node = this.resident.mayHold(id) ? findNode(this.resident.view, id) : undefined;
    if (node === undefined) throw new WeftError('node-not-found', `there is no node \`${id}\``, { id });
    return node;
  }

  #edgesInMemory(id: NodeId, direction: Direction, type: string | undefined): Edge[] {
    const { view } = this.resident;
    const edges: Edge[] = [];
    const node = this.#startNode(id);
    const typeOrdinal = type === undefined ? undefined : view.edges.findType(type);
    if (type !== undefined && typeOrdinal === undefined) return [];
    forEachEdge(view, node, direction, typeOrdinal, (edge) => {
      edges.push(edgeAt(view, edge));
      return undefined;
    });
    return edges.sort((a, b) => compareText(a.id, b.id));
  }

  async #edgesPartitioned(id: NodeId, direction: Direction, type: string | undefined): Promise<Edge[]> {
    await this.#residency.run(this.resident, [], () => this.#startNode(id));
    return (await this.#partitioned.edges([id], direction, type)).map(({ edge }) => edge);
  }

  async neighbors(
    id: NodeId,
    filter: { readonly direction: Direction; readonly type?: string; readonly depth: number },
    page: PageRequest,
  ): Promise<Page<Node>> {
    const after = page.cursor === undefined ? '' : (decodeCursor(page.cursor, 1)[0] as string);
    this.#residency.expire(this.resident);
    const nodes = this.resident.whole
      ? this.#neighborsInMemory(id, filter.direction, filter.type, filter.depth)
      : await this.#neighborsPartitioned(id, filter.direction, filter.type, filter.depth);
    await this.writer.durable();
    return pageOf(nodes, after, page.limit);
  }

  #neighborsInMemory(id: NodeId, direction: Direction, type: string | undefined, depth: number): Node[] {
    const { view } = this.resident;
    const node = this.#startNode(id);
    const typeOrdinal = type === undefined ? undefined : view.edges.findType(type);
    if (type !== undefined && typeOrdinal === undefined) return [];
    const found = this.#traversal.within(node, direction, typeOrdinal, depth).map((at) => nodeAt(view, at));
    return found.sort((a, b) => compareText(a.id, b.id));
  }

  async #neighborsPartitioned(
    id: NodeId,
    direction: Direction,
    type: string | undefined,
    depth: number,
  ): Promise<Node[]> {
    await this.#residency.run(this.resident, [], () => this.#startNode(id));
    const found = new Map<NodeId, Node>();
    let frontier: NodeId[] = [id];
    for (let hop = 0; hop < depth && frontier.length > 0; hop++) {
      const next: NodeId[] = [];
      for (const { neighbor } of await this.#partitioned.edges(frontier, direction, type)) {
        if (neighbor.id === id || found.has(neighbor.id)) continue;
        found.set(neighbor.id, neighbor);
        next.push(neighbor.id);
      }
      checkVisited(found.size);
      frontier = next;
    }
    return Array.from(found.values()).sort((a, b) => compareText(a.id, b.id));
  }

  async shortestPath(request: {
    readonly from: NodeId;
    readonly to: NodeId;
    readonly type?: string;
    readonly direction: Direction;
    readonly maxDepth: number;
  }): Promise<{ readonly nodes: readonly Node[]; readonly edges: readonly Edge[] } | null> {
    this.#residency.expire(this.resident);
    const path = this.resident.whole ? this.#pathInMemory(request) : await this.#pathPartitioned(request);
    await this.writer.durable();
    return path;
  }

  #pathInMemory({ from, to, type, direction, maxDepth }: Parameters<Graph['shortestPath']>[0]) {
    const { view } = this.resident;
    const start = this.#startNode(from);
    const end = this.#startNode(to);
    const typeOrdinal = type === undefined ? undefined : (view.edges.findType(type) ?? NO_TYPE);
    const path = this.#traversal.shortestPath(start, end, direction, typeOrdinal, maxDepth);
    if (path === undefined) return null;
    const edges = path.map((edge) => edgeAt(view, edge));
    const nodes = nodesAlong(from, edges).map((id) => nodeAt(view, this.#startNode(id)));
    return { nodes, edges };
  }

  async #pathPartitioned(request: Parameters<Graph['shortestPath']>[0]) {
    for (;;) {
      const edges = await this.#searchPartitioned(request);
      if (edges === undefined) return null;
      const ids = nodesAlong(request.from, edges);
      const found = await this.#partitioned.nodes(new Set(ids));
      const nodes = ids.flatMap((id) => found.get(id) ?? []);
      // One that was deleted meanwhile would be missing in the middle: there may be another way.
      if (nodes.length === ids.length) return { nodes, edges };
    }
  }

  /** One-sided search: the other side would cost as many partition look-ups as it saves. */
  async #searchPartitioned({ from, to, type, direction, maxDepth }: Parameters<Graph['shortestPath']>[0]) {
    await this.#residency.run(this.resident, [], () => this.#startNode(from));
    await this.#residency.run(this.resident, [], () => this.#startNode(to));
    const reachedBy = new Map<NodeId, { edge: Edge; from: NodeId } | undefined>([[from, undefined]]);
    let frontier: NodeId[] = [from];
    for (let hop = 0; hop < maxDepth && frontier.length > 0 && !reachedBy.has(to); hop++) {
      const next: NodeId[] = [];
      for (const { edge, at, neighbor } of await this.#partitioned.edges(frontier, direction, type)) {
        if (reachedBy.has(neighbor.id)) continue;
        reachedBy.set(neighbor.id, { edge, from: at });
        next.push(neighbor.id);
      }
      checkVisited(reachedBy.size);
      frontier = next;
    }
    if (!reachedBy.has(to)) return undefined;
    const edges: Edge[] = [];
    for (let step = reachedBy.get(to); step !== undefined; step = reachedBy.get(step.from)) edges.push(step.edge);
    return edges.reverse();
  }

  /** The graph as one statement sees it; the caller releases it. */
  statementGraph(decide?: Decide): ViewStatementGraph {
    const { declarations, clock, replica } = this.#statements;
    return new ViewStatementGraph({
      graph: this.resident,
      hold: () => new PartitionHold(this.#residency, this.resident),
      expire: () => this.#residency.expire(this.resident),
      writer: this.writer,
      schema: declarations,
      inRange,
      isEqual,
      clock,
      replica,
      decide,
    });
  }

  get policy(): GraphPolicy {
    return this.#statements.policy;
  }

  get kept(): KeptOutcomes {
    return this.#statements.kept;
  }

  /** Declares and drops, for whoever decides strong writes. */
  get declarations(): Declarations {
    return this.#statements.declarations;
  }

  write(operations: readonly Operation[], key?: IdempotencyKey): Promise<readonly OperationResult[]> {
    const refusal = boundsRefusal(operations);
    if (refusal !== undefined) return Promise.reject(refusal);
    return key === undefined ? this.writer.write(operations) : this.#statements.kept.write(this, operations, key);
  }

  query(statement: QueryStatement, options: QueryOptions): Promise<StatementAnswer> {
    return this.#queries.query(statement, options);
  }

  queryRows(statement: QueryStatement, options: QueryOptions, decide?: Decide): StatementRows | Promise<StatementRows> {
    return this.#queries.queryRows(statement, options, decide);
  }

  transaction(
    statements: readonly QueryStatement[],
    options: QueryOptions,
    decide?: Decide,
  ): Promise<readonly StatementAnswer[]> {
    return this.#queries.transaction(statements, options, decide);
  }

  /** Keys are remembered by whoever asks; what is kept of the result is checked here, so that every level keeps as much. */
  async transactionOnce(
    statements: readonly QueryStatement[],
    options: QueryOptions,
    key?: IdempotencyKey,
    decide?: DecideKept,
  ): Promise<KeptAnswers> {
    if (key === undefined) {
      return { answers: await this.#queries.transactionOnce(statements, options, decide), replayed: false };
    }
    const { kept } = this.#statements;
    const known = await kept.recall(this.resident.key, key);
    if (known !== undefined) return { answers: decodeAnswers(known), replayed: true };
    const commit: DecideKept = async (operations, _, outcome) => {
      await kept.commit(this, operations, key, () => outcome);
    };
    return { answers: await this.#queries.transactionOnce(statements, options, commit), replayed: false };
  }

  load(operations: readonly Operation[], options: { readonly stopAtFirst: boolean }) {
    return this.#bulk.load(operations, options);
  }

  async export(): Promise<GraphExport> {
    // A commit that is visible is in the cut, one that waits for the disk need not be.
    await this.writer.durable();
    const cut = await this.#statements.openCut();
    return new CutExport({
      cut,
      graph: this.description,
      isEphemeral: this.#statements.isEphemeral,
      key: this.resident.key,
      nowMs: this.#residency.nowMs(),
      heldBytesMax: Math.min(LIMITS.exportHeldBytesMax, this.#residency.budgetBytes / EXPORT_SHARE),
      yield: () => this.#residency.yield(),
    });
  }

  async changes(since: string | undefined, options: ChangeOptions): Promise<ChangePage> {
    if (this.resident.deleted) throw this.resident.notFound();
    return this.#changes.read(since, options);
  }

  digest(): Promise<{ readonly digest: string; readonly partitions: Readonly<Record<PartitionId, string>> }> {
    return this.#bulk.digest();
  }

  integrity(options: IntegrityOptions = {}): Promise<IntegrityReport> {
    return this.#integrity(false, options);
  }

  repair(options: IntegrityOptions = {}): Promise<IntegrityReport> {
    return this.#integrity(true, options);
  }

  async #integrity(repairs: boolean, options: IntegrityOptions): Promise<IntegrityReport> {
    const { resident: graph, writer } = this;
    const source = { graph, residency: this.#residency, writer, schema: this.#statements.schema };
    const report = await new IntegrityCheck(source, repairs, options).run();
    if (options.partition === undefined) this.#statements.onChecked(report);
    return report;
  }

  /** Deletes elements of a partition that expired before a moment, at most one slice. Resolves with how many, once durable. */
  purgeExpired(id: PartitionId, beforeMs: number): Promise<number> {
    return this.#bulk.purgeExpired(id, beforeMs);
  }

  async usage(): Promise<Usage | undefined> {
    const usage = await this.writer.usage();
    await this.writer.durable();
    return usage;
  }

  counts(): Promise<{ readonly nodes: number; readonly edges: number }> {
    return this.#bulk.counts();
  }
}

/** Replicas that cannot see each other may each stay within a bound and cross it together. */
function boundsRefusal(operations: readonly Operation[]): WeftError | undefined {
  for (const operation of operations) {
    if (operation.op !== 'patchNode' && operation.op !== 'patchEdge') continue;
    for (const change of Object.values(operation.properties ?? {})) {
      if (change.kind !== 'increment' || (change.min ?? change.max) === undefined) continue;
      return new WeftError('invalid-request', '$min and $max can only be kept at consistency level `strong`', {
        field: 'Consistency-Level',
      });
    }
  }
  return undefined;
}

/** No edge has this type. */
const NO_TYPE = -1;

function nodesAlong(start: NodeId, edges: readonly Edge[]): NodeId[] {
  const ids = [start];
  for (const edge of edges) ids.push((edge.from === ids.at(-1) ? edge.to : edge.from) as NodeId);
  return ids;
}

/** The page of `items`, which are in canonical order of ids, after the id `after`. */
function pageOf<T extends { readonly id: string }>(items: readonly T[], after: string, limit: number): Page<T> {
  const from = after === '' ? 0 : items.findIndex(({ id }) => id > after);
  if (from < 0) return { items: [] };
  const page = items.slice(from, from + limit);
  const last = page.at(-1);
  return last !== undefined && from + limit < items.length
    ? { items: page, cursor: encodeCursor(last.id) }
    : { items: page };
}

function noNode(id: NodeId): never {
  throw new WeftError('node-not-found', `there is no node \`${id}\``, { id });
}
