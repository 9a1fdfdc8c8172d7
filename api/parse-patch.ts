/**
 * Merge-patch bodies. A property value is the new value, `null` removes the property, and an object whose keys are
 * exactly `$inc`, with `$min` and `$max`, or `$add` and/or `$remove`, changes the value that is there; these beside others that
 * begin with `$` are refused. To store such a map as a value, escape it as `{"$type":"Map","_value":{...}}`.
 */
import { checkName, type EdgeId, type NodeId } from '../base/ids.ts';
import { setOwn } from '../base/record.ts';
import { decodeValue } from '../graph/json-values.ts';
import type { LabelChange, Operation, PropertyChange, PropertyChanges } from '../graph/model.ts';
import { Float, isNumber, type Value } from '../graph/value.ts';
import { checkSameId } from './parse-elements.ts';
import {
  checkPropertyCount,
  type Fields,
  fieldsOf,
  invalidField,
  kindOf,
  namesField,
  objectOf,
  type Place,
  pathOf,
  textOf,
} from './parse-fields.ts';
import { propertyValue } from './property-value.ts';

export type PatchNode = Extract<Operation, { op: 'patchNode' }>;
export type PatchEdge = Extract<Operation, { op: 'patchEdge' }>;

const NODE_PATCH_FIELDS: ReadonlySet<string> = new Set(['id', 'labels', 'properties']);
const EDGE_PATCH_FIELDS: ReadonlySet<string> = new Set(['id', 'properties']);
const LABEL_CHANGE_FIELDS: ReadonlySet<string> = new Set(['add', 'remove']);

/** @throws WeftError `invalid-request`, `invalid-name`, `invalid-value`, `payload-too-large`; definite */
export function parsePatchNode(id: NodeId, body: unknown, place: Place = '', extra?: ReadonlySet<string>): PatchNode {
  const fields = fieldsOf(body, extra ?? NODE_PATCH_FIELDS, place);
  checkSameId(fields.id, id, place);
  const labels = fields.labels === undefined ? undefined : labelChange(fields.labels, pathOf(place, 'labels'));
  const properties = propertyChanges(fields, place);
  return {
    op: 'patchNode',
    id,
    ...(labels === undefined ? {} : { labels }),
    ...(properties === undefined ? {} : { properties }),
  };
}

/** @throws WeftError `invalid-request`, `invalid-name`, `invalid-value`, `payload-too-large`; definite */
export function parsePatchEdge(id: EdgeId, body: unknown, place: Place = '', extra?: ReadonlySet<string>): PatchEdge {
  const fields = fieldsOf(body, extra ?? EDGE_PATCH_FIELDS, place);
  checkSameId(fields.id, id, place);
  return { op: 'patchEdge', id, properties: propertyChanges(fields, place) ?? {} };
}

function labelChange(value: unknown, path: string): LabelChange {
  if (Array.isArray(value)) return { kind: 'replace', labels: namesField('label', value, path) };
  const change = fieldsOf(value, LABEL_CHANGE_FIELDS, path);
  return {
    kind: 'change',
    add: namesField('label', change.add, pathOf(path, 'add')),
    remove: namesField('label', change.remove, pathOf(path, 'remove')),
  };
}

function propertyChanges(fields: Fields, place: Place): PropertyChanges | undefined {
  if (fields.properties === undefined) return undefined;
  const path = pathOf(place, 'properties');
  const wanted = objectOf(fields.properties, path);
  const changes: { [name: string]: PropertyChange } = {};
  let count = 0;
  for (const name of Object.keys(wanted)) {
    checkName('property name', name);
    checkPropertyCount(++count, path);
    setOwn(changes, name, propertyChange(wanted[name], name, pathOf(path, name)));
  }
  return changes;
}

function propertyChange(wire: unknown, name: string, path: string): PropertyChange {
  if (wire === null) return { kind: 'remove' };
  const text = textOf(wire, path);
  if (text !== undefined) return { kind: 'text', text: decodeValue(text, name) as string };
  switch (operatorOf(wire, path)) {
    case 'increment':
      return increment(wire as Increment, name, path);
    case 'members': {
      const { $add, $remove } = wire as { $add?: unknown; $remove?: unknown };
      return {
        kind: 'members',
        add: members($add, name, pathOf(path, '$add')),
        remove: members($remove, name, pathOf(path, '$remove')),
      };
    }
    default:
      return { kind: 'set', value: propertyValue(wire, name) };
  }
}

function operatorOf(wire: unknown, path: string): 'increment' | 'members' | undefined {
  if (typeof wire !== 'object' || wire === null || Array.isArray(wire)) return undefined;
  if (wire instanceof Float || wire instanceof Uint8Array) return undefined;
  const keys = Object.keys(wire);
  if (keys.includes('$inc') && keys.every((key) => INCREMENT_KEYS.includes(key))) return 'increment';
  if (keys.length > 0 && keys.every((key) => MEMBERS_KEYS.includes(key))) return 'members';
  const isMeant = keys.some((key) => key === '$inc' || MEMBERS_KEYS.includes(key));
  if (!isMeant || !keys.every((key) => key.startsWith('$'))) return undefined;
  // Taken for a value, a slip of the fingers would replace the counter or the set.
  throw invalidField(
    path,
    `takes \`$inc\` (with \`$min\`, \`$max\`), or \`$add\` and \`$remove\`, not ${keys.join(', ')}; ${AS_VALUE}`,
  );
}

const AS_VALUE = 'to store such a map write {"$type": "Map", "_value": {...}}';
const MEMBERS_KEYS: readonly string[] = ['$add', '$remove'];
const INCREMENT_KEYS: readonly string[] = ['$inc', '$min', '$max'];

interface Increment {
  readonly $inc: unknown;
  readonly $min?: unknown;
  readonly $max?: unknown;
}

function increment({ $inc, $min, $max }: Increment, name: string, path: string): PropertyChange {
  const numberOf = (key: string, wire: unknown): number | bigint | Float => {
    const value = decodeValue(wire, name);
    if (isNumber(value)) return value;
    throw invalidField(pathOf(path, key), `must be a number, not ${kindOf(wire)}`);
  };
  return {
    kind: 'increment',
    by: numberOf('$inc', $inc),
    ...($min !== undefined && { min: numberOf('$min', $min) }),
    ...($max !== undefined && { max: numberOf('$max', $max) }),
  };
}

function members(wire: unknown, name: string, path: string): readonly Value[] {
  if (wire === undefined) return [];
  if (!Array.isArray(wire)) throw invalidField(path, `must be a list, not ${kindOf(wire)}`);
  return propertyValue(wire, name) as readonly Value[];
}
