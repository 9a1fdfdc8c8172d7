/**
 * The coordinator of one graph on one server: a state machine that leads rounds of the quorum protocol (SPEC.md). It is
 * told what happens (`step`) and says what to do; disk, network, time and the graph are its driver's (`coordination.ts`).
 *
 * CASPaxos in shape (Rystsov: CASPaxos, 2018), over patches instead of values: a proposal is a set of patches that
 * take effect once a majority has accepted them. A coordinator that was promised its next ballot with every acceptance leads
 * on and needs one round for each proposal, as in Multi-Paxos.
 */
import { assert, assertNever } from '../../base/assert.ts';
import type { ReplicaId } from '../../base/ids.ts';
import { isPlanted, type PlantedBug } from '../../base/planted-bug.ts';
import { covers, joined, type VersionVector } from '../version-vector.ts';
import { type Ballot, ballotAfter, compareBallots, laterBallot, NO_BALLOT, sameBallot } from './ballot.ts';
import type { Accept, Accepted, Prepare, Promised, ProvisionalPatch, Refused, Settled, Vote } from './message.ts';
import { majorityOf, Votes } from './votes.ts';

export type CoordinatorEvent =
  /** Begin to lead, with a new ballot. Ends whatever is going on. */
  | { readonly kind: 'begin' }
  /** A vote came in. */
  | { readonly kind: 'vote'; readonly from: string; readonly vote: Promised | Accepted | Refused }
  /** This server now durably holds what `caught-up` was to wait for. */
  | { readonly kind: 'caught-up' }
  /** Only while leading: let this take effect, resting on what `cover` says. */
  | { readonly kind: 'propose'; readonly cover: VersionVector; readonly patches: readonly ProvisionalPatch[] }
  /** What was chosen is durable here as this commit (absent if it changed nothing). */
  | { readonly kind: 'committed'; readonly commit?: readonly [origin: number, seq: number] }
  /** Only while leading: whether it still leads, and a majority holds what `seen` says. */
  | { readonly kind: 'probe'; readonly seen: VersionVector }
  /** Nothing was heard for a while: ask again those who have not answered. */
  | { readonly kind: 'resend' };

export type CoordinatorEffect =
  /** To every voter, this server's own included, but for those named. */
  | { readonly kind: 'send'; readonly message: Prepare | Accept | Settled; readonly except: ReadonlySet<string> }
  /** A majority promised: catch up to this and move the clock beyond `clock`, then tell `caught-up`. */
  | { readonly kind: 'catch-up'; readonly wanted: VersionVector; readonly clock: number }
  /** Proposals may be made now. `accepted`: the last ballot of which the promises know. */
  | { readonly kind: 'leads'; readonly accepted: Ballot }
  /** A majority accepted: make the patches a commit, then tell `committed`. `of`: the ballot that proposed them first. */
  | { readonly kind: 'chosen'; readonly of: Ballot; readonly patches: readonly ProvisionalPatch[] }
  | { readonly kind: 'probed'; readonly holds: boolean }
  /** Another coordinator has a later ballot. What was being proposed may take effect or not. */
  | { readonly kind: 'lost'; readonly to: Ballot };

type Phase =
  | { readonly kind: 'idle' }
  | { readonly kind: 'preparing'; readonly ballot: Ballot; readonly round: number; readonly promises: Votes<Promised> }
  | {
      readonly kind: 'catching-up';
      readonly ballot: Ballot;
      readonly promises: Votes<Vote>;
      readonly wanted: VersionVector;
      readonly accepted: Ballot;
      readonly recovered: readonly ProvisionalPatch[];
    }
  | { readonly kind: 'leading'; readonly ballot: Ballot; readonly promises: Votes<Vote> }
  | {
      readonly kind: 'proposing';
      readonly ballot: Ballot;
      readonly promises: Votes<Vote>;
      /** The ballot whose patches these are: an earlier one if they are being recovered. */
      readonly of: Ballot;
      readonly accept: Accept;
      readonly acceptances: Votes<Accepted>;
    }
  /** `ballot` is the next one; `promises` came with the acceptances. */
  | { readonly kind: 'committing'; readonly chosen: Ballot; readonly ballot: Ballot; readonly promises: Votes<Vote> }
  | {
      readonly kind: 'probing';
      readonly ballot: Ballot;
      readonly round: number;
      readonly promises: Votes<Vote>;
      readonly seen: VersionVector;
      readonly answers: Votes<Promised>;
    };

