/**
 * What states of servers make of messages, and what of them matters. Worlds of which nothing can tell that they differ are
 * one: what nobody will ever look at again is left out, so that far fewer are to be explored, and nothing that can happen is
 * missed.
 */
import { assert } from '../../base/assert.ts';
import type { ReplicaId } from '../../base/ids.ts';
import type { PlantedBug } from '../../base/planted-bug.ts';
import { covers } from '../../src/commits/version-vector.ts';
import { NOTHING_ACCEPTED, stepAcceptor } from '../../src/consistency/acceptor.ts';
import { compareBallots, NO_BALLOT, sameBallot } from '../../src/consistency/ballot.ts';
import {
  type CoordinatorEvent,
  type CoordinatorState,
  type CoordinatorStep,
  IDLE,
  type Phase,
  stepCoordinator,
} from '../../src/consistency/coordinator.ts';
import type { Accepted, AcceptorState, Promised, Refused, Vote } from '../../src/consistency/message.ts';
import type { Votes } from '../../src/consistency/votes.ts';
import {
  GRAPH,
  type Inbox,
  inboxOf,
  isForAcceptor,
  nameOf,
  numberOf,
  replicaOf,
  type Sent,
  type ServerState,
  theSent,
  theServer,
  VOTERS,
} from './state.ts';

export interface Heard {
  readonly state: ServerState;
  readonly answer: Sent | undefined;
}

/** Found out once: states come again in very many worlds. */
export class ServerFacts {
  readonly #bugs: ReadonlySet<PlantedBug>;
  readonly #essences: readonly WeakMap<ServerState, ServerState>[] = [new WeakMap(), new WeakMap()];
  readonly #heard = new WeakMap<ServerState, Map<number, { readonly found: Heard | undefined }>>();
  readonly #voted = new WeakMap<ServerState, Map<number, CoordinatorStep>>();
  readonly #useless = new WeakMap<ServerState, Map<number, boolean>>();

  constructor(bugs: ReadonlySet<PlantedBug>) {
    this.#bugs = bugs;
  }

