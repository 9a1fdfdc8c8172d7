/** Query results from their typed JSON, in which every value says what it is. */
import { WeftError } from '../base/errors.ts';
import { setOwn } from '../base/record.ts';
import { decodeTyped } from '../graph/typed-values.ts';
import { Float, type Value } from '../graph/value.ts';

export interface ResultNode {
  readonly id: string;
  readonly labels: readonly string[];
  readonly properties: { readonly [name: string]: RowValue };
}

export interface ResultRelationship {
  readonly id: string;
  readonly type: string;
  readonly from: string;
  readonly to: string;
  readonly properties: { readonly [name: string]: RowValue };
}

export interface ResultPath {
  readonly nodes: readonly ResultNode[];
  readonly relationships: readonly ResultRelationship[];
}

/** What a row can hold: values of properties, elements, and lists and maps of all of these. */
export type RowValue =
  | Value
  | ResultNode
  | ResultRelationship
  | ResultPath
  | readonly RowValue[]
  | { readonly [key: string]: RowValue };

/** A row by the names of its columns. */
export type Row = { readonly [field: string]: RowValue };

export interface Numbers {
  /** True gives floats with an integral value, such as 2.0, as `Float`; false gives them as numbers. */
  readonly exact: boolean;
}

interface Form {
  readonly $type: string;
  readonly _value: unknown;
}

export function rowOf<R extends Row>(fields: readonly string[], values: readonly unknown[], numbers: Numbers): R {
  const row: { [field: string]: RowValue } = {};
  fields.forEach((field, i) => {
    setOwn(row, field, decodeResult(values[i], numbers));
  });
  return row as R;
}

/** @throws WeftError `internal` if this is no typed JSON */
function decodeResult(form: unknown, numbers: Numbers): RowValue {
  const { $type: type, _value: content } = (form ?? {}) as Form;
  switch (type) {
    case 'Null':
      return null;
    case 'Boolean':
    case 'String':
      return content as boolean | string;
    case 'List':
      return (content as readonly unknown[]).map((member) => decodeResult(member, numbers));
    case 'Map':
      return decodeMap(content as object, numbers);
    case 'Node': {
      const { _element_id: id, _labels: labels, _properties: properties } = content as TypedNode;
      return { id, labels, properties: decodeMap(properties, numbers) };
    }
    case 'Relationship': {
      const of = content as TypedRelationship;
      const [from, to] = [of._start_node_element_id, of._end_node_element_id];
      return { id: of._element_id, type: of._type, from, to, properties: decodeMap(of._properties, numbers) };
    }
    case 'Path': {
      const steps = (content as readonly unknown[]).map((step) => decodeResult(step, numbers));
      return {
        nodes: steps.filter((_, i) => i % 2 === 0) as ResultNode[],
        relationships: steps.filter((_, i) => i % 2 === 1) as ResultRelationship[],
      };
    }
    case 'ZonedDateTime':
    case 'OffsetDateTime':
      return decodeTyped({ $type: 'DateTime', _value: content }, type, noMap);
    case undefined:
      throw new WeftError('internal', 'the answer holds a value without a type');
    default:
      return withNumbers(decodeTyped(form as object, type, noMap), numbers);
  }
}

interface TypedNode {
  readonly _element_id: string;
  readonly _labels: readonly string[];
  readonly _properties: object;
}
interface TypedRelationship {
  readonly _element_id: string;
  readonly _start_node_element_id: string;
  readonly _end_node_element_id: string;
  readonly _type: string;
  readonly _properties: object;
}

function noMap(): never {
  throw new WeftError('internal', 'a map is a list of typed values');
}

function decodeMap(map: object, numbers: Numbers): { readonly [key: string]: RowValue } {
  const decoded: { [key: string]: RowValue } = {};
  for (const [key, member] of Object.entries(map)) setOwn(decoded, key, decodeResult(member, numbers));
  return decoded;
}

/** A value as the application wants its numbers. */
export function withNumbers(value: Value, numbers: Numbers): Value {
  if (numbers.exact || typeof value !== 'object' || value === null) return value;
  if (value instanceof Float) return value.value;
  if (Array.isArray(value)) return value.map((member: Value) => withNumbers(member, numbers));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  const map: { [key: string]: Value } = {};
  for (const [key, member] of Object.entries(value as { readonly [key: string]: Value })) {
    setOwn(map, key, withNumbers(member, numbers));
  }
  return map;
}
