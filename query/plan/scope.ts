/** Variables and the slots that hold them. Slots are numbered over the whole statement. */
import type { SlotKind } from '../execution/batch.ts';
import type { BoundExpression } from './bound-expression.ts';
import type { Operator } from './operator.ts';

export interface Variable {
  readonly slot: number;
  readonly kind: SlotKind;
}

/** Visible variables by name. Never changed in place. */
export type Scope = ReadonlyMap<string, Variable>;

/** What grows while a statement is planned. */
export class PlanTable {
  readonly slots: SlotKind[] = [];
  /** What each slot is called in the text, if it is. */
  readonly names: (string | undefined)[] = [];
  readonly subplans: Operator[] = [];

  /** @param name of the variable; internal ones begin with a blank */
  add(kind: SlotKind, name?: string): Variable {
    this.slots.push(kind);
    this.names.push(name?.startsWith(' ') ? undefined : name);
    return { slot: this.slots.length - 1, kind };
  }

  addSubplan(operator: Operator): number {
    this.subplans.push(operator);
    return this.subplans.length - 1;
  }
}

export function reference({ slot, kind }: Variable): BoundExpression {
  return { kind: 'slot', slot, slotKind: kind };
}

export function extend(scope: Scope, entries: Iterable<readonly [string, Variable]>): Scope {
  return new Map([...scope, ...entries]);
}
