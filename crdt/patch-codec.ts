/**
 * Patches as text, the form in which they lie in Yjs, in the log and on the wire: one letter for the kind, 9 characters
 * of clock, 6 of replica id, then fields separated by tabs: names as they stand (quoted as JSON where they could be
 * mistaken), labels, properties and assignments as JSON, which never holds a tab or a line break. The header is of fixed
 * width in an order-preserving base 64, so kind and stamp are read without parsing. Ids made from the stamp are not
 * repeated.
 */
import { WeftError } from '../base/errors.ts';
import { type ReplicaId, replicaId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { isNumber, type Properties, type Value } from '../graph/value.ts';
import type {
  Assignments,
  EdgeCreate,
  Patch,
  PatchHead,
  RunningTotal,
  SeenTotals,
  StubCreate,
  TextChangeOf,
} from './patch.ts';
import type { Stamp } from './stamp.ts';
import { readTextUpdate } from './text-update.ts';
import { fromBase64, fromPlain, propertiesFromPlain, propertiesToJson, toBase64, toPlain } from './value-codec.ts';

/** Increasing in code-unit order, so that header text sorts like numbers. */
const DIGITS = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz';
const DIGIT_UNITS = Uint8Array.from(DIGITS, (digit) => digit.charCodeAt(0));
const DIGIT_VALUE = new Int8Array(128).fill(-1);
for (let i = 0; i < 64; i++) DIGIT_VALUE[DIGITS.charCodeAt(i)] = i;

const CLOCK_CHARS = 9;
const REPLICA_CHARS = 6;
const STAMP_CHARS = CLOCK_CHARS + REPLICA_CHARS;
/** Kind and stamp at the begin of a patch's text; no two patches of one element share them. */
export const HEADER_CHARS = 1 + STAMP_CHARS;
/** Between fields. */
const TAB = 0x09;
/** Between patches. */
const LINE_FEED = 0x0a;
const QUOTE = 0x22;
const TILDE = 0x7e;

const LETTERS = {
  'node-create': 'N',
  'node-update': 'n',
  'node-delete': 'x',
  'edge-create': 'E',
  'edge-update': 'e',
  'edge-delete': 'z',
  'stub-create': 'S',
  'stub-delete': 's',
} as const satisfies Record<Patch['kind'], string>;

/** The digit of six bits of `bits` from bit `at` on. */
function unitAt(bits: number, at: number): number {
  return DIGIT_UNITS[(bits >>> at) & 63] as number;
}

// The stamp repeats when an id is made from it.
let lastClock = -1;
let lastReplica = -1;
let lastStamp = '';

/** A stamp as 15 characters of `[-_0-9A-Za-z]` that sort as stamps do. */
export function encodeStamp(clock: number, replica: ReplicaId): string {
  if (clock === lastClock && replica === lastReplica) return lastStamp;
  const high = Math.floor(clock / 2 ** 30);
  const low = clock % 2 ** 30;
  lastClock = clock;
  lastReplica = replica;
  // One call makes one text, without the pieces that it would be put together from.
  lastStamp = String.fromCharCode(
    unitAt(high, 18),
    unitAt(high, 12),
    unitAt(high, 6),
    unitAt(high, 0),
    unitAt(low, 24),
    unitAt(low, 18),
    unitAt(low, 12),
    unitAt(low, 6),
    unitAt(low, 0),
    unitAt(replica, 30),
    unitAt(replica, 24),
    unitAt(replica, 18),
    unitAt(replica, 12),
    unitAt(replica, 6),
    unitAt(replica, 0),
  );
  return lastStamp;
}

/** The stamp that the last 15 characters of `text` spell, if they do. */
export function stampAtEnd(text: string): Stamp | undefined {
  const start = text.length - STAMP_CHARS;
  // In halves of at most 30 bits, for which V8 needs no floating point.
  const high = digitsAt(text, start, 4);
  const low = digitsAt(text, start + 4, 5);
  const replicaHigh = digitsAt(text, start + CLOCK_CHARS, 1);
  const replicaLow = digitsAt(text, start + CLOCK_CHARS + 1, 5);
  if (high < 0 || low < 0 || replicaHigh < 0 || replicaLow < 0) return undefined;
  const clock = high * 2 ** 30 + low;
  const replica = replicaHigh * 2 ** 30 + replicaLow;
  if (clock > Number.MAX_SAFE_INTEGER || replica > 0xffff_ffff) return undefined;
  return { clock, replica: replicaId(replica) };
}

/** At most five digits from `start` on as a number, negative if there are others. */
function digitsAt(text: string, start: number, chars: number): number {
  let value = 0;
  for (let i = start; i < start + chars; i++) {
    const digit = DIGIT_VALUE[text.charCodeAt(i)] ?? -1;
    if (digit < 0) return -1;
    value = (value << 6) | digit;
  }
  return value;
}

function decodeDigits(text: string, start: number, chars: number): number {
  let value = 0;
  for (let i = start; i < start + chars; i++) {
    const digit = DIGIT_VALUE[text.charCodeAt(i)] ?? -1;
    if (digit < 0) return malformed('its header');
    value = value * 64 + digit;
  }
  return value;
}

/** @throws WeftError `payload-too-large` beyond `LIMITS.patchCharsMax`, definite */
export function encodePatch(patch: Patch): string {
  const stamp = encodeStamp(patch.clock, patch.replica);
  return checked(patch.id, LETTERS[patch.kind] + stamp + body(patch, stamp));
}

/**
 * The create of an edge and the one of its stub, which say the same of its ends.
 * @throws WeftError `payload-too-large` beyond `LIMITS.patchCharsMax`, definite
 */
export function encodeEdgeCreate(patch: EdgeCreate): { readonly edge: string; readonly stub: string } {
  const stamp = encodeStamp(patch.clock, patch.replica);
  const ends = stamp + endFields(patch, stamp);
  const edge = LETTERS['edge-create'] + ends + edgeAssigned(patch);
  return { edge: checked(patch.id, edge), stub: LETTERS['stub-create'] + ends };
}

function checked(id: string, text: string): string {
  if (text.length > LIMITS.patchCharsMax) {
    throw new WeftError(
      'payload-too-large',
      `the change of \`${id}\` takes ${text.length} characters; at most ${LIMITS.patchCharsMax} fit`,
    );
  }
  return text;
}

function body(patch: Patch, stamp: string): string {
  switch (patch.kind) {
    case 'node-create': {
      return `${elide(patch.id, stamp)}\t${labelsToJson(patch.labels)}\t${assigned(patch.properties, patch.more)}`;
    }
    case 'node-update':
    case 'edge-update':
      return `${quote(patch.id)}\t${assigned(patch.properties, patch.more)}`;
    case 'edge-create':
      return endFields(patch, stamp) + edgeAssigned(patch);
    case 'stub-create':
      return endFields(patch, stamp);
    case 'stub-delete':
      return `${quote(patch.id)}\t${quote(patch.from)}`;
    case 'node-delete':
    case 'edge-delete':
      return quote(patch.id);
  }
}

/** Remembers what was made last: elements that come together mostly have the same label or type. */
function rememberingLast(make: (name: string) => string): (name: string) => string {
  let last: string | undefined;
  let made = '';
  return (name) => {
    if (name !== last) {
      made = make(name);
      last = name;
    }
    return made;
  };
}

const labelToJson = rememberingLast((label) => JSON.stringify([label]));
const typeField = rememberingLast((type) => `\t${quote(type)}\t`);

function labelsToJson(labels: readonly string[]): string {
  const [label] = labels;
  return label === undefined || labels.length > 1 ? JSON.stringify(labels) : labelToJson(label);
}

function endFields({ id, type, from, to }: EdgeCreate | StubCreate, stamp: string): string {
  return `${elide(id, stamp) + typeField(type) + quote(from)}\t${quote(to)}`;
}

function edgeAssigned({ properties, more }: EdgeCreate): string {
  return isEmpty(properties) && more === undefined ? '' : `\t${assigned(properties, more)}`;
}

function isEmpty(properties: Properties): boolean {
  for (const _ in properties) return false;
  return true;
}

function assigned(properties: Properties, more: Assignments | undefined): string {
  const text = propertiesToJson(properties);
  return more === undefined ? text : `${text}\t${JSON.stringify(assignmentsToPlain(more))}`;
}

/** A name as it stands, or as JSON where it could be taken for something else. */
function quote(name: string): string {
  const plain = name.charCodeAt(0) !== QUOTE && name.charCodeAt(name.length - 1) !== TILDE && !hasBreak(name);
  return plain ? name : JSON.stringify(name);
}

/** A loop, because a regular expression takes longer for names of usual length. */
function hasBreak(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    if (unit === TAB || unit === LINE_FEED) return true;
  }
  return false;
}

