/** All that can happen next in the small world, each as a world of its own. */
import { assert } from '../../base/assert.ts';
import type { ReplicaId } from '../../base/ids.ts';
import type { PlantedBug } from '../../base/planted-bug.ts';
import { isPlanted } from '../../base/planted-bug.ts';
import { covers, seqOf } from '../../src/commits/version-vector.ts';
import { stepAcceptor } from '../../src/consistency/acceptor.ts';
import { compareBallots, sameBallot } from '../../src/consistency/ballot.ts';
import { ballotOf, type CoordinatorEvent, IDLE, stepCoordinator } from '../../src/consistency/coordinator.ts';
import type { ProvisionalPatch } from '../../src/consistency/message.ts';
import {
  type Driving,
  GRAPH,
  isForAcceptor,
  numberOf,
  type Plan,
  patchOf,
  type Result,
  replicaOf,
  SERVERS,
  type Sent,
  type ServerState,
  theOne,
  valueAt,
  type World,
  writeOf,
} from './state.ts';

export interface Next {
  readonly what: string;
  readonly world: World;
}

/** What is explored, and what was found out about parts of worlds, which come again in very many. */
export interface Rules {
  readonly plan: Plan;
  readonly bugs: ReadonlySet<PlantedBug>;
  /** By state of a server and message. */
  readonly heard: WeakMap<ServerState, Map<number, Heard>>;
  /** Votes that mean nothing to a server in a state. */
  readonly ignored: WeakMap<ServerState, Set<number>>;
}

export function rulesOf(plan: Plan, bugs: ReadonlySet<PlantedBug>): Rules {
  return { plan, bugs, heard: new WeakMap(), ignored: new WeakMap() };
}

const nameOf = (server: number): string => 'abc'[server] as string;
const VOTERS: ReadonlySet<string> = new Set(Array.from({ length: SERVERS }, (_, server) => nameOf(server)));

export function nextWorlds(world: World, rules: Rules): Next[] {
  const nexts: Next[] = [];
  const add = (what: string, next: World | undefined) => {
    if (next !== undefined) nexts.push({ what, world: withoutUseless(next, rules) });
  };
  for (const sent of world.sent.values()) {
    const { from, to, message } = sent;
    add(`${nameOf(to)} hears ${message.kind} of ${nameOf(from)}`, deliver(world, sent, rules));
  }
  for (let server = 0; server < SERVERS; server++) {
    for (const origin of world.streams.keys()) {
      add(`${nameOf(server)} receives the next commit of ${origin}`, receive(world, server, origin));
    }
    add(`${nameOf(server)} drives on`, drive(world, server, rules));
    add(`${nameOf(server)} begins to lead`, begin(world, server, rules));
    if (world.crashesLeft > 0) add(`${nameOf(server)} crashes`, crash(world, server, rules));
  }
  if (world.plainLeft > 0 && rules.plan.plainWrite !== undefined)
    add('c writes', writePlain(world, rules.plan.plainWrite));
  return nexts;
}

function withServer(world: World, server: number, change: Partial<ServerState>): World {
  const servers = world.servers.map((state, i) => (i === server ? theOne({ ...state, ...change }) : state));
  return { ...world, servers };
}

function at(world: World, server: number): ServerState {
  return world.servers[server] as ServerState;
}

// Messages.

function send(world: World, messages: readonly Sent[]): World {
  const sent = new Map(world.sent);
  for (const message of messages) sent.set(numberOf(message), message);
  return { ...world, sent };
}

function deliver(world: World, sent: Sent, rules: Rules): World | undefined {
  const { from, to, message } = sent;
  if (!isForAcceptor(message)) {
    const number = numberOf(sent);
    if (rules.ignored.get(at(world, to))?.has(number) === true) return undefined;
    const event = { kind: 'vote', from: nameOf(from), vote: message } as const;
    const next = coordinate(world, to, event, rules, number);
    return next.servers[to] === world.servers[to] ? undefined : next;
  }
  const heard = heardBy(at(world, to), sent, rules);
  if (heard === undefined) return undefined;
  const { state, answer } = heard;
  const isSame = state === at(world, to);
  if (answer === undefined ? isSame : isSame && world.sent.has(numberOf(answer))) return undefined;
  const after = isSame ? world : { ...world, servers: world.servers.map((one, i) => (i === to ? state : one)) };
  return answer === undefined ? after : send(after, [answer]);
}

