/** Bodies of queries: a statement, or a list of statements that run as one transaction. */
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { setOwn } from '../base/record.ts';
import { decodeValue } from '../graph/json-values.ts';
import { Point, type Temporal, type Value } from '../graph/value.ts';
import type { QueryStatement } from '../src/engine-port.ts';
import { type Fields, fieldsOf, invalidField, kindOf, objectOf, textField } from './parse-fields.ts';
import { checkPoint } from './property-value.ts';

const SHARED_FIELDS = ['bookmarks', 'accessMode', 'timeoutMs', 'maxRows'] as const;
/** The Neo4j Query API's name for a timeout, in seconds. */
const SECONDS_FIELD = 'maxExecutionTime';
const IMPERSONATION_FIELD = 'impersonatedUser';
/** Of the Neo4j Query API, accepted and without effect here. */
const IGNORED_FIELDS = ['includeCounters', 'txType', 'txMetadata'] as const;
const ONE_FIELDS: ReadonlySet<string> = new Set([
  'statement',
  'parameters',
  SECONDS_FIELD,
  IMPERSONATION_FIELD,
  ...SHARED_FIELDS,
  ...IGNORED_FIELDS,
]);
const MANY_FIELDS: ReadonlySet<string> = new Set(['statements', ...SHARED_FIELDS]);
const STATEMENT_FIELDS: ReadonlySet<string> = new Set(['statement', 'parameters']);
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

export interface QueryRequest {
  readonly statements: readonly QueryStatement[];
  /** Whether they came as a list, and are answered as one. */
  readonly isList: boolean;
  readonly bookmarks: readonly string[];
  readonly accessMode: 'read' | 'write';
  readonly timeoutMs: number | undefined;
  readonly rowsMax: number | undefined;
}

/** @throws WeftError `invalid-request`, `invalid-value`; definite */
export function parseQueryRequest(body: unknown): QueryRequest {
  const isList = typeof body === 'object' && body !== null && Object.hasOwn(body, 'statements');
  const fields = fieldsOf(body, isList ? MANY_FIELDS : ONE_FIELDS, '');
  if (!isList && (fields[IMPERSONATION_FIELD] ?? null) !== null) {
    throw invalidField(IMPERSONATION_FIELD, 'is not offered: who asks is told by the token');
  }
  const seconds = isList ? undefined : countField(fields, SECONDS_FIELD, Math.floor(TIMEOUT_MS_MAX / 1000));
  return {
    statements: isList ? statementList(fields.statements) : [statementOf(fields, '')],
    isList,
    bookmarks: bookmarkList(fields.bookmarks),
    accessMode: accessModeOf(fields.accessMode),
    timeoutMs: countField(fields, 'timeoutMs', TIMEOUT_MS_MAX) ?? (seconds === undefined ? undefined : seconds * 1000),
    rowsMax: countField(fields, 'maxRows', Number.MAX_SAFE_INTEGER),
  };
}

function statementList(tree: unknown): QueryStatement[] {
  if (!Array.isArray(tree)) throw invalidField('statements', `must be a list, not ${kindOf(tree)}`);
  if (tree.length === 0 || tree.length > LIMITS.batchOperationsMax) {
    throw invalidField('statements', `must hold 1 to ${LIMITS.batchOperationsMax} statements`);
  }
  return tree.map((each, i) => {
    const place = `statements[${i}]`;
    return statementOf(fieldsOf(each, STATEMENT_FIELDS, place), place);
  });
}

function statementOf(fields: Fields, place: string): QueryStatement {
  const text = textField(fields, 'statement', place);
  const path = place === '' ? 'parameters' : `${place}.parameters`;
  const given = fields.parameters;
  if (given === undefined || given === null) return { text, parameters: {} };
  const parameters: Record<string, Value> = {};
  for (const [name, value] of Object.entries(objectOf(given, path)))
    setOwn(parameters, name, decodeParameter(value, name));
  return { text, parameters };
}

/** Plain values, and those of typed JSON at any depth. */
function decodeParameter(tree: unknown, name: string, depth = 0): Value {
  if (depth > LIMITS.valueDepthMax) {
    throw new WeftError('payload-too-large', `\`${name}\` nests deeper than ${LIMITS.valueDepthMax} levels`);
  }
  if (typeof tree !== 'object' || tree === null || ArrayBuffer.isView(tree)) return decodeValue(tree, name);
  if (Array.isArray(tree)) return tree.map((item) => decodeParameter(item, name, depth + 1));
  const prototype = Object.getPrototypeOf(tree);
  if (prototype !== Object.prototype && prototype !== null) return decodeValue(tree, name);
  const { $type: type, _value: content } = tree as { readonly $type?: unknown; readonly _value?: unknown };
  switch (type) {
    case undefined:
      return decodeMap(tree, name, depth);
    case 'Null':
      return null;
    case 'Boolean':
      if (typeof content !== 'boolean') throw invalidField(name, 'a Boolean has true or false as `_value`');
      return content;
    case 'String':
      if (typeof content !== 'string') throw invalidField(name, 'a String has text as `_value`');
      return decodeValue(content, name);
    case 'List':
      if (!Array.isArray(content)) throw invalidField(name, 'a List has a list as `_value`');
      return content.map((item) => decodeParameter(item, name, depth + 1));
    case 'Map':
      return decodeMap(objectOf(content, name), name, depth);
    case 'OffsetDateTime':
    case 'ZonedDateTime':
      if (typeof content !== 'string') throw invalidField(name, `a ${type} has text as \`_value\``);
      return decodeValue({ $type: 'DateTime', _value: content }, name) as Temporal;
    default: {
      const value = decodeValue(tree, name);
      if (value instanceof Point) checkPoint(value, name);
      return value;
    }
  }
}

function decodeMap(tree: object, name: string, depth: number): Value {
  const map: Record<string, Value> = {};
  for (const [key, value] of Object.entries(tree)) setOwn(map, key, decodeParameter(value, name, depth + 1));
  return map;
}

function bookmarkList(tree: unknown): readonly string[] {
  if (tree === undefined || tree === null) return [];
  if (!Array.isArray(tree) || !tree.every((each) => typeof each === 'string')) {
    throw invalidField('bookmarks', 'must be a list of session tokens');
  }
  return tree as readonly string[];
}

function accessModeOf(tree: unknown): 'read' | 'write' {
  if (tree === undefined || tree === null) return 'write';
  const mode = typeof tree === 'string' ? tree.toLowerCase() : '';
  if (mode !== 'read' && mode !== 'write') throw invalidField('accessMode', 'must be `read` or `write`');
  return mode;
}

function countField(fields: Fields, name: string, max: number): number | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > max) {
    throw invalidField(name, `must be an integer from 1 to ${max}`);
  }
  return value;
}
