/**
 * Searches an order of the operations of one register that keeps to real time and in which every answer is right: the
 * search of Wing and Gong (1993) with Lowe's memory of configurations (2017).
 *
 * Four things keep it small, each without changing the verdict, which a plain enumeration of all orders confirms:
 * - an answer that changes nothing and is right now is taken now;
 * - values that no operation compares with are one and the same value;
 * - operations of unknown outcome that do the same are taken in the order of their calls;
 * - one of unknown outcome is taken only if what comes next would be wrong, or do something else, without it.
 */
import { type Call, forceOf, latestMs } from './call.ts';
import { changesNothing, type RegisterOperation, type RegisterState, step } from './register.ts';

export type RegisterCall = Call<RegisterOperation>;

/** `configurations`: how many were looked at. */
export type Search = { readonly configurations: number } & (
  | { readonly kind: 'possible'; readonly order: readonly RegisterCall[] }
  /** `furthest`: the longest order in which all answers are right, and what the register is after it. */
  | { readonly kind: 'impossible'; readonly furthest: readonly RegisterCall[]; readonly state: RegisterState }
  | { readonly kind: 'exhausted' }
);

interface Candidate {
  readonly call: RegisterCall;
  readonly operation: RegisterOperation;
  readonly isMust: boolean;
  /** It must have happened and has changed nothing, so that it costs no other its place. */
  readonly isPure: boolean;
  readonly latestMs: number;
  /** Equal for operations of unknown outcome that do the same. */
  readonly effect: string;
  /** It may take effect more than once. */
  readonly isLasting: boolean;
  isTaken: boolean;
}

/** One configuration on the way from the first operation to the present one. */
interface Frame {
  readonly state: RegisterState;
  /** What the register was before an operation of unknown outcome that has not made a difference yet. */
  readonly idleSince: RegisterState | undefined;
  /** The first operation in `musts` that is not taken. */
  readonly low: number;
  readonly choices: readonly Candidate[];
  next: number;
  /** Taken to come here from the configuration before. */
  readonly taken: readonly Candidate[];
}

/**
 * @param calls of one key, in any order
 * @param lasting operations that may take effect as well, at any time and as often as they like
 */
export function searchOrder(
  calls: readonly RegisterCall[],
  initial: RegisterState,
  configurationsMax: number,
  lasting: readonly RegisterCall[] = [],
): Search {
  const { musts, mays } = candidatesOf(calls, lasting);
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
    candidate.isTaken = !candidate.isLasting;
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
  const enter = (state: RegisterState, low: number, first: readonly Candidate[], before?: RegisterState): boolean => {
    const taken = [...first];
    for (const candidate of first) take(candidate);
    let idleSince = before;
    let choices: readonly Candidate[];
    for (;;) {
      while (musts[low]?.isTaken) low++;
      choices = allowedNow(musts, mays, low);
      const free = choices.filter(({ isPure, operation }) => isPure && step(state, operation) === state);
      if (free.length === 0) break;
      for (const candidate of free) take(candidate);
      taken.push(...free);
      // Before, these were wrong, or they would have been taken then.
      idleSince = undefined;
    }
    const configuration = `${nameOf(musts, mays, low, mustsTaken)} ${textOf(state)} ${textOf(idleSince)}`;
    if (visited.has(configuration)) {
      giveBack(taken);
      return false;
    }
    visited.add(configuration);
    path.push({ state, idleSince, low, choices, next: 0, taken });
    return true;
  };

  enter(initial, 0, []);
  for (let frame = path.at(-1); frame !== undefined; frame = path.at(-1)) {
    const configurations = visited.size;
    if (mustsTaken === musts.length) return { kind: 'possible', order: order.map(({ call }) => call), configurations };
    if (configurations > configurationsMax) return { kind: 'exhausted', configurations };
    const choice = frame.choices[frame.next++];
    if (choice === undefined) {
      if (mustsTaken > furthest.musts) furthest = { order: [...order], musts: mustsTaken, state: frame.state };
      path.pop();
      giveBack(frame.taken);
      continue;
    }
    const { state, low, idleSince } = frame;
    const after = step(state, choice.operation);
    if (after === undefined) continue;
    if (idleSince !== undefined && isSame(step(idleSince, choice.operation), after)) continue;
    if (choice.isMust) enter(after, low, [choice]);
    else if (!isSame(after, state)) enter(after, low, [choice], state);
  }
  const { order: taken, state } = furthest;
  return { kind: 'impossible', furthest: taken.map(({ call }) => call), state, configurations: visited.size };
}

function candidatesOf(
  calls: readonly RegisterCall[],
  lasting: readonly RegisterCall[],
): { readonly musts: Candidate[]; readonly mays: Candidate[] } {
  const compared = comparedValues(calls);
  const candidate = (call: RegisterCall, isLasting: boolean): Candidate => {
    const isMust = forceOf(call) === 'must';
    const operation = withoutNeedlessValue(isMust ? call.operation : withoutAnswer(call.operation), compared);
    return {
      call,
      operation,
      isMust,
      isPure: isMust && changesNothing(operation),
      latestMs: latestMs(call),
      effect: JSON.stringify(operation),
      isLasting,
      isTaken: false,
    };
  };
  const known = calls
    .filter((call) => forceOf(call) === 'must' || (forceOf(call) === 'may' && call.operation.kind !== 'read'))
    .map((call) => candidate(call, false));
  const all = [...known, ...lasting.map((call) => candidate(call, true))];
  all.sort((a, b) => a.call.invokedMs - b.call.invokedMs);
  return { musts: all.filter(({ isMust }) => isMust), mays: all.filter(({ isMust }) => !isMust) };
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

/** Equal for two configurations if and only if the same operations are left. */
function nameOf(musts: readonly Candidate[], mays: readonly Candidate[], low: number, mustsTaken: number): string {
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
  return parts.join(' ');
}

function textOf(state: RegisterState | undefined): string {
  return state === undefined ? '' : `${typeof state.value} ${state.value} ${state.version}`;
}

function isSame(one: RegisterState | undefined, other: RegisterState): boolean {
  return one !== undefined && one.value === other.value && one.version === other.version;
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