/** An id that was made from the patch's own stamp is not repeated: only what comes before the stamp is, ending in `~`. */
function elide(id: string, stamp: string): string {
  if (!id.endsWith(stamp)) return quote(id);
  const prefix = id.length - stamp.length;
  if (prefix === 0) return '~';
  return prefix > 1 && id.charCodeAt(prefix - 1) === TILDE && id.charCodeAt(0) !== QUOTE && !hasBreak(id)
    ? id.slice(0, prefix)
    : quote(id);
}

function assignmentsToPlain(more: Assignments): object {
  return {
    ...(more.labelsAdded && { l: more.labelsAdded }),
    ...(more.labelsRemoved && { L: more.labelsRemoved }),
    ...(more.propertiesRemoved && { r: more.propertiesRemoved }),
    ...(more.totals && { c: Array.from(more.totals, ([name, total]) => [name, ...totalToPlain(total)]) }),
    ...(more.members && {
      m: Array.from(more.members, ([name, { add, remove }]) => [name, add.map(toPlain), remove.map(toPlain)]),
    }),
    ...(more.textsMade && { t: more.textsMade }),
    ...(more.textChanges && {
      T: Array.from(more.textChanges, ([name, { of, update }]) => [name, of.clock, of.replica, toBase64(update)]),
    }),
    ...(more.seen && {
      s: Array.from(more.seen, ([name, seen]) => [
        name,
        Array.from(seen, ([writer, total]) => [writer, ...totalToPlain(total)]),
      ]),
    }),
  };
}

