/** From what a user asks to what a patch says: property changes, and what a create or replacement must clear. */
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { getOwn, setOwn } from '../base/record.ts';
import type { LabelChange, PropertyChange, PropertyChanges } from '../graph/model.ts';
import { Float, isList, isNumber, type Properties, type Value, valuesEqual } from '../graph/value.ts';
import type { ElementState } from './element-state.ts';
import { add, type Numeric } from './numbers.ts';
import type { Assignments, EdgeCreate, NodeCreate, RunningTotal, SeenTotals, TextChangeOf } from './patch.ts';
import type { Stamp } from './stamp.ts';
import { TextHistory } from './text-history.ts';
import { type TextElement, textRoot } from './text-root.ts';

/**
 * The assignments of a patch that changes single properties. `state` is the element as it is now.
 * @throws WeftError `property-type`, `invalid-value`, definite
 */
export function changesToAssignments(
  state: ElementState,
  changes: PropertyChanges,
  stamp: Stamp,
  element: TextElement,
  id: string,
): { readonly properties: Properties; readonly more: Assignments } {
  const properties: { [name: string]: Value } = {};
  // Most changes only set values.
  let removed: string[] | undefined;
  let totals: Map<string, RunningTotal> | undefined;
  let members: Map<string, { add: readonly Value[]; remove: readonly Value[] }> | undefined;
  let seen: Map<string, SeenTotals> | undefined;
  let textsMade: string[] | undefined;
  let textChanges: Map<string, TextChangeOf> | undefined;
  for (const name in changes) {
    const change = changes[name] as PropertyChanges[string];
    switch (change.kind) {
      case 'set':
      case 'remove': {
        if (change.kind === 'set' && change.value !== null) setOwn(properties, name, change.value);
        else {
          removed ??= [];
          removed.push(name);
        }
        const held = state.totalsSeen(name);
        if (held === undefined) break;
        seen ??= new Map();
        seen.set(name, held);
        break;
      }
      case 'text': {
        const held = state.text(name);
        if (held === undefined) {
          setOwn(properties, name, change.text);
          textsMade ??= [];
          textsMade.push(name);
          const totals = state.totalsSeen(name);
          if (totals !== undefined) {
            seen ??= new Map();
            seen.set(name, totals);
          }
          break;
        }
        const { of, initial } = held;
        const history = held.history ?? new TextHistory(textRoot({ element, id, property: name, of }), of);
        const update = history.edit(initial, change.text, stamp);
        if (update === undefined) break;
        checkTextSize(name, history, update.length);
        textChanges ??= new Map();
        textChanges.set(name, { of, update });
        break;
      }
      case 'typed': {
        const { of, update } = change;
        const held = state.text(name);
        if (held?.of.clock !== of.clock || held.of.replica !== of.replica) {
          throw new WeftError('invalid-request', `\`${name}\` does not hold this text any more`, { name });
        }
        if (held.history !== undefined) checkTextSize(name, held.history, update.length);
        textChanges ??= new Map();
        textChanges.set(name, { of, update });
        break;
      }
      case 'increment': {
        // A null that is held is no absence: what merges shows it, whatever was added.
        const held = state.property(name);
        const current = held === undefined ? 0 : held;
        if (!isNumber(current)) {
          throw new WeftError('property-type', `\`${name}\` holds no number, so $inc does not apply`, { name });
        }
        checkBounds(name, add(current, change.by), change);
        const own = state.ownTotal(name, stamp.replica);
        totals ??= new Map();
        totals.set(name, own ? { since: own.since, total: add(own.total, change.by) } : newTotal(stamp, change.by));
        break;
      }
      case 'members': {
        const current = state.property(name);
        if (current !== undefined && !isList(current)) {
          throw new WeftError('property-type', `\`${name}\` holds no list, so $add and $remove do not apply`, { name });
        }
        members ??= new Map();
        members.set(name, { add: change.add, remove: change.remove });
        break;
      }
    }
  }
  if ((removed ?? totals ?? members ?? seen ?? textsMade ?? textChanges) === undefined)
    return { properties, more: NO_ASSIGNMENTS };
  const more: Assignments = {
    ...(removed && { propertiesRemoved: removed }),
    ...(totals && { totals }),
    ...(members && { members }),
    ...(seen && { seen }),
    ...(textsMade && { textsMade }),
    ...(textChanges && { textChanges }),
  };
  return { properties, more };
}

