/** Judges that the simulator has as well: the history of a run, in the form that they take. */
import { atomicity } from '../../checkers/atomicity.ts';
import { bank } from '../../checkers/bank.ts';
import { causality } from '../../checkers/causality.ts';
import { counters } from '../../checkers/counters.ts';
import { checkLinearizability } from '../../checkers/linearizability.ts';
import type { RegisterCall } from '../../checkers/order-search.ts';
import type { RegisterOperation } from '../../checkers/register.ts';
import { checkListAppend } from '../../checkers/serialisability.ts';
import { sets } from '../../checkers/sets.ts';
import type { Transaction } from '../../checkers/transaction.ts';
import type { Checker } from '../../checkers/verdict.ts';
import { EMPTY_HISTORY, type FinalState, type History, type OperationRecord } from '../../history.ts';
import type { Call, Operation } from '../entry.ts';
import { effectOf, elementsOf, type RunRecord } from '../run-record.ts';
import type { RealChecker } from './real-checker.ts';

type Of<Kind extends Call['kind']> = Extract<Call, { kind: Kind }>;

interface Found<Kind extends Call['kind']> extends Operation {
  /** With the answer, if there was one. */
  readonly call: Of<Kind>;
}

/** The operations of one kind. */
export function ofKind<Kind extends Call['kind']>(run: RunRecord, kind: Kind): Found<Kind>[] {
  return run.operations.flatMap((operation) => {
    const { call } = operation.invocation;
    const known = operation.completion?.answer ?? call;
    return known.kind === kind ? [{ ...operation, call: known as Of<Kind> }] : [];
  });
}

/** Those that were answered. */
export function answered<Kind extends Call['kind']>(run: RunRecord, kind: Kind): Found<Kind>[] {
  return ofKind(run, kind).filter(({ completion }) => completion?.type === 'ok');
}

function timesOf({ invocation, completion }: Operation) {
  return {
    id: invocation.id,
    process: `${invocation.process} on ${invocation.server}`,
    invokedMs: invocation.atMs,
    outcome: completion?.type ?? 'info',
    ...(completion?.type === 'ok' && { endedMs: completion.atMs }),
  } as const;
}

function registersOf(run: RunRecord): RegisterCall[] {
  return ofKind(run, 'register')
    .filter(({ invocation, completion }) => !invocation.isRead || completion?.type === 'ok')
    .map((found) => ({
      ...timesOf(found),
      ...(found.call.isEventual === true && { isEventual: true }),
      operation: withAbsence(found.call.operation),
    }));
}

/** JSON has no undefined: a compare-and-set that expects nothing lost it on the way to the file. */
function withAbsence(operation: RegisterOperation): RegisterOperation {
  if (operation.kind !== 'compare-and-set' || Object.keys(operation.expected).length > 0) return operation;
  return { ...operation, expected: { value: undefined } };
}

function transactionsOf(run: RunRecord): Transaction[] {
  return ofKind(run, 'lists')
    .filter(({ invocation, completion }) => !invocation.isRead || completion?.type === 'ok')
    .map((found) => ({ ...timesOf(found), operation: found.call.operations }));
}

export const linearizability: RealChecker = {
  name: 'linearizability',
  promise: 'strong operations on one register are answered as by one copy that does one after the other',
  check(run) {
    const calls = registersOf(run);
    return { verdict: checkLinearizability(calls), judged: calls.length };
  },
};

export const serialisability: RealChecker = {
  name: 'serialisability',
  promise: 'strong transactions over several lists happen one after the other, in the order of real time',
  check(run) {
    const transactions = transactionsOf(run);
    return { verdict: checkListAppend(transactions), judged: transactions.length };
  },
};

