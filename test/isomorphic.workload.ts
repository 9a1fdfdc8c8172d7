/** Convergence of two replicas, as a function that any runtime can run: the test compares what Node and a browser say. */
import type { PartitionId } from '../base/ids.ts';
import { replicaId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { readGraph } from '../crdt/reading.model.ts';
import { ReplicaModel } from '../crdt/replica.model.ts';
import { Workload } from '../crdt/workload.model.ts';

const PARTITIONS = ['0', '1', 's!'] as PartitionId[];
const WALL_MS = 1_800_000_000_000;

export interface Converged {
  readonly seed: number;
  readonly digests: string;
  readonly nodes: number;
  readonly edges: number;
  /** Patches that compaction removed from both replicas. */
  readonly compacted: number;
}

const patchesOf = (replica: ReplicaModel): number =>
  replica.partitions.reduce((sum, partition) => sum + replica.document(partition).patches, 0);

function exchange(a: ReplicaModel, b: ReplicaModel): void {
  for (const partition of PARTITIONS) {
    const [fromA, fromB] = [a.messageFor(b, partition), b.messageFor(a, partition)];
    b.receive(fromA);
    a.receive(fromB);
    // Once more: messages are idempotent.
    b.receive(fromA);
  }
}

/** @throws Error if the replicas, or their logs, differ */
export function converge(seed: number): Converged {
  const random = new SeededRandom(seed);
  const [a, b] = [1, 2 ** 32 - 1].map(
    (id) =>
      new ReplicaModel(replicaId(id), {
        settings: { partitions: 2, restoringTypes: [] },
        sizes: { segmentPatches: 3, chapterSegments: 2 },
        partitions: PARTITIONS,
        wallMs: WALL_MS + random.below(5),
      }),
  ) as [ReplicaModel, ReplicaModel];
  const same = (what: string, one: string, other: string): void => {
    if (one !== other) throw new Error(`seed ${seed}: ${what}: ${one} is not ${other}`);
  };
  for (let round = 0; round < 4; round++) {
    for (const replica of [a, b]) {
      const workload = new Workload(replica, random);
      for (let writes = 0; writes < 12; writes++) replica.commit(workload.request().placed);
    }
    exchange(a, b);
    same('after the exchange', a.digests(), b.digests());
  }
  const before = { digests: a.digests(), patches: patchesOf(a) + patchesOf(b) };
  for (const replica of [a, b]) for (const partition of PARTITIONS) replica.compact(partition, 0);
  exchange(a, b);
  for (const replica of [a, b]) {
    same('after compaction', replica.digests(), before.digests);
    same('folded from the log', replica.digests(replica.rebuilt((items) => random.shuffled(items))), before.digests);
    for (const partition of PARTITIONS) replica.reopen(partition, 'snapshot');
    same('from a snapshot', replica.digests(), before.digests);
  }
  const { nodes, edges } = readGraph(a.view);
  const compacted = before.patches - patchesOf(a) - patchesOf(b);
  return { seed, digests: before.digests, nodes: nodes.length, edges: edges.length, compacted };
}
