/** What is known of the type of a value before anything runs. `any` says nothing. */
import { Float } from '../../graph/value.ts';

export interface StaticType {
  readonly kind:
    | 'any'
    | 'null'
    | 'boolean'
    | 'integer'
    | 'float'
    | 'string'
    | 'list'
    | 'map'
    | 'node'
    | 'edge'
    | 'path';
  /** Of a list. */
  readonly item?: StaticType;
}

export const ANY: StaticType = { kind: 'any' };
export const NULL: StaticType = { kind: 'null' };
export const BOOLEAN: StaticType = { kind: 'boolean' };
export const INTEGER: StaticType = { kind: 'integer' };
export const FLOAT: StaticType = { kind: 'float' };
export const STRING: StaticType = { kind: 'string' };
export const MAP: StaticType = { kind: 'map' };
export const NODE: StaticType = { kind: 'node' };
export const EDGE: StaticType = { kind: 'edge' };
export const PATH: StaticType = { kind: 'path' };

export function listOf(item: StaticType): StaticType {
  return { kind: 'list', item };
}

export function typeOfLiteral(value: null | boolean | number | bigint | Float | string): StaticType {
  if (value === null) return NULL;
  if (typeof value === 'boolean') return BOOLEAN;
  if (typeof value === 'string') return STRING;
  if (value instanceof Float) return FLOAT;
  return typeof value === 'bigint' || Number.isInteger(value) ? INTEGER : FLOAT;
}

/** Whether a value of the type may be one of a kind. */
export function maybe(type: StaticType, ...kinds: readonly StaticType['kind'][]): boolean {
  return type.kind === 'any' || type.kind === 'null' || kinds.includes(type.kind);
}

/** The type that all of them have. */
export function common(types: readonly StaticType[]): StaticType {
  const known = types.filter(({ kind }) => kind !== 'null');
  const [first] = known;
  if (first === undefined) return types.length === 0 ? ANY : NULL;
  return known.every(({ kind }) => kind === first.kind) && first.kind !== 'list' ? first : commonLists(known);
}

function commonLists(types: readonly StaticType[]): StaticType {
  if (!types.every(({ kind }) => kind === 'list')) return ANY;
  return listOf(common(types.map(({ item }) => item ?? ANY)));
}