export interface CoordinatorOptions {
  readonly graph: string;
  readonly replica: ReplicaId;
  /** How many voters there are. */
  readonly voters: number;
  readonly bugs?: ReadonlySet<PlantedBug> | undefined;
}

const NOBODY: ReadonlySet<string> = new Set();

export class Coordinator {
  readonly #options: CoordinatorOptions;
  readonly #majority: number;
  #phase: Phase = { kind: 'idle' };
  /** The latest ballot that was heard of: the next own one is beyond it. */
  #latest: Ballot = NO_BALLOT;
  #rounds = 0;
  /** Voters that refused the question that is being asked. */
  #refusals = new Set<string>();
  /** Counts the times that this coordinator began to lead: within one, nobody else's proposal took effect. */
  era = 0;
  /** The last ballot of this era that was chosen. */
  #chosen = NO_BALLOT;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#majority = majorityOf(options.voters);
  }

  get phase(): Phase['kind'] {
    return this.#phase.kind;
  }

  /** The ballot of the proposal that is under way, or the next one. */
  get ballot(): Ballot {
    return this.#phase.kind === 'idle' ? NO_BALLOT : this.#phase.ballot;
  }

  step(event: CoordinatorEvent): CoordinatorEffect[] {
    switch (event.kind) {
      case 'begin':
        return this.#begin();
      case 'vote':
        return this.#vote(event.from, event.vote);
      case 'caught-up':
        return this.#caughtUp();
      case 'propose':
        return this.#propose(event.cover, event.patches);
      case 'committed':
        return this.#committed(event.commit);
      case 'probe':
        return this.#probe(event.seen);
      case 'resend':
        return this.#resend();
      default:
        return assertNever(event);
    }
  }

  #begin(): CoordinatorEffect[] {
    const ballot = ballotAfter(this.#latest, this.#options.replica);
    this.#latest = ballot;
    this.era++;
    this.#chosen = NO_BALLOT;
    return this.#ask({ kind: 'preparing', ballot, round: ++this.#rounds, promises: new Votes() });
  }

  /** Enters a phase that asks all voters something. */
  #ask(phase: Extract<Phase, { kind: 'preparing' | 'proposing' | 'probing' }>): CoordinatorEffect[] {
    this.#phase = phase;
    this.#refusals = new Set();
    return [{ kind: 'send', message: this.#question(phase), except: NOBODY }];
  }

  #question(phase: Extract<Phase, { kind: 'preparing' | 'proposing' | 'probing' }>): Prepare | Accept {
    if (phase.kind === 'proposing') return phase.accept;
    return { kind: 'prepare', graph: this.#options.graph, ballot: phase.ballot, round: phase.round };
  }

  #resend(): CoordinatorEffect[] {
    const phase = this.#phase;
    if (phase.kind !== 'preparing' && phase.kind !== 'proposing' && phase.kind !== 'probing') return [];
    const answered =
      phase.kind === 'proposing' ? phase.acceptances : phase.kind === 'preparing' ? phase.promises : phase.answers;
    const except = new Set([...this.#refusals, ...answered.voters()]);
    return [{ kind: 'send', message: this.#question(phase), except }];
  }

  #vote(from: string, vote: Promised | Accepted | Refused): CoordinatorEffect[] {
    switch (vote.kind) {
      case 'promised':
        return this.#promised(from, vote);
      case 'accepted':
        return this.#accepted(from, vote);
      case 'refused':
        return this.#refused(from, vote);
    }
  }

  #promised(from: string, vote: Promised): CoordinatorEffect[] {
    const phase = this.#phase;
    this.#latest = laterBallot(this.#latest, laterBallot(vote.state.promised, vote.state.accepted));
    if (phase.kind !== 'preparing' && phase.kind !== 'probing') return [];
    // STR-5: an answer to an earlier question says what was.
    if (vote.round !== phase.round || !sameBallot(vote.ballot, phase.ballot)) return [];
    if (phase.kind === 'probing') {
      phase.answers.add(from, vote);
      return this.#judgeProbe(phase);
    }
    phase.promises.add(this.#voterName(from, phase.promises.size), vote);
    const counted = phase.promises.counted(undefined);
    if (counted.size < this.#majority) return [];
    return this.#promisedByMajority(phase.ballot, phase.promises, counted);
  }

  #voterName(from: string, count: number): string {
    return isPlanted(this.#options.bugs, 'count-duplicate-votes') ? `${from} ${count}` : from;
  }

  #promisedByMajority(
    ballot: Ballot,
    promises: Votes<Promised>,
    counted: ReadonlyMap<string, Promised>,
  ): CoordinatorEffect[] {
    let wanted: VersionVector = new Map();
    let clock = 0;
    let accepted = NO_BALLOT;
    let recovered: readonly ProvisionalPatch[] = [];
    for (const { vector, clock: reading, state } of counted.values()) {
      wanted = joined(wanted, vector);
      clock = Math.max(clock, reading);
      // STR-7: of what was accepted, the last may have been chosen; all before it was chosen and is in it or in the
      // documents, or is dead.
      if (state.patches.length === 0 && isPlanted(this.#options.bugs, 'recover-last-with-patches')) continue;
      const order = compareBallots(state.accepted, accepted);
      if (order < 0) continue;
      if (order > 0 || state.patches.length === 0) recovered = state.patches;
      accepted = state.accepted;
    }
    if (isPlanted(this.#options.bugs, 'no-recovery')) recovered = [];
    this.#phase = { kind: 'catching-up', ballot, promises, wanted, accepted, recovered };
    return [{ kind: 'catch-up', wanted, clock }];
  }

  #caughtUp(): CoordinatorEffect[] {
    const phase = this.#phase;
    if (phase.kind !== 'catching-up') return [];
    const { ballot, promises, wanted, accepted, recovered } = phase;
    if (recovered.length > 0) {
      return this.#ask(this.#proposal({ ballot, promises, of: accepted, cover: wanted, patches: recovered }));
    }
    this.#phase = { kind: 'leading', ballot, promises };
    return [{ kind: 'leads', accepted }];
  }

  #proposal(given: {
    readonly ballot: Ballot;
    readonly promises: Votes<Vote>;
    readonly of: Ballot;
    readonly cover: VersionVector;
    readonly patches: readonly ProvisionalPatch[];
  }): Extract<Phase, { kind: 'proposing' }> {
    const { ballot, promises, of, cover, patches } = given;
    const { graph, replica } = this.#options;
    const next = ballotAfter(ballot, replica);
    this.#latest = laterBallot(this.#latest, next);
    const isUncovered = isPlanted(this.#options.bugs, 'no-cover');
    const accept: Accept = {
      kind: 'accept',
      graph,
      ballot,
      next,
      cover: isUncovered ? new Map() : cover,
      patches,
    };
    return { kind: 'proposing', ballot, promises, of, accept, acceptances: new Votes() };
  }

  #propose(cover: VersionVector, patches: readonly ProvisionalPatch[]): CoordinatorEffect[] {
    const phase = this.#phase;
    assert(phase.kind === 'leading', 'STR-3 only who leads proposes, one proposal at a time');
    const { ballot, promises } = phase;
    return this.#ask(this.#proposal({ ballot, promises, of: ballot, cover, patches }));
  }

  #accepted(from: string, vote: Accepted): CoordinatorEffect[] {
    const phase = this.#phase;
    if (phase.kind === 'proposing' && sameBallot(vote.ballot, phase.ballot)) {
      phase.acceptances.add(this.#voterName(from, phase.acceptances.size), vote);
      const { promises, acceptances, of, accept } = phase;
      // STR-6: what is known now may undo promises.
      if (promises.counted(acceptances).size < this.#majority) return [];
      if (acceptances.counted(promises).size < this.#majority) return [];
      const promised = new Votes<Vote>();
      for (const [voter, one] of acceptances.all()) if (one.promisedNext) promised.add(voter, one);
      this.#chosen = phase.ballot;
      this.#phase = { kind: 'committing', chosen: phase.ballot, ballot: accept.next, promises: promised };
      return [{ kind: 'chosen', of, patches: accept.patches }];
    }
    // One that comes after the majority promised the next ballot all the same.
    if ((phase.kind === 'committing' || phase.kind === 'leading') && vote.promisedNext) {
      if (
        sameBallot(vote.ballot, this.#chosen) &&
        sameBallot(phase.ballot, ballotAfter(vote.ballot, this.#options.replica))
      ) {
        phase.promises.add(from, vote);
      }
    }
    return [];
  }

  #committed(commit: readonly [origin: number, seq: number] | undefined): CoordinatorEffect[] {
    const phase = this.#phase;
    // Another ballot may have begun meanwhile.
    if (phase.kind !== 'committing') return [];
    const { ballot, chosen, promises } = phase;
    const { graph } = this.#options;
    const effects: CoordinatorEffect[] =
      commit === undefined
        ? []
        : [{ kind: 'send', message: { kind: 'settled', graph, ballot: chosen, commit }, except: NOBODY }];
    if (promises.counted(undefined).size < this.#majority) {
      this.#phase = { kind: 'idle' };
      return [...effects, { kind: 'lost', to: this.#latest }];
    }
    this.#phase = { kind: 'leading', ballot, promises };
    return [...effects, { kind: 'leads', accepted: chosen }];
  }

  #probe(seen: VersionVector): CoordinatorEffect[] {
    const phase = this.#phase;
    assert(phase.kind === 'leading', 'only who leads asks whether it still does');
    const { ballot, promises } = phase;
    // STR-8: before something was chosen in this era, a proposal of an earlier ballot may still take effect.
    if (sameBallot(this.#chosen, NO_BALLOT) && !isPlanted(this.#options.bugs, 'one-round-read')) {
      return [{ kind: 'probed', holds: false }];
    }
    return this.#ask({ kind: 'probing', ballot, round: ++this.#rounds, promises, seen, answers: new Votes() });
  }

  #judgeProbe(phase: Extract<Phase, { kind: 'probing' }>): CoordinatorEffect[] {
    const { ballot, promises, answers, seen } = phase;
    const counted = answers.counted(promises);
    if (counted.size < this.#majority || promises.counted(answers).size < this.#majority) return [];
    const holding = Array.from(counted.values()).filter(({ vector }) => covers(vector, seen)).length;
    this.#phase = { kind: 'leading', ballot, promises };
    return [{ kind: 'probed', holds: holding >= this.#majority }];
  }

  #refused(from: string, { ballot, promised }: Refused): CoordinatorEffect[] {
    this.#latest = laterBallot(this.#latest, promised);
    const phase = this.#phase;
    if (phase.kind !== 'preparing' && phase.kind !== 'proposing' && phase.kind !== 'probing') return [];
    if (!sameBallot(ballot, phase.ballot)) return [];
    this.#refusals.add(from);
    if (this.#options.voters - this.#refusals.size >= this.#majority) return [];
    this.#phase = { kind: 'idle' };
    return [{ kind: 'lost', to: this.#latest }];
  }
}
