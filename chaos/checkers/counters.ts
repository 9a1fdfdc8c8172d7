/** Every acknowledged increment counts once, every unknown one at most once, no other at all. */
import { commitKey, type OperationRecord } from '../history.ts';
import type { Checker } from './verdict.ts';
import { judge } from './verdict.ts';

export const counters: Checker = {
  name: 'counters',
  promise: 'a counter is the sum of the increments that took effect',
  check({ counters: events, operations, destroyed, final }) {
    const byId = new Map(operations.map((operation) => [operation.id, operation]));
    const least = new Map<string, number>();
    const most = new Map<string, number>();
    for (const { counter, by, operation } of events) {
      const effect = effectOf(byId.get(operation), destroyed);
      // One that only may have happened widens what is allowed: upwards, or downwards if it takes away.
      if (effect === 'sure' || (effect === 'possible' && by < 0)) least.set(counter, (least.get(counter) ?? 0) + by);
      if (effect === 'sure' || (effect === 'possible' && by > 0)) most.set(counter, (most.get(counter) ?? 0) + by);
    }
    const evidence: string[] = [];
    for (const { server, counters: held } of final) {
      for (const counter of new Set(events.map((event) => event.counter))) {
        const [value, low, high] = [held.get(counter) ?? 0, least.get(counter) ?? 0, most.get(counter) ?? 0];
        if (value < low || value > high) evidence.push(`${counter} is ${value} on ${server}, not in [${low}, ${high}]`);
      }
    }
    return judge(evidence);
  },
};

/** Whether an operation must have, may have or cannot have taken effect. */
export function effectOf(
  operation: OperationRecord | undefined,
  destroyed: ReadonlySet<string>,
): 'sure' | 'possible' | 'none' {
  if (operation === undefined || operation.outcome === 'unknown') return 'possible';
  if (operation.outcome === 'failed') return 'none';
  return operation.commit !== undefined && destroyed.has(commitKey(operation.commit)) ? 'possible' : 'sure';
}
