/**
 * Explores every reachable state of the small world, breadth first, and checks each: whatever was answered must have an order
 * (linearizability). Nothing is cut: if there are more states than the bound, the verdict is `unknown`.
 */

import type { PlantedBug } from '../../base/planted-bug.ts';
import { firstWorld, keyOf, type OperationState, type Plan, type World } from './state.ts';
import { nextWorlds, rulesOf } from './step.ts';

export type Exploration =
  | { readonly kind: 'valid'; readonly states: number; readonly transitions: number; readonly depth: number }
  | { readonly kind: 'invalid'; readonly states: number; readonly path: readonly string[]; readonly evidence: string }
  | { readonly kind: 'unknown'; readonly states: number };

/** In one line; a violation with the way to it. */
export function describeExploration(exploration: Exploration): string {
  const { kind, states } = exploration;
  switch (kind) {
    case 'valid':
      return `valid; ${states} states, ${exploration.transitions} transitions, ${exploration.depth} steps deep, all of them`;
    case 'invalid':
      return `found after ${states} states: ${exploration.evidence}\n    ${exploration.path.join('\n    ')}`;
    case 'unknown':
      return `unknown; more than ${states} states`;
  }
}

interface Seen {
  readonly from: string | undefined;
  readonly what: string;
}

export function explore(plan: Plan, bugs: ReadonlySet<PlantedBug>, statesMax: number): Exploration {
  const rules = rulesOf(plan, bugs);
  const first = firstWorld(plan);
  const firstKey = keyOf(first);
  const seen = new Map<string, Seen>([[firstKey, { from: undefined, what: 'start' }]]);
  let level: { readonly key: string; readonly world: World }[] = [{ key: firstKey, world: first }];
  let transitions = 0;
  for (let depth = 0; ; depth++) {
    const next: typeof level = [];
    for (const { key, world } of level) {
      for (const { what, world: reached } of nextWorlds(world, rules)) {
        transitions++;
        const reachedKey = keyOf(reached);
        if (seen.has(reachedKey)) continue;
        seen.set(reachedKey, { from: key, what });
        const evidence = reached.operations === world.operations ? undefined : fault(reached, plan);
        if (evidence !== undefined) {
          return { kind: 'invalid', states: seen.size, path: pathTo(seen, reachedKey), evidence };
        }
        if (seen.size > statesMax) return { kind: 'unknown', states: seen.size };
        next.push({ key: reachedKey, world: reached });
      }
    }
    if (next.length === 0) return { kind: 'valid', states: seen.size, transitions, depth };
    level = next;
  }
}

function pathTo(seen: ReadonlyMap<string, Seen>, key: string): string[] {
  const path: string[] = [];
  for (let at: string | undefined = key; at !== undefined; ) {
    const step: Seen | undefined = seen.get(at);
    if (step === undefined) break;
    path.unshift(step.what);
    at = step.from;
  }
  return path;
}

/** Why what was answered has no order, if it has none. */
export function fault({ operations }: Pick<World, 'operations'>, plan: Plan): string | undefined {
  const ended = operations.map((one, index) => ({ ...one, index })).filter(({ result }) => result !== undefined);
  const plain = plan.plainWrite === undefined ? [] : [PLAIN];
  // Unknown ones and plain writes may take effect or not; those that never ended may, too.
  const optional = operations.flatMap((one, i) => (one.result === undefined || one.result === 'unknown' ? [i] : []));
  const required = ended.filter(({ result }) => result !== 'unknown').map(({ index }) => index);
  if (hasOrder(operations, plan, required, [...optional, ...plain], 0, [])) return undefined;
  return operations.map(({ result }, i) => `${JSON.stringify(plan.operations[i]?.operation)} -> ${result}`).join('; ');
}

/** Stands for the plain write among the operations. */
const PLAIN = -1;

function hasOrder(
  operations: readonly OperationState[],
  plan: Plan,
  required: readonly number[],
  optional: readonly number[],
  value: number,
  done: readonly number[],
): boolean {
  if (required.length === 0) return true;
  for (const index of [...required, ...optional]) {
    const mustWait = operations[index]?.after?.some((one) => required.includes(one)) ?? false;
    if (mustWait) continue;
    const after = applied(operations[index]?.result, index, plan, value);
    if (after === undefined) continue;
    const without = (list: readonly number[]) => list.filter((one) => one !== index);
    if (hasOrder(operations, plan, without(required), without(optional), after, [...done, index])) return true;
  }
  return false;
}

/** The register after an operation, or undefined if its result does not fit. */
function applied(result: OperationState['result'], index: number, plan: Plan, value: number): number | undefined {
  if (index === PLAIN) return plan.plainWrite;
  const operation = plan.operations[index]?.operation;
  if (operation === undefined) return undefined;
  const isOpen = result === undefined || result === 'unknown';
  if (operation.kind === 'read') return isOpen || result === value ? value : undefined;
  const holds = value === operation.from;
  if (!isOpen && holds !== (result === 'ok')) return undefined;
  return holds ? operation.to : value;
}
