/**
 * Linearizability of registers: is there an order of the operations of each key that keeps to real time and in which a
 * single register would have given every answer? One key at a time, which is enough (Herlihy and Wing, 1990, theorem 1:
 * linearizability is local).
 */
import { type RegisterCall, searchOrder } from './order-search.ts';
import { ABSENT, type RegisterState } from './register.ts';
import { smallestViolation } from './smallest-violation.ts';
import { type Checker, judge, type Verdict } from './verdict.ts';

/** Configurations of one key that are looked at: a few seconds and some hundred megabytes; real histories need hundreds. */
export const CONFIGURATIONS_MAX = 1_000_000;

export interface LinearizabilityOptions {
  readonly configurationsMax?: number;
  /** What a register is before the first operation; absent if not said. */
  readonly initial?: (key: string) => RegisterState;
}

/** Judges all keys; the evidence is the smallest part of the history of a key that is still impossible. */
export function checkLinearizability(
  calls: readonly RegisterCall[],
  { configurationsMax = CONFIGURATIONS_MAX, initial = () => ABSENT }: LinearizabilityOptions = {},
): Verdict {
  const evidence: string[] = [];
  let unknown: string | undefined;
  for (const [key, ofKey] of byKey(calls)) {
    const found = searchOrder(ofKey, initial(key), configurationsMax);
    if (found.kind === 'exhausted') unknown ??= `${key}: more than ${configurationsMax} configurations`;
    if (found.kind === 'impossible') evidence.push(smallestViolation(key, ofKey, initial(key)));
  }
  const verdict = judge(evidence);
  return verdict.kind === 'valid' && unknown !== undefined ? { kind: 'unknown', reason: unknown } : verdict;
}

function byKey(calls: readonly RegisterCall[]): Map<string, RegisterCall[]> {
  const keys = new Map<string, RegisterCall[]>();
  for (const call of calls) {
    const { key } = call.operation;
    const known = keys.get(key);
    if (known === undefined) keys.set(key, [call]);
    else known.push(call);
  }
  return keys;
}

export const linearizability: Checker = {
  name: 'linearizability',
  promise: 'the strong operations on a register are answered as by one register that does one after the other',
  check: ({ registers }) => checkLinearizability(registers),
};
