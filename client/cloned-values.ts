/**
 * Values on their way to another tab. A structured clone keeps all of them but their classes, so an instance of a class travels
 * as a `Map`, which no value is, of its class and its fields.
 */
import { setOwn } from '../base/record.ts';
import { Float, Point, Temporal } from '../graph/value.ts';
import { ResultNode, ResultPath, ResultRelationship } from '../query/execution/result-value.ts';

const CLASSES = { Float, Point, Temporal, ResultNode, ResultPath, ResultRelationship } as const;
type ClassName = keyof typeof CLASSES;

const NAMES = new Map<unknown, ClassName>(Object.entries(CLASSES).map(([name, of]) => [of, name as ClassName]));
/** Key of the fields in the `Map`. */
const FIELDS = 'fields';
const CLASS = 'class';

/** What a structured clone keeps whole. */
export function toCloned(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(toCloned);
  const fields = mapped(value, toCloned);
  const name = NAMES.get(value.constructor);
  // A user's map may have a key `constructor`, and then that is no class.
  if (name === undefined || !(value instanceof CLASSES[name])) return fields;
  return new Map<string, unknown>([
    [CLASS, name],
    [FIELDS, fields],
  ]);
}

export function fromCloned(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(fromCloned);
  if (!(value instanceof Map)) return mapped(value, fromCloned);
  const { prototype } = CLASSES[value.get(CLASS) as ClassName];
  return Object.assign(Object.create(prototype), fromCloned(value.get(FIELDS)));
}

function mapped(record: object, each: (value: unknown) => unknown): object {
  const made: { [key: string]: unknown } = {};
  for (const [key, value] of Object.entries(record)) setOwn(made, key, each(value));
  return made;
}
