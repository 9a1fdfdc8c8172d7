/**
 * Looks for what must not happen: replicas with the same commits and different graphs, and partitions that storage could
 * not verify. One partition at a time its digest goes to a peer. Digests count only at equal vectors, so a busy cluster
 * compares little and a quiet one everything. Whoever finds a difference fetches what its document lacks and answers
 * with its digest by then, so that the other side does the same.
 */
import { present } from '../../base/assert.ts';
import type { Env } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import type { PartitionKey } from '../../storage/store.ts';
import { covers, equalVectors, joined, type VersionVector } from '../commits/version-vector.ts';
import type { DigestFrame, StatePending } from './frame.ts';
import type { LinkSession } from './link-session.ts';
import type { Replica } from './replica.ts';
import { type PullStep, StatePull, type StateSlice } from './state-pull.ts';

const ATTEMPTS_MAX = 5;
const EMPTY_STATE_VECTOR = new Uint8Array([0]);

export interface AntiEntropyOptions {
  readonly env: Env;
  readonly replica: Replica;
  readonly periodMs: number;
  readonly patienceMs: number;
  readonly guard: (work: Promise<unknown>) => void;
}

interface Repair {
  readonly session: LinkSession;
  readonly pull: StatePull;
  readonly why: 'digests differ' | 'damaged';
  readonly sinceMs: number;
  /** Fetched, and waiting until its vector is covered here; `sinceMs` bounds that. */
  fetched: { readonly diff: Uint8Array; readonly vector: VersionVector; readonly sinceMs: number } | undefined;
  isMerging: boolean;
}

export class AntiEntropy {
  readonly #options: AntiEntropyOptions;
  #lastMs: number;
  #partitions: readonly PartitionKey[] = [];
  #next = 0;
  /** How often all partitions were gone through. */
  #passes = 0;
  #rounds = 0;
  #heals = 0;
  #repair: Repair | undefined;
  /** Those that a peer makes a state for since long, one for each at most: others are asked meanwhile, also for the same. */
  readonly #slow = new Map<LinkSession, Repair>();
  /** Of each damaged partition what was here when that was noticed. */
  #lost: ReadonlyMap<string, VersionVector> = new Map();
  /** When a partition was last repaired, so that a difference that stays does not keep everybody busy. */
  readonly #repairedMs = new Map<string, number>();
  comparisons = 0;
  repairs = 0;

  constructor(options: AntiEntropyOptions) {
    this.#options = options;
    this.#lastMs = options.env.clock.monotonicMs();
  }

