/** Properties as statements change them: values in, values out, nothing changed in place. */
import { getOwn, setOwn } from '../../base/record.ts';
import type { PropertyChange } from '../../graph/model.ts';
import { type Properties, type Value, valuesEqual } from '../../graph/value.ts';

/** With one of them set, or removed by null. */
export function withProperty(properties: Properties, name: string, value: Value): Properties {
  const copy: Record<string, Value> = { ...properties };
  if (value === null) delete copy[name];
  else setOwn(copy, name, value);
  return copy;
}

/** What replaces them; with `keep`, what is not named stays. Nulls remove. */
export function withProperties(before: Properties, properties: Properties, keep: boolean): Properties {
  const copy: Record<string, Value> = keep ? { ...before } : {};
  for (const [name, value] of Object.entries(properties)) {
    if (value === null) delete copy[name];
    else setOwn(copy, name, value);
  }
  return copy;
}

/** How many properties the answer of a statement says were set. */
export function countSet(before: Properties, properties: Properties, keep: boolean): number {
  const names = new Set(Object.keys(properties));
  if (!keep) for (const name of Object.keys(before)) names.add(name);
  let count = 0;
  for (const name of names) {
    if (getOwn(properties, name) === null && getOwn(before, name) === undefined) continue;
    count++;
  }
  return count;
}

/** What leads from one to the other; undefined if nothing does. */
export function differences(before: Properties, after: Properties): Record<string, PropertyChange> | undefined {
  const changes: Record<string, PropertyChange> = {};
  for (const [name, value] of Object.entries(after)) {
    const held = getOwn(before, name);
    if (held === undefined || !valuesEqual(held, value)) setOwn(changes, name, { kind: 'set', value } as const);
  }
  for (const name of Object.keys(before)) {
    if (!Object.hasOwn(after, name)) setOwn(changes, name, { kind: 'remove' } as const);
  }
  return Object.keys(changes).length === 0 ? undefined : changes;
}
