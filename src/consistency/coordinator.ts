/**
 * The coordinator of one graph on one server: a pure state machine that leads rounds of the quorum protocol (SPEC.md). It is
 * told what happens and says what to do; disk, network, time and the graph are its driver's (`coordination.ts`).
 *
 * CASPaxos in shape (Rystsov: CASPaxos, 2018), over patches instead of values: a proposal is a set of patches that take
 * effect once a majority has accepted them. A coordinator that was promised its next ballot with every acceptance leads on
 * and needs one round for each proposal, as in Multi-Paxos.
 */
import { assert, assertNever } from '../../base/assert.ts';
import type { ReplicaId } from '../../base/ids.ts';
import { isPlanted, type PlantedBug } from '../../base/planted-bug.ts';
import { joined, type VersionVector } from '../commits/version-vector.ts';
import { type Ballot, ballotAfter, compareBallots, laterBallot, NO_BALLOT, sameBallot } from './ballot.ts';
import type { Accept, Accepted, Prepare, Promised, ProvisionalPatch, Refused, Settled } from './message.ts';
import { countedVotes, majorityOf, NO_VOTES, type Votes, withVote } from './votes.ts';

export type CoordinatorEvent =
  /** Begin to lead, with a new ballot. Ends whatever is going on. */
  | { readonly kind: 'begin' }
  /** A vote came in. */
  | { readonly kind: 'vote'; readonly from: string; readonly vote: Promised | Accepted | Refused }
  /** This server now durably holds what `catch-up` was to wait for. */
  | { readonly kind: 'caught-up' }
  /** Only while leading: let this take effect, resting on what `cover` says. */
  | { readonly kind: 'propose'; readonly cover: VersionVector; readonly patches: readonly ProvisionalPatch[] }
  /** What was chosen is durable here as this commit (absent if it changed nothing). */
  | { readonly kind: 'committed'; readonly commit?: readonly [origin: number, seq: number] }
  /** Only while leading: whether it still leads, and a majority holds what `seen` says. */
  | { readonly kind: 'probe'; readonly seen: VersionVector }
  /** The configuration is over: nothing more is asked in it. */
  | { readonly kind: 'outdated' }
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
  | { readonly kind: 'lost' };

interface Asking {
  /** Voters that refused the question that is being asked. */
  readonly refusals: ReadonlySet<string>;
}

export type Phase =
  | { readonly kind: 'idle' }
  | (Asking & {
      readonly kind: 'preparing';
      readonly ballot: Ballot;
      readonly round: number;
      readonly promises: Votes<Promised>;
    })
  | {
      readonly kind: 'catching-up';
      readonly ballot: Ballot;
      readonly promises: Votes;
      readonly wanted: VersionVector;
      /** The last ballot that was accepted, and what of it must be finished. */
      readonly accepted: Ballot;
      readonly recovered: readonly ProvisionalPatch[];
    }
  | { readonly kind: 'leading'; readonly ballot: Ballot; readonly promises: Votes }
  | (Asking & {
      readonly kind: 'proposing';
      readonly ballot: Ballot;
      readonly promises: Votes;
      /** The ballot whose patches these are: an earlier one if they are being recovered. */
      readonly of: Ballot;
      readonly accept: Accept;
      readonly acceptances: Votes<Accepted>;
    })
  /** `ballot` is the next one; `promises` came with the acceptances. */
  | { readonly kind: 'committing'; readonly ballot: Ballot; readonly promises: Votes }
  | (Asking & {
      readonly kind: 'probing';
      readonly ballot: Ballot;
      readonly round: number;
      readonly promises: Votes;
      readonly seen: VersionVector;
      readonly answers: Votes<Promised>;
    });

export interface CoordinatorState {
  readonly phase: Phase;
  /** The latest ballot that was heard of: the next own one is beyond it. */
  readonly latest: Ballot;
  /** Questions asked so far. */
  readonly rounds: number;
  /** Counts the times that this coordinator began to lead: within one, nobody else's proposal took effect. */
  readonly era: number;
  /** The last ballot of this era that was chosen. */
  readonly chosen: Ballot;
}

export interface CoordinatorSettings {
  readonly graph: string;
  readonly replica: ReplicaId;
  /** The configuration that decides, by its number, and its voters. The same from one `begin` to the next. */
  readonly configuration: number;
  readonly voters: ReadonlySet<string>;
  readonly bugs?: ReadonlySet<PlantedBug> | undefined;
}

