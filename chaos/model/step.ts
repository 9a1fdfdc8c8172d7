/** What one server of the small world can do next. */
import type { ReplicaId } from '../../base/ids.ts';
import { isPlanted, type PlantedBug } from '../../base/planted-bug.ts';
import { covers, seqOf } from '../../src/commits/version-vector.ts';
import { type Ballot, compareBallots, sameBallot } from '../../src/consistency/ballot.ts';
import {
  ballotOf,
  type CoordinatorEffect,
  type CoordinatorEvent,
  type CoordinatorState,
  IDLE,
} from '../../src/consistency/coordinator.ts';
import type { ProvisionalPatch } from '../../src/consistency/message.ts';
import type { ServerFacts } from './server-facts.ts';
import {
  type Driving,
  type Inbox,
  inboxOf,
  isForAcceptor,
  nameOf,
  numberOf,
  type Plan,
  patchOf,
  type Result,
  replicaOf,
  SERVERS,
  type Sent,
  type ServerState,
  type Shared,
  theSent,
  theServer,
  theShared,
  valueAt,
  writeOf,
} from './state.ts';

/** One server, and all of the world that it can see or change. */
export interface Place {
  readonly index: number;
  readonly server: ServerState;
  readonly inbox: Inbox;
  readonly shared: Shared;
  /** What it sends with the step. */
  readonly outgoing: readonly Sent[];
}

export interface Step {
  readonly what: string;
  readonly place: Place;
}

export interface Rules {
  readonly plan: Plan;
  readonly bugs: ReadonlySet<PlantedBug>;
  readonly facts: ServerFacts;
}

/** All that a server can do next, but for a crash. */
export function stepsOf(place: Place, rules: Rules): Step[] {
  const { index, inbox, shared } = place;
  const steps: Step[] = [];
  const add = (what: string, next: Place | undefined) => {
    if (next !== undefined) steps.push({ what: `${nameOf(index)} ${what}`, place: normalised(next, rules) });
  };
  for (const sent of inbox.values()) {
    add(`hears ${sent.message.kind} of ${nameOf(sent.from)}`, deliver(place, sent, rules));
  }
  for (const origin of shared.streams.keys()) add(`receives the next commit of ${origin}`, receive(place, origin));
  add('drives on', drive(place, rules));
  add('begins to lead', begin(place, rules));
  const { plainWrite } = rules.plan;
  if (shared.plainLeft > 0 && plainWrite !== undefined && index === SERVERS - 1) {
    add('writes', writePlain(place, plainWrite));
  }
  return steps;
}

/** A place after a step: messages to itself are in its inbox, and nothing is left of which nobody could tell. */
function normalised(place: Place, rules: Rules): Place {
  const { index, outgoing } = place;
  const server = rules.facts.essenceOf(place.server, mayEnd(place, rules));
  const own = outgoing.filter(({ to }) => to === index);
  const inbox = rules.facts.usefulOf(inboxOf([...place.inbox.values(), ...own]), server);
  return { ...place, server, inbox, outgoing: outgoing.filter(({ to }) => to !== index) };
}

/** Whether there is an operation that this server could still answer. */
export function mayEnd(place: Pick<Place, 'index' | 'server' | 'shared'>, rules: Rules): boolean {
  const { begins, coordinator } = place.server;
  if (currentOperation(place, rules) === undefined) return false;
  return begins > 0 || coordinator.phase.kind !== 'idle';
}

function withShared(place: Place, change: Partial<Shared>): Place {
  return { ...place, shared: theShared({ ...place.shared, ...change }) };
}

function withServer(place: Place, change: Partial<ServerState>): Place {
  return { ...place, server: theServer({ ...place.server, ...change }) };
}

// Messages.

function send(place: Place, messages: readonly Sent[]): Place {
  return { ...place, outgoing: [...place.outgoing, ...messages.map(theSent)] };
}

function deliver(place: Place, sent: Sent, rules: Rules): Place | undefined {
  const { server, inbox, index } = place;
  const { message } = sent;
  if (!isForAcceptor(message)) {
    const { state, effects } = rules.facts.voted(server, sent, message);
    if (effects.length === 0 && state === server.coordinator) return undefined;
    return follow(place, state, effects, rules);
  }
  const heard = rules.facts.heard(server, sent);
  if (heard === undefined) return undefined;
  const { state, answer } = heard;
  const isKnown = answer === undefined || (answer.to === index && inbox.has(numberOf(answer)));
  if (state === server && isKnown) return undefined;
  const after = { ...place, server: state };
  return answer === undefined ? after : send(after, [answer]);
}

