/** What functions take and give, as far as it is known before anything runs. Others take and give anything. */
import { ANY, BOOLEAN, EDGE, FLOAT, INTEGER, listOf, MAP, NODE, STRING, type StaticType } from './static-type.ts';

/** Kinds of the first argument, for functions where another one is an error that can be told at once. */
export const FIRST_ARGUMENT: Readonly<Record<string, readonly StaticType['kind'][]>> = {
  type: ['edge'],
  startnode: ['edge'],
  endnode: ['edge'],
  labels: ['node'],
  id: ['node', 'edge'],
  elementid: ['node', 'edge'],
  nodes: ['path'],
  relationships: ['path'],
  length: ['path', 'list', 'string'],
  size: ['list', 'string'],
  properties: ['node', 'edge', 'map'],
  keys: ['node', 'edge', 'map'],
};

const RESULTS: Readonly<Record<string, StaticType>> = {
  count: INTEGER,
  size: INTEGER,
  length: INTEGER,
  sign: INTEGER,
  tointeger: INTEGER,
  tofloat: FLOAT,
  toboolean: BOOLEAN,
  tostring: STRING,
  toupper: STRING,
  tolower: STRING,
  trim: STRING,
  substring: STRING,
  replace: STRING,
  type: STRING,
  labels: listOf(STRING),
  keys: listOf(STRING),
  split: listOf(STRING),
  range: listOf(INTEGER),
  nodes: listOf(NODE),
  relationships: listOf(EDGE),
  startnode: NODE,
  endnode: NODE,
  properties: MAP,
  exists: BOOLEAN,
  isempty: BOOLEAN,
  sqrt: FLOAT,
  ceil: FLOAT,
  floor: FLOAT,
  rand: FLOAT,
};

export function resultType(name: string, args: readonly StaticType[]): StaticType {
  const [first = ANY] = args;
  switch (name) {
    case 'collect':
      return listOf(first);
    case 'head':
    case 'last':
      return first.item ?? ANY;
    case 'tail':
    case 'reverse':
    case 'min':
    case 'max':
      return first;
    default:
      return RESULTS[name] ?? ANY;
  }
}
