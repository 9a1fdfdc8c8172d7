/**
 * The merge rules. An element is a set of registers: existence, one for each label, one for each property, one for each
 * member of a set property, one for each writer of a counter. Each keeps its latest assignment, so folding patches in
 * any order, any number of times, ends in the same state.
 *
 * - CRDT-1 An element exists if its latest create is later than its latest delete. An update never revives it.
 * - CRDT-2 A delete dominates all older registers: what was assigned before it does not come back with a later create.
 * - CRDT-3 A patch is live while it holds at least one register; dead patches can be dropped without any effect.
 *
 * Most elements have one create and nothing else; the view keeps those in columns and makes `Registers` only when a
 * second patch arrives.
 *
 * What a property shows is in `property-registers.ts`, registers as patches in `register-patches.ts`; the rest stays together, because every rule needs the deletes.
 */
import type { ReplicaId } from '../base/ids.ts';
import { compareText } from '../base/order.ts';
import { setOwn } from '../base/record.ts';
import { type Properties, type Value, valuesEqual } from '../graph/value.ts';
import { MemberRegisters, type PresenceRegister } from './member-registers.ts';
import type {
  Assignments,
  EdgeCreate,
  NodeCreate,
  Patch,
  PatchHead,
  RunningTotal,
  SeenTotals,
  StubCreate,
} from './patch.ts';
import {
  addTextChange,
  type EndOfLife,
  type HeldText,
  heldText,
  NO_REGISTERS,
  type PropertyRegisters,
  shownValue,
  withoutOlder,
} from './property-registers.ts';
import { isLater, NEVER, type Stamp } from './stamp.ts';
import type { TextHistory } from './text-history.ts';

export interface Ends {
  readonly type: string;
  readonly from: string;
  readonly to: string;
}

const NOTHING: Assignments = {};
const NO_TEXTS: readonly TextHistory[] = [];
const NO_STAMPS: readonly Stamp[] = [];
const BEFORE_LIFE: EndOfLife = { clock: NEVER, replica: 0 };

export interface RegisterVisitor {
  /** `kind` and `name` say together what the register is of. */
  visit(kind: string, name: string, clock: number, replica: number): void;
}

export class Registers {
  createdClock = NEVER;
  createdReplica = 0;
  deletedClock = NEVER;
  deletedReplica = 0;
  /**
   * All deletes from the last one before the latest create on, in order: that one ended the element's former life, which
   * stays away when an edge restores the element from the later ones.
   */
  deletes: Stamp[] | undefined;
  /** From the latest create; undefined for nodes and until a create was seen. */
  ends: Ends | undefined;
  /**
   * Of an edge or stub: the creates that the latest one took the place of, the last of each type and ends. They tell which
   * nodes it may have restored.
   */
  former: (Stamp & { readonly ends: Ends })[] | undefined;
  /** Of a stub: a source that its patches name, which tells in which partition the edge lives. */
  source = '';
  /** The first create: its registers are read from the patch until something else is assigned to them. */
  #base: NodeCreate | EdgeCreate | undefined;
  #labels: Map<string, PresenceRegister> | undefined;
  #properties: Map<string, PropertyRegisters> | undefined;
  /** Whether a property ever became a text. */
  #hadTexts = false;

  get exists(): boolean {
    return isLater(this.createdClock, this.createdReplica, this.deletedClock, this.deletedReplica);
  }

  /** Folds one patch in. Idempotent and commutative. */
  fold(patch: Patch): void {
    switch (patch.kind) {
      case 'node-create':
        this.#create(patch.clock, patch.replica);
        if (this.#isBase(patch)) return;
        for (const label of patch.labels) this.#assignLabel(label, true, patch.clock, patch.replica);
        this.#assignAll(patch, patch.properties, patch.more ?? NOTHING);
        return;
      case 'edge-create':
        this.#createWithEnds(patch);
        if (this.#isBase(patch)) return;
        this.#assignAll(patch, patch.properties, patch.more ?? NOTHING);
        return;
      case 'stub-create':
        this.#createWithEnds(patch);
        this.source = patch.from;
        return;
      case 'node-update':
      case 'edge-update':
        this.#assignAll(patch, patch.properties, patch.more ?? NOTHING);
        return;
      case 'stub-delete':
        this.source = patch.from;
        this.#delete(patch.clock, patch.replica);
        return;
      case 'node-delete':
      case 'edge-delete':
        this.#delete(patch.clock, patch.replica);
        return;
    }
  }

  #createWithEnds(patch: EdgeCreate | StubCreate): void {
    const before = { clock: this.createdClock, replica: this.createdReplica as ReplicaId, ends: this.ends };
    if (this.#create(patch.clock, patch.replica)) {
      this.ends = endsOf(patch);
      this.former = this.former?.filter(({ ends }) => !sameEnds(ends, patch));
      if (before.ends !== undefined) this.#keepFormer({ ...before, ends: before.ends });
    } else this.#keepFormer({ clock: patch.clock, replica: patch.replica, ends: endsOf(patch) });
  }

  #keepFormer(create: Stamp & { readonly ends: Ends }): void {
    if (this.ends !== undefined && sameEnds(this.ends, create.ends)) return;
    this.former ??= [];
    const at = this.former.findIndex(({ ends }) => sameEnds(ends, create.ends));
    const held = this.former[at];
    if (held === undefined) this.former.push(create);
    else if (isLater(create.clock, create.replica, held.clock, held.replica)) this.former[at] = create;
  }

