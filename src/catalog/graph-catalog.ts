/**
 * The graphs that this server holds, kept in step with the catalog (`catalog.ts`). A commit of another server that
 * touches the catalog takes effect in the step in which it becomes visible, so whoever sees the commit sees the graph,
 * and the commits after it find it. What it takes to remove a graph from the store follows later, and is taken up again
 * after a crash.
 */
import { WeftError } from '../../base/errors.ts';
import type { GraphName } from '../../base/ids.ts';
import { compareText } from '../../base/order.ts';
import { fromUtf8, toUtf8 } from '../../base/text.ts';
import { nodeAt, sortedNodes } from '../../crdt/view-reads.ts';
import type { GraphSettings } from '../../graph/model.ts';
import type { Store } from '../../storage/store.ts';
import type { Committer } from '../commits/committer.ts';
import type { Progress } from '../commits/progress.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import type { Engine, GraphDescription } from '../engine-port.ts';
import type { EngineGraph } from '../graphs/graph.ts';
import type { Residency } from '../residency/residency.ts';
import {
  BUILT_IN,
  type CatalogEntry,
  completeSettings,
  creation,
  DROPPED_LABEL,
  dropping,
  entryOf,
  GRAPH_LABEL,
  namesOf,
  newEntry,
  OUTCOMES_GRAPH,
  SYSTEM_GRAPH,
  settingsAgree,
} from './catalog.ts';
import { type CatalogWriter, PlainCatalogWriter } from './catalog-writer.ts';
import { DroppedGraphs } from './dropped-graphs.ts';
import { SYSTEM_PARTITION } from './system-reading.ts';
import { Turns } from './turns.ts';

/** Names graph generations that the first version had begun to remove from the store. */
const DROPPING_META = 'dropping';

interface Held {
  readonly graph: EngineGraph;
  readonly entry: CatalogEntry;
}

export interface GraphCatalogOptions {
  readonly store: Store;
  readonly residency: Residency;
  readonly committer: Committer;
  readonly progress: Progress;
  readonly hasPeers: boolean;
  readonly makeGraph: (entry: CatalogEntry) => EngineGraph;
  /** A graph went. */
  readonly onRemoved: () => void;
  readonly onFailure: (error: unknown) => void;
}

export class GraphCatalog {
  readonly #options: GraphCatalogOptions;
  readonly #byName = new Map<GraphName, Held>();
  readonly #byKey = new Map<string, Held>();
  readonly dropped: DroppedGraphs;
  /** How many generations of each name were dropped. */
  readonly #generations = new Map<GraphName, number>();
  /** Creations and deletions, one after the other. */
  readonly #work = new Turns();
  /** Those that a majority decides, which may wait for one: nothing else waits for them. */
  readonly #decided = new Turns();

  constructor(options: GraphCatalogOptions) {
    this.#options = options;
    this.dropped = new DroppedGraphs(options);
  }