export interface CoordinatorStep {
  readonly state: CoordinatorState;
  readonly effects: readonly CoordinatorEffect[];
}

export const IDLE: CoordinatorState = {
  phase: { kind: 'idle' },
  latest: NO_BALLOT,
  rounds: 0,
  era: 0,
  chosen: NO_BALLOT,
};

const NOTHING: VersionVector = new Map();
const NOBODY: ReadonlySet<string> = new Set();

/** The ballot of the proposal that is under way, or the next one. */
export function ballotOf({ phase }: CoordinatorState): Ballot {
  return phase.kind === 'idle' ? NO_BALLOT : phase.ballot;
}

export function stepCoordinator(
  state: CoordinatorState,
  event: CoordinatorEvent,
  settings: CoordinatorSettings,
): CoordinatorStep {
  switch (event.kind) {
    case 'begin':
      return begin(state, settings);
    case 'vote':
      return vote(state, event.from, event.vote, settings);
    case 'caught-up':
      return caughtUp(state, settings);
    case 'propose': {
      const { phase } = state;
      assert(phase.kind === 'leading', 'STR-3 only who leads proposes, one proposal at a time');
      const { ballot, promises } = phase;
      const { cover, patches } = event;
      return propose(state, { ballot, promises, of: ballot, cover, patches }, settings);
    }
    case 'committed':
      return committed(state, event.commit, settings);
    case 'probe':
      return probe(state, event.seen, settings);
    case 'outdated':
      return outdated(state);
    case 'resend':
      return resend(state, settings);
    default:
      return assertNever(event);
  }
}

type AskingPhase = Extract<Phase, Asking>;

function isAsking(phase: Phase): phase is AskingPhase {
  return phase.kind === 'preparing' || phase.kind === 'proposing' || phase.kind === 'probing';
}

/** Enters a phase that asks all voters something. */
function ask(state: CoordinatorState, phase: AskingPhase, settings: CoordinatorSettings): CoordinatorStep {
  return {
    state: { ...state, phase },
    effects: [{ kind: 'send', message: question(phase, settings), except: NOBODY }],
  };
}

function question(phase: AskingPhase, { graph, configuration }: CoordinatorSettings): Prepare | Accept {
  if (phase.kind === 'proposing') return phase.accept;
  const cover = phase.kind === 'probing' ? phase.seen : NOTHING;
  return { kind: 'prepare', graph, ballot: phase.ballot, configuration, round: phase.round, cover };
}

function begin(before: CoordinatorState, settings: CoordinatorSettings): CoordinatorStep {
  const ballot = ballotAfter(before.latest, settings.replica);
  const round = before.rounds + 1;
  const state = { ...before, latest: ballot, rounds: round, era: before.era + 1, chosen: NO_BALLOT };
  return ask(state, { kind: 'preparing', ballot, round, promises: NO_VOTES, refusals: NOBODY }, settings);
}

function resend(state: CoordinatorState, settings: CoordinatorSettings): CoordinatorStep {
  const { phase } = state;
  if (!isAsking(phase)) return { state, effects: [] };
  const answers =
    phase.kind === 'proposing' ? phase.acceptances : phase.kind === 'preparing' ? phase.promises : phase.answers;
  const except = new Set([...phase.refusals, ...answers.keys()]);
  return { state, effects: [{ kind: 'send', message: question(phase, settings), except }] };
}

/** What waits for answers will not get them; who is about something else finds out when it asks next. */
function outdated(state: CoordinatorState): CoordinatorStep {
  if (isAsking(state.phase)) return { state: { ...state, phase: { kind: 'idle' } }, effects: [{ kind: 'lost' }] };
  return { state, effects: [] };
}

function vote(
  state: CoordinatorState,
  from: string,
  vote: Promised | Accepted | Refused,
  settings: CoordinatorSettings,
): CoordinatorStep {
  // STR-13: whoever is no voter of the configuration counts for nothing.
  if (!settings.voters.has(from)) return { state, effects: [] };
  switch (vote.kind) {
    case 'promised':
      return promised(state, from, vote, settings);
    case 'accepted':
      return accepted(state, from, vote, settings);
    case 'refused':
      return refused(state, from, vote, settings);
  }
}