/** What came before is kept for as long as the text is. @throws WeftError `payload-too-large`, definite */
export function checkTextSize(name: string, history: TextHistory, moreBytes: number): void {
  const { changes, bytes } = history;
  if (changes.length < LIMITS.textChangesMax && bytes + moreBytes <= LIMITS.textHistoryBytesMax) return;
  throw new WeftError(
    'payload-too-large',
    `the text \`${name}\` was changed ${changes.length} times, in ${bytes} bytes: set it anew`,
    { name },
  );
}

/** @throws WeftError `out-of-bounds`, definite */
function checkBounds(name: string, sum: Numeric, { min, max }: Extract<PropertyChange, { kind: 'increment' }>): void {
  const isBelow = min !== undefined && sizeOf(sum) < sizeOf(min);
  const isAbove = max !== undefined && sizeOf(sum) > sizeOf(max);
  if (!isBelow && !isAbove) return;
  const bound = isBelow ? '$min' : '$max';
  throw new WeftError('out-of-bounds', `the increment of \`${name}\` would cross ${bound}`, { name, bound });
}

function sizeOf(number: Numeric): number | bigint {
  return number instanceof Float ? number.value : number;
}

const NO_ASSIGNMENTS: Assignments = Object.freeze({});

function newTotal(stamp: Stamp, by: RunningTotal['total']): RunningTotal {
  return { since: stamp.clock, total: by };
}

/** A create of an element that nobody knows yet, some of whose properties are texts. */
export function withTexts<T extends NodeCreate | EdgeCreate>(create: T, texts: readonly string[] | undefined): T {
  return texts === undefined || texts.length === 0 ? create : { ...create, more: { textsMade: texts } };
}

/** What a create must take away so that the element shows just `labels` and `properties`; nothing for a new one. */
export function clearing(
  state: ElementState | undefined,
  labels: readonly string[],
  properties: Properties,
  texts: readonly string[] | undefined,
): { readonly more?: Assignments } {
  const made = texts !== undefined && texts.length > 0 ? { textsMade: texts } : undefined;
  if (state === undefined) return made === undefined ? {} : { more: made };
  const labelsRemoved = state.assignedLabels().filter((label) => !labels.includes(label));
  const propertiesRemoved: string[] = [];
  const seen = new Map<string, SeenTotals>();
  for (const name of state.assignedProperties()) {
    if (!Object.hasOwn(properties, name)) propertiesRemoved.push(name);
    const held = state.totalsSeen(name);
    if (held !== undefined) seen.set(name, held);
  }
  const more: Assignments = {
    ...(labelsRemoved.length > 0 && { labelsRemoved }),
    ...(propertiesRemoved.length > 0 && { propertiesRemoved }),
    ...(seen.size > 0 && { seen }),
    ...made,
  };
  return Object.keys(more).length > 0 ? { more } : {};
}

export function labelAssignments(state: ElementState, change: LabelChange): Assignments {
  const held = state.labels();
  const add = change.kind === 'replace' ? change.labels : change.add;
  const remove = change.kind === 'replace' ? held.filter((label) => !change.labels.includes(label)) : change.remove;
  return { ...(add.length > 0 && { labelsAdded: add }), ...(remove.length > 0 && { labelsRemoved: remove }) };
}

export function assignsNothing(properties: Properties, more: Assignments): boolean {
  return !hasAny(properties) && !hasAny(more);
}

export function hasAny(record: object): boolean {
  for (const _ in record) return true;
  return false;
}

export function sameProperties(held: Properties, wanted: Properties): boolean {
  const names = Object.keys(wanted);
  if (names.length !== Object.keys(held).length) return false;
  return names.every((name) => {
    const value = getOwn(held, name);
    return value !== undefined && valuesEqual(value, wanted[name] as Value);
  });
}