/** What becomes of a server that hears a message for its acceptor, and what it answers; nothing while it must wait. */
type Heard = { readonly state: ServerState; readonly answer: Sent | undefined } | undefined;

function heardBy(server: ServerState, sent: Sent, rules: Rules): Heard {
  let known = rules.heard.get(server);
  if (known === undefined) {
    known = new Map();
    rules.heard.set(server, known);
  }
  const number = numberOf(sent);
  if (!known.has(number)) known.set(number, hear(server, sent));
  return known.get(number);
}

function hear(server: ServerState, { from, to, message }: Sent): Heard {
  const { acceptor, vector, clock } = server;
  assert(isForAcceptor(message), 'acceptors hear what is for them');
  const step = stepAcceptor(acceptor, message, (wanted) => covers(vector, wanted));
  if (step === undefined) return undefined;
  const { state, reply } = step;
  const after = state === acceptor ? server : theOne({ ...server, acceptor: state });
  // A refusal only tells a coordinator earlier what it may find out by itself at any time: it counts as lost.
  if (reply === undefined || reply.kind === 'refused') return { state: after, answer: undefined };
  const vote = { memory: nameOf(to), known: new Map(), vector, clock };
  const { graph, ballot } = message;
  const answer: Sent['message'] =
    reply.kind === 'accepted'
      ? { ...reply, ...vote, graph, ballot }
      : { ...reply, ...vote, graph, ballot, round: message.kind === 'prepare' ? message.round : 0 };
  return { state: after, answer: theOne({ from: to, to: from, message: answer }) };
}

/** Forgets messages that can change nothing any more, so that worlds that differ only in them are one. */
function withoutUseless(world: World, rules: Rules): World {
  const sent = new Map(world.sent);
  for (const [number, one] of world.sent) if (isUseless(world, number, one, rules)) sent.delete(number);
  return sent.size === world.sent.size ? world : { ...world, sent };
}

function isUseless(world: World, number: number, { from, to, message }: Sent, rules: Rules): boolean {
  const server = at(world, to);
  const { acceptor, coordinator } = server;
  switch (message.kind) {
    case 'prepare':
    case 'accept':
      // It would be refused, or has been accepted and answered.
      return compareBallots(message.ballot, acceptor.promised) < 0;
    case 'settled':
      return compareBallots(message.ballot, acceptor.accepted) < 0;
    default: {
      if (message.ballot.replica !== replicaOf(to, server)) return true;
      // Questions are asked once, so what says nothing now will not later; but late acceptances wait for a probe to end.
      if (coordinator.phase.kind === 'probing' && message.kind === 'accepted') return false;
      if (rules.ignored.get(server)?.has(number) === true) return true;
      const settings = {
        graph: GRAPH,
        replica: replicaOf(to, server),
        configuration: 1,
        voters: VOTERS,
        bugs: rules.bugs,
      };
      const { state, effects } = stepCoordinator(
        coordinator,
        { kind: 'vote', from: nameOf(from), vote: message },
        settings,
      );
      if (effects.length > 0 || numberOf(state) !== numberOf(coordinator)) return false;
      note(rules, server, number);
      return true;
    }
  }
}

function note(rules: Rules, server: ServerState, ignored: number): void {
  const known = rules.ignored.get(server);
  if (known === undefined) rules.ignored.set(server, new Set([ignored]));
  else known.add(ignored);
}