function promised(
  before: CoordinatorState,
  from: string,
  vote: Promised,
  settings: CoordinatorSettings,
): CoordinatorStep {
  const latest = laterBallot(before.latest, laterBallot(vote.state.promised, vote.state.accepted));
  const state = { ...before, latest };
  const { phase } = state;
  if (phase.kind !== 'preparing' && phase.kind !== 'probing') return { state, effects: [] };
  // STR-5: an answer to an earlier question says what was.
  if (vote.round !== phase.round || !sameBallot(vote.ballot, phase.ballot)) return { state, effects: [] };
  if (phase.kind === 'probing')
    return judgeProbe(state, { ...phase, answers: withVote(phase.answers, from, vote) }, settings);
  const promises = withVote(phase.promises, voterName(from, phase.promises, settings), vote);
  const counted = countedVotes(promises);
  if (counted.size < majorityOf(settings.voters.size))
    return { state: { ...state, phase: { ...phase, promises } }, effects: [] };
  return promisedByMajority(state, phase.ballot, promises, counted, settings);
}

/** Planted: every repetition is a voter of its own. */
function voterName(from: string, votes: Votes, { bugs }: CoordinatorSettings): string {
  return isPlanted(bugs, 'count-duplicate-votes') ? `${from} ${votes.size}` : from;
}

function promisedByMajority(
  state: CoordinatorState,
  ballot: Ballot,
  promises: Votes<Promised>,
  counted: Votes<Promised>,
  { bugs }: CoordinatorSettings,
): CoordinatorStep {
  let wanted: VersionVector = new Map();
  let clock = 0;
  let accepted = NO_BALLOT;
  let recovered: readonly ProvisionalPatch[] = [];
  for (const { vector, clock: reading, state: held } of counted.values()) {
    wanted = joined(wanted, vector);
    clock = Math.max(clock, reading);
    if (held.patches.length === 0 && isPlanted(bugs, 'recover-last-with-patches')) continue;
    // STR-7: of what was accepted the last may have been chosen; what came before it is in it, in the documents, or dead.
    const order = compareBallots(held.accepted, accepted);
    if (order < 0) continue;
    // One that holds the patches in its documents already says so by having none, and `wanted` covers them.
    if (order > 0 || held.patches.length === 0) recovered = held.patches;
    accepted = held.accepted;
  }
  if (isPlanted(bugs, 'no-recovery')) recovered = [];
  const phase: Phase = { kind: 'catching-up', ballot, promises, wanted, accepted, recovered };
  return { state: { ...state, phase }, effects: [{ kind: 'catch-up', wanted, clock }] };
}

function caughtUp(state: CoordinatorState, settings: CoordinatorSettings): CoordinatorStep {
  const { phase } = state;
  if (phase.kind !== 'catching-up') return { state, effects: [] };
  const { ballot, promises, wanted, accepted, recovered } = phase;
  if (recovered.length > 0) {
    return propose(state, { ballot, promises, of: accepted, cover: wanted, patches: recovered }, settings);
  }
  return { state: { ...state, phase: { kind: 'leading', ballot, promises } }, effects: [{ kind: 'leads', accepted }] };
}

function propose(
  state: CoordinatorState,
  proposal: {
    readonly ballot: Ballot;
    readonly promises: Votes;
    readonly of: Ballot;
    readonly cover: VersionVector;
    readonly patches: readonly ProvisionalPatch[];
  },
  settings: CoordinatorSettings,
): CoordinatorStep {
  const { ballot, promises, of, patches } = proposal;
  const { graph, configuration, replica, bugs } = settings;
  const next = ballotAfter(ballot, replica);
  const cover: VersionVector = isPlanted(bugs, 'no-cover') ? new Map() : proposal.cover;
  const accept: Accept = { kind: 'accept', graph, ballot, configuration, next, cover, patches };
  const phase: Phase = { kind: 'proposing', ballot, promises, of, accept, acceptances: NO_VOTES, refusals: NOBODY };
  return ask({ ...state, latest: laterBallot(state.latest, next) }, phase, settings);
}

