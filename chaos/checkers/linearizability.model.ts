/**
 * Linearizability by enumeration: every order of every choice of what may have happened, tried on a register of its own.
 * Exponential, without any cleverness, and shares nothing with the search that it confirms. For histories of a few calls.
 */
import type { RegisterCall } from './order-search.ts';

interface Held {
  readonly value: string | number | undefined;
  readonly version: string | undefined;
}

/** @param calls of one register, absent at first */
export function isLinearizable(calls: readonly RegisterCall[]): boolean {
  return canFinish(
    calls.filter(({ outcome }) => outcome !== 'fail'),
    { value: undefined, version: undefined },
  );
}

function canFinish(left: readonly RegisterCall[], held: Held): boolean {
  if (left.every((call) => !isSure(call))) return true;
  return left.some((call) => {
    const rest = left.filter((other) => other !== call);
    if (rest.some((other) => isSure(other) && (other.endedMs ?? 0) < call.invokedMs)) return false;
    const after = happen(held, call);
    return after !== undefined && canFinish(rest, after);
  });
}

const isSure = ({ outcome, isEventual }: RegisterCall) => outcome === 'ok' && !isEventual;

/** What is held afterwards; undefined if the answer is wrong. */
function happen(held: Held, call: RegisterCall): Held | undefined {
  const { operation } = call;
  const isAnswered = isSure(call);
  const { value } = held;
  if (operation.kind === 'read') {
    if (!isAnswered) return held;
    if (operation.value !== value) return undefined;
    if (operation.version === undefined || held.version === operation.version) return held;
    if (value === undefined || held.version !== undefined) return undefined;
    return { value, version: operation.version };
  }
  if (operation.kind === 'write') {
    return { value: operation.value, version: isAnswered ? operation.version : undefined };
  }
  if (operation.kind === 'delete') {
    if (isAnswered && operation.existed === true && value === undefined) return undefined;
    if (isAnswered && operation.existed === false && value !== undefined) return undefined;
    return { value: undefined, version: undefined };
  }
  const isRefused = isAnswered && operation.applied === false;
  if (operation.kind === 'increment') {
    if (typeof value === 'string') return undefined;
    const sum = (value === undefined ? 0 : value) + operation.by;
    const fits =
      !(operation.min !== undefined && sum < operation.min) && !(operation.max !== undefined && sum > operation.max);
    if (isRefused) return fits ? undefined : held;
    if (isAnswered && operation.result !== undefined && operation.result !== sum) return undefined;
    return fits ? { value: sum, version: undefined } : undefined;
  }
  const { expected } = operation;
  const isKnown = 'value' in expected || value === undefined || held.version !== undefined;
  const holds =
    'value' in expected ? expected.value === value : value !== undefined && held.version === expected.version;
  if (isRefused) return isKnown && holds ? undefined : held;
  if (isKnown && !holds) return undefined;
  return { value: operation.value, version: isAnswered ? operation.version : undefined };
}
