/**
 * Commits of other replicas on their way in. They wait here until the committer takes some of them into its next round;
 * then each is checked whole, before anything of it is stored, and merged into those documents that are in memory, which
 * nobody sees before the commit is durable.
 */
import { WeftError } from '../../base/errors.ts';
import type { ReplicaId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { isPlanted, type PlantedBug } from '../../base/planted-bug.ts';
import { utf8Length } from '../../base/text.ts';
import { checkUpdate } from '../../crdt/foreign-update.ts';
import { PartitionDocument } from '../../crdt/partition-document.ts';
import { partitionOfNode } from '../../crdt/routing.ts';
import type { Commit, CommitPart } from '../../storage/store.ts';
import type { Residency } from '../residency/residency.ts';
import type { AdmittedPart, ResidentPartition } from '../residency/resident-partition.ts';
import type { Progress } from './progress.ts';

/** A commit that may be stored. */
export interface Admitted {
  readonly commit: Commit;
  readonly parts: readonly AdmittedPart[];
}

interface Batch {
  readonly commits: readonly Commit[];
  next: number;
  failure: unknown;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface ReceivedCommitsOptions {
  readonly residency: Residency;
  readonly progress: Progress;
  readonly replica: ReplicaId;
  readonly bugs: ReadonlySet<PlantedBug> | undefined;
}

export class ReceivedCommits {
  readonly #options: ReceivedCommitsOptions;
  readonly #waiting: Batch[] = [];
  /** All of them is in the round that runs. */
  #ending: Batch[] = [];
  /** Bytes of updates that wait or are in the round that runs. */
  bytes = 0;
  #roundBytes = 0;

  constructor(options: ReceivedCommitsOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** @throws WeftError as `Replica.receive` */
  add(commits: readonly Commit[]): Promise<void> {
    if (this.bytes > LIMITS.receivedBytesMax) {
      throw new WeftError('too-many-requests', 'too many received commits wait for the disk', { retryAfterSeconds: 1 });
    }
    for (const commit of commits) this.bytes += bytesOf(commit);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ commits, next: 0, failure: undefined, resolve, reject });
    });
  }

  /** Checks and merges what the next round takes, in order. Synchronous: what it rests on does not change meanwhile. */
  admit(): Admitted[] {
    const picked = this.#pick();
    const heads = new Map<ReplicaId, number>();
    const admitted: Admitted[] = [];
    // One transaction for all commits of the round costs a fraction of one for each.
    PartitionDocument.together(this.#documentsOf(picked), () => {
      for (const { batch, commit } of picked) {
        if (batch.failure !== undefined) continue;
        try {
          const checked = this.#check(commit, heads);
          if (checked === undefined) continue;
          merge(checked);
          heads.set(commit.origin, commit.seq);
          admitted.push(checked);
        } catch (error) {
          if (!(error instanceof WeftError)) throw error;
          batch.failure = refusal(commit, error);
        }
      }
    });
    return admitted;
  }

  #pick(): { readonly batch: Batch; readonly commit: Commit }[] {
    const picked: { readonly batch: Batch; readonly commit: Commit }[] = [];
    const before = this.#roundBytes;
    for (let batch = this.#waiting[0]; batch !== undefined; batch = this.#waiting[0]) {
      if (picked.length >= LIMITS.receivedRoundCommits) break;
      if (this.#roundBytes - before >= LIMITS.receivedRoundBytes) break;
      const commit = batch.commits[batch.next++];
      if (commit === undefined) {
        this.#waiting.shift();
        this.#ending.push(batch);
        continue;
      }
      this.#roundBytes += bytesOf(commit);
      picked.push({ batch, commit });
    }
    return picked;
  }

  #documentsOf(picked: readonly { readonly commit: Commit }[]): PartitionDocument[] {
    const documents = new Set<PartitionDocument>();
    for (const { commit } of picked) {
      for (const part of commit.parts) {
        const document = this.#partitionOf(part)?.document;
        if (document !== undefined) documents.add(document);
      }
    }
    return Array.from(documents);
  }

  #partitionOf(part: CommitPart): ResidentPartition | undefined {
    return this.#options.residency.find(part.graphKey)?.known(part.partition);
  }

  /** All that was admitted is visible. */
  ended(): void {
    this.bytes -= this.#roundBytes;
    this.#roundBytes = 0;
    for (const { failure, resolve, reject } of this.#ending.splice(0)) {
      if (failure === undefined) resolve();
      else reject(failure);
    }
  }

  /** Nothing more is taken. */
  fail(error: unknown): void {
    for (const { reject } of [...this.#ending.splice(0), ...this.#waiting.splice(0)]) reject(error);
    this.bytes = 0;
    this.#roundBytes = 0;
  }

  /** Undefined for a commit that is here already. @throws WeftError `malformed-request` */
  #check(commit: Commit, heads: Map<ReplicaId, number>): Admitted | undefined {
    const { replica, bugs } = this.#options;
    const { origin, seq, clock, after, parts, locators } = commit;
    const reached = this.#reached(origin, heads);
    if (seq <= reached) return undefined;
    if (origin === replica) throw malformed('it claims to be of this server');
    if (seq !== reached + 1) throw malformed(`it does not follow ${reached}`);
    for (const [of, wanted] of after) {
      if (this.#reached(of, heads) >= wanted || isPlanted(bugs, 'no-causal-gate')) continue;
      throw malformed(`it comes before ${of}/${wanted}`);
    }
    if (!Number.isSafeInteger(clock) || clock < 0) throw malformed(`its clock is ${clock}`);
    for (const { graphKey, partition, edge } of locators) {
      checkKey(graphKey, partition);
      if (utf8Length(edge) < 0) throw malformed('an edge id is not well-formed');
    }
    const admitted: AdmittedPart[] = [];
    for (const part of parts) admitted.push(this.#checkPart(part, commit));
    if (
      parts.length > 1 &&
      new Set(parts.map(({ graphKey, partition }) => `${graphKey}/${partition}`)).size < parts.length
    )
      throw malformed('it names a partition twice');
    return { commit, parts: admitted };
  }

  /** How far a stream is, with what was admitted in this round. */
  #reached(origin: ReplicaId, heads: ReadonlyMap<ReplicaId, number>): number {
    return heads.get(origin) ?? this.#options.progress.seq(origin);
  }

  #checkPart(part: CommitPart, { origin, clock }: Commit): AdmittedPart {
    const graph = this.#options.residency.find(part.graphKey);
    const partition = graph?.known(part.partition);
    if (partition === undefined) checkKey(part.graphKey, part.partition);
    const checked = checkUpdate(part.update, origin);
    if (checked.clockMax > clock) throw malformed('it holds a patch that is later than the commit');
    if (graph !== undefined) {
      const { partitions } = graph.settings;
      const hashed = Number(part.partition);
      if (!part.partition.endsWith('!') && !(hashed < partitions && String(hashed) === part.partition)) {
        throw malformed(`graph ${graph.name} has no partition ${part.partition}`);
      }
      for (const patch of checked.patches) {
        if (patch.kind !== 'node-create' && patch.kind !== 'node-update' && patch.kind !== 'node-delete') continue;
        if (partitionOfNode(patch.id, partitions) !== part.partition)
          throw malformed('a patch lies in a wrong partition');
      }
    }
    return { part, checked, partition, merged: partition?.document };
  }
}

/** @throws WeftError `malformed-request` if a document lacks what the commit builds on; nothing was merged then */
function merge({ parts }: Admitted): void {
  for (const { merged, checked } of parts) {
    const lacking = merged?.lacks(checked);
    if (lacking !== undefined) throw malformed(`it builds on ${lacking}`);
  }
  for (const { merged, checked, partition } of parts) {
    if (merged === undefined || partition === undefined) continue;
    merged.mergeAll([checked]);
    partition.arriving++;
  }
}

const GRAPH_KEY = /^[A-Za-z0-9_-]{1,64}$/;

function checkKey(graphKey: string, partition: string): void {
  if (!GRAPH_KEY.test(graphKey) || utf8Length(partition) <= 0)
    throw malformed('it names a partition that cannot exist');
}

function malformed(why: string): WeftError {
  return new WeftError('malformed-request', why);
}

function bytesOf({ parts }: Commit): number {
  let bytes = 0;
  for (const { update } of parts) bytes += update.length;
  return bytes;
}

function refusal({ origin, seq }: Commit, cause: WeftError): WeftError {
  const detail = `commit ${seq} of ${origin}: ${cause.message}`;
  return new WeftError('malformed-request', detail, { origin, seq }, cause);
}