  /** @throws WeftError `partition-recovering` if the catalog cannot be read */
  async load(): Promise<void> {
    const { store, residency } = this.#options;
    for (const entry of BUILT_IN) await this.#learnPartitions(this.#add(entry));
    const { resident } = this.system;
    const partition = resident.partition(SYSTEM_PARTITION);
    // It stays: the catalog is read in the step in which a commit becomes visible.
    partition.pins++;
    await residency.open(resident, partition);
    this.reconcile();
    await this.settled();
    const before = await store.getMeta(DROPPING_META);
    if (before === undefined) return;
    const keys = (JSON.parse(fromUtf8(before)) as string[]).filter((key) => !this.#byKey.has(key));
    for (const key of keys) await store.dropGraph(key);
    if (keys.length > 0) await store.setMeta(DROPPING_META, toUtf8('[]'));
  }

  get system(): EngineGraph {
    return (this.#byName.get(SYSTEM_GRAPH) as Held).graph;
  }

  get outcomes(): EngineGraph {
    return (this.#byName.get(OUTCOMES_GRAPH) as Held).graph;
  }

  list(): GraphDescription[] {
    const all = Array.from(this.#byName.values(), ({ graph }) => graph.description);
    return all.sort((a, b) => compareText(a.name, b.name));
  }

  find(name: GraphName): EngineGraph | undefined {
    return this.#byName.get(name)?.graph;
  }

  findByKey(key: string): EngineGraph | undefined {
    return this.#byKey.get(key)?.graph;
  }

  nameOf(key: string): GraphName | undefined {
    return this.#byKey.get(key)?.graph.resident.name;
  }

  /** In canonical order, the catalog's own first. */
  keys(): string[] {
    const [system = '', ...others] = this.#byKey.keys();
    return [system, ...others.sort(compareText)];
  }

  /** Every voter has what `vector` covers. */
  allow(vector: VersionVector): void {
    for (const key of this.dropped.allow(vector)) this.#later(() => this.dropped.remove(key));
  }

  /** Of a graph that all servers dropped, something may still have been on its way. */
  arrived(graphKey: string): void {
    if (this.dropped.isGone(graphKey)) this.#later(() => this.dropped.remove(graphKey));
  }

  /** Waits for what reconciliation began, and for changes that wait for nobody else. */
  async settled(): Promise<void> {
    await this.#work.idle;
  }

  create(
    name: GraphName,
    asked: Partial<GraphSettings>,
    writer: CatalogWriter = new PlainCatalogWriter(this.system),
  ): ReturnType<Engine['createGraph']> {
    return this.#inTurn(writer, async () => {
      const settings = completeSettings(asked);
      const held = this.#byName.get(name)?.graph.description;
      if (held !== undefined) {
        if (settingsAgree(asked, held.settings)) return { created: false, graph: held };
        const context = { graph: name, settings: held.settings };
        throw new WeftError('graph-exists', `graph \`${name}\` exists with other settings`, context);
      }
      let entry = newEntry(name, this.#generations.get(name) ?? 0, settings);
      while (this.dropped.has(entry.key)) entry = newEntry(name, entry.generation + 1, settings);
      await writer.write(creation(entry));
      this.reconcile();
      const made = this.#byKey.get(entry.key);
      // Another server may have deleted it by now.
      return { created: true, graph: made?.graph.description ?? { name, settings } };
    });
  }

  delete(name: GraphName, writer: CatalogWriter = new PlainCatalogWriter(this.system)): Promise<void> {
    return this.#inTurn(writer, async () => {
      const held = this.#byName.get(name);
      if (held === undefined) throw new WeftError('graph-not-found', `there is no graph \`${name}\``, { graph: name });
      if (BUILT_IN.some((entry) => entry.name === name)) {
        throw new WeftError('graph-protected', `graph \`${name}\` always exists`, { graph: name });
      }
      await writer.write(dropping(held.entry));
      this.#read();
      if (this.#remove(held)) await this.dropped.letGo(held.entry.key);
      this.reconcile();
    });
  }

  /** Brings the graphs in step with the catalog as the view of `_system` has it now. */
  reconcile(): void {
    const live = this.#read();
    for (const held of Array.from(this.#byKey.values())) {
      const { key } = held.entry;
      if (live.has(key) || BUILT_IN.some((entry) => entry.key === key)) continue;
      if (this.#remove(held)) this.#later(() => this.dropped.letGo(key));
    }
    const names = namesOf(Array.from(live.values()));
    for (const entry of live.values()) {
      if (this.#byKey.has(entry.key)) continue;
      const graph = this.#add(entry);
      // Nothing of it can be here, except from a time at which the catalog was not known.
      this.#later(() => this.#learnPartitions(graph));
    }
    this.#rename(names);
  }

  /** The generations that were not dropped, by key; notes those that were. */
  #read(): Map<string, CatalogEntry> {
    const { view } = this.system.resident;
    const live = new Map<string, CatalogEntry>();
    const entries = [GRAPH_LABEL, DROPPED_LABEL].flatMap((label) =>
      Array.from(sortedNodes(view, view.need(SYSTEM_PARTITION), label), (node) => entryOf(nodeAt(view, node))),
    );
    for (const entry of entries) {
      if (entry === undefined || BUILT_IN.some(({ key }) => key === entry.key)) continue;
      if (!entry.isDropped) live.set(entry.key, entry);
      else if (this.dropped.add(entry.key)) {
        this.#generations.set(entry.name, (this.#generations.get(entry.name) ?? 0) + 1);
        if (!this.#byKey.has(entry.key)) this.#later(() => this.dropped.letGo(entry.key));
      }
    }
    for (const key of Array.from(live.keys())) if (this.dropped.has(key)) live.delete(key);
    return live;
  }

  #add(entry: CatalogEntry): EngineGraph {
    const graph = this.#options.makeGraph(entry);
    this.#options.residency.add(graph.resident);
    const held = { graph, entry };
    this.#byKey.set(entry.key, held);
    this.#byName.set(entry.name, held);
    return graph;
  }

  /** False if it went already. */
  #remove({ graph: { resident }, entry }: Held): boolean {
    if (resident.deleted) return false;
    resident.deleted = true;
    this.#options.residency.remove(resident);
    this.#byKey.delete(entry.key);
    if (this.#byName.get(resident.name)?.entry.key === entry.key) this.#byName.delete(resident.name);
    this.#options.onRemoved();
    return true;
  }

  #rename(names: ReadonlyMap<string, GraphName>): void {
    this.#byName.clear();
    for (const [key, held] of this.#byKey) {
      const { resident } = held.graph;
      resident.name = names.get(key) ?? held.entry.name;
      this.#byName.set(resident.name, held);
    }
  }

  async #learnPartitions({ resident }: EngineGraph): Promise<void> {
    for (const id of await this.#options.store.listPartitions(resident.key)) {
      if (!resident.deleted) resident.partition(id);
    }
  }

  /** Runs a change of the catalog; again if another server changed it meanwhile. */
  #inTurn<T>(writer: CatalogWriter, change: () => Promise<T>): Promise<T> {
    const turns = writer.isDecided ? this.#decided : this.#work;
    return turns.run(async () => {
      for (;;) {
        await writer.begin();
        try {
          return await change();
        } catch (error) {
          if (!(error instanceof WeftError) || error.code !== 'precondition-failed') throw error;
        }
      }
    });
  }

  #later(work: () => Promise<void>): void {
    this.#work.run(work).catch(this.#options.onFailure);
  }
}
