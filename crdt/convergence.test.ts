/**
 * The property that everything else rests on: any interleaving, duplication and reordering of patches over several
 * replicas, with any of them compacting, restarting or rebuilding its view at any time, ends in equal graphs, equal to
 * what the model makes of the bag of all patches ever made. Compaction never changes visible state, and no dangling edge
 * is ever visible.
 *
 * A failure names its seed; `WEFT_SEED=n npx vitest run crdt/convergence` replays that round alone, and
 * `WEFT_ROUNDS=n` runs more of them.
 */

import { expect, test } from 'vitest';
import { type PartitionId, replicaId } from '../base/ids.ts';
import type { PlantedBug } from '../base/planted-bug.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { describeValue } from '../graph/describe.model.ts';
import type { GraphSettings } from '../graph/model.ts';
import { describeGraph, type PlacedPatch, visibleGraph } from './graph.model.ts';
import { GraphView } from './graph-view.ts';
import { decodePatch, encodePatch } from './patch-codec.ts';
import { readGraph, readIncident } from './reading.model.ts';
import { type Message, ReplicaModel } from './replica.model.ts';
import { partitionOfNode } from './routing.ts';
import { findNode, nodeAt } from './view-reads.ts';
import { type Expected, Workload } from './workload.model.ts';

const FIRST_SEED = Number(process.env.WEFT_SEED ?? 1);
const ROUNDS = Number(process.env.WEFT_ROUNDS ?? (process.env.WEFT_SEED === undefined ? 1000 : 1));
const PARTITIONS = ['0', '1', 's!'] as PartitionId[];
const NOW = Date.UTC(2026, 0, 31);
/** The rounds take half a minute on an idle core; a busy machine must not fail them. */
const TIMEOUT_MS = 600_000;

/** As `expect(found).toBe(wanted)`, which is too slow to be called a hundred times a round. */
function expectSame(found: string, wanted: string | undefined, what: string): void {
  if (found !== wanted) expect(found, what).toBe(wanted);
}

function eachRound(play: (random: SeededRandom) => void): void {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) {
    try {
      play(new SeededRandom(seed));
    } catch (cause) {
      throw new Error(`WEFT_SEED=${seed} (round ${seed - FIRST_SEED + 1}): ${(cause as Error).message}`, { cause });
    }
  }
}

/** All that a reader can see, the adjacency of every node included. */
function described(view: GraphView): string {
  const graph = readGraph(view);
  const nodes = new Set(graph.nodes.map(({ id }) => id as string));
  for (const { id, from, to } of graph.edges) {
    if (!nodes.has(from) || !nodes.has(to)) throw new Error(`the edge ${id} from ${from} to ${to} dangles`);
  }
  return `${describeGraph(graph)}\n${JSON.stringify(readIncident(view))}`;
}

function describedModel(
  bag: readonly PlacedPatch[],
  { partitions, restoringTypes }: GraphSettings,
  nowMs: number,
): string {
  const homeOf = (node: string) => partitionOfNode(node, partitions);
  const { nodes, edges } = visibleGraph(bag, { restoringTypes, homeOf, nowMs });
  const incident = nodes.map(({ id }) => ({
    id,
    out: edges
      .filter((edge) => edge.from === id)
      .map((edge) => edge.id)
      .sort(),
    in: edges
      .filter((edge) => edge.to === id)
      .map((edge) => edge.id)
      .sort(),
  }));
  return `${describeGraph({ nodes, edges })}\n${JSON.stringify(incident)}`;
}

interface Addressed {
  readonly to: ReplicaModel;
  readonly message: Message;
}

class Cluster {
  readonly #bug: PlantedBug | undefined;
  readonly settings: GraphSettings;
  readonly replicas: readonly ReplicaModel[];
  /** Every patch ever made, and where it was put. */
  readonly bag: PlacedPatch[] = [];
  readonly #random: SeededRandom;
  readonly #inFlight: Addressed[] = [];
  #nextId = 1;
  /** Tombstones before this reading have expired: everybody has seen them. */
  #horizon = 0;