/** Lets a coordinator step and notes what it is to do. */
function coordinate(world: World, server: number, event: CoordinatorEvent, rules: Rules, ignored?: number): World {
  const before = at(world, server);
  const settings = {
    graph: GRAPH,
    replica: replicaOf(server, before),
    configuration: 1,
    voters: VOTERS,
    bugs: rules.bugs,
  };
  const { state, effects } = stepCoordinator(before.coordinator, event, settings);
  if (effects.length === 0 && numberOf(state) === numberOf(before.coordinator)) {
    if (ignored !== undefined) note(rules, before, ignored);
    return world;
  }
  let next = withServer(world, server, { coordinator: state });
  for (const effect of effects) {
    const { driving } = at(next, server);
    switch (effect.kind) {
      case 'send': {
        const { message } = effect;
        next = send(
          next,
          Array.from({ length: SERVERS }, (_, to) => ({ from: server, to, message })),
        );
        break;
      }
      case 'catch-up':
        // The clock goes beyond what was promised when the server has caught up.
        break;
      case 'leads':
        next = judge(next, server, effect.accepted, rules);
        break;
      case 'chosen':
        next = withServer(next, server, {
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
        if (effect.holds) next = finish(next, server, driving.result, rules);
        else next = proposeRead(next, server, driving, rules);
        break;
      case 'lost':
        next = withServer(next, server, {
          driving: driving.kind === 'proposed' ? { ...driving, isLost: true } : { kind: 'nothing' },
        });
    }
  }
  return next;
}

/** As `Coordination.#judge`: what was lost may be tried again only if its ballot is after all that was accepted. */
function judge(world: World, server: number, accepted: { counter: number; replica: ReplicaId }, rules: Rules): World {
  const { driving } = at(world, server);
  if (driving.kind !== 'proposed') return world;
  if (compareBallots(accepted, driving.ballot) < 0) return withServer(world, server, { driving: { kind: 'nothing' } });
  return finish(world, server, 'unknown', rules);
}

// Replication.

function receive(world: World, server: number, origin: ReplicaId): World | undefined {
  const { vector, clock } = at(world, server);
  const seq = seqOf(vector, origin) + 1;
  const commit = world.streams.get(origin)?.[seq - 1];
  if (commit === undefined || !covers(vector, commit.after)) return undefined;
  const later = commit.writes.reduce((last, { stamp }) => Math.max(last, stamp), clock);
  return withServer(world, server, { vector: new Map(vector).set(origin, seq), clock: later });
}

function commit(world: World, server: number, patches: readonly ProvisionalPatch[]): World {
  const state = at(world, server);
  const origin = replicaOf(server, state);
  const stream = world.streams.get(origin) ?? [];
  const writes = patches.map(writeOf);
  const streams = new Map(world.streams).set(origin, [...stream, { writes, after: state.vector }]);
  const clock = writes.reduce((last, { stamp }) => Math.max(last, stamp), state.clock);
  const vector = new Map(state.vector).set(origin, stream.length + 1);
  return withServer({ ...world, streams }, server, { vector, clock });
}

/** A write at level `eventual`, at the last server. */
function writePlain(world: World, value: number): World {
  const server = SERVERS - 1;
  const patch = patchOf({ stamp: nextStamp(at(world, server).clock, server), value });
  return { ...commit(world, server, [patch]), plainLeft: 0 };
}

// What a coordinator's driver does.

/** Stamps of different servers differ in their remainder. */
function nextStamp(clock: number, server: number): number {
  return SERVERS * (Math.floor(clock / SERVERS) + 1) + server;
}

function currentOperation(world: World, server: number, rules: Rules): number | undefined {
  const index = rules.plan.operations.findIndex(
    (one, i) => one.server === server && world.operations[i]?.result === undefined,
  );
  return index < 0 ? undefined : index;
}

function begin(world: World, server: number, rules: Rules): World | undefined {
  const { begins, coordinator, driving } = at(world, server);
  if (begins === 0 || currentOperation(world, server, rules) === undefined) return undefined;
  const { kind } = coordinator.phase;
  // It begins when it does not lead, or when a question was not answered for long.
  if (kind === 'leading' || kind === 'committing') return undefined;
  const lost: Driving = driving.kind === 'proposed' ? { ...driving, isLost: true } : { kind: 'nothing' };
  const next = withServer(world, server, { begins: begins - 1, driving: lost });
  return coordinate(next, server, { kind: 'begin' }, rules);
}

function drive(world: World, server: number, rules: Rules): World | undefined {
  const { coordinator, vector, driving } = at(world, server);
  const { phase } = coordinator;
  switch (phase.kind) {
    case 'catching-up': {
      if (!covers(vector, phase.wanted)) return undefined;
      const clock = Array.from(phase.promises.values()).reduce((last, vote) => Math.max(last, vote.clock), 0);
      const isBlind = isPlanted(rules.bugs, 'clock-not-from-promises');
      const seen = isBlind ? world : withServer(world, server, { clock: Math.max(clock, at(world, server).clock) });
      return coordinate(seen, server, { kind: 'caught-up' }, rules);
    }
    case 'leading':
      return driving.kind === 'nothing' ? decide(world, server, rules) : undefined;
    case 'committing':
      return driving.kind === 'chosen' ? settle(world, server, driving, rules) : undefined;
    default:
      return undefined;
  }
}

function decide(world: World, server: number, rules: Rules): World | undefined {
  const index = currentOperation(world, server, rules);
  const planned = index === undefined ? undefined : rules.plan.operations[index];
  if (planned === undefined) return undefined;
  const { vector, clock, coordinator } = at(world, server);
  const value = valueAt(world, vector);
  const { operation } = planned;
  if (operation.kind === 'cas' && value === operation.from) {
    const stamp = nextStamp(clock, server);
    const driving: Driving = { kind: 'proposed', ballot: ballotOf(coordinator), result: 'ok', isLost: false };
    const next = withServer(world, server, { driving, clock: stamp });
    const patches = [patchOf({ stamp, value: operation.to })];
    const merged = isPlanted(rules.bugs, 'merge-on-accept') ? commit(next, server, patches) : next;
    return coordinate(merged, server, { kind: 'propose', cover: vector, patches }, rules);
  }
  const result: Result = operation.kind === 'read' ? value : 'failed';
  if (isPlanted(rules.bugs, 'read-without-quorum')) return finish(world, server, result, rules);
  const next = withServer(world, server, { driving: { kind: 'probing', result, seen: vector } });
  return coordinate(next, server, { kind: 'probe', seen: vector }, rules);
}

function proposeRead(
  world: World,
  server: number,
  { result, seen }: Extract<Driving, { kind: 'probing' }>,
  rules: Rules,
): World {
  const driving: Driving = { kind: 'proposed', ballot: ballotOf(at(world, server).coordinator), result, isLost: false };
  const next = withServer(world, server, { driving });
  return coordinate(next, server, { kind: 'propose', cover: seen, patches: [] }, rules);
}

/** Makes what was chosen a commit, and tells what was decided with it. */
function settle(
  world: World,
  server: number,
  { patches, of, decided }: Extract<Driving, { kind: 'chosen' }>,
  rules: Rules,
): World {
  let next = patches.length === 0 ? world : commit(world, server, patches);
  next = withServer(next, server, { driving: { kind: 'nothing' } });
  if (decided !== undefined && sameBallot(decided.ballot, of)) next = finish(next, server, decided.result, rules);
  else if (decided !== undefined) next = withServer(next, server, { driving: decided });
  const state = at(next, server);
  const origin = replicaOf(server, state);
  const seq = seqOf(state.vector, origin);
  const event: CoordinatorEvent =
    patches.length === 0 ? { kind: 'committed' } : { kind: 'committed', commit: [origin, seq] };
  return coordinate(next, server, event, rules);
}

function finish(world: World, server: number, result: Result | 'unknown', rules: Rules): World {
  const index = currentOperation(world, server, rules);
  if (index === undefined) return world;
  const ended = world.operations.map((one, i) => (i === index ? { ...one, result } : one));
  const over = ended.flatMap((one, i) => (one.result === undefined || one.result === 'unknown' ? [] : [i]));
  const following = rules.plan.operations.findIndex((one, i) => i > index && one.server === server);
  const operations = ended.map((one, i) => (i === following ? { ...one, after: over } : one));
  return withServer({ ...world, operations }, server, { driving: { kind: 'nothing' } });
}

/** What is not durable is gone; who asked is told nothing. */
function crash(world: World, server: number, rules: Rules): World | undefined {
  const { coordinator, incarnation, driving } = at(world, server);
  if (coordinator === IDLE) return undefined;
  const isOpen = driving.kind !== 'nothing' && currentOperation(world, server, rules) !== undefined;
  const told = isOpen ? finish(world, server, 'unknown', rules) : world;
  const next = withServer(told, server, {
    coordinator: IDLE,
    driving: { kind: 'nothing' },
    incarnation: incarnation + 1,
  });
  return { ...next, crashesLeft: next.crashesLeft - 1 };
}
