/**
 * Looks for an order of operations on one register: keeps to real time, and a register gives every answer in it. The search
 * is that of Wing and Gong (1993) with Lowe's memory of configurations (2017).
 *
 * Three things keep it small, each without changing the verdict, which a plain enumeration of all orders confirms:
 * - an answer that changes nothing and is legal now is taken now;
 * - values that no operation compares with are one and the same value;
 * - operations of unknown outcome that do the same are taken in the order of their calls.
 */
import { type Call, forceOf, latestMs } from './call.ts';
import { type RegisterOperation, type RegisterState, step } from './register.ts';

export type RegisterCall = Call<RegisterOperation>;

export type Search =
  | { readonly kind: 'possible'; readonly order: readonly RegisterCall[] }
  /** `furthest`: the longest order that was legal so far, and what the register was after it. */
  | { readonly kind: 'impossible'; readonly furthest: readonly RegisterCall[]; readonly state: RegisterState }
  | { readonly kind: 'exhausted' };

interface Candidate {
  readonly call: RegisterCall;
  readonly operation: RegisterOperation;
  readonly isMust: boolean;
  readonly latestMs: number;
  /** Operations of unknown outcome with the same effect. */
  readonly effect: string;
  isTaken: boolean;
}

/** One configuration on the way from the first operation to the present one. */
interface Frame {
  readonly state: RegisterState;
  /** The first operation in `musts` that is not taken. */
  readonly low: number;
  readonly choices: readonly Candidate[];
  next: number;
  /** Taken to come here from the configuration before. */
  readonly taken: readonly Candidate[];
}

/** @param calls of one key, in any order */
export function searchOrder(calls: readonly RegisterCall[], initial: RegisterState, configurationsMax: number): Search {
  const { musts, mays } = candidatesOf(calls);
  const visited = new Set<string>();
  const path: Frame[] = [];
  const order: Candidate[] = [];
  let mustsTaken = 0;
  let furthest: { readonly order: readonly Candidate[]; readonly musts: number; readonly state: RegisterState } = {
    order: [],
    musts: -1,
    state: initial,
  };

  const take = (candidate: Candidate) => {
    candidate.isTaken = true;
    order.push(candidate);
    if (candidate.isMust) mustsTaken++;
  };
  const giveBack = (candidates: readonly Candidate[]) => {
    for (const candidate of candidates) {
      candidate.isTaken = false;
      if (candidate.isMust) mustsTaken--;
    }
    order.length -= candidates.length;
  };
  /** Goes to the configuration that `first` leads to; false if it is known to lead nowhere. */
  const enter = (state: RegisterState, low: number, first: readonly Candidate[]): boolean => {
    const taken = [...first];
    for (const candidate of first) take(candidate);
    let choices: readonly Candidate[];
    for (;;) {
      while (musts[low]?.isTaken) low++;
      choices = allowedNow(musts, mays, low);
      const free = choices.filter(({ isMust, operation }) => isMust && step(state, operation) === state);
      if (free.length === 0) break;
      for (const candidate of free) take(candidate);
      taken.push(...free);
    }
    if (mustsTaken > furthest.musts) furthest = { order: [...order], musts: mustsTaken, state };
    const configuration = nameOf(musts, mays, low, mustsTaken, state);
    if (visited.has(configuration)) {
      giveBack(taken);
      return false;
    }
    visited.add(configuration);
    path.push({ state, low, choices, next: 0, taken });
    return true;
  };

  enter(initial, 0, []);
  for (let frame = path.at(-1); frame !== undefined; frame = path.at(-1)) {
    if (mustsTaken === musts.length) return { kind: 'possible', order: order.map(({ call }) => call) };
    if (visited.size > configurationsMax) return { kind: 'exhausted' };
    const choice = frame.choices[frame.next++];
    if (choice === undefined) {
      path.pop();
      giveBack(frame.taken);
      continue;
    }
    const after = step(frame.state, choice.operation);
    // One of unknown outcome that changes nothing might as well never happen.
    if (after !== undefined && (choice.isMust || after !== frame.state)) enter(after, frame.low, [choice]);
  }
  return { kind: 'impossible', furthest: furthest.order.map(({ call }) => call), state: furthest.state };
}

