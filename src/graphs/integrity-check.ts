/**
 * The integrity of a graph, looked through online, with bounded memory and in slices with others in between.
 *
 * First every partition by itself: its indexes are compared with its elements, and what its edges and stubs say goes into
 * sums by pair of partitions. Only pairs whose sums differ, or about which something is to be asked, are then looked at edge
 * by edge, with both partitions open. Writes go on meanwhile, so sums may differ although nothing is wrong; but a commit
 * shows in all its partitions at once, and every finding is judged in one step: what is reported was so at that moment.
 */
import { WeftError } from '../../base/errors.ts';
import type { EdgeId, PartitionId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { compareText } from '../../base/order.ts';
import { hashText } from '../../base/text.ts';
import { Int32List } from '../../crdt/columns.ts';
import type { Draft } from '../../crdt/draft.ts';
import { EDGE_EXISTS, EDGE_THERE, STUB_EXISTS } from '../../crdt/edge-table.ts';
import {
  checkPartitionIndexes,
  checkViewIndexes,
  type IndexCheck,
  type IndexDifference,
} from '../../crdt/index-check.ts';
import { PairSums } from '../../crdt/pair-sums.ts';
import type { PartitionIndex } from '../../crdt/partition-index.ts';
import { needsLocator, partitionNamedByEdge } from '../../crdt/routing.ts';
import { hasStub, isOrphan } from '../../crdt/stub-match.ts';
import { repairEdge, repairLocator, repairStub } from '../../crdt/upkeep.ts';
import { findNode } from '../../crdt/view-reads.ts';
import { type ConstraintViolations, ViolationScan } from '../../crdt/violation-scan.ts';
import type { GraphSchema } from '../catalog/graph-schema.ts';
import type { IntegrityOptions, IntegrityReport } from '../engine-port.ts';
import { PartitionHold } from '../residency/partition-hold.ts';
import type { Residency } from '../residency/residency.ts';
import type { ResidentGraph } from '../residency/resident-graph.ts';
import { Findings } from './findings.ts';
import type { GraphWriter } from './graph-writer.ts';

const SLICE = LIMITS.integritySliceRows;
/** Edge ids that are looked up in the store at a time. */
const LOOKED_UP = 500;

export interface IntegrityCheckSource {
  readonly graph: ResidentGraph;
  readonly residency: Residency;
  readonly writer: GraphWriter;
  readonly schema: GraphSchema;
}

export class IntegrityCheck {
  readonly #graph: ResidentGraph;
  readonly #residency: Residency;
  readonly #writer: GraphWriter;
  readonly #schema: GraphSchema;
  readonly #isCancelled: () => boolean;
  readonly #only: PartitionId | undefined;
  readonly #repairs: boolean;
  readonly #pairs = new PairSums();
  readonly #hidden: Findings<EdgeId>;
  readonly #orphans: Findings<EdgeId>;
  readonly #missing: Findings<EdgeId>;
  readonly #duplicates: Findings<EdgeId>;
  readonly #indexes: Findings<IndexDifference>;
  #nodes = 0;
  #edges = 0;
  #stubs = 0;
  #repaired = 0;

  constructor(source: IntegrityCheckSource, repairs: boolean, options: IntegrityOptions) {
    this.#graph = source.graph;
    this.#residency = source.residency;
    this.#writer = source.writer;
    this.#schema = source.schema;
    this.#repairs = repairs;
    this.#isCancelled = options.isCancelled ?? (() => false);
    this.#only = options.partition;
    const idsMax = options.idsMax ?? LIMITS.integrityIdsDefault;
    this.#hidden = new Findings(idsMax);
    this.#orphans = new Findings(idsMax);
    this.#missing = new Findings(idsMax);
    this.#duplicates = new Findings(idsMax);
    this.#indexes = new Findings(idsMax);
  }

  async run(): Promise<IntegrityReport> {
    const partitions = this.#graph.partitionIds().filter((id) => this.#only === undefined || id === this.#only);
    for (const id of partitions) await this.#withOpen(id, () => this.#survey(id));
    for (const id of partitions) await this.#compare(id);
    await this.#drain(checkViewIndexes(this.#graph.view, this.#repairs));
    const constraints = this.#schema.constraints()?.all ?? [];
    const violations: ConstraintViolations[] = [];
    for (const constraint of constraints) {
      const parts = constraint.isUnique ? Math.max(1, Math.ceil(this.#nodes / LIMITS.integrityKeysMax)) : 1;
      const found: ConstraintViolations[] = [];
      for (let part = 0; part < parts; part++) {
        const scan = new ViolationScan(constraint, parts === 1 ? undefined : (key) => hashText(key) % parts === part);
        found.push(await this.#violations(scan, partitions));
      }
      const elements = found.reduce((sum, each) => sum + each.elements, 0);
      const groups = found.flatMap((each) => each.groups).slice(0, LIMITS.violationGroupsMax);
      if (elements > 0) violations.push({ constraint: constraint.entry.name, elements, groups });
    }
    // What was read may rest on what is not durable yet.
    await this.#writer.durable();
    return {
      nodes: this.#nodes,
      edges: this.#edges,
      hiddenEdges: this.#hidden.sorted(compareText),
      orphanStubs: this.#orphans.sorted(compareText),
      missingStubs: this.#missing.sorted(compareText),
      duplicateEdges: this.#duplicates.sorted(compareText),
      indexDifferences: this.#indexes.sorted((a, b) => compareText(JSON.stringify(a), JSON.stringify(b))),
      constraintViolations: violations,
      found: {
        hiddenEdges: this.#hidden.count,
        orphanStubs: this.#orphans.count,
        missingStubs: this.#missing.count,
        duplicateEdges: this.#duplicates.count,
        indexDifferences: this.#indexes.count,
      },
      checked: { partitions: partitions.length, stubs: this.#stubs, constraints: constraints.length },
      repaired: this.#repaired,
    };
  }

  /** Runs `work` with a partition open throughout, so that its rows stay what they are (VIEW-3). */
  async #withOpen(id: PartitionId, work: () => Promise<void>): Promise<void> {
    const hold = new PartitionHold(this.#residency, this.#graph);
    try {
      await hold.open(id);
      this.#ready();
      await work();
    } finally {
      hold.release();
    }
  }

  /** Before each slice. */
  #ready(): void {
    if (this.#graph.deleted) throw this.#graph.notFound();
    if (this.#isCancelled()) throw new WeftError('query-cancelled', 'the integrity check was cancelled');
    this.#residency.expire(this.#graph);
  }

  async #pause(): Promise<void> {
    await this.#residency.yield();
    this.#ready();
  }

  async #drain(check: IndexCheck): Promise<void> {
    for (const difference of check) {
      if (difference === undefined) {
        await this.#pause();
        continue;
      }
      this.#indexes.add(difference);
      if (!this.#repairs) continue;
      this.#repaired++;
      this.#graph.changes++;
    }
  }

  /** A partition by itself. */
  async #survey(id: PartitionId): Promise<void> {
    const { view } = this.#graph;
    const partition = view.need(id);
    for (let i = 0; i < partition.nodes.length; i++) {
      if (i % SLICE === SLICE - 1) await this.#pause();
      if (view.nodes.exists(partition.nodes.at(i))) this.#nodes++;
    }
    await this.#drain(checkPartitionIndexes(view, partition, this.#repairs));
    await this.#surveyEdges(partition);
    for (let i = 0; i < partition.stubs.length; i++) {
      if (i % SLICE === SLICE - 1) await this.#pause();
      const stub = partition.stubs.at(i);
      if (!view.edges.has(stub, STUB_EXISTS)) continue;
      this.#stubs++;
      const ends = view.stubEnds(stub);
      const source = view.partitionAt(view.edges.home[stub] as number);
      this.#pairs.stub(source, id, ends.id, ends);
      if (!view.nodes.exists(view.stubTarget(stub))) this.#pairs.flag(source, id);
    }
  }

  async #surveyEdges(partition: PartitionIndex): Promise<void> {
    const { view, settings } = this.#graph;
    const { nodes, edges } = view;
    let chosen: number[] = [];
    for (let i = 0; i < partition.edges.length; i++) {
      if (i % SLICE === SLICE - 1) await this.#pause();
      const edge = partition.edges.at(i);
      if (!edges.has(edge, EDGE_THERE)) continue;
      if (edges.has(edge, EDGE_EXISTS)) this.#edges++;
      const id = edges.idAt(edge);
      const from = nodes.ids[edges.from[edge] as number] as string;
      const to = nodes.ids[edges.to[edge] as number] as string;
      const target = view.partitionAt(nodes.home[edges.to[edge] as number] as number);
      this.#pairs.record(partition.id, target, id, {
        type: edges.types[edges.type[edge] as number] as string,
        from,
        to,
      });
      if (!nodes.exists(edges.from[edge] as number)) this.#pairs.flag(partition.id, target);
      if (!needsLocator(id, partition.id, settings.partitions)) continue;
      chosen.push(edge);
      if (chosen.length < LOOKED_UP) continue;
      await this.#lookUp(partition, chosen);
      chosen = [];
    }
    await this.#lookUp(partition, chosen);
  }

  /** Edges that are found by locators: whether they are, and whether their ids are of one edge only. */
  async #lookUp(partition: PartitionIndex, chosen: readonly number[]): Promise<void> {
    if (chosen.length === 0) return;
    const { view, settings } = this.#graph;
    const ids = chosen.map((edge) => view.edges.idAt(edge) as EdgeId);
    let places = await this.#writer.places(ids);
    if (places.some((found) => !found.includes(partition.id))) {
      // Locators are written with their commits, which may be on their way.
      await this.#writer.durable();
      places = await this.#writer.places(ids);
    }
    this.#ready();
    const lost: number[] = [];
    for (const [i, id] of ids.entries()) {
      const edge = chosen[i] as number;
      const isThere = view.edges.has(edge, EDGE_THERE) && view.edges.idAt(edge) === id;
      if (isThere && places[i]?.includes(partition.id) === false) {
        this.#indexes.add({ index: 'edge-id', of: id, partition: partition.id });
        lost.push(edge);
      }
      const others = new Set(places[i]);
      const named = partitionNamedByEdge(id, settings.partitions);
      if (named !== undefined) others.add(named);
      others.add(partition.id);
      if (others.size > 1) await this.#judgeDuplicate(id, partition.id, others);
    }
    await this.#repair(lost, repairLocator);
  }

  async #judgeDuplicate(id: EdgeId, at: PartitionId, places: ReadonlySet<PartitionId>): Promise<void> {
    const { view, settings } = this.#graph;
    const homes = await this.#residency.run(this.#graph, places, () => {
      for (const place of places) view.need(place);
      const there = view.edges.findAll(id).filter((edge) => view.edges.has(edge, EDGE_THERE));
      return Array.from(new Set(there.map((edge) => view.partitionAt(view.edges.home[edge] as number)))).sort(
        compareText,
      );
    });
    // Named once: by the first of those that come by here.
    const first = homes.find((home) => needsLocator(id, home, settings.partitions));
    if (homes.length > 1 && (first === at || this.#only !== undefined)) this.#duplicates.add(id);
  }

  /** What of a partition is to be looked at together with another one. */
  async #compare(id: PartitionId): Promise<void> {
    const { view } = this.#graph;
    await this.#withOpen(id, async () => {
      const partition = view.need(id);
      const { edges, nodes } = view;
      const outgoing = await this.#byOther(partition.edges, (edge) => {
        if (!edges.has(edge, EDGE_THERE)) return undefined;
        const other = nodes.home[edges.to[edge] as number] as number;
        return this.#isSound(id, view.partitionAt(other)) ? undefined : other;
      });
      const incoming = await this.#byOther(partition.stubs, (stub) => {
        if (!edges.has(stub, STUB_EXISTS)) return undefined;
        const other = edges.home[stub] as number;
        return this.#isSound(view.partitionAt(other), id) ? undefined : other;
      });
      for (const [other, rows] of outgoing) {
        await this.#withOpen(view.partitionAt(other), () => this.#judgeEdges(rows, other));
      }
      for (const [other, rows] of incoming) {
        await this.#withOpen(view.partitionAt(other), () => this.#judgeStubs(rows));
      }
    });
  }

  #isSound(source: PartitionId, target: PartitionId): boolean {
    return this.#only === undefined && this.#pairs.isSound(source, target);
  }

  async #byOther(rows: Int32List, otherOf: (row: number) => number | undefined): Promise<Map<number, Int32List>> {
    const grouped = new Map<number, Int32List>();
    for (let i = 0; i < rows.length; i++) {
      if (i % SLICE === SLICE - 1) await this.#pause();
      const other = otherOf(rows.at(i));
      if (other === undefined) continue;
      let group = grouped.get(other);
      if (group === undefined) {
        group = new Int32List();
        grouped.set(other, group);
      }
      group.push(rows.at(i));
    }
    return grouped;
  }

  /** Edges of one open partition to another one. */
  async #judgeEdges(rows: Int32List, target: number): Promise<void> {
    const { view } = this.#graph;
    const { edges, nodes } = view;
    await this.#judge(
      rows,
      (edge) => {
        const from = edges.from[edge] as number;
        const to = edges.to[edge] as number;
        // It may have been written since.
        if (!edges.has(edge, EDGE_THERE) || nodes.home[to] !== target) return false;
        const isVisible = nodes.exists(from) && nodes.exists(to);
        if (edges.has(edge, EDGE_EXISTS) && !isVisible) this.#edges = Math.max(0, this.#edges - 1);
        const findings = !nodes.isThere(from) || !nodes.isThere(to) ? this.#hidden : this.#missing;
        if (findings === this.#missing && hasStub(view, edge)) return false;
        findings.add(edges.idAt(edge) as EdgeId);
        return true;
      },
      repairEdge,
    );
  }

  /** Stubs of one open partition of edges of another one. */
  async #judgeStubs(rows: Int32List): Promise<void> {
    const { view } = this.#graph;
    await this.#judge(
      rows,
      (stub) => {
        if (!view.edges.has(stub, STUB_EXISTS) || !isOrphan(view, stub)) return false;
        this.#orphans.add(view.stubEnds(stub).id as EdgeId);
        return true;
      },
      repairStub,
    );
  }

  async #judge(
    rows: Int32List,
    isWrong: (row: number) => boolean,
    repair: (draft: Draft, row: number) => boolean,
  ): Promise<void> {
    for (let start = 0; start < rows.length; start += SLICE) {
      if (start > 0) await this.#pause();
      const wrong: number[] = [];
      for (let i = start; i < Math.min(rows.length, start + SLICE); i++) {
        if (isWrong(rows.at(i))) wrong.push(rows.at(i));
      }
      await this.#repair(wrong, repair);
    }
  }

  /** As one commit, if repairs are wanted. The partitions are open; `repair` judges again, as rows may have changed. */
  async #repair(rows: readonly number[], repair: (draft: Draft, row: number) => boolean): Promise<void> {
    if (!this.#repairs || rows.length === 0) return;
    await this.#writer.committer.room();
    this.#writer.committer.admit();
    this.#repaired += await this.#writer.drafting([], false, (draft) => {
      let count = 0;
      for (const row of rows) if (repair(draft, row)) count++;
      this.#writer.commit(draft.patches);
      return count;
    });
  }

  async #violations(scan: ViolationScan, partitions: readonly PartitionId[]): Promise<ConstraintViolations> {
    const { view } = this.#graph;
    const before = this.#graph.changes;
    for (const id of partitions) {
      await this.#withOpen(id, async () => {
        for (const _ of scan.partitionSlices(view, view.need(id))) await this.#pause();
      });
    }
    if (before === this.#graph.changes) return scan.result();
    for (const [key, ids] of scan.sharing()) {
      if (ids.length > LIMITS.integrityGroupMax) continue;
      const still = await this.#residency.run(this.#graph, [], () =>
        ids.filter((id) => {
          const node = findNode(view, id);
          if (node === undefined) return false;
          const labels = view.nodes.labels[node] as readonly string[];
          return scan.constraint.keyOf({ labels, properties: view.nodes.properties[node] ?? {} }) === key;
        }),
      );
      scan.keep(key, still);
    }
    return scan.result();
  }
}
