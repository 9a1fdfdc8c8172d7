/**
 * What devices did and saw, and what servers told them. Each batch adds a member of its own to one set, so that it can be
 * recognised in patches, in refusals and in what a device or server shows.
 */
import type { PartitionId } from '../../base/ids.ts';
import type { PlacedText, ReplicaFrame, ServerFrame } from '../../crdt/sync-frame.ts';
import type { Cluster, Server } from '../cluster.ts';
import type { CommitName, OfflineBatch, OfflineEnd } from '../history.ts';

type Write = Extract<ReplicaFrame, { kind: 'write' }>;
type Receipt = Extract<ServerFrame, { kind: 'receipt' }>;

/** Where everybody writes, and where nobody may. */
export const OPEN_SCOPE = 'team!';
export const LOCKED_SCOPE = 'locked!';

export class OfflineRun {
  readonly #cluster: Cluster;
  readonly batches = new Map<string, OfflineBatch>();
  /** What was seen that must not be, in words. */
  readonly evidence: string[] = [];
  readonly ends: OfflineEnd[] = [];
  #made = 0;
  /** Servers know of each other what was durable some time ago; a lost disk makes that untrue without anybody's fault. */
  disksAreLost = false;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  mayWrite(partition: PartitionId): boolean {
    return partition !== LOCKED_SCOPE;
  }

  begin(device: string, isBad: boolean): OfflineBatch {
    const member = `${device}#${++this.#made};`;
    const batch: OfflineBatch = { device, member, isBad, outcome: 'unknown', repeats: false, commits: [], receipts: 0 };
    this.batches.set(member, batch);
    return batch;
  }

  /** By the text of its first operation or patch, which adds the member. */
  batchOf(text: string): OfflineBatch | undefined {
    const [member] = text.match(/device\d+#\d+;/) ?? [];
    return member === undefined ? undefined : this.batches.get(member);
  }

  /** One connection of a device to a server. */
  line(server: Server): Line {
    return new Line(this, this.#cluster, server);
  }

  taken(server: Server, patches: readonly PlacedText[], commit: CommitName): void {
    this.batchOf(patches[0]?.text ?? '')?.commits.push({ ...commit, server: server.name });
  }
}

class Line {
  readonly #run: OfflineRun;
  readonly #cluster: Cluster;
  readonly #server: Server;
  readonly #sent = new Map<string, OfflineBatch>();

  constructor(run: OfflineRun, cluster: Cluster, server: Server) {
    this.#run = run;
    this.#cluster = cluster;
    this.#server = server;
  }

  write({ epoch, number, patches }: Write): void {
    const batch = this.#run.batchOf(patches[0]?.text ?? '');
    if (batch !== undefined) this.#sent.set(`${epoch} ${number}`, batch);
  }

  /** A receipt is true: the batch is durable on as many servers as it says. */
  receipt({ epoch, number, durableOn }: Receipt): void {
    const batch = this.#sent.get(`${epoch} ${number}`);
    if (batch === undefined) return;
    batch.receipts++;
    const { name } = this.#server;
    const commit = batch.commits.findLast(({ server }) => server === name);
    if (commit === undefined) {
      this.#run.evidence.push(`${name} gave a receipt for ${batch.member}, which it had not kept`);
      return;
    }
    if (this.#run.disksAreLost) return;
    const holders = this.#cluster.servers.filter((other) => {
      return (this.#cluster.holdings(other).get(commit.origin) ?? 0) >= commit.seq;
    });
    if (holders.length >= durableOn) return;
    this.#run.evidence.push(
      `${name} said that ${durableOn} servers have ${batch.member}, and ${holders.length} had it`,
    );
  }
}