  coordinated(index: number, server: ServerState, event: CoordinatorEvent): CoordinatorStep {
    const replica = replicaOf(index, server);
    const settings = { graph: GRAPH, replica, configuration: 1, voters: VOTERS, bugs: this.#bugs };
    return stepCoordinator(server.coordinator, event, settings);
  }

  /** What becomes of a server that hears a message for its acceptor, and what it answers; nothing while it must wait. */
  heard(server: ServerState, sent: Sent): Heard | undefined {
    return remembered(this.#heard, server, sent, () => ({ found: hear(server, sent) })).found;
  }

  /** What a vote makes of a coordinator; the state is the same if it makes nothing of it. */
  voted(server: ServerState, sent: Sent, vote: Promised | Accepted | Refused): CoordinatorStep {
    return remembered(this.#voted, server, sent, () => {
      const { state, effects } = this.coordinated(sent.to, server, { kind: 'vote', from: nameOf(sent.from), vote });
      const isSame = numberOf(state) === numberOf(server.coordinator);
      return { state: isSame ? server.coordinator : state, effects };
    });
  }

  /** @param mayLead whether there is, or may be, an operation for which it leads */
  essenceOf(server: ServerState, mayLead: boolean): ServerState {
    const essences = this.#essences[mayLead ? 1 : 0] as WeakMap<ServerState, ServerState>;
    let essence = essences.get(server);
    if (essence === undefined) {
      const acceptor = acceptorEssence(server);
      essence = theServer({ ...server, acceptor, coordinator: coordinatorEssence(server, mayLead) });
      essences.set(server, essence);
    }
    return essence;
  }

  /** What may yet mean something to a server. */
  usefulOf(inbox: Inbox, server: ServerState): Inbox {
    const useful = Array.from(inbox.values()).filter((sent) => !this.isUseless(sent, server));
    return useful.length === inbox.size ? inbox : inboxOf(useful);
  }

  isUseless(sent: Sent, server: ServerState): boolean {
    return remembered(this.#useless, server, sent, () => this.#saysNothing(server, sent));
  }

  #saysNothing(server: ServerState, sent: Sent): boolean {
    const { to, message } = sent;
    const { acceptor, coordinator } = server;
    switch (message.kind) {
      case 'prepare':
        return compareBallots(message.ballot, acceptor.promised) < 0;
      case 'accept': {
        const { ballot } = message;
        return compareBallots(ballot, acceptor.promised) < 0 && !sameBallot(ballot, acceptor.accepted);
      }
      case 'settled':
        return compareBallots(message.ballot, acceptor.accepted) < 0;
      default: {
        if (message.ballot.replica !== replicaOf(to, server)) return true;
        // Questions are asked once, so what says nothing now will not later; but late acceptances wait for a probe to end.
        if (coordinator.phase.kind === 'probing' && message.kind === 'accepted') return false;
        const { state, effects } = this.voted(server, sent, message);
        return effects.length === 0 && state === server.coordinator;
      }
    }
  }
}

/** What was found out, or is now, about a message in a state of its receiver. */
function remembered<T>(known: WeakMap<ServerState, Map<number, T>>, server: ServerState, sent: Sent, find: () => T): T {
  let ofServer = known.get(server);
  if (ofServer === undefined) {
    ofServer = new Map();
    known.set(server, ofServer);
  }
  const number = numberOf(sent);
  const found = ofServer.get(number) ?? find();
  ofServer.set(number, found);
  return found;
}

function hear(server: ServerState, { from, to, message }: Sent): Heard | undefined {
  const { acceptor, vector, clock } = server;
  assert(isForAcceptor(message), 'acceptors hear what is for them');
  const step = stepAcceptor(acceptor, message, (wanted) => covers(vector, wanted));
  if (step === undefined) return undefined;
  const { state, reply } = step;
  const after = state === acceptor ? server : theServer({ ...server, acceptor: state });
  // A refusal only tells a coordinator earlier what it may find out by itself at any time: it counts as lost.
  if (reply === undefined || reply.kind === 'refused') return { state: after, answer: undefined };
  const vote = { memory: nameOf(to), known: new Map(), vector, clock };
  const { graph, ballot } = message;
  const answer: Sent['message'] =
    reply.kind === 'accepted'
      ? { ...reply, ...bare(vote), graph, ballot }
      : { ...reply, ...vote, graph, ballot, round: message.kind === 'prepare' ? message.round : 0 };
  return { state: after, answer: theSent({ from: to, to: from, message: answer }) };
}

/** Settled patches that are here count as none, as when the acceptor is asked. */
function acceptorEssence({ acceptor, vector }: ServerState): AcceptorState {
  if (acceptor.settled === undefined) return acceptor;
  const { settled, ...rest } = acceptor;
  const [origin, seq] = settled;
  return covers(vector, new Map([[origin as ReplicaId, seq]])) ? { ...rest, patches: [] } : acceptor;
}

function coordinatorEssence({ coordinator, begins }: ServerState, mayLead: boolean): CoordinatorState {
  const { phase } = coordinator;
  // Whoever prepares may have to finish what another one began; whoever leads for nobody never asks anything.
  if (!mayLead && (phase.kind === 'leading' || phase.kind === 'probing' || phase.kind === 'idle')) return IDLE;
  // Eras are for the driver of production.
  const state = { ...coordinator, phase: phaseEssence(phase), era: 0 };
  return begins === 0 ? { ...state, latest: NO_BALLOT } : state;
}

/** Promises once they are counted: what they said has been made use of. */
function phaseEssence(phase: Phase): Phase {
  switch (phase.kind) {
    case 'idle':
    case 'preparing':
      return phase;
    case 'catching-up': {
      const clock = Array.from(phase.promises.values()).reduce((last, vote) => Math.max(last, vote.clock), 0);
      return { ...phase, promises: eachOf(phase.promises, (vote) => ({ ...bare(vote), clock })) };
    }
    case 'probing':
      return { ...phase, promises: eachOf(phase.promises, bare), answers: eachOf(phase.answers, bareAnswer) };
    default:
      return { ...phase, promises: eachOf(phase.promises, bare) };
  }
}

function eachOf<V extends Vote>(votes: Votes<V>, change: (vote: V) => V): Votes<V> {
  return new Map(Array.from(votes, ([voter, vote]) => [voter, change(vote)]));
}

/** Only that it was given. */
function bare({ memory, known }: Vote): Vote {
  return { memory, known, vector: new Map(), clock: 0 };
}

function bareAnswer(answer: Promised): Promised {
  return { ...answer, ...bare(answer), state: NOTHING_ACCEPTED };
}
