/** The server that another one catches up with, in a process of its own, as servers are. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { NodeId, ReplicaId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { PartitionDocument } from '../crdt/partition-document.ts';
import type { Operation } from '../graph/model.ts';
import type { VersionVector } from '../src/commits/version-vector.ts';
import { openLevelStore } from '../storage/level-store.ts';
import { benchEnv } from './bench-env.ts';
import { type LinkedEngine, places, startAt } from './linked-engines.ts';
import { temporaryDirectory } from './settings.ts';
import { batches, createPeople, people, randomPairs, writeBatches } from './workload.ts';

/** Nodes that the commits of a backlog write to in turn. */
const KEYS = 1000;

export type Order =
  /** Creates the nodes of a backlog. */
  | { readonly kind: 'prepare' }
  /** Writes to them, one commit for each. */
  | { readonly kind: 'backlog'; readonly commits: number }
  /** Fills a graph, and lets go of the whole log. */
  | { readonly kind: 'fill'; readonly nodes: number; readonly edges: number };

interface Answer {
  /** What it has when the order is done. */
  readonly vector: readonly (readonly [ReplicaId, number])[];
}

/** As the process that orders sees it. */
export class CatchUpSource {
  readonly #child: ReturnType<typeof fork>;
  readonly url: string;

  private constructor(child: ReturnType<typeof fork>, url: string) {
    this.#child = child;
    this.url = url;
  }

  static async start(peerUrl: string): Promise<CatchUpSource> {
    const child = fork(fileURLToPath(import.meta.url), [peerUrl]);
    const [url] = (await once(child, 'message')) as [string];
    return new CatchUpSource(child, url);
  }

  /** @returns what it has then */
  async order(order: Order): Promise<VersionVector> {
    this.#child.send(order);
    const [{ vector }] = (await once(this.#child, 'message')) as [Answer];
    return new Map(vector);
  }

  async stop(): Promise<void> {
    this.#child.disconnect();
    await once(this.#child, 'exit');
  }
}

async function backlog({ graph }: LinkedEngine, commits: number): Promise<void> {
  // One after the other, so that none share a commit.
  for (let i = 0; i < commits; i++) {
    await graph.write([{ op: 'patchNode', id: key(i), properties: { value: { kind: 'set', value: i } } }]);
  }
}

async function prepare({ graph }: LinkedEngine): Promise<void> {
  await graph.write(
    Array.from({ length: KEYS }, (_, i) => ({ op: 'createNode', id: key(i), labels: [], properties: {} })),
  );
}

const key = (i: number) => `n${i % KEYS}` as NodeId;

async function fill({ graph }: LinkedEngine, nodes: number, edges: number): Promise<void> {
  const ids = (await writeBatches(graph, batches(createPeople(people(nodes))))).flat();
  const pairs = randomPairs(ids, edges, new SeededRandom(5));
  const creates = pairs.map(
    ({ from, to }): Operation => ({ op: 'createEdge', type: 'KNOWS', from, to, properties: {} }),
  );
  await writeBatches(graph, batches(creates));
}

/** Lets go of the whole log, as a server does whose peers were away for long: every partition gets a snapshot first. */
async function cutLog(directory: string): Promise<void> {
  const store = await openLevelStore({ directory, durability: 'buffered', env: benchEnv() });
  const { durableLsn: lsn } = store.status();
  for (const graphKey of await store.listGraphs()) {
    for (const partition of await store.listPartitions(graphKey)) {
      const { snapshot, tail } = await store.readPartition({ graphKey, partition }, { document: true });
      const updates = [...(snapshot === undefined ? [] : [snapshot.document]), ...tail.map(({ update }) => update)];
      const document = PartitionDocument.hydrate(partition, 1 as ReplicaId, updates).encode();
      await store.writeSnapshot({ graphKey, partition }, { lsn, document, view: undefined });
    }
  }
  await store.truncateLog(lsn);
  await store.close();
}

/** What the process of its own does. */
async function obey(peerUrl: string): Promise<void> {
  const [here] = await places('source');
  if (here === undefined) throw new Error('a place was asked for');
  const data = { directory: temporaryDirectory('data'), durability: 'buffered' } as const;
  const start = () => startAt(here, [peerUrl], data);
  let engine = await start();
  process.on('message', async (order: Order) => {
    if (order.kind === 'prepare') await prepare(engine);
    else if (order.kind === 'backlog') await backlog(engine, order.commits);
    else {
      await fill(engine, order.nodes, order.edges);
      await engine.stop();
      await cutLog(data.directory);
      engine = await start();
    }
    process.send?.({ vector: Array.from(engine.engine.replica.vector) } satisfies Answer);
  });
  process.once('disconnect', () => void engine.stop().then(() => process.exit()));
  process.send?.(here.url);
}

const [peerUrl] = process.argv.slice(2);
if (process.argv[1] === fileURLToPath(import.meta.url) && peerUrl !== undefined) await obey(peerUrl);