  /** When the element last came or went. */
  get lastEvent(): number {
    return Math.max(this.createdClock, this.deletedClock);
  }

  /** Whether the patch is the last create of an edge or stub with its type and ends, dominated or not. */
  namesEnds({ kind, clock, replica }: PatchHead): boolean {
    if (kind !== 'edge-create' && kind !== 'stub-create') return false;
    if (this.createdClock === clock && this.createdReplica === replica) return true;
    return this.former?.some((create) => create.clock === clock && create.replica === replica) === true;
  }

  /** Takes the patch as base if nothing was folded before that it would have to be compared with. */
  #isBase(patch: NodeCreate | EdgeCreate): boolean {
    if (
      this.#base !== undefined ||
      patch.more !== undefined ||
      this.#labels !== undefined ||
      this.#properties !== undefined
    )
      return false;
    this.#base = patch;
    return true;
  }

  #delete(clock: number, replica: ReplicaId): void {
    this.deletes ??= [];
    if (this.deletes.some((held) => held.clock === clock && held.replica === replica)) return;
    this.deletes.push({ clock, replica });
    this.deletes.sort((a, b) => a.clock - b.clock || a.replica - b.replica);
    const latest = this.deletes.at(-1) as Stamp;
    this.deletedClock = latest.clock;
    this.deletedReplica = latest.replica;
    this.#forgetFormerLives();
  }

  /** Index of the last delete before the latest create, or -1. */
  formerLife(): number {
    const { createdClock, createdReplica } = this;
    const isFormer = ({ clock, replica }: Stamp) => isLater(createdClock, createdReplica, clock, replica);
    return this.deletes?.findLastIndex(isFormer) ?? -1;
  }

  #forgetFormerLives(): void {
    const former = this.formerLife();
    if (former > 0) this.deletes?.splice(0, former);
  }

  #create(clock: number, replica: ReplicaId): boolean {
    if (!isLater(clock, replica, this.createdClock, this.createdReplica)) return false;
    this.createdClock = clock;
    this.createdReplica = replica;
    this.#forgetFormerLives();
    return true;
  }

  #assignAll(
    patch: { kind: Patch['kind']; id: string; clock: number; replica: ReplicaId },
    properties: Properties,
    more: Assignments,
  ): void {
    const { clock, replica } = patch;
    for (const name in properties) {
      const isText = more.textsMade?.includes(name) === true;
      if (isText) this.#hadTexts = true;
      this.#assign(name, properties[name], more.seen?.get(name), clock, replica, isText);
    }
    if (more === NOTHING) return;
    for (const [name, change] of more.textChanges ?? []) addTextChange(this.#property(name), patch, name, change);
    for (const label of more.labelsAdded ?? []) this.#assignLabel(label, true, clock, replica);
    for (const label of more.labelsRemoved ?? []) this.#assignLabel(label, false, clock, replica);
    for (const name of more.propertiesRemoved ?? []) {
      this.#assign(name, undefined, more.seen?.get(name), clock, replica, false);
    }
    for (const [name, { since, total }] of more.totals ?? []) {
      const registers = this.#property(name);
      registers.totals ??= new Map();
      const held = registers.totals.get(replica);
      if (held === undefined || clock > held.clock) registers.totals.set(replica, { since, total, clock });
    }
    for (const [name, { add, remove }] of more.members ?? []) {
      for (const value of add) this.#assignMember(name, value, true, clock, replica);
      for (const value of remove) this.#assignMember(name, value, false, clock, replica);
    }
  }

  #assignLabel(label: string, present: boolean, clock: number, replica: ReplicaId): void {
    const held = this.#label(label);
    if (held !== undefined && !isLater(clock, replica, held.clock, held.replica)) return;
    this.#labels ??= new Map();
    this.#labels.set(label, { clock, replica, present });
  }

  #label(label: string): PresenceRegister | undefined {
    return this.#labels?.get(label) ?? this.#baseLabel(label);
  }

  #baseLabel(label: string): PresenceRegister | undefined {
    if (this.#base?.kind !== 'node-create' || !this.#base.labels.includes(label)) return undefined;
    return { clock: this.#base.clock, replica: this.#base.replica, present: true };
  }

  /** With those that are read from the first create. */
  *allLabels(): Generator<[string, PresenceRegister]> {
    if (this.#base?.kind === 'node-create') {
      for (const label of new Set(this.#base.labels)) {
        if (this.#labels?.has(label) !== true) yield [label, this.#baseLabel(label) as PresenceRegister];
      }
    }
    if (this.#labels !== undefined) yield* this.#labels;
  }

  /** The registers of a property, for reading. */
  #registersOf(name: string): PropertyRegisters | undefined {
    return this.#properties?.get(name) ?? this.#baseProperty(name);
  }

  #baseProperty(name: string): PropertyRegisters | undefined {
    if (this.#base === undefined || !Object.hasOwn(this.#base.properties, name)) return undefined;
    const { clock, replica, properties } = this.#base;
    return { ...NO_REGISTERS, clock, replica, value: properties[name] };
  }

  /** The registers of a property, for writing. */
  #property(name: string): PropertyRegisters {
    this.#properties ??= new Map();
    let registers = this.#properties.get(name);
    if (registers === undefined) {
      registers = this.#baseProperty(name) ?? { ...NO_REGISTERS };
      this.#properties.set(name, registers);
    }
    return registers;
  }

  *allProperties(): Generator<[string, PropertyRegisters]> {
    if (this.#base !== undefined) {
      for (const name of Object.keys(this.#base.properties)) {
        if (this.#properties?.has(name) !== true) yield [name, this.#baseProperty(name) as PropertyRegisters];
      }
    }
    if (this.#properties !== undefined) yield* this.#properties;
  }

  #assign(
    name: string,
    value: Value | undefined,
    seen: SeenTotals | undefined,
    clock: number,
    replica: ReplicaId,
    isText: boolean,
  ): void {
    const held = this.#properties?.get(name);
    if (held === undefined) {
      const base = this.#base;
      const isBase = base !== undefined && Object.hasOwn(base.properties, name);
      if (isBase && !isLater(clock, replica, base.clock, base.replica)) return;
      this.#properties ??= new Map();
      this.#properties.set(name, { ...NO_REGISTERS, clock, replica, value, seen, isText });
      return;
    }
    if (!isLater(clock, replica, held.clock, held.replica)) return;
    held.clock = clock;
    held.replica = replica;
    held.value = value;
    held.seen = seen;
    held.isText = isText;
    held.texts = withoutOlder(held.texts, clock, replica);
  }

  #assignMember(name: string, value: Value, present: boolean, clock: number, replica: ReplicaId): void {
    const registers = this.#property(name);
    registers.members ??= new MemberRegisters();
    registers.members.assign(value, { clock, replica, present });
  }

  #survives(clock: number, replica: number, restored: boolean): boolean {
    if (!restored) return isLater(clock, replica, this.deletedClock, this.deletedReplica);
    const ended = this.#endOfFormerLife(restored);
    return isLater(clock, replica, ended.clock, ended.replica);
  }

  #endOfFormerLife(restored: boolean): EndOfLife {
    if (!restored) return { clock: this.deletedClock, replica: this.deletedReplica };
    return this.deletes?.[this.formerLife()] ?? BEFORE_LIFE;
  }

  /** Labels in canonical order. `restored` reads the element as if its latest delete had not happened. */
  labels(restored = false): readonly string[] {
    const base = this.#base?.kind === 'node-create' ? this.#base : undefined;
    if (this.#labels === undefined) {
      if (base === undefined || !this.#survives(base.clock, base.replica, restored)) return [];
      return base.labels.length < 2 ? base.labels : Array.from(new Set(base.labels)).sort(compareText);
    }
    const labels: string[] = [];
    for (const [label, register] of this.allLabels()) {
      if (register.present && this.#survives(register.clock, register.replica, restored)) labels.push(label);
    }
    return labels.sort(compareText);
  }

  /** Properties, in no particular order. */
  properties(restored = false): Properties {
    const base = this.#base;
    const readsBase = base !== undefined && this.#survives(base.clock, base.replica, restored);
    if (this.#properties === undefined) return readsBase ? base.properties : {};
    // A whole copy takes V8 less time than its properties one by one.
    const properties: { [name: string]: Value } = readsBase ? { ...base.properties } : {};
    for (const [name, registers] of this.#properties) {
      const value = this.#valueOf(registers, restored);
      if (value !== undefined) setOwn(properties, name, value);
      else if (readsBase) delete properties[name];
    }
    return properties;
  }

  /** What one property shows, or undefined. */
  property(name: string): Value | undefined {
    const registers = this.#registersOf(name);
    return registers && this.#valueOf(registers, false);
  }

  #valueOf(registers: PropertyRegisters, restored: boolean): Value | undefined {
    return shownValue(registers, this.#endOfFormerLife(restored));
  }

  /**
   * CRDT-3: whether the patch holds a register, with `keepDominated` counting those that only a delete hides (needed
   * where edges may restore their endpoints). A stamp is given to one patch only, so kind and stamp tell.
   */
  isLive({ kind, clock, replica }: PatchHead, keepDominated: boolean): boolean {
    if (kind === 'node-delete' || kind === 'edge-delete' || kind === 'stub-delete') {
      if (this.deletedClock === clock && this.deletedReplica === replica) return true;
      return keepDominated && this.deletes?.some((each) => hasStamp(each, clock, replica)) === true;
    }
    if (!this.#survives(clock, replica, keepDominated)) return false;
    if (this.createdClock === clock && this.createdReplica === replica) return true;
    if (this.#base !== undefined && hasStamp(this.#base, clock, replica) && this.#readsBase(this.#base)) return true;
    if (this.#labels !== undefined) {
      for (const register of this.#labels.values()) if (hasStamp(register, clock, replica)) return true;
    }
    if (this.#properties !== undefined) {
      for (const registers of this.#properties.values()) {
        if (this.#holdsPatch(registers, clock, replica, keepDominated)) return true;
      }
    }
    return false;
  }

  #holdsPatch(registers: PropertyRegisters, clock: number, replica: ReplicaId, keepDominated: boolean): boolean {
    const { totals, texts, members } = registers;
    if (hasStamp(registers, clock, replica) || totals?.get(replica)?.clock === clock) return true;
    if (members?.holds(clock, replica) === true) return true;
    if (texts === undefined) return false;
    return texts.some(
      ({ of, changes }) =>
        this.#survives(of.clock, of.replica, keepDominated) && changes.some((each) => hasStamp(each, clock, replica)),
    );
  }

  /** Every clock reading by which `isLive` and `namesEnds` know patches, and perhaps a few more. */
  forEachClock(visit: (clock: number) => void): void {
    if (this.createdClock !== NEVER) visit(this.createdClock);
    if (this.#base !== undefined) visit(this.#base.clock);
    for (const { clock } of this.former ?? NO_STAMPS) visit(clock);
    for (const { clock } of this.deletes ?? NO_STAMPS) visit(clock);
    if (this.#labels !== undefined) for (const { clock } of this.#labels.values()) visit(clock);
    if (this.#properties === undefined) return;
    for (const { clock, totals, members, texts } of this.#properties.values()) {
      if (clock !== NEVER) visit(clock);
      if (totals !== undefined) for (const total of totals.values()) visit(total.clock);
      if (members !== undefined) for (const member of members.values()) visit(member.clock);
      for (const { changes } of texts ?? NO_TEXTS) for (const change of changes) visit(change.clock);
    }
  }

  /** Whether anything is still read from the base. */
  #readsBase(base: NodeCreate | EdgeCreate): boolean {
    if (base.kind === 'node-create' && base.labels.some((label) => this.#labels?.has(label) !== true)) return true;
    return Object.keys(base.properties).some((name) => this.#properties?.has(name) !== true);
  }

  /**
   * Shows the visitor each register that was assigned by something else than the latest create and that no delete
   * dominates, in no particular order; `restored` as above.
   */
  forEachLaterRegister(restored: boolean, visitor: RegisterVisitor): void {
    const base = this.#base;
    const isLatest = base === undefined || (base.clock === this.createdClock && base.replica === this.createdReplica);
    const labels = isLatest ? this.#labels : this.allLabels();
    if (labels !== undefined) {
      for (const [label, { clock, replica }] of labels) this.#visitLater('l', label, clock, replica, restored, visitor);
    }
    const properties = isLatest ? this.#properties : this.allProperties();
    if (properties === undefined) return;
    for (const [name, { clock, replica, totals, members, texts }] of properties) {
      this.#visitLater('p', name, clock, replica, restored, visitor);
      if (totals !== undefined) {
        for (const [writer, total] of totals) this.#visitLater('c', name, total.clock, writer, restored, visitor);
      }
      for (const { of, changes } of texts ?? NO_TEXTS) {
        if (!this.#survives(of.clock, of.replica, restored)) continue;
        for (const change of changes) this.#visitLater('t', name, change.clock, change.replica, restored, visitor);
      }
      if (members === undefined) continue;
      for (const [key, member] of members.entries()) {
        this.#visitLater('m', `${name}\n${key}`, member.clock, member.replica, restored, visitor);
      }
    }
  }

  #visitLater(
    kind: string,
    name: string,
    clock: number,
    replica: number,
    restored: boolean,
    visitor: RegisterVisitor,
  ): void {
    if (clock === NEVER || (clock === this.createdClock && replica === this.createdReplica)) return;
    if (this.#survives(clock, replica, restored)) visitor.visit(kind, name, clock, replica);
  }

  /** Labels and properties with an assignment that no delete dominates: what a create must take the place of. */
  assignedLabels(): string[] {
    return Array.from(this.allLabels())
      .filter(([, { clock, replica, present }]) => present && this.#survives(clock, replica, false))
      .map(([label]) => label);
  }

  assignedProperties(): string[] {
    return Array.from(this.allProperties())
      .filter(([, { clock, replica, value, totals, members }]) => {
        return totals || members || (value !== undefined && this.#survives(clock, replica, false));
      })
      .map(([name]) => name);
  }

  /** The running totals of a property, for an assignment that takes their place; undefined if there are none. */
  totalsSeen(name: string): SeenTotals | undefined {
    const totals = this.#properties?.get(name)?.totals;
    return totals && new Map(Array.from(totals, ([writer, { since, total }]) => [writer, { since, total }]));
  }

  /**
   * The writer's own running total, to go on from. Undefined if it counts no more, because a delete dominates it or an
   * assignment took its place: then the writer starts again.
   */
  ownTotal(name: string, writer: ReplicaId): RunningTotal | undefined {
    const registers = this.#properties?.get(name);
    const own = registers?.totals?.get(writer);
    if (registers === undefined || own === undefined || !this.#survives(own.clock, writer, false)) return undefined;
    const replaced = registers.seen?.get(writer);
    return replaced?.since === own.since && valuesEqual(replaced.total, own.total) ? undefined : own;
  }

  /** The text that a property holds; undefined if it holds none. */
  text(name: string, restored = false): HeldText | undefined {
    const registers = this.#properties?.get(name);
    return registers && heldText(registers, this.#endOfFormerLife(restored));
  }

  /** Names of the properties that hold texts, in no particular order; undefined if there are none. */
  textNames(restored = false): string[] | undefined {
    if (!this.#hadTexts || this.#properties === undefined) return undefined;
    let names: string[] | undefined;
    for (const [name, { isText }] of this.#properties) {
      if (!isText || this.text(name, restored) === undefined) continue;
      names ??= [];
      names.push(name);
    }
    return names;
  }

  clone(): Registers {
    const copy = new Registers();
    copy.createdClock = this.createdClock;
    copy.createdReplica = this.createdReplica;
    copy.deletedClock = this.deletedClock;
    copy.deletedReplica = this.deletedReplica;
    copy.deletes = this.deletes && Array.from(this.deletes);
    copy.ends = this.ends;
    copy.former = this.former && Array.from(this.former);
    copy.source = this.source;
    copy.#base = this.#base;
    copy.#hadTexts = this.#hadTexts;
    copy.#labels = this.#labels && new Map(this.#labels);
    copy.#properties =
      this.#properties &&
      new Map(
        Array.from(this.#properties, ([name, registers]) => [
          name,
          {
            ...registers,
            totals: registers.totals && new Map(registers.totals),
            members: registers.members?.clone(),
            texts: registers.texts?.map((history) => history.clone()),
          },
        ]),
      );
    return copy;
  }
}

function hasStamp(at: { readonly clock: number; readonly replica: number }, clock: number, replica: number): boolean {
  return at.clock === clock && at.replica === replica;
}

function sameEnds(a: Ends, b: Ends): boolean {
  return a.type === b.type && a.from === b.from && a.to === b.to;
}

function endsOf({ type, from, to }: Ends): Ends {
  return { type, from, to };
}