  constructor(random: SeededRandom, bug?: PlantedBug) {
    this.#random = random;
    this.#bug = bug;
    this.settings = { partitions: 2, restoringTypes: random.chance(0.5) ? ['R'] : [] };
    const { settings } = this;
    // Small, so that segments and chapters are sealed all the time.
    const sizes = { segmentPatches: 2 + random.below(4), chapterSegments: 1 + random.below(3) };
    this.replicas = Array.from({ length: 3 + random.below(2) }, () => {
      const wallMs = NOW + random.below(5) - 2;
      return new ReplicaModel(this.#newId(), { settings, sizes, partitions: PARTITIONS, wallMs });
    });
  }

  #newId() {
    // Large and small ids in turn, so that ties between equal clocks fall both ways.
    const id = this.#nextId++;
    return replicaId(id % 2 === 0 ? id : 2 ** 32 - id);
  }

  step(): void {
    const random = this.#random;
    const replica = random.pick(this.replicas);
    const partition = random.pick(PARTITIONS);
    // Coarse clocks that jump back and forth make equal readings common.
    replica.wallMs += random.below(4) - 1;
    const dice = random.below(100);
    if (dice < 60) this.#write(replica);
    else if (dice < 75) this.#exchange(replica, partition);
    else if (dice < 83) this.#deliver();
    else if (dice < 92) this.#compact(replica, partition);
    else if (dice < 96) this.#reopen(replica, partition);
    else if (dice < 98) this.#restart(replica);
    else this.settle();
  }

  #write(replica: ReplicaModel): void {
    replica.expire();
    const { placed, expected } = new Workload(replica, this.#random).request();
    this.bag.push(...placed);
    this.#push(replica, replica.commit(placed));
    if (expected !== undefined) checkExpected(replica.view, expected);
  }