/** What an acceptor answers where it is to questions that it has answered before. */
export function repetitionsAt({ server, inbox }: Place, rules: Rules): readonly Sent[] {
  const answers: Sent[] = [];
  for (const sent of inbox.values()) {
    if (!isForAcceptor(sent.message)) continue;
    const heard = rules.facts.heard(server, sent);
    if (heard?.answer !== undefined && heard.state === server) answers.push(heard.answer);
  }
  return answers;
}

/** Lets a coordinator step and does what it says. */
function coordinate(place: Place, event: CoordinatorEvent, rules: Rules): Place {
  const { state, effects } = rules.facts.coordinated(place.index, place.server, event);
  return follow(place, state, effects, rules);
}

function follow(place: Place, state: CoordinatorState, effects: readonly CoordinatorEffect[], rules: Rules): Place {
  let next = withServer(place, { coordinator: state });
  for (const effect of effects) {
    const { driving } = next.server;
    switch (effect.kind) {
      case 'send': {
        const { message } = effect;
        const to = Array.from({ length: SERVERS }, (_, server) => server);
        next = send(
          next,
          to.map((server) => ({ from: place.index, to: server, message })),
        );
        break;
      }
      case 'catch-up':
        // The clock goes beyond what was promised when the server has caught up.
        break;
      case 'leads':
        next = judge(next, effect.accepted, rules);
        break;
      case 'chosen':
        next = withServer(next, {
          driving: {
            kind: 'chosen',
            patches: effect.patches,
            of: effect.of,
            decided: driving.kind === 'proposed' ? driving : undefined,
          },
        });
        break;
      case 'probed':
        if (driving.kind !== 'probing') break;
        if (effect.holds) next = finish(next, driving.result, rules);
        else next = proposeRead(next, driving, rules);
        break;
      case 'lost':
        next = withServer(next, {
          driving: driving.kind === 'proposed' ? { ...driving, isLost: true } : { kind: 'nothing' },
        });
    }
  }
  return next;
}

/** As `Coordination.#judge`: what was lost may be tried again only if its ballot is after all that was accepted. */
function judge(place: Place, accepted: Ballot, rules: Rules): Place {
  const { driving } = place.server;
  if (driving.kind !== 'proposed') return place;
  if (compareBallots(accepted, driving.ballot) < 0) return withServer(place, { driving: { kind: 'nothing' } });
  return finish(place, 'unknown', rules);
}

// Replication.

function receive(place: Place, origin: ReplicaId): Place | undefined {
  const { vector, clock } = place.server;
  const seq = seqOf(vector, origin) + 1;
  const commit = place.shared.streams.get(origin)?.[seq - 1];
  if (commit === undefined || !covers(vector, commit.after)) return undefined;
  const later = commit.writes.reduce((last, { stamp }) => Math.max(last, stamp), clock);
  return withServer(place, { vector: new Map(vector).set(origin, seq), clock: later });
}

function commit(place: Place, patches: readonly ProvisionalPatch[]): Place {
  const { server, shared, index } = place;
  const origin = replicaOf(index, server);
  const stream = shared.streams.get(origin) ?? [];
  const writes = patches.map(writeOf);
  const streams = new Map(shared.streams).set(origin, [...stream, { writes, after: server.vector }]);
  const clock = writes.reduce((last, { stamp }) => Math.max(last, stamp), server.clock);
  const vector = new Map(server.vector).set(origin, stream.length + 1);
  return withServer(withShared(place, { streams }), { vector, clock });
}

/** A write at level `eventual`. */
function writePlain(place: Place, value: number): Place {
  const patch = patchOf({ stamp: nextStamp(place), value });
  return withShared(commit(place, [patch]), { plainLeft: 0 });
}

// What a coordinator's driver does.

/** Stamps of different servers differ in their remainder. */
function nextStamp({ index, server }: Place): number {
  return SERVERS * (Math.floor(server.clock / SERVERS) + 1) + index;
}

function currentOperation({ index, shared }: Pick<Place, 'index' | 'shared'>, { plan }: Rules): number | undefined {
  const current = plan.operations.findIndex(
    ({ server }, i) => server === index && shared.operations[i]?.result === undefined,
  );
  return current < 0 ? undefined : current;
}

function begin(place: Place, rules: Rules): Place | undefined {
  const { begins, coordinator, driving } = place.server;
  if (begins === 0 || currentOperation(place, rules) === undefined) return undefined;
  const { kind } = coordinator.phase;
  // It begins when it does not lead, or when a question was not answered for long.
  if (kind === 'leading' || kind === 'committing') return undefined;
  const lost: Driving = driving.kind === 'proposed' ? { ...driving, isLost: true } : { kind: 'nothing' };
  const next = withServer(place, { begins: begins - 1, driving: lost });
  return coordinate(next, { kind: 'begin' }, rules);
}

