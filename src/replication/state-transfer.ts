/**
 * Takes over the state of another server, for one that its log no longer reaches (or that starts empty). With its first
 * request the sender fixes a moment, and all that it answers is of that moment. Partition after partition the receiver asks
 * for what its document lacks, and keeps it apart; when all of it is there it adopts it as a whole.
 *
 *     list ──> for each partition: state vector ──> slices ──> staged ──> next ... ──> adopt
 *
 * A state machine: events in, effects out. Requests that stay unanswered are sent again. A sender that let go of the moment
 * answers with another vector, or not at all, and the transfer is given up.
 */
import { assertNever } from '../../base/assert.ts';
import * as LIMITS from '../../base/limits.ts';
import { isPlanted, type PlantedBug } from '../../base/planted-bug.ts';
import type { PartitionKey } from '../../storage/store.ts';
import { equalVectors, type VersionVector } from '../commits/version-vector.ts';
import type { StateFrame, StatePending } from './frame.ts';
import { type Patience, type PullStep, StatePull, type StateRequest, type StateSlice } from './state-pull.ts';

type ListRequest = Extract<StateFrame, { kind: 'list-state' }>;
type List = Extract<StateFrame, { kind: 'state-list' }>;

export type TransferEvent =
  | { readonly kind: 'begun' }
  | { readonly kind: 'answer'; readonly frame: List | StateSlice | StatePending }
  | { readonly kind: 'state-vector'; readonly stateVector: Uint8Array }
  | { readonly kind: 'staged' }
  /** `heardMs`: as `StatePull.tick` has it. */
  | { readonly kind: 'tick'; readonly heardMs: number };

export type TransferEffect =
  | { readonly kind: 'begin' }
  | { readonly kind: 'ask'; readonly frame: ListRequest | StateRequest }
  | { readonly kind: 'read-state-vector'; readonly key: PartitionKey }
  | { readonly kind: 'stage'; readonly key: PartitionKey; readonly diff: Uint8Array }
  | ({ readonly kind: 'adopt' } & Moment)
  /** The peer does not answer, or what it answers makes no sense. */
  | { readonly kind: 'give-up'; readonly reason: string };

/** What the sender says of the moment whose state it gives. */
interface Moment {
  readonly vector: VersionVector;
  readonly retired: VersionVector;
  readonly clock: number;
}

export class StateTransfer {
  readonly #request: number;
  readonly #patience: Patience;
  readonly #bugs: ReadonlySet<PlantedBug> | undefined;
  readonly #partitions: PartitionKey[] = [];
  #next = 0;
  /** As every list names it. */
  #moment: Moment | undefined;
  /** The list that was asked for, or the partition that is being fetched. */
  #asked: ListRequest | undefined;
  #askedMs = 0;
  #attempts = 0;
  #pull: StatePull | undefined;

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
        return this.#hear(event.frame, nowMs);
      case 'state-vector':
        this.#pull = new StatePull(
          this.#request,
          this.#partitions[this.#next] as PartitionKey,
          event.stateVector,
          this.#patience,
        );
        return this.#follow(this.#pull.start(nowMs));
      case 'staged':
        this.#next++;
        return this.#goOn();
      case 'tick':
        return this.#asked === undefined
          ? this.#follow(this.#pull?.tick(nowMs, event.heardMs))
          : this.#listAgain(this.#asked, nowMs);
      default:
        return assertNever(event);
    }
  }

  #hear(frame: List | StateSlice | StatePending, nowMs: number): TransferEffect[] {
    if (frame.kind === 'state-list') return this.#hearList(frame, nowMs);
    if (frame.kind === 'state') return this.#follow(this.#pull?.hear(frame, nowMs));
    this.#pull?.hearPending(frame, nowMs);
    return [];
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
    this.#moment ??= { vector, retired, clock };
    if (!equalVectors(vector, this.#moment.vector)) return [MOMENT_GONE];
    if (this.#partitions.length + partitions.length > LIMITS.statePartitionsMax) {
      return [{ kind: 'give-up', reason: `the peer has more than ${LIMITS.statePartitionsMax} partitions` }];
    }
    this.#partitions.push(...partitions);
    if (more && partitions.length > 0) return this.#list(nowMs);
    return isPlanted(this.#bugs, 'adopt-early') ? this.#adopt() : this.#goOn();
  }

  #goOn(): TransferEffect[] {
    const key = this.#partitions[this.#next];
    return key === undefined ? this.#adopt() : [{ kind: 'read-state-vector', key }];
  }

  #adopt(): TransferEffect[] {
    return [{ kind: 'adopt', ...(this.#moment as Moment) }];
  }

  #follow(step: PullStep | undefined): TransferEffect[] {
    if (step === undefined) return [];
    if (step.kind === 'ask') return [step];
    const key = (this.#pull as StatePull).key;
    this.#pull = undefined;
    if (step.kind === 'failed') return [{ kind: 'give-up', reason: step.reason }];
    // Parts of later commits must not come in: what they lack might be lost before it comes.
    if (!equalVectors(step.vector, this.#moment?.vector ?? new Map())) return [MOMENT_GONE];
    return [{ kind: 'stage', key, diff: step.diff }];
  }
}

function sameKey(a: PartitionKey | undefined, b: PartitionKey | undefined): boolean {
  return a?.graphKey === b?.graphKey && a?.partition === b?.partition;
}

const MOMENT_GONE: TransferEffect = { kind: 'give-up', reason: 'the peer let go of the moment whose state it gave' };
