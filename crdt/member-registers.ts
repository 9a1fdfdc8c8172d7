/**
 * The members of a set: a register for each value that was ever added or removed, and the list that they show. The list is kept in
 * its canonical order from one register to the next: made anew, a set of n members would cost n log n for each that is added.
 */
import { compareValues, type Value } from '../graph/value.ts';
import { isLater } from './stamp.ts';
import { valueKey } from './value-codec.ts';

/** Present or not, as the assignment with this stamp says. */
export interface PresenceRegister {
  readonly clock: number;
  readonly replica: number;
  readonly present: boolean;
}

interface MemberRegister extends PresenceRegister {
  readonly value: Value;
}

/** Registers count that are later than both. */
export interface MemberBounds {
  /** The plain assignment that the property shows; before every stamp if there is none. */
  readonly assignedClock: number;
  readonly assignedReplica: number;
  /** What ended the element's former life. */
  readonly endedClock: number;
  readonly endedReplica: number;
}

interface Shown {
  readonly bounds: MemberBounds;
  /** Undefined if no register counts. Readers hold it, so it never changes. */
  readonly values: readonly Value[] | undefined;
}

export class MemberRegisters {
  readonly #registers: Map<string, MemberRegister>;
  #shown: Shown | undefined;
  /** Of all registers, once somebody asked for one. */
  #stamps: Set<string> | undefined;

  constructor(registers: Iterable<[string, MemberRegister]> = []) {
    this.#registers = new Map(registers);
  }

  clone(): MemberRegisters {
    const copy = new MemberRegisters(this.#registers);
    copy.#shown = this.#shown;
    return copy;
  }

  /** By the key of the value. */
  entries(): Iterable<[string, MemberRegister]> {
    return this.#registers;
  }

  values(): Iterable<MemberRegister> {
    return this.#registers.values();
  }

  /** Whether a register has this stamp. Many are asked for in a row, one for each patch. */
  holds(clock: number, replica: number): boolean {
    this.#stamps ??= new Set(Array.from(this.#registers.values(), (each) => stampKey(each.clock, each.replica)));
    return this.#stamps.has(stampKey(clock, replica));
  }

  assign(value: Value, { clock, replica, present }: PresenceRegister): void {
    const key = valueKey(value);
    const held = this.#registers.get(key);
    if (held !== undefined && !isLater(clock, replica, held.clock, held.replica)) return;
    const register = { value: held?.value ?? value, clock, replica, present };
    this.#registers.set(key, register);
    this.#stamps = undefined;
    const shown = this.#shown;
    if (shown === undefined || !counts(register, shown.bounds)) return;
    const { bounds, values } = shown;
    this.#shown = values && { bounds, values: present ? inserted(values, value) : without(values, value) };
  }

  /** What the set shows; undefined if no register counts. @param base the list that was assigned plainly */
  read(base: readonly Value[], bounds: MemberBounds): readonly Value[] | undefined {
    if (this.#shown === undefined || !areSame(this.#shown.bounds, bounds)) {
      this.#shown = { bounds, values: this.#fold(base, bounds) };
    }
    return this.#shown.values;
  }

  #fold(base: readonly Value[], bounds: MemberBounds): readonly Value[] | undefined {
    const members = new Map<string, Value>();
    for (const value of base) members.set(valueKey(value), value);
    let applied = false;
    for (const [key, register] of this.#registers) {
      if (!counts(register, bounds)) continue;
      applied = true;
      if (register.present) members.set(key, register.value);
      else members.delete(key);
    }
    return applied ? Array.from(members.values()).sort(compareValues) : undefined;
  }
}

function stampKey(clock: number, replica: number): string {
  return `${clock} ${replica}`;
}

function counts({ clock, replica }: PresenceRegister, bounds: MemberBounds): boolean {
  const { assignedClock, assignedReplica, endedClock, endedReplica } = bounds;
  return isLater(clock, replica, assignedClock, assignedReplica) && isLater(clock, replica, endedClock, endedReplica);
}

function areSame(a: MemberBounds, b: MemberBounds): boolean {
  return (
    a.assignedClock === b.assignedClock &&
    a.assignedReplica === b.assignedReplica &&
    a.endedClock === b.endedClock &&
    a.endedReplica === b.endedReplica
  );
}

/** Index of the first value that is not before `value`. */
function placeOf(value: Value, values: readonly Value[]): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareValues(values[middle] as Value, value) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function holdsAt(place: number, value: Value, values: readonly Value[]): boolean {
  return place < values.length && compareValues(values[place] as Value, value) === 0;
}

function inserted(values: readonly Value[], value: Value): readonly Value[] {
  const place = placeOf(value, values);
  if (holdsAt(place, value, values)) return values;
  const copy = values.slice();
  copy.splice(place, 0, value);
  return copy;
}

function without(values: readonly Value[], value: Value): readonly Value[] {
  const place = placeOf(value, values);
  if (!holdsAt(place, value, values)) return values;
  const copy = values.slice();
  copy.splice(place, 1);
  return copy;
}