  #nowMs(): number {
    return this.#options.env.clock.monotonicMs();
  }

  tick(links: readonly LinkSession[]): void {
    const nowMs = this.#nowMs();
    for (const slow of this.#slow.values()) this.#goOn(slow, nowMs);
    if (this.#repair !== undefined) this.#goOn(this.#repair, nowMs);
    if (nowMs - this.#lastMs < this.#options.periodMs || links.length === 0 || this.#options.replica.recovering) return;
    this.#lastMs = nowMs;
    this.#options.guard(this.#healOrCompare(links));
  }

  #goOn(repair: Repair, nowMs: number): void {
    const { pull, session, sinceMs } = repair;
    if (repair.fetched !== undefined) this.#mergeIfCovered(repair);
    else this.#follow(repair, pull.tick(nowMs, session.stateHeardMs));
    if (this.#repair !== repair || !pull.isPending || nowMs - sinceMs < this.#options.patienceMs * ATTEMPTS_MAX) return;
    this.#repair = undefined;
    this.#slow.set(session, repair);
  }

  #end(repair: Repair): void {
    if (this.#repair === repair) this.#repair = undefined;
    if (this.#slow.get(repair.session) === repair) this.#slow.delete(repair.session);
  }

  async #healOrCompare(links: readonly LinkSession[]): Promise<void> {
    const { replica } = this.#options;
    // In turn with comparisons, and one after the other: some may not be healable now.
    const wounded = replica.damaged();
    this.#noteWounds(wounded);
    if (this.#rounds++ % 2 === 0 && wounded.length > 0) {
      const at = this.#heals % wounded.length;
      const damaged = wounded[at] as PartitionKey;
      const healer = whoseTurn(links, at, Math.floor(this.#heals++ / wounded.length));
      // A whole state heals only if nothing that is lost here is missing in it.
      if (covers(healer.link?.peerVector ?? new Map(), present(this.#lost.get(nameOf(damaged)), 'noted above'))) {
        this.#fetch(healer, damaged, EMPTY_STATE_VECTOR, 'damaged');
        return;
      }
    }
    if (this.#next >= this.#partitions.length) {
      this.#partitions = await replica.listPartitions();
      this.#next = 0;
      this.#passes++;
    }
    const link = whoseTurn(links, this.#next, this.#passes);
    const key = this.#partitions[this.#next++];
    if (key !== undefined) await this.#send(link, key);
  }

  /** As long as it succeeds: a server with many damaged partitions would else be whole after as many periods. */
  #healOn(): void {
    this.#lastMs = Number.NEGATIVE_INFINITY;
    this.#rounds += this.#rounds % 2;
  }

  /** What comes once a partition is known to be damaged is kept beside it, so that the vector of a healer need not grow with it. */
  #noteWounds(wounded: readonly PartitionKey[]): void {
    const { vector } = this.#options.replica;
    this.#lost = new Map(wounded.map((key) => [nameOf(key), this.#lost.get(nameOf(key)) ?? vector]));
  }

  async #send(link: LinkSession, key: PartitionKey): Promise<void> {
    const own = await this.#digest(key);
    if (own !== undefined) link.send({ kind: 'digest', key, ...own });
  }

  /** Undefined for a partition that cannot be read, or is never still. */
  async #digest(key: PartitionKey): Promise<{ digest: string; vector: VersionVector } | undefined> {
    const { replica } = this.#options;
    try {
      const { digest, vector } = await replica.partitionDigest(key);
      return { digest, vector: joined(vector, replica.retired) };
    } catch (error) {
      const isPassedOver =
        error instanceof WeftError && (error.code === 'partition-recovering' || error.code === 'too-many-requests');
      if (!isPassedOver) throw error;
      return undefined;
    }
  }

  hear(session: LinkSession, frame: DigestFrame): void {
    if (!this.#options.replica.recovering) this.#options.guard(this.#compare(session, frame));
  }

  async #compare(session: LinkSession, { key, digest, vector }: DigestFrame): Promise<void> {
    const { replica, env, periodMs } = this.#options;
    const own = await this.#digest(key);
    if (own === undefined || !equalVectors(own.vector, vector)) return;
    this.comparisons++;
    if (own.digest === digest) return;
    const name = nameOf(key);
    const lastMs = this.#repairedMs.get(name);
    if (this.#repair !== undefined || (lastMs !== undefined && this.#nowMs() - lastMs < periodMs)) return;
    this.#repairedMs.set(name, this.#nowMs());
    env.log.write('error', 'replication: a partition differs at equal vectors', {
      peer: session.link?.peer.name,
      graph: replica.graphNameOf(key.graphKey) ?? key.graphKey,
      partition: key.partition,
    });
    this.#fetch(session, key, await replica.stateVector(key), 'digests differ');
  }

  #fetch(session: LinkSession, key: PartitionKey, stateVector: Uint8Array, why: Repair['why']): void {
    if (this.#repair !== undefined || this.#slow.has(session)) return;
    const { env, patienceMs } = this.#options;
    const patience = { patienceMs, attemptsMax: ATTEMPTS_MAX, pendingMsMax: LIMITS.statePendingMsMax };
    this.#repair = {
      session,
      pull: new StatePull(env.random.uint32(), key, stateVector, patience),
      why,
      sinceMs: this.#nowMs(),
      fetched: undefined,
      isMerging: false,
    };
    this.#follow(this.#repair, this.#repair.pull.start(this.#nowMs()));
  }

  /** A slice that this server asked for; those of a state transfer are none of its business. */
  hearState(session: LinkSession, frame: StateSlice | StatePending): void {
    const repair = this.#of(session);
    if (repair === undefined || repair.fetched !== undefined) return;
    if (frame.kind === 'state') this.#follow(repair, repair.pull.hear(frame, this.#nowMs()));
    else repair.pull.hearPending(frame, this.#nowMs());
  }

  #of(session: LinkSession): Repair | undefined {
    return this.#repair?.session === session ? this.#repair : this.#slow.get(session);
  }

  /** A link ended, and with it what was asked for over it. */
  lose(session: LinkSession): void {
    const repair = this.#of(session);
    if (repair !== undefined && !repair.isMerging) this.#end(repair);
  }

  #follow(repair: Repair, step: PullStep | undefined): void {
    if (step === undefined) return;
    if (step.kind === 'ask') repair.session.send(step.frame);
    else if (step.kind === 'failed') this.#end(repair);
    else {
      repair.fetched = { diff: step.diff, vector: step.vector, sinceMs: this.#nowMs() };
      this.#mergeIfCovered(repair);
    }
  }

  /** Before its vector is here the state may hold parts of commits; if they are lost meanwhile, it never is. */
  #mergeIfCovered(repair: Repair): void {
    const { replica, patienceMs, guard } = this.#options;
    const { fetched, session, why, pull } = repair;
    if (fetched === undefined || repair.isMerging) return;
    // It was made before what is lost by now: the partition was healed meanwhile, and is damaged again.
    const isSlow = this.#slow.get(session) === repair;
    const lost = isSlow && why === 'damaged' ? this.#lost.get(nameOf(pull.key)) : undefined;
    if (lost !== undefined && !covers(fetched.vector, lost)) {
      this.#end(repair);
      return;
    }
    if (covers(joined(replica.vector, replica.retired), fetched.vector) && !replica.recovering) {
      repair.isMerging = true;
      guard(this.#merge(repair, fetched.diff));
    } else if (this.#nowMs() - fetched.sinceMs > patienceMs * ATTEMPTS_MAX) this.#end(repair);
  }

  async #merge(repair: Repair, diff: Uint8Array): Promise<void> {
    const { replica, env } = this.#options;
    const { session, why } = repair;
    const { key } = repair.pull;
    try {
      await replica.mergeState(key, diff);
      this.repairs++;
      env.log.write('warn', 'replication: a partition was repaired', { why, ...key, bytes: diff.length });
      if (why === 'damaged') this.#healOn();
    } finally {
      this.#end(repair);
    }
    await this.#send(session, key);
  }
}

/** Each pass begins with another peer: in step with each other, partitions and peers would meet in the same pairs for ever. */
function whoseTurn(links: readonly LinkSession[], at: number, pass: number): LinkSession {
  return links[(at + pass) % links.length] as LinkSession;
}

function nameOf({ graphKey, partition }: PartitionKey): string {
  return `${graphKey}/${partition}`;
}