function candidatesOf(calls: readonly RegisterCall[]): { readonly musts: Candidate[]; readonly mays: Candidate[] } {
  const compared = comparedValues(calls);
  const candidates = calls
    .filter((call) => forceOf(call) === 'must' || (forceOf(call) === 'may' && call.operation.kind !== 'read'))
    .map((call): Candidate => {
      const isMust = forceOf(call) === 'must';
      const operation = withoutNeedlessValue(isMust ? call.operation : withoutAnswer(call.operation), compared);
      return { call, operation, isMust, latestMs: latestMs(call), effect: JSON.stringify(operation), isTaken: false };
    })
    .sort((a, b) => a.call.invokedMs - b.call.invokedMs);
  return { musts: candidates.filter(({ isMust }) => isMust), mays: candidates.filter(({ isMust }) => !isMust) };
}

/** What may come next: called before any other that must happen has ended. What must happen comes first. */
function allowedNow(musts: readonly Candidate[], mays: readonly Candidate[], low: number): Candidate[] {
  const allowed: Candidate[] = [];
  let beforeMs = Number.POSITIVE_INFINITY;
  for (let i = low; i < musts.length; i++) {
    const candidate = musts[i] as Candidate;
    if (candidate.isTaken) continue;
    if (candidate.call.invokedMs > beforeMs) break;
    allowed.push(candidate);
    beforeMs = Math.min(beforeMs, candidate.latestMs);
  }
  const effects = new Set<string>();
  for (const candidate of mays) {
    if (candidate.call.invokedMs > beforeMs) break;
    if (candidate.isTaken || effects.has(candidate.effect)) continue;
    effects.add(candidate.effect);
    allowed.push(candidate);
  }
  return allowed;
}

/** Equal for two configurations if and only if the same can follow. */
function nameOf(
  musts: readonly Candidate[],
  mays: readonly Candidate[],
  low: number,
  mustsTaken: number,
  { value, version }: RegisterState,
): string {
  const parts: (string | number)[] = [low];
  let beyond = mustsTaken - low;
  for (let i = low + 1; beyond > 0; i++) {
    if (musts[i]?.isTaken !== true) continue;
    parts.push(i);
    beyond--;
  }
  parts.push('/');
  mays.forEach(({ isTaken }, i) => {
    if (isTaken) parts.push(i);
  });
  return `${parts.join(' ')} ${typeof value} ${value} ${version}`;
}

/** Nobody can rely on an answer that was not given. */
function withoutAnswer(operation: RegisterOperation): RegisterOperation {
  const { key } = operation;
  switch (operation.kind) {
    case 'read':
      return operation;
    case 'write':
      return { key, kind: 'write', value: operation.value };
    case 'delete':
      return { key, kind: 'delete' };
    case 'compare-and-set':
      return { key, kind: 'compare-and-set', expected: operation.expected, value: operation.value };
    case 'increment': {
      const { applied: _, result: __, ...asked } = operation;
      return asked;
    }
  }
}

/** All values that some answer or condition tells apart from others; undefined if sums do, too. */
function comparedValues(calls: readonly RegisterCall[]): ReadonlySet<string | number> | undefined {
  const compared = new Set<string | number>();
  for (const { operation } of calls) {
    if (operation.kind === 'increment') return undefined;
    if (operation.kind === 'read' && operation.value !== undefined) compared.add(operation.value);
    if (operation.kind !== 'compare-and-set' || !('value' in operation.expected)) continue;
    if (operation.expected.value !== undefined) compared.add(operation.expected.value);
  }
  return compared;
}

/** Stands for every value that nothing is compared with; no client writes it. */
const UNCOMPARED = '\u0000uncompared';

function withoutNeedlessValue(
  operation: RegisterOperation,
  compared: ReadonlySet<string | number> | undefined,
): RegisterOperation {
  if (compared === undefined || (operation.kind !== 'write' && operation.kind !== 'compare-and-set')) return operation;
  return compared.has(operation.value) ? operation : { ...operation, value: UNCOMPARED };
}
