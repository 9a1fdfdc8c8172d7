/**
 * Takes over the state of another server, for one that its log no longer reaches (or that starts empty). Partition after
 * partition the receiver asks for what its document lacks; then it adopts the vector that the first answer named, and
 * nobody may read before it has reached the vector that the last one named, because states were taken in between.
 *
 *     list ──> for each partition: state vector ──> slices ──> merged ──> next ... ──> list again ──> adopt
 *
 * A state machine: events in, effects out. Requests that stay unanswered are sent again; the sender keeps nothing.
 */
import { assertNever } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import { isPlanted, type PlantedBug } from '../../base/planted-bug.ts';
import type { PartitionKey } from '../../storage/store.ts';
import type { VersionVector } from '../version-vector.ts';
import type { StateFrame } from './frame.ts';
import { type Patience, type PullStep, StatePull, type StateRequest, type StateSlice } from './state-pull.ts';

type ListRequest = Extract<StateFrame, { kind: 'list-state' }>;
type List = Extract<StateFrame, { kind: 'state-list' }>;

export type TransferEvent =
  | { readonly kind: 'begun' }
  | { readonly kind: 'answer'; readonly frame: List | StateSlice }
  | { readonly kind: 'state-vector'; readonly stateVector: Uint8Array }
  | { readonly kind: 'merged' }
  | { readonly kind: 'tick' };

export type TransferEffect =
  | { readonly kind: 'begin' }
  | { readonly kind: 'ask'; readonly frame: ListRequest | StateRequest }
  | { readonly kind: 'read-state-vector'; readonly key: PartitionKey }
  /** `diff` holds nothing beyond `vector`. */
  | {
      readonly kind: 'merge';
      readonly key: PartitionKey;
      readonly diff: Uint8Array;
      readonly vector: VersionVector;
    }
  | {
      readonly kind: 'adopt';
      readonly vector: VersionVector;
      readonly retired: VersionVector;
      readonly clock: number;
      readonly until: VersionVector;
    }
  /** The peer does not answer, or what it answers makes no sense. */
  | { readonly kind: 'give-up'; readonly reason: string };

export class StateTransfer {
  readonly #request: number;
  readonly #patience: Patience;
  readonly #bugs: ReadonlySet<PlantedBug> | undefined;
  readonly #partitions: PartitionKey[] = [];
  #next = 0;
  /** What the first list named. */
  #start: { readonly vector: VersionVector; readonly retired: VersionVector; readonly clock: number } | undefined;
  /** The list that was asked for, or the partition that is being fetched. */
  #asked: ListRequest | undefined;
  #askedMs = 0;
  #attempts = 0;
  #pull: StatePull | undefined;
  /** True once all partitions that were listed are merged. */
  #isClosing = false;

  /** @param request tells its answers from those to earlier ones */
  constructor(request: number, patience: Patience, bugs?: ReadonlySet<PlantedBug>) {
    this.#request = request;
    this.#patience = patience;
    this.#bugs = bugs;
  }

  start(): TransferEffect[] {
    return [{ kind: 'begin' }];
  }

  step(event: TransferEvent, nowMs: number): TransferEffect[] {
    switch (event.kind) {
      case 'begun':
        return this.#list(nowMs);
      case 'answer':
        return event.frame.kind === 'state-list'
          ? this.#hearList(event.frame, nowMs)
          : this.#follow(this.#pull?.hear(event.frame, nowMs));
      case 'state-vector':
        this.#pull = new StatePull(
          this.#request,
          this.#partitions[this.#next] as PartitionKey,
          event.stateVector,
          this.#patience,
        );
        return this.#follow(this.#pull.start(nowMs));
      case 'merged':
        this.#next++;
        return this.#goOn(nowMs);
      case 'tick':
        return this.#asked === undefined ? this.#follow(this.#pull?.tick(nowMs)) : this.#listAgain(this.#asked, nowMs);
      default:
        return assertNever(event);
    }
  }

  /** Asks for the partitions after those that are known. */
  #list(nowMs: number): TransferEffect[] {
    this.#asked = { kind: 'list-state', request: this.#request, after: this.#partitions.at(-1) };
    this.#askedMs = nowMs;
    this.#attempts = 0;
    return [{ kind: 'ask', frame: this.#asked }];
  }

  #listAgain(asked: ListRequest, nowMs: number): TransferEffect[] {
    if (nowMs - this.#askedMs < this.#patience.patienceMs) return [];
    if (++this.#attempts >= this.#patience.attemptsMax)
      return [{ kind: 'give-up', reason: 'the peer does not answer' }];
    this.#askedMs = nowMs;
    return [{ kind: 'ask', frame: asked }];
  }

  #hearList({ request, after, partitions, more, vector, retired, clock }: List, nowMs: number): TransferEffect[] {
    const asked = this.#asked;
    if (asked === undefined || request !== asked.request || !sameKey(asked.after, after)) return [];
    this.#asked = undefined;
    this.#start ??= { vector, retired, clock };
    if (this.#partitions.length + partitions.length > LIMITS.statePartitionsMax) {
      return [{ kind: 'give-up', reason: `the peer has more than ${LIMITS.statePartitionsMax} partitions` }];
    }
    this.#partitions.push(...partitions);
    if (more && partitions.length > 0) return this.#list(nowMs);
    const isEarly = isPlanted(this.#bugs, 'adopt-early');
    if (!isEarly && (!this.#isClosing || partitions.length > 0)) return this.#goOn(nowMs);
    return [{ ...this.#start, kind: 'adopt', clock: Math.max(this.#start.clock, clock), until: vector }];
  }

  #goOn(nowMs: number): TransferEffect[] {
    const key = this.#partitions[this.#next];
    this.#isClosing = key === undefined;
    // At the end it asks once more: for the vector by now, and for partitions that came last meanwhile.
    return key === undefined ? this.#list(nowMs) : [{ kind: 'read-state-vector', key }];
  }

  #follow(step: PullStep | undefined): TransferEffect[] {
    if (step === undefined) return [];
    if (step.kind === 'ask') return [step];
    const key = (this.#pull as StatePull).key;
    this.#pull = undefined;
    return step.kind === 'whole'
      ? [{ kind: 'merge', key, diff: step.diff, vector: step.vector }]
      : [{ kind: 'give-up', reason: step.reason }];
  }
}

function sameKey(a: PartitionKey | undefined, b: PartitionKey | undefined): boolean {
  return a?.graphKey === b?.graphKey && a?.partition === b?.partition;
}