function totalToPlain({ since, total }: RunningTotal): readonly unknown[] {
  return [since, toPlain(total)];
}

/** The stamp's clock of an encoded patch, without parsing the rest. */
export function clockOfPatch(text: string): number {
  return decodeDigits(text, 1, CLOCK_CHARS);
}

/** Whether an encoded patch deletes an element. */
export function isDeleteText(text: string): boolean {
  const letter = text[0];
  return letter === LETTERS['node-delete'] || letter === LETTERS['edge-delete'] || letter === LETTERS['stub-delete'];
}

/**
 * @throws WeftError `invalid-value` if `text` is no well-formed patch, definite. Sizes of names and values are checked
 * where foreign patches enter, not here.
 */
export function decodePatch(text: string): Patch {
  if (text.length < HEADER_CHARS) return malformed('its length');
  const clock = clockField(decodeDigits(text, 1, CLOCK_CHARS));
  const replica = replicaField(decodeDigits(text, 1 + CLOCK_CHARS, REPLICA_CHARS));
  const fields = text.slice(HEADER_CHARS).split('\t');
  const id = idField(fields[0], clock, replica);
  switch (text[0]) {
    case 'N': {
      const labels = textsField(parse(fields[1]));
      return { kind: 'node-create', clock, replica, id, labels, ...assignedFields(fields, 2) };
    }
    case 'n':
      return { kind: 'node-update', clock, replica, id, ...assignedFields(fields, 1) };
    case 'x':
      return ended(fields, 1, { kind: 'node-delete', clock, replica, id });
    case 'E': {
      const ends = { type: nameField(fields[1]), from: nameField(fields[2]), to: nameField(fields[3]) };
      const properties = fields.length === 4 ? { properties: NO_PROPERTIES } : assignedFields(fields, 4);
      return { kind: 'edge-create', clock, replica, id, ...ends, ...properties };
    }
    case 'e':
      return { kind: 'edge-update', clock, replica, id, ...assignedFields(fields, 1) };
    case 'z':
      return ended(fields, 1, { kind: 'edge-delete', clock, replica, id });
    case 'S': {
      const ends = { type: nameField(fields[1]), from: nameField(fields[2]), to: nameField(fields[3]) };
      return ended(fields, 4, { kind: 'stub-create', clock, replica, id, ...ends });
    }
    case 's':
      return ended(fields, 2, { kind: 'stub-delete', clock, replica, id, from: nameField(fields[1]) });
    default:
      return malformed('its kind');
  }
}

function ended(fields: readonly string[], count: number, patch: Patch): Patch {
  return fields.length === count ? patch : malformed('its end');
}

function idField(
  field: string | undefined,
  clock: number,
  replica: ReplicaId,
  readName: typeof nameField = nameField,
): string {
  if (field === undefined || !field.endsWith('~')) return readName(field);
  const stamp = encodeStamp(clock, replica);
  return field.length === 1 ? stamp : field + stamp;
}

/**
 * A copy of a part of a text. V8 makes long parts refer to the whole, which would keep every patch in memory for as long
 * as a name in it is used.
 */
function detached(part: string): string {
  return part.length < 13 ? part : ` ${part}`.slice(1);
}

function nameField(field: string | undefined): string {
  return briefNameField(field && detached(field));
}

/** A name that is not kept: it may refer to the whole patch. */
function briefNameField(field: string | undefined): string {
  return textField(field?.charCodeAt(0) === QUOTE ? parse(field) : field);
}

function assignedFields(
  fields: readonly string[],
  at: number,
): { readonly properties: Properties; readonly more?: Assignments } {
  if (fields.length > at + 2) return malformed('its end');
  const more = fields[at + 1];
  return { properties: propertiesField(parse(fields[at])), ...(more !== undefined && moreField(parse(more))) };
}

const KINDS = new Map<string, Patch['kind']>(
  Object.entries(LETTERS).map(([kind, letter]) => [letter, kind as Patch['kind']]),
);

