/**
 * Keeps clauses apart. Rows flow through a plan one batch after the other, but a clause must see the graph as the clause
 * before it left it: wherever a row that is still to come could see what was written for an earlier one, a row that was
 * read could have come out otherwise, or a later row could write over what a later clause wrote, an `Eager` reads everything
 * below it first. Where at most one row flows, or what is
 * written and what is read have nothing to do with each other, none is needed.
 */
import {
  ALL_READS,
  bothReads,
  bothWrites,
  collide,
  conflict,
  ELEMENT_READS,
  NO_READS,
  NO_WRITES,
  type Reads,
  readsOf,
  type Writes,
  writesOf,
} from './effects.ts';
import { inputsOf, type Operator } from './operator.ts';

/** A plan, and what happens in it while its rows are asked for. */
interface Flow {
  readonly operator: Operator;
  /** By operators that are asked for one batch after the other. */
  readonly reads: Reads;
  readonly writes: Writes;
  /** Whether there is never more than one row. */
  readonly isSingle: boolean;
}

/** @param returns whether rows leave the statement: they show elements as they are when it ends */
export function insertEager(root: Operator, subplans: readonly Operator[], returns: boolean): Operator {
  const { operator, writes, isSingle } = new EagerInsertion(subplans).flow(root);
  return returns && !isSingle && conflict(writes, ELEMENT_READS) ? { kind: 'Eager', input: operator } : operator;
}

class EagerInsertion {
  readonly #subplans: readonly Operator[];
  readonly #readsBySubplan: (Reads | undefined)[] = [];

  constructor(subplans: readonly Operator[]) {
    this.#subplans = subplans;
  }

  readonly #readsOfSubplan = (plan: number): Reads => {
    const held = this.#readsBySubplan[plan];
    if (held !== undefined) return held;
    const operator = this.#subplans[plan];
    const reads = operator === undefined ? ALL_READS : this.#allReads(operator);
    this.#readsBySubplan[plan] = reads;
    return reads;
  };

  /** Of a plan as a whole, whenever they happen. */
  #allReads(operator: Operator): Reads {
    return inputsOf(operator).reduce(
      (sum, part) => bothReads(sum, this.#allReads(part)),
      readsOf(operator, this.#readsOfSubplan),
    );
  }

  #allWrites(operator: Operator): Writes {
    return inputsOf(operator).reduce((sum, part) => bothWrites(sum, this.#allWrites(part)), writesOf(operator));
  }

  flow(operator: Operator): Flow {
    if (operator.kind === 'Argument') return { operator, reads: NO_READS, writes: NO_WRITES, isSingle: true };
    if (operator.kind === 'Union') {
      const flows = operator.inputs.map((input) => this.flow(input));
      return {
        operator: { ...operator, inputs: flows.map((each) => each.operator) },
        reads: flows.map(({ reads }) => reads).reduce(bothReads, NO_READS),
        writes: flows.map(({ writes }) => writes).reduce(bothWrites, NO_WRITES),
        isSingle: flows.length === 1,
      };
    }
    const below = this.flow(operator.input);
    let { operator: input, reads, writes } = below;
    const own = this.#own(operator);
    const isLate = conflict(own.writes, reads) || conflict(writes, own.reads) || collide(own.writes, writes);
    if (!below.isSingle && isLate) {
      input = { kind: 'Eager', input };
      reads = NO_READS;
      writes = NO_WRITES;
    }
    const made = { ...own.operator, input } as Operator;
    const isSingle = isOneGroup(operator) || (keepsSingle(operator) && below.isSingle);
    if (isBlocking(operator)) return { operator: made, reads: NO_READS, writes: NO_WRITES, isSingle };
    return { operator: made, reads: bothReads(reads, own.reads), writes: bothWrites(writes, own.writes), isSingle };
  }

  /** What it does for each row, inner plans included. */
  #own(operator: Operator): { readonly operator: Operator; readonly reads: Reads; readonly writes: Writes } {
    const reads = readsOf(operator, this.#readsOfSubplan);
    const writes = writesOf(operator);
    if (operator.kind === 'HashJoin')
      return { operator, reads: bothReads(reads, this.#allReads(operator.right)), writes };
    if (!('inner' in operator)) return { operator, reads, writes };
    const inner = this.flow(operator.inner).operator;
    return {
      operator: { ...operator, inner },
      reads: bothReads(reads, this.#allReads(inner)),
      writes: bothWrites(writes, this.#allWrites(inner)),
    };
  }
}

/** Whether it gives no more rows than it is given. */
function keepsSingle(operator: Operator): boolean {
  switch (operator.kind) {
    case 'Filter':
    case 'Project':
    case 'Aggregate':
    case 'Distinct':
    case 'Sort':
    case 'Skip':
    case 'Limit':
    case 'SemiApply':
    case 'Eager':
    case 'Create':
    case 'SetItems':
    case 'Delete':
    case 'Foreach':
      return true;
    case 'NodeByIdSeek':
      return operator.ids.kind === 'literal';
    default:
      return false;
  }
}

function isOneGroup(operator: Operator): boolean {
  return operator.kind === 'Aggregate' && operator.keys.length === 0;
}

/** Whether it reads its whole input before it gives a row. */
function isBlocking(operator: Operator): boolean {
  return operator.kind === 'Sort' || operator.kind === 'Aggregate' || operator.kind === 'Eager';
}
