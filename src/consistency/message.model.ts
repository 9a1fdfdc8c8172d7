/** Messages of every kind, for property tests. */
import fc from 'fast-check';
import type { PartitionId, ReplicaId } from '../../base/ids.ts';
import { configuration } from '../replication/frame.model.ts';
import type { AcceptorState, Message, ProvisionalPatch, Reply, Request } from './message.ts';

const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const text = fc.string({ unit: 'grapheme', maxLength: 30 });
const name = fc.string({ minLength: 1, maxLength: 20 });
const graph = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
const replica = fc.integer({ min: 1, max: 0xffff_ffff }).map((value) => value as ReplicaId);
export const someBallot = fc.record({ counter: count, replica });
const someVector = fc
  .uniqueArray(fc.tuple(replica, count), { maxLength: 5, selector: ([origin]) => origin })
  .map((entries) => new Map(entries));
const patch: fc.Arbitrary<ProvisionalPatch> = fc.record({
  graphKey: graph,
  partition: name.map((id) => id as PartitionId),
  text,
});
const patches = fc.array(patch, { maxLength: 4 });
export const someState: fc.Arbitrary<AcceptorState> = fc
  .tuple(
    fc.record({ promised: someBallot, accepted: someBallot, cover: someVector, patches }),
    fc.option(fc.tuple(replica, count), { nil: undefined }),
  )
  .map(([state, settled]) => (settled === undefined ? state : { ...state, settled }));
const vote = {
  memory: name,
  known: fc.uniqueArray(fc.tuple(name, name), { maxLength: 4, selector: ([one]) => one }).map((all) => new Map(all)),
  vector: someVector,
  clock: count,
};
const place = fc.record({ era: count, changes: count });
const request: fc.Arbitrary<Request> = fc.oneof(
  fc
    .tuple(
      text,
      fc.option(fc.record({ key: name, fingerprint: text }), { nil: undefined }),
      fc.option(fc.record({ place, seen: someVector }), { nil: undefined }),
      fc.option(name, { nil: undefined }),
    )
    .map(([operations, key, basis, outcome]) => ({
      kind: 'write' as const,
      operations,
      ...(key !== undefined && { key }),
      ...(basis !== undefined && { basis }),
      ...(outcome !== undefined && { outcome }),
    })),
  fc.constant({ kind: 'position' as const }),
  fc.record({ kind: fc.constant('confirm' as const), place, held: someVector, seen: someVector }),
);
const reply: fc.Arbitrary<Reply> = fc.oneof(
  fc.record({ kind: fc.constant('written' as const), results: text, replayed: fc.boolean(), vector: someVector }),
  fc.record({ kind: fc.constant('failed' as const), error: text, vector: someVector }),
  fc.record({ kind: fc.constant('position' as const), place, vector: someVector }),
  fc.constant({ kind: 'stale' as const }),
  fc.record({ kind: fc.constant('confirmed' as const), holds: fc.boolean() }),
);

export const someMessage: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    kind: fc.constant('prepare' as const),
    graph,
    ballot: someBallot,
    configuration: count,
    round: count,
    cover: someVector,
  }),
  fc.record({
    kind: fc.constant('promised' as const),
    graph,
    ballot: someBallot,
    round: count,
    state: someState,
    ...vote,
  }),
  fc.record({
    kind: fc.constant('accept' as const),
    graph,
    ballot: someBallot,
    configuration: count,
    next: someBallot,
    cover: someVector,
    patches,
  }),
  fc.record({ kind: fc.constant('accepted' as const), graph, ballot: someBallot, promisedNext: fc.boolean(), ...vote }),
  fc.record({ kind: fc.constant('refused' as const), graph, ballot: someBallot, promised: someBallot }),
  fc.record({ kind: fc.constant('settled' as const), graph, ballot: someBallot, commit: fc.tuple(replica, count) }),
  fc.record({ kind: fc.constant('outdated' as const), graph, ballot: someBallot, configuration }),
  fc.record({ kind: fc.constant('join' as const), memory: name, configuration, asksState: fc.boolean() }),
  fc.record({
    kind: fc.constant('joined' as const),
    of: name,
    configuration,
    votesIn: count,
    met: fc.array(name, { maxLength: 3 }),
    tellsState: fc.boolean(),
    ...vote,
    states: fc.array(fc.record({ graph, state: someState }), { maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant('ask' as const), id: count, graph, patienceMs: count, trace: text, request }),
  fc.record({ kind: fc.constant('answer' as const), id: count, reply }),
);