/**
 * The head of a patch that was decoded before: labels, properties and assignments are not looked at. Not to be kept: its names
 * may refer to the whole text.
 */
export function decodePatchHead(text: string): PatchHead {
  const kind = KINDS.get(text[0] as string) ?? malformed('its kind');
  const clock = clockField(decodeDigits(text, 1, CLOCK_CHARS));
  const replica = replicaField(decodeDigits(text, 1 + CLOCK_CHARS, REPLICA_CHARS));
  if (kind === 'stub-create' || kind === 'stub-delete') {
    const fields = text.slice(HEADER_CHARS).split('\t');
    const from = briefNameField(fields[kind === 'stub-create' ? 2 : 1]);
    return { kind, clock, replica, id: idField(fields[0], clock, replica, briefNameField), from };
  }
  const end = text.indexOf('\t', HEADER_CHARS);
  const field = end < 0 ? text.slice(HEADER_CHARS) : text.slice(HEADER_CHARS, end);
  return { kind, clock, replica, id: idField(field, clock, replica, briefNameField) };
}

/** The edge that a patch which was decoded before creates, if it does. Not to be kept, as above. */
export function createdEdge(text: string): string | undefined {
  return text[0] === LETTERS['edge-create'] ? decodePatchHead(text).id : undefined;
}

/** Shared by all elements without properties. */
export const NO_PROPERTIES: Properties = Object.freeze({});

function parse(json: string | undefined): unknown {
  try {
    return JSON.parse(json ?? '');
  } catch {
    return malformed('its JSON');
  }
}

// Rounded or cut to size, a foreign stamp would become somebody else's.
function clockField(field: unknown): number {
  return Number.isSafeInteger(field) && (field as number) >= 0 ? (field as number) : malformed('a clock');
}

function replicaField(field: unknown): ReplicaId {
  return typeof field === 'number' && field === field >>> 0 ? replicaId(field) : malformed('a replica');
}

function textField(field: unknown): string {
  return typeof field === 'string' && field.length > 0 ? field : malformed('a name');
}

function textsField(field: unknown): readonly string[] {
  return Array.isArray(field) && field.every((item) => typeof item === 'string') ? field : malformed('a list of names');
}

function propertiesField(field: unknown): Properties {
  if (typeof field !== 'object' || field === null || Array.isArray(field)) return malformed('its properties');
  return propertiesFromPlain(field as { readonly [name: string]: unknown });
}

function moreField(field: unknown): { readonly more: Assignments } {
  if (typeof field !== 'object' || field === null || Array.isArray(field)) return malformed('its assignments');
  const { l, L, r, c, m, s, t, T } = field as { readonly [key: string]: unknown };
  return {
    more: {
      ...(l !== undefined && { labelsAdded: textsField(l) }),
      ...(L !== undefined && { labelsRemoved: textsField(L) }),
      ...(r !== undefined && { propertiesRemoved: textsField(r) }),
      ...(c !== undefined && {
        totals: new Map(rows(c).map(([name, ...total]) => [textField(name), totalField(total)])),
      }),
      ...(m !== undefined && { members: new Map(rows(m).map(memberRow)) }),
      ...(t !== undefined && { textsMade: textsField(t) }),
      ...(T !== undefined && { textChanges: new Map(rows(T).map(textChangeRow)) }),
      ...(s !== undefined && { seen: new Map(rows(s).map(([name, seen]) => [textField(name), seenField(seen)])) }),
    },
  };
}

function rows(field: unknown): readonly (readonly unknown[])[] {
  return Array.isArray(field) && field.every(Array.isArray) ? field : malformed('its assignments');
}

function totalField([since, total]: readonly unknown[]): RunningTotal {
  const value = fromPlain(total);
  return { since: clockField(since), total: isNumber(value) ? value : malformed('a running total') };
}

function memberRow([name, add, remove]: readonly unknown[]): [
  string,
  { add: readonly Value[]; remove: readonly Value[] },
] {
  return [textField(name), { add: valuesField(add), remove: valuesField(remove) }];
}

function textChangeRow([name, clock, replica, update]: readonly unknown[]): [string, TextChangeOf] {
  const bytes = fromBase64(textField(update));
  readTextUpdate(bytes);
  return [textField(name), { of: { clock: clockField(clock), replica: replicaField(replica) }, update: bytes }];
}

function valuesField(field: unknown): readonly Value[] {
  return Array.isArray(field) ? field.map((item) => fromPlain(item)) : malformed('a list of members');
}

function seenField(field: unknown): SeenTotals {
  return new Map(rows(field).map(([writer, ...total]) => [replicaField(writer), totalField(total)]));
}

function malformed(what: string): never {
  throw new WeftError('invalid-value', `this is no patch: ${what} cannot be read`);
}
