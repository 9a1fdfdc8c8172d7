/**
 * Explores every reachable state of the small world, breadth first, and checks each: whatever was answered must have an order
 * (linearizability). Nothing is cut: if there are more states than the bound, the verdict is `unknown`.
 *
 * What need not be looked at is left out, and nothing that can be told is missed (`explore.test.ts` compares):
 * - what a server does by itself is explored only where somebody else may notice it (`worlds.ts`);
 * - worlds that differ in what nobody looks at again are one (`server-facts.ts`);
 * - of worlds that differ in the messages that may arrive, those with fewer can do nothing that one with more cannot;
 * - where no operation can end any more, nothing will be told.
 */
import type { PlantedBug } from '../../base/planted-bug.ts';
import { firstWorld, type Inbox, keyOf, type OperationState, type Plan, type World } from './state.ts';
import { Worlds } from './worlds.ts';

export type Exploration =
  | {
      readonly kind: 'valid';
      readonly states: number;
      readonly transitions: number;
      readonly depth: number;
      /** All that was ever told, by `outcomeOf`. */
      readonly outcomes: ReadonlySet<string>;
    }
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

/** A world that was reached, with all the messages that may arrive in it. */
interface Reached {
  readonly world: World;
  readonly from: Reached | undefined;
  /** Another one is equal but for more messages, so whatever can happen in this one can happen there. */
  isCovered: boolean;
}

export function explore(plan: Plan, bugs: ReadonlySet<PlantedBug>, statesMax: number): Exploration {
  const worlds = new Worlds(plan, bugs);
  const known = new Map<string, Reached[]>();
  let states = 0;
  let transitions = 0;
  const outcomes = new Set<string>();
  const reach = (world: World, from: Reached | undefined): Reached | undefined => {
    const key = keyOf(world);
    const alike = known.get(key) ?? [];
    if (alike.some((one) => holds(one.world, world))) return undefined;
    const reached = { world, from, isCovered: false };
    for (const one of alike) one.isCovered = holds(world, one.world);
    known.set(key, [...alike.filter(({ isCovered }) => !isCovered), reached]);
    states++;
    return reached;
  };
  let level = [reach(firstWorld(plan), undefined) as Reached];
  for (let depth = 0; ; depth++) {
    const next: Reached[] = [];
    for (const before of level) {
      if (before.isCovered) continue;
      for (const { world } of worlds.after(before.world)) {
        transitions++;
        const reached = reach(world, before);
        if (reached === undefined) continue;
        const isTold = world.shared.operations !== before.world.shared.operations;
        if (isTold) outcomes.add(outcomeOf(world));
        const evidence = isTold ? fault(world.shared, plan) : undefined;
        if (evidence !== undefined) return { kind: 'invalid', states, path: pathTo(reached, worlds), evidence };
        if (states > statesMax) return { kind: 'unknown', states };
        next.push(reached);
      }
    }
    if (next.length === 0) return { kind: 'valid', states, transitions, depth, outcomes };
    level = next;
  }
}

/** What was told to those who asked, and what had been told before they did. */
export function outcomeOf({ shared }: World): string {
  return shared.operations
    .map(({ after, result }) => (result === undefined || result === 'unknown' ? 'open' : `${result} after ${after}`))
    .join('; ');
}

/** Whether every message that may arrive in `less` may in `more`. */
function holds(more: World, less: World): boolean {
  return less.inboxes.every((inbox, i) => {
    const other = more.inboxes[i] as Inbox;
    if (inbox === other) return true;
    if (inbox.size >= other.size) return false;
    for (const number of inbox.keys()) if (!other.has(number)) return false;
    return true;
  });
}

function pathTo({ world, from }: Reached, worlds: Worlds): string[] {
  if (from === undefined) return ['start'];
  const step = worlds.after(from.world).find((one) => keyOf(one.world) === keyOf(world) && holds(one.world, world));
  return [...pathTo(from, worlds), step?.what ?? 'unknown'];
}

/** Why what was answered has no order, if it has none. */
export function fault({ operations }: Pick<World['shared'], 'operations'>, plan: Plan): string | undefined {
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