  /** Sends changes to those who have all that they build on. */
  #push(from: ReplicaModel, messages: readonly Message[]): void {
    for (const message of messages) {
      for (const to of this.replicas) {
        if (to === from || !this.#random.chance(0.3) || !to.canReceive(message)) continue;
        to.receive(message);
        // Once more, when states that hold it and compactions of it may have come.
        if (this.#random.chance(0.1)) this.#inFlight.push({ to, message });
      }
    }
  }

  #exchange(from: ReplicaModel, partition: PartitionId): void {
    const to = this.#random.pick(this.replicas.filter((other) => other !== from));
    const message = from.messageFor(to, partition);
    if (this.#random.chance(0.4)) this.#inFlight.push({ to, message });
    else to.receive(message);
  }

  /** One of the messages that are under way, in any order, perhaps once more later. */
  #deliver(): void {
    if (this.#inFlight.length === 0) return;
    const index = this.#random.below(this.#inFlight.length);
    const { to, message } = this.#inFlight[index] as Addressed;
    to.receive(message);
    if (this.#random.chance(0.6)) this.#inFlight.splice(index, 1);
  }

  #compact(replica: ReplicaModel, partition: PartitionId): void {
    const before = described(replica.view);
    const message = replica.compact(partition, this.#horizon, this.#bug === 'compaction-drops-live');
    expectSame(described(replica.view), before, 'compaction changed the view');
    expectSame(described(replica.rebuilt()), before, 'compaction changed what the log says');
    if (message !== undefined) this.#push(replica, [message]);
  }

  #reopen(replica: ReplicaModel, partition: PartitionId): void {
    const before = described(replica.view);
    const digests = replica.digests();
    const from = this.#random.pick(['log', 'snapshot'] as const);
    replica.reopen(partition, from);
    expectSame(described(replica.view), before, `a view from its ${from} differs`);
    expectSame(replica.digests(), digests, `the digest of a view from its ${from} differs`);
  }

  #restart(replica: ReplicaModel): void {
    const before = described(replica.view);
    replica.restart(this.#random.chance(0.5) ? replica.id : this.#newId());
    expectSame(described(replica.view), before, 'a restart changed the view');
  }

  /** Delivers and exchanges until nobody lacks anything. */
  settle(): void {
    for (const { to, message } of this.#inFlight) to.receive(message);
    this.#inFlight.length = 0;
    const hub = this.#random.pick(this.replicas);
    const others = this.#random.shuffled(this.replicas.filter((other) => other !== hub));
    for (const partition of PARTITIONS) {
      for (const other of others) hub.receive(other.messageFor(hub, partition));
      for (const other of others) other.receive(hub.messageFor(other, partition));
    }
    this.#horizon = Math.max(...this.replicas.map(({ clock }) => clock.last));
  }

  /** All clocks agree. Before they do, replicas that hide what others still show must have the digests of those. */
  meet(): number {
    const [first = '', ...others] = this.replicas.map((replica) => replica.digests());
    for (const digest of others) expectSame(digest, first, 'digests depend on the time of the replica');
    const nowMs = Math.max(...this.replicas.map((replica) => replica.nowMs)) + this.#random.below(10);
    for (const replica of this.replicas) replica.expire(nowMs);
    for (const replica of this.replicas) expectSame(replica.digests(), first, 'digests depend on the time');
    return Math.max(...this.replicas.map((replica) => replica.nowMs));
  }

  /** One replica compacts until there is nothing more to do. */
  tidy(): void {
    const replica = this.#random.pick(this.replicas);
    for (const partition of PARTITIONS) {
      for (const message of replica.compactFully(partition, 0)) this.#push(replica, [message]);
      expect(replica.needlessCopies(partition), 'copies that compaction left').toEqual([]);
    }
  }

  /** Compares all replicas, and what their logs say, with the model of everything that was ever written. */
  check(model: string): void {
    const digests = this.replicas[0]?.digests();
    for (const replica of this.replicas) {
      expectSame(described(replica.view), model, 'a replica differs from the model');
      expectSame(replica.digests(), digests, 'digests of equal graphs differ');
      const rebuilt = replica.rebuilt((items) => this.#random.shuffled(items));
      expectSame(described(rebuilt), model, 'the log of a replica differs from its view');
      expectSame(replica.digests(rebuilt), digests, 'the digest of the log differs');
    }
  }
}

/** A writer sees its own write at once, just as it asked for it. */
function checkExpected(view: GraphView, { node, labels, properties, whole }: Expected): void {
  const at = findNode(view, node);
  if (at === undefined) throw new Error(`the writer of ${node} does not see it`);
  const shown = nodeAt(view, at);
  if (labels !== undefined) expect(shown.labels, `labels of ${node}`).toEqual([...labels].sort());
  if (whole)
    expect(Object.keys(shown.properties).sort(), `properties of ${node}`).toEqual([...properties.keys()].sort());
  const values = new Map(Object.entries(shown.properties));
  for (const [name, value] of properties) {
    const found = values.get(name);
    expect(found === undefined ? 'absent' : describeValue(found), `${node}.${name} after its own write`).toBe(
      value === undefined ? 'absent' : describeValue(value),
    );
  }
}

test(
  'replicas: writes, partial and repeated exchanges, compactions, restarts, rebuilt views -> one graph, that of the model',
  () => {
    eachRound((random) => {
      const cluster = new Cluster(random);
      const steps = 40 + random.below(120);
      for (let step = 0; step < steps; step++) cluster.step();
      cluster.settle();
      cluster.meet();
      const model = describedModel(cluster.bag, cluster.settings, cluster.meet());
      cluster.check(model);
      // Once more after all of them compacted everything at the same time.
      for (const replica of cluster.replicas) for (const partition of PARTITIONS) replica.compact(partition, 0);
      cluster.settle();
      cluster.check(model);
      // And then one of them: that leaves each patch once, and loses none.
      cluster.tidy();
      cluster.settle();
      cluster.check(model);
    });
  },
  TIMEOUT_MS,
);

test(
  'patches: one by one, any order, duplicates -> the graph of the model',
  () => {
    eachRound((random) => {
      const cluster = new Cluster(random);
      for (let step = 0; step < 40; step++) cluster.step();
      const nowMs = Math.max(...cluster.replicas.map((replica) => replica.nowMs));
      const model = describedModel(cluster.bag, cluster.settings, nowMs);
      const delivery = random.shuffled([...cluster.bag, ...random.some(cluster.bag, 0.3)]);
      const view = new GraphView(cluster.settings);
      for (const partition of random.shuffled(PARTITIONS)) view.open(partition);
      for (const { partition, patch } of delivery) {
        const text = encodePatch(patch);
        view.fold(view.need(partition as PartitionId), decodePatch(text), text.length);
        if (random.chance(0.1)) described(view);
        if (random.chance(0.1)) view.expire(nowMs - random.below(20));
      }
      view.expire(nowMs);
      expectSame(described(view), model, 'a view of single patches differs from the model');
    });
  },
  TIMEOUT_MS,
);

test('replicas whose compaction forgets a live patch [compaction-drops-live] -> the rounds notice', () => {
  const rounds = () =>
    eachRound((random) => {
      const cluster = new Cluster(random, 'compaction-drops-live');
      for (let step = 0; step < 100; step++) cluster.step();
    });
  expect(rounds).toThrow('compaction changed what the log says');
});
