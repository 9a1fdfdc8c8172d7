/**
 * Makes a violation readable: the fewest operations of a key that are still impossible together.
 *
 * Operations are left out only if the rest is impossible even if these take effect at any time, however often. Without that a read
 * would soon stand alone, as of a value that nobody wrote.
 */
import { describeTimes, forceOf, latestMs } from './call.ts';
import { type RegisterCall, searchOrder } from './order-search.ts';
import { changesNothing, describe, type RegisterState, show } from './register.ts';

/** Per attempt: what cannot be decided with this is kept. */
const CONFIGURATIONS_MAX = 20_000;
/** In all, counted in calls looked at: some ten seconds. */
const WORK_MAX = 100_000_000;

type Calls = readonly RegisterCall[];

/** @param gone what was left out */
type IsImpossible = (calls: Calls, gone?: Calls) => boolean;

/** @param calls of one key, known to be impossible */
export function smallestViolation(key: string, calls: Calls, initial: RegisterState): string {
  let work = 0;
  const isImpossible: IsImpossible = (some, gone = []) => {
    if (work > WORK_MAX) return false;
    const all = [...some, ...gone.filter(isIncrement)];
    const lasting = gone.filter((call) => !isIncrement(call));
    const { kind, configurations } = searchOrder(all, initial, CONFIGURATIONS_MAX, lasting);
    work += configurations * calls.length;
    return kind === 'impossible';
  };
  const relevant = withoutTail(calls, isImpossible);
  // Answers first: a value that nobody reads any more costs the search next to nothing.
  const fewerAnswers = without(relevant, isPureAnswer, isImpossible);
  return print(
    key,
    without(fewerAnswers, () => true, isImpossible),
    initial,
  );
}

/** Leaves out as many as possible of those that `mayGo`: half of them at once, a quarter, in the end one by one. */
function without(calls: Calls, mayGo: (call: RegisterCall) => boolean, isImpossible: IsImpossible): Calls {
  let kept = calls;
  let gone: Calls = [];
  for (let size = Math.ceil(calls.length / 2); ; size = Math.ceil(size / 2)) {
    const candidates = kept.filter(mayGo);
    for (let end = candidates.length; end > 0; end -= size) {
      const chunk = new Set(candidates.slice(Math.max(0, end - size), end));
      const rest = kept.filter((call) => !chunk.has(call));
      const goneThen = [...gone, ...[...chunk].filter((call) => !isPureAnswer(call)).map(anyTime)];
      if (!isImpossible(rest, goneThen)) continue;
      kept = rest;
      gone = goneThen;
    }
    if (size <= 1) return kept;
  }
}

/** As often as it likes, it could give any sum. */
const isIncrement = ({ operation }: RegisterCall) => operation.kind === 'increment';
const isPureAnswer = ({ operation }: RegisterCall) => changesNothing(operation);

/** Up to the first answer that cannot be: what had not ended by then has not ended. */
function withoutTail(calls: Calls, isImpossible: IsImpossible): Calls {
  const useful = calls.filter((call) => forceOf(call) !== 'never');
  const ends = useful.map(latestMs).filter(Number.isFinite);
  ends.sort((a, b) => a - b);
  let [low, high] = [0, ends.length - 1];
  const until = (endMs = Number.POSITIVE_INFINITY) =>
    useful
      .filter(({ invokedMs }) => invokedMs <= endMs)
      .map((call): RegisterCall => (latestMs(call) <= endMs ? call : { ...call, outcome: 'info' }));
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isImpossible(until(ends[middle]))) high = middle;
    else low = middle + 1;
  }
  const cut = until(ends[low]);
  return isImpossible(cut) ? cut : useful;
}

/** What is left out may still take effect, whenever it likes and on no condition. */
function anyTime(call: RegisterCall): RegisterCall {
  const { operation } = call;
  const { key } = operation;
  return {
    ...call,
    operation: operation.kind === 'compare-and-set' ? { key, kind: 'write', value: operation.value } : operation,
    outcome: 'info',
    invokedMs: Number.NEGATIVE_INFINITY,
  };
}

function print(key: string, calls: Calls, initial: RegisterState): string {
  const inOrder = [...calls].sort((a, b) => a.invokedMs - b.invokedMs);
  const widest = Math.max(...inOrder.map((call) => describeTimes(call).length));
  const lines = inOrder.map((call) => {
    const doubt =
      forceOf(call) === 'must' ? '' : call.isEventual ? ' (eventual: at any later time)' : ' (outcome unknown)';
    return `  #${call.id} ${call.process} ${describeTimes(call).padEnd(widest)} ${describe(call.operation)}${doubt}`;
  });
  return [
    `${key}: no order of these operations gives their answers (at first it is ${show(initial.value)})`,
    ...lines,
    ...stuck(inOrder, initial),
  ].join('\n');
}

/** How far an order gets, and which answers do not fit there. */
function stuck(calls: Calls, initial: RegisterState): string[] {
  const search = searchOrder(calls, initial, CONFIGURATIONS_MAX);
  if (search.kind !== 'impossible') return [];
  const { furthest, state } = search;
  const left = calls.filter((call) => forceOf(call) === 'must' && !furthest.includes(call));
  const way = furthest.length === 0 ? 'At first' : `After ${furthest.map(({ id }) => `#${id}`).join(', ')}`;
  const held = furthest.length === 0 ? show(initial.value) : valueText(furthest, state);
  return [
    `  ${way} it is ${held}; left is ${left.map(({ id, operation }) => `#${id} ${describe(operation)}`).join('; ')}`,
  ];
}

/** The last written value by its own name, for the search calls all that do not matter the same. */
function valueText(order: Calls, state: RegisterState): string {
  if (state.value === undefined || typeof state.value === 'number') return show(state.value);
  const last = order.findLast(({ operation }) => ['write', 'compare-and-set'].includes(operation.kind));
  const written = last !== undefined && 'value' in last.operation ? last.operation.value : state.value;
  return show(written);
}