function drive(place: Place, rules: Rules): Place | undefined {
  const { coordinator, vector, driving } = place.server;
  const { phase } = coordinator;
  switch (phase.kind) {
    case 'catching-up': {
      if (!covers(vector, phase.wanted)) return undefined;
      const clock = Array.from(phase.promises.values()).reduce((last, vote) => Math.max(last, vote.clock), 0);
      const isBlind = isPlanted(rules.bugs, 'clock-not-from-promises');
      const seen = isBlind ? place : withServer(place, { clock: Math.max(clock, place.server.clock) });
      return coordinate(seen, { kind: 'caught-up' }, rules);
    }
    case 'leading':
      return driving.kind === 'nothing' ? decide(place, rules) : undefined;
    case 'committing':
      return driving.kind === 'chosen' ? settle(place, driving, rules) : undefined;
    default:
      return undefined;
  }
}

function decide(before: Place, rules: Rules): Place | undefined {
  const current = currentOperation(before, rules);
  const planned = current === undefined ? undefined : rules.plan.operations[current];
  if (planned === undefined) return undefined;
  const place = asked(before, current);
  const { vector, coordinator } = place.server;
  const value = valueAt(place.shared.streams, vector);
  const { operation } = planned;
  if (operation.kind === 'cas' && value === operation.from) {
    const stamp = nextStamp(place);
    const driving: Driving = { kind: 'proposed', ballot: ballotOf(coordinator), result: 'ok', isLost: false };
    const next = withServer(place, { driving, clock: stamp });
    const patches = [patchOf({ stamp, value: operation.to })];
    const merged = isPlanted(rules.bugs, 'merge-on-accept') ? commit(next, patches) : next;
    return coordinate(merged, { kind: 'propose', cover: vector, patches }, rules);
  }
  const result: Result = operation.kind === 'read' ? value : 'failed';
  if (isPlanted(rules.bugs, 'read-without-quorum')) return finish(place, result, rules);
  const next = withServer(place, { driving: { kind: 'probing', result, seen: vector } });
  return coordinate(next, { kind: 'probe', seen: vector }, rules);
}

/** Whoever asks for an operation does not wait for those that have not ended. */
function asked(place: Place, current: number | undefined): Place {
  const { operations } = place.shared;
  const ended = operations.flatMap(({ result }, i) => (result === undefined || result === 'unknown' ? [] : [i]));
  return withShared(place, {
    operations: operations.map((one, i) => (i === current ? { ...one, after: one.after ?? ended } : one)),
  });
}

function proposeRead(place: Place, { result, seen }: Extract<Driving, { kind: 'probing' }>, rules: Rules): Place {
  const driving: Driving = { kind: 'proposed', ballot: ballotOf(place.server.coordinator), result, isLost: false };
  const next = withServer(place, { driving });
  return coordinate(next, { kind: 'propose', cover: seen, patches: [] }, rules);
}

/** Makes what was chosen a commit, and tells what was decided with it. */
function settle(place: Place, { patches, of, decided }: Extract<Driving, { kind: 'chosen' }>, rules: Rules): Place {
  let next = patches.length === 0 ? place : commit(place, patches);
  next = withServer(next, { driving: { kind: 'nothing' } });
  if (decided !== undefined && sameBallot(decided.ballot, of)) next = finish(next, decided.result, rules);
  else if (decided !== undefined) next = withServer(next, { driving: decided });
  const origin = replicaOf(next.index, next.server);
  const seq = seqOf(next.server.vector, origin);
  const event: CoordinatorEvent =
    patches.length === 0 ? { kind: 'committed' } : { kind: 'committed', commit: [origin, seq] };
  return coordinate(next, event, rules);
}

function finish(place: Place, result: Result | 'unknown', rules: Rules): Place {
  const current = currentOperation(place, rules);
  if (current === undefined) return place;
  const operations = place.shared.operations.map((one, i) => (i === current ? { ...one, result } : one));
  return withServer(withShared(place, { operations }), { driving: { kind: 'nothing' } });
}

/**
 * What is not durable is gone; who asked is told nothing. The server comes back as another replica, and may begin to lead once
 * more if the plan says so.
 * @param latest what it hears of ballots when it is back
 */
export function crash(place: Place, latest: Ballot, rules: Rules): Place | undefined {
  const { coordinator, incarnation, driving, begins } = place.server;
  const { crashesLeft } = place.shared;
  if (crashesLeft === 0 || coordinator.phase.kind === 'idle') return undefined;
  const isOpen = driving.kind !== 'nothing' && currentOperation(place, rules) !== undefined;
  const told = isOpen ? finish(place, 'unknown', rules) : place;
  const next = withServer(told, {
    coordinator: { ...IDLE, latest },
    driving: { kind: 'nothing' },
    incarnation: incarnation + 1,
    begins: rules.plan.leadsAgain ? begins + 1 : begins,
  });
  return normalised(withShared(next, { crashesLeft: crashesLeft - 1 }), rules);
}