const adapted = (checker: Checker, promise: string, history: (run: RunRecord) => Partial<History>): RealChecker => ({
  name: checker.name,
  promise,
  check(run) {
    const part = history(run);
    const lists = [part.bank, part.counters, part.members, part.causal, part.atomic];
    const judged = lists.reduce((sum, list) => sum + (list?.length ?? 0), 0);
    if (part.final?.length === 0) {
      return { verdict: { kind: 'unknown', reason: 'no server told what it held in the end' }, judged };
    }
    return { verdict: checker.check({ ...EMPTY_HISTORY, ...part }), judged };
  },
});

export const bankTotals = adapted(bank, 'strong transfers keep the total, and no account falls below zero', (run) => ({
  bank: answered(run, 'balances').map(({ call, invocation }) => ({
    balances: call.balances,
    total: call.total,
    server: invocation.server,
    atMs: invocation.atMs,
  })),
}));

export const causalOrder = adapted(
  causality,
  'an effect is never visible without its cause, on any server, with or without a token',
  (run) => ({
    causal: answered(run, 'observe').map(({ call, invocation }) => ({
      chain: call.chain,
      effect: call.effect,
      cause: call.cause,
      server: invocation.server,
      atMs: invocation.atMs,
    })),
  }),
);

export const atomicBatches = adapted(
  atomicity,
  'what is written together, over partitions too, is seen together',
  (run) => ({
    atomic: answered(run, 'glance').map(({ call, invocation }) => ({
      group: call.group,
      values: call.values.map((value) => value ?? undefined),
      server: invocation.server,
      atMs: invocation.atMs,
    })),
  }),
);

/** The last known end of all tries with one Idempotency-Key counts: they are one increment. */
function incrementsOf(run: RunRecord): Found<'increment'>[] {
  const byKey = new Map<string, Found<'increment'>>();
  const rank = ({ completion }: Operation) => ['fail', 'info', 'ok'].indexOf(completion?.type ?? 'info');
  const plain: Found<'increment'>[] = [];
  for (const found of ofKind(run, 'increment')) {
    const { key } = found.call;
    if (key === undefined) plain.push(found);
    else {
      const known = byKey.get(key);
      if (known === undefined || rank(found) > rank(known)) byKey.set(key, found);
    }
  }
  return [...plain, ...byKey.values()];
}

const OUTCOMES = { sure: 'ok', possible: 'unknown', none: 'failed' } as const;

export function recordOf(found: Operation, run: RunRecord): OperationRecord {
  const { invocation, completion } = found;
  return {
    id: invocation.id,
    workload: invocation.workload,
    kind: 'write',
    what: invocation.call.kind,
    server: invocation.server,
    invokedMs: invocation.atMs,
    endedMs: completion?.atMs ?? invocation.atMs,
    outcome: OUTCOMES[effectOf(found, run.faults)],
    stalledMs: 0,
  };
}

function finalStates(run: RunRecord): FinalState[] {
  return run.final.map((final) => {
    const { nodes } = elementsOf(final);
    const counts = new Map<string, number>();
    const members = new Map<string, readonly string[]>();
    for (const [id, { count, members: held }] of nodes) {
      if (typeof count === 'number') counts.set(id, count);
      if (Array.isArray(held)) members.set(id, held as string[]);
    }
    return { server: final.server, vector: new Map(), graphs: new Map(), counters: counts, sets: members, broken: [] };
  });
}

export const counterSums = adapted(
  counters,
  'a counter is the sum of the increments that took effect; one with an Idempotency-Key takes effect once',
  (run) => {
    const increments = incrementsOf(run);
    return {
      counters: increments.map(({ call, invocation }) => ({
        counter: call.counter,
        by: call.by,
        operation: invocation.id,
      })),
      operations: increments.map((found) => recordOf(found, run)),
      final: finalStates(run),
    };
  },
);

export const setMembers = adapted(sets, 'a set holds exactly the members that were added and not removed', (run) => {
  const changes = ofKind(run, 'member');
  return {
    members: changes.map(({ call, invocation }) => ({
      set: call.set,
      member: call.member,
      change: call.change,
      operation: invocation.id,
    })),
    operations: changes.map((found) => recordOf(found, run)),
    final: finalStates(run),
  };
});
