/**
 * What one property shows: the latest plain assignment, increased by running totals that it had not seen, or changed by
 * members that were added and removed since. Totals come before members where both apply.
 */

import type { ReplicaId } from '../base/ids.ts';
import { compareValues, isList, isNumber, type Value, valuesEqual } from '../graph/value.ts';
import { type Numeric, sumMerged } from './numbers.ts';
import type { RunningTotal, SeenTotals } from './patch.ts';
import { isLater } from './stamp.ts';
import { valueKey } from './value-codec.ts';

/** Present or not, as the assignment with this stamp says. */
export interface LabelRegister {
  readonly clock: number;
  readonly replica: number;
  readonly present: boolean;
}

interface MemberRegister extends LabelRegister {
  readonly value: Value;
}

interface TotalRegister extends RunningTotal {
  readonly clock: number;
}

/** The registers of one property. */
export interface PropertyRegisters {
  /** Stamp of the latest plain assignment or removal. */
  clock: number;
  replica: number;
  /** Undefined if it was removed. */
  value: Value | undefined;
  /** Running totals which that assignment replaced. */
  seen: SeenTotals | undefined;
  totals: Map<ReplicaId, TotalRegister> | undefined;
  members: Map<string, MemberRegister> | undefined;
}

/** Whether an assignment with this stamp is not dominated by a delete of the element. */
type Survives = (clock: number, replica: number) => boolean;

/** The value, or undefined if the property is absent. */
export function shownValue(registers: PropertyRegisters, survives: Survives): Value | undefined {
  const assigned = survives(registers.clock, registers.replica);
  const base = assigned ? registers.value : undefined;
  if (registers.totals === undefined && registers.members === undefined) return base;
  return counted(registers, base, assigned, survives) ?? withMembers(registers, base, assigned, survives) ?? base;
}

/** The value as a counter, or undefined if no running total applies. */
function counted(
  { totals, seen }: PropertyRegisters,
  base: Value | undefined,
  assigned: boolean,
  survives: Survives,
): Value | undefined {
  if (totals === undefined || (base !== undefined && !isNumber(base))) return undefined;
  const terms: { plus: Numeric; minus: Numeric }[] = [];
  for (const [writer, register] of Array.from(totals).sort(([a], [b]) => a - b)) {
    if (!survives(register.clock, writer)) continue;
    const replaced = assigned ? seen?.get(writer) : undefined;
    if (replaced === undefined || replaced.since < register.since) terms.push({ plus: register.total, minus: 0 });
    else if (replaced.since === register.since && !valuesEqual(replaced.total, register.total)) {
      terms.push({ plus: register.total, minus: replaced.total });
    }
  }
  return terms.length === 0 ? undefined : sumMerged((base as Numeric | undefined) ?? 0, terms);
}

/** The value as a set, or undefined if no member register applies. */
function withMembers(
  registers: PropertyRegisters,
  base: Value | undefined,
  assigned: boolean,
  survives: Survives,
): Value | undefined {
  if (registers.members === undefined || (base !== undefined && !isList(base))) return undefined;
  const members = new Map<string, Value>();
  for (const value of base ?? []) members.set(valueKey(value), value);
  let applied = false;
  for (const [key, register] of registers.members) {
    if (!survives(register.clock, register.replica)) continue;
    if (assigned && !isLater(register.clock, register.replica, registers.clock, registers.replica)) continue;
    applied = true;
    if (register.present) members.set(key, register.value);
    else members.delete(key);
  }
  return applied ? Array.from(members.values()).sort(compareValues) : undefined;
}
