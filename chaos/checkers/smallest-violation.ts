/**
 * Makes a violation readable: the fewest operations of a key that are still impossible together.
 *
 * Operations are left out only if the rest is impossible even if they may take effect at any time. Without that a read would
 * soon stand alone, as of a value that nobody wrote.
 */
import { describeTimes, forceOf, latestMs } from './call.ts';
import { type RegisterCall, searchOrder } from './order-search.ts';
import { describe, type RegisterState, show } from './register.ts';

/** Per attempt: what cannot be decided with this is kept, so that the whole takes seconds. */
const CONFIGURATIONS_MAX = 20_000;

/** @param calls of one key, known to be impossible */
export function smallestViolation(key: string, calls: readonly RegisterCall[], initial: RegisterState): string {
  const isImpossible = (some: readonly RegisterCall[]) =>
    searchOrder(some, initial, CONFIGURATIONS_MAX).kind === 'impossible';
  let smallest = withoutTail(calls, isImpossible);
  let free: readonly RegisterCall[] = [];
  for (const call of smallest.toReversed()) {
    const rest = smallest.filter((other) => other !== call);
    const freer = call.operation.kind === 'read' ? free : [...free, anyTime(call)];
    if (!isImpossible([...rest, ...freer])) continue;
    smallest = rest;
    free = freer;
  }
  return print(key, smallest, initial);
}

/** Up to the first answer that cannot be: what had not ended by then has not ended. */
function withoutTail(
  calls: readonly RegisterCall[],
  isImpossible: (calls: readonly RegisterCall[]) => boolean,
): readonly RegisterCall[] {
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

function anyTime(call: RegisterCall): RegisterCall {
  return { ...call, outcome: 'info', invokedMs: Number.NEGATIVE_INFINITY };
}

function print(key: string, calls: readonly RegisterCall[], initial: RegisterState): string {
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
function stuck(calls: readonly RegisterCall[], initial: RegisterState): string[] {
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
function valueText(order: readonly RegisterCall[], state: RegisterState): string {
  if (state.value === undefined || typeof state.value === 'number') return show(state.value);
  const last = order.findLast(({ operation }) => ['write', 'compare-and-set'].includes(operation.kind));
  const written = last !== undefined && 'value' in last.operation ? last.operation.value : state.value;
  return show(written);
}