function accepted(
  state: CoordinatorState,
  from: string,
  vote: Accepted,
  settings: CoordinatorSettings,
): CoordinatorStep {
  const { phase } = state;
  if (phase.kind === 'proposing' && sameBallot(vote.ballot, phase.ballot)) {
    const acceptances = withVote(phase.acceptances, voterName(from, phase.acceptances, settings), vote);
    const { promises, of, accept } = phase;
    const majority = majorityOf(settings.voters.size);
    // STR-6: what is known now may undo promises as well.
    if (countedVotes(promises, acceptances).size < majority || countedVotes(acceptances, promises).size < majority) {
      return { state: { ...state, phase: { ...phase, acceptances } }, effects: [] };
    }
    const nextPromises = new Map(Array.from(acceptances).filter(([, { promisedNext }]) => promisedNext));
    const next: Phase = { kind: 'committing', ballot: accept.next, promises: nextPromises };
    return {
      state: { ...state, chosen: phase.ballot, phase: next },
      effects: [{ kind: 'chosen', of, patches: accept.patches }],
    };
  }
  // One that comes after the majority has promised the next ballot all the same.
  if ((phase.kind === 'committing' || phase.kind === 'leading') && vote.promisedNext) {
    const isLast = sameBallot(vote.ballot, state.chosen);
    if (isLast && sameBallot(phase.ballot, ballotAfter(vote.ballot, settings.replica))) {
      const promises = withVote(phase.promises, from, vote);
      return { state: { ...state, phase: { ...phase, promises } }, effects: [] };
    }
  }
  return { state, effects: [] };
}

function committed(
  state: CoordinatorState,
  commit: readonly [origin: number, seq: number] | undefined,
  { graph, voters }: CoordinatorSettings,
): CoordinatorStep {
  const { phase, chosen } = state;
  // Another ballot may have begun meanwhile.
  if (phase.kind !== 'committing') return { state, effects: [] };
  const { ballot, promises } = phase;
  const message: Settled | undefined = commit && { kind: 'settled', graph, ballot: chosen, commit };
  const settle: CoordinatorEffect[] = message === undefined ? [] : [{ kind: 'send', message, except: NOBODY }];
  if (countedVotes(promises).size < majorityOf(voters.size)) {
    return { state: { ...state, phase: { kind: 'idle' } }, effects: [...settle, { kind: 'lost' }] };
  }
  return {
    state: { ...state, phase: { kind: 'leading', ballot, promises } },
    effects: [...settle, { kind: 'leads', accepted: chosen }],
  };
}

function probe(before: CoordinatorState, seen: VersionVector, settings: CoordinatorSettings): CoordinatorStep {
  const { phase, chosen, rounds } = before;
  assert(phase.kind === 'leading', 'only who leads asks whether it still does');
  const { ballot, promises } = phase;
  // STR-8: before something was chosen in this era, a proposal of an earlier ballot may still take effect.
  if (sameBallot(chosen, NO_BALLOT) && !isPlanted(settings.bugs, 'one-round-read')) {
    return { state: before, effects: [{ kind: 'probed', holds: false }] };
  }
  const state = { ...before, rounds: rounds + 1 };
  const asking: Phase = {
    kind: 'probing',
    ballot,
    round: rounds + 1,
    promises,
    seen,
    answers: NO_VOTES,
    refusals: NOBODY,
  };
  return ask(state, asking, settings);
}

function judgeProbe(
  state: CoordinatorState,
  phase: Extract<Phase, { kind: 'probing' }>,
  { voters }: CoordinatorSettings,
): CoordinatorStep {
  const { ballot, promises, answers } = phase;
  const majority = majorityOf(voters.size);
  const counted = countedVotes(answers, promises);
  if (counted.size < majority || countedVotes(promises, answers).size < majority) {
    return { state: { ...state, phase }, effects: [] };
  }
  // Who answered holds what was seen.
  return {
    state: { ...state, phase: { kind: 'leading', ballot, promises } },
    effects: [{ kind: 'probed', holds: true }],
  };
}

function refused(
  before: CoordinatorState,
  from: string,
  { ballot, promised }: Refused,
  { voters }: CoordinatorSettings,
): CoordinatorStep {
  const state = { ...before, latest: laterBallot(before.latest, promised) };
  const { phase } = state;
  if (!isAsking(phase) || !sameBallot(ballot, phase.ballot)) return { state, effects: [] };
  const refusals = new Set(phase.refusals).add(from);
  if (voters.size - refusals.size >= majorityOf(voters.size))
    return { state: { ...state, phase: { ...phase, refusals } }, effects: [] };
  return { state: { ...state, phase: { kind: 'idle' } }, effects: [{ kind: 'lost' }] };
}
