/**
 * Messages as bytes: MessagePack arrays that begin with the number of the kind, checked like frames. Also the state of an
 * acceptor as it lies on disk.
 */
import { decode } from '@msgpack/msgpack';
import { assertNever } from '../../base/assert.ts';
import { WeftError } from '../../base/errors.ts';
import type { ReplicaId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { configurationText, parseConfiguration } from '../replication/configuration.ts';
import { encodeFields } from '../replication/encode-fields.ts';
import { asBytes, asGraphKey, asKey, asText, FieldReader, flat, malformed } from '../replication/field-reader.ts';
import { PROTOCOL_VERSION, READ_BOUNDS_VERSION } from '../replication/frame.ts';
import { shapeFault } from '../replication/frame-shape.ts';
import type { Ballot } from './ballot.ts';
import type {
  Accept,
  AcceptorState,
  Memory,
  Message,
  Place,
  Prepare,
  ProvisionalPatch,
  Reply,
  Request,
  Vote,
} from './message.ts';

const KIND = {
  prepare: 1,
  promised: 2,
  accept: 3,
  accepted: 4,
  refused: 5,
  settled: 6,
  join: 7,
  joined: 8,
  ask: 9,
  answer: 10,
  outdated: 11,
} as const satisfies Record<Message['kind'], number>;

const DECODING = { maxStrLength: LIMITS.messageBytesMax, maxArrayLength: 1_000_000 };

/** @param version of the protocol that the receiver speaks */
export function encodeMessage(message: Message, version: number = PROTOCOL_VERSION): Uint8Array {
  const kind = KIND[message.kind];
  switch (message.kind) {
    case 'prepare':
      return encodeFields([kind, ...ballotHead(message), message.round, flat(message.cover)]);
    case 'promised': {
      const { graph, ballot, round, state } = message;
      return encodeFields([kind, graph, ...ballotFields(ballot), round, ...voteFields(message), ...stateFields(state)]);
    }
    case 'accept': {
      const { next, cover, patches } = message;
      return encodeFields([kind, ...ballotHead(message), ...ballotFields(next), flat(cover), patchFields(patches)]);
    }
    case 'accepted': {
      const { graph, ballot, promisedNext } = message;
      return encodeFields([kind, graph, ...ballotFields(ballot), promisedNext, ...voteFields(message)]);
    }
    case 'refused':
      return encodeFields([kind, message.graph, ...ballotFields(message.ballot), ...ballotFields(message.promised)]);
    case 'outdated': {
      const { graph, ballot, configuration } = message;
      return encodeFields([kind, graph, ...ballotFields(ballot), configurationText(configuration)]);
    }
    case 'settled':
      return encodeFields([kind, message.graph, ...ballotFields(message.ballot), ...message.commit]);
    case 'join':
      return encodeFields([kind, message.memory, configurationText(message.configuration), message.asksState]);
    case 'joined': {
      const { of, configuration, votesIn, met, tellsState, states } = message;
      const held = states.flatMap(({ graph, state }) => [graph, encodeState(state)]);
      const said = [configurationText(configuration), votesIn, met, tellsState];
      return encodeFields([kind, of, ...said, ...voteFields(message), held]);
    }
    case 'ask': {
      const { id, graph, patienceMs, trace, request } = message;
      return encodeFields([kind, id, graph, patienceMs, trace, ...requestFields(request, version)]);
    }
    case 'answer':
      return encodeFields([kind, message.id, ...replyFields(message.reply)]);
    default:
      return assertNever(message);
  }
}

function ballotHead({ graph, ballot, configuration }: Prepare | Accept): unknown[] {
  return [graph, ...ballotFields(ballot), configuration];
}

function requestFields(request: Request, version: number): unknown[] {
  switch (request.kind) {
    case 'write':
      return [
        'write',
        request.operations,
        request.key?.key ?? '',
        request.key?.fingerprint ?? '',
        request.outcome ?? '',
        ...basisFields(request),
      ];
    case 'position':
      return ['position'];
    case 'confirm':
      return [
        'confirm',
        ...placeFields(request.place),
        flat(request.seen),
        ...(version >= READ_BOUNDS_VERSION ? [flat(request.held)] : []),
      ];
  }
}

function replyFields(reply: Reply): unknown[] {
  switch (reply.kind) {
    case 'written':
      return ['written', reply.results, reply.replayed, flat(reply.vector)];
    case 'failed':
      return ['failed', reply.error, flat(reply.vector)];
    case 'position':
      return ['position', ...placeFields(reply.place), flat(reply.vector)];
    case 'stale':
      return ['stale'];
    case 'confirmed':
      return ['confirmed', reply.holds];
  }
}

function basisFields({ basis }: Extract<Request, { kind: 'write' }>): unknown[] {
  return basis === undefined ? [] : [...placeFields(basis.place), flat(basis.seen)];
}

const placeFields = ({ era, changes }: Place): readonly number[] => [era, changes];

const ballotFields = ({ counter, replica }: Ballot): readonly [number, number] => [counter, replica];

function voteFields({ memory, known, vector, clock }: Vote): unknown[] {
  return [memory, Array.from(known).flat(), flat(vector), clock];
}

function stateFields({ promised, accepted, cover, patches, settled }: AcceptorState): unknown[] {
  const ballots = [...ballotFields(promised), ...ballotFields(accepted)];
  return [...ballots, flat(cover), patchFields(patches), settled ?? []];
}

function patchFields(patches: readonly ProvisionalPatch[]): string[] {
  return patches.flatMap(({ graphKey, partition, text }) => [graphKey, partition, text]);
}

/** @throws WeftError `malformed-request` that says what is wrong */
export function decodeMessage(bytes: Uint8Array): Message {
  const read = readerOf(bytes);
  const message = readMessage(read.integer('kind'), read);
  read.end();
  return message;
}

function readerOf(bytes: Uint8Array): FieldReader {
  const fault = shapeFault(bytes);
  if (fault !== undefined) throw malformed(fault);
  try {
    return new FieldReader(decode(bytes, DECODING));
  } catch (cause) {
    if (cause instanceof WeftError) throw cause;
    throw new WeftError('malformed-request', `a message of ${bytes.length} bytes is not MessagePack`, {}, cause);
  }
}

function readMessage(kind: number, read: FieldReader): Message {
  switch (kind) {
    case KIND.prepare:
      return {
        kind: 'prepare',
        ...readBallotHead(read),
        round: read.integer('round'),
        cover: read.vector('cover'),
      };
    case KIND.promised: {
      const head = { graph: read.graph('graph'), ballot: readBallot(read), round: read.integer('round') };
      return { kind: 'promised', ...head, ...readVote(read), state: readState(read) };
    }
    case KIND.accept: {
      const head = { ...readBallotHead(read), next: readBallot(read) };
      return { kind: 'accept', ...head, cover: read.vector('cover'), patches: readPatches(read.array('patches')) };
    }
    case KIND.accepted: {
      const head = { graph: read.graph('graph'), ballot: readBallot(read), promisedNext: read.boolean('promisedNext') };
      return { kind: 'accepted', ...head, ...readVote(read) };
    }
    case KIND.refused:
      return { kind: 'refused', graph: read.graph('graph'), ballot: readBallot(read), promised: readBallot(read) };
    case KIND.outdated: {
      const head = { graph: read.graph('graph'), ballot: readBallot(read) };
      return { kind: 'outdated', ...head, configuration: parseConfiguration(read.text('configuration')) };
    }
    case KIND.settled: {
      const head = { graph: read.graph('graph'), ballot: readBallot(read) };
      return { kind: 'settled', ...head, commit: [read.integer('origin'), read.integer('seq')] };
    }
    case KIND.join:
      return {
        kind: 'join',
        memory: read.name('memory'),
        configuration: parseConfiguration(read.text('configuration')),
        asksState: read.boolean('asksState'),
      };
    case KIND.joined:
      return {
        kind: 'joined',
        of: read.name('of'),
        configuration: parseConfiguration(read.text('configuration')),
        votesIn: read.integer('votesIn'),
        met: read.list('met', (field) => asText('met', field)),
        tellsState: read.boolean('tellsState'),
        ...readVote(read),
        states: readStates(read.array('states')),
      };
    case KIND.ask: {
      const head = { id: read.integer('id'), graph: read.graph('graph') };
      const rest = { patienceMs: read.integer('patienceMs'), trace: read.text('trace') };
      return { kind: 'ask', ...head, ...rest, request: readRequest(read) };
    }
    case KIND.answer:
      return { kind: 'answer', id: read.integer('id'), reply: readReply(read) };
    default:
      throw malformed(`unknown kind of message ${kind}`);
  }
}

function readRequest(read: FieldReader): Request {
  const kind = read.text('request');
  switch (kind) {
    case 'write': {
      const operations = read.text('operations');
      const key = read.text('key');
      const fingerprint = read.text('fingerprint');
      const outcome = read.text('outcome');
      const basis = read.done ? undefined : { place: readPlace(read), seen: read.vector('seen') };
      return {
        kind,
        operations,
        ...(key !== '' && { key: { key, fingerprint } }),
        ...(basis !== undefined && { basis }),
        ...(outcome !== '' && { outcome }),
      };
    }
    case 'position':
      return { kind };
    case 'confirm':
      return {
        kind,
        place: readPlace(read),
        seen: read.vector('seen'),
        held: read.done ? new Map() : read.vector('held'),
      };
    default:
      throw malformed(`unknown request ${kind}`);
  }
}

function readReply(read: FieldReader): Reply {
  const kind = read.text('reply');
  switch (kind) {
    case 'written': {
      const results = read.text('results');
      return { kind, results, replayed: read.boolean('replayed'), vector: read.vector('vector') };
    }
    case 'failed':
      return { kind, error: read.text('error'), vector: read.vector('vector') };
    case 'position':
      return { kind, place: readPlace(read), vector: read.vector('vector') };
    case 'stale':
      return { kind };
    case 'confirmed':
      return { kind, holds: read.boolean('holds') };
    default:
      throw malformed(`unknown reply ${kind}`);
  }
}

function readPlace(read: FieldReader): Place {
  return { era: read.integer('era'), changes: read.integer('changes') };
}

function readBallotHead(read: FieldReader): Pick<Prepare, 'graph' | 'ballot' | 'configuration'> {
  return { graph: read.graph('graph'), ballot: readBallot(read), configuration: read.integer('configuration') };
}

function readBallot(read: FieldReader): Ballot {
  return { counter: read.integer('counter'), replica: read.integer('replica') as ReplicaId };
}

function readVote(read: FieldReader): Vote {
  const memory = read.name('memory');
  const fields = read.list('known', (field) => asText('known', field));
  const known = new Map<string, Memory>();
  for (let i = 0; i + 1 < fields.length; i += 2) known.set(fields[i] as string, fields[i + 1] as Memory);
  return { memory, known, vector: read.vector('vector'), clock: read.integer('clock') };
}

function readState(read: FieldReader): AcceptorState {
  const ballots = { promised: readBallot(read), accepted: readBallot(read) };
  const cover = read.vector('cover');
  const patches = readPatches(read.array('patches'));
  const [origin, seq] = read.array('settled');
  if (typeof origin !== 'number' || typeof seq !== 'number') return { ...ballots, cover, patches };
  return { ...ballots, cover, patches, settled: [origin, seq] };
}

function readPatches(fields: readonly unknown[]): ProvisionalPatch[] {
  const patches: ProvisionalPatch[] = [];
  for (let i = 0; i < fields.length; i += 3) {
    patches.push({ ...asKey(fields[i], fields[i + 1]), text: asText('patch', fields[i + 2]) });
  }
  return patches;
}

function readStates(fields: readonly unknown[]): { graph: string; state: AcceptorState }[] {
  const states: { graph: string; state: AcceptorState }[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    states.push({ graph: asGraphKey(fields[i]), state: decodeState(asBytes('state', fields[i + 1])) });
  }
  return states;
}

/** @throws WeftError `malformed-request` for bytes that are no state */
export function decodeState(bytes: Uint8Array): AcceptorState {
  const read = readerOf(bytes);
  const state = readState(read);
  read.end();
  return state;
}

export function encodeState(state: AcceptorState): Uint8Array {
  return encodeFields(stateFields(state));
}
