/**
 * What one property shows: the latest plain assignment, increased by running totals that it had not seen, or changed by
 * members that were added and removed since. Totals come before members where both apply.
 */

import type { ReplicaId } from '../base/ids.ts';
import { isList, isNumber, type Value, valuesEqual } from '../graph/value.ts';
import type { MemberRegisters } from './member-registers.ts';
import { type Numeric, sumMerged } from './numbers.ts';
import type { Patch, RunningTotal, SeenTotals, TextChangeOf } from './patch.ts';
import { isLater, NEVER, type Stamp } from './stamp.ts';
import { TextHistory } from './text-history.ts';
import { textRoot } from './text-root.ts';

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
  members: MemberRegisters | undefined;
  /** The assigned value is what a text began with. */
  isText: boolean;
  /** Changes of texts, by the stamp of the assignment that made each; none older than the latest assignment. */
  texts: TextHistory[] | undefined;
}

/** Of a property to which nothing was assigned. */
export const NO_REGISTERS: Readonly<PropertyRegisters> = {
  clock: NEVER,
  replica: 0,
  value: undefined,
  seen: undefined,
  totals: undefined,
  members: undefined,
  isText: false,
  texts: undefined,
};

/** What ended an element's former life: of assignments that are not later nothing is shown. */
export interface EndOfLife {
  readonly clock: number;
  readonly replica: number;
}

function survives(clock: number, replica: number, ended: EndOfLife): boolean {
  return isLater(clock, replica, ended.clock, ended.replica);
}

/** The value, or undefined if the property is absent. */
export function shownValue(registers: PropertyRegisters, ended: EndOfLife): Value | undefined {
  const assigned = survives(registers.clock, registers.replica, ended);
  const base = assigned ? (shownText(registers) ?? registers.value) : undefined;
  if (registers.totals === undefined && registers.members === undefined) return base;
  return counted(registers, base, assigned, ended) ?? withMembers(registers, base, assigned, ended) ?? base;
}

/** What the text has become; undefined if the property holds none, or one that nobody changed. */
function shownText({ clock, replica, value, isText, texts }: PropertyRegisters): Value | undefined {
  if (!isText || texts === undefined || typeof value !== 'string') return undefined;
  return texts.find(({ of }) => of.clock === clock && of.replica === replica)?.read(value);
}

/** A text as it stands in a property. */
export interface HeldText {
  /** Stamp of the assignment that made it. */
  readonly of: Stamp;
  /** What it began with. */
  readonly initial: string;
  /** Undefined if nobody changed it. */
  readonly history: TextHistory | undefined;
}

/** Undefined if the property holds no text. */
export function heldText(registers: PropertyRegisters, ended: EndOfLife): HeldText | undefined {
  const { clock, replica, value, isText, texts } = registers;
  if (!isText || typeof value !== 'string' || !survives(clock, replica, ended)) return undefined;
  const history = texts?.find(({ of }) => of.clock === clock && of.replica === replica);
  return { of: { clock, replica: replica as ReplicaId }, initial: value, history };
}

/** Takes a change in, unless another assignment has taken the place of its text. */
export function addTextChange(
  registers: PropertyRegisters,
  { kind, id, clock, replica }: Stamp & { readonly kind: Patch['kind']; readonly id: string },
  property: string,
  { of, update }: TextChangeOf,
): void {
  if (isLater(registers.clock, registers.replica, of.clock, of.replica)) return;
  registers.texts ??= [];
  let history = registers.texts.find((each) => each.of.clock === of.clock && each.of.replica === of.replica);
  if (history === undefined) {
    const element = kind === 'node-create' || kind === 'node-update' ? 'node' : 'edge';
    history = new TextHistory(textRoot({ element, id, property, of }), of);
    registers.texts.push(history);
  }
  history.add({ clock, replica, update });
}

/** Texts that an assignment with this stamp does not take the place of. */
export function withoutOlder(
  texts: TextHistory[] | undefined,
  clock: number,
  replica: number,
): TextHistory[] | undefined {
  const later = texts?.filter(({ of }) => !isLater(clock, replica, of.clock, of.replica));
  return later?.length === 0 ? undefined : later;
}

/** The value as a counter, or undefined if no running total applies. */
function counted(
  { totals, seen }: PropertyRegisters,
  base: Value | undefined,
  assigned: boolean,
  ended: EndOfLife,
): Value | undefined {
  if (totals === undefined || (base !== undefined && !isNumber(base))) return undefined;
  const terms: { plus: Numeric; minus: Numeric }[] = [];
  for (const [writer, register] of Array.from(totals).sort(([a], [b]) => a - b)) {
    if (!survives(register.clock, writer, ended)) continue;
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
  { members, clock, replica }: PropertyRegisters,
  base: Value | undefined,
  assigned: boolean,
  ended: EndOfLife,
): Value | undefined {
  if (members === undefined || (base !== undefined && !isList(base))) return undefined;
  return members.read(base ?? [], {
    assignedClock: assigned ? clock : NEVER,
    assignedReplica: assigned ? replica : 0,
    endedClock: ended.clock,
    endedReplica: ended.replica,
  });
}
