/** Batch bodies. Every error names the operation that it concerns, by its index under `operation`. */
import { WeftError } from '../base/errors.ts';
import { edgeId, nodeId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import type { Operation } from '../graph/model.ts';
import { conditionOfFields } from './conditions.ts';
import { parseCreateEdge, parseCreateNode, parsePutNode } from './parse-elements.ts';
import { type Fields, fieldsOf, flagField, invalidField, kindOf, objectOf, pathOf, textField } from './parse-fields.ts';
import { parsePatchEdge, parsePatchNode } from './parse-patch.ts';

const BATCH_FIELDS: ReadonlySet<string> = new Set(['operations', 'bookmarks']);

const fieldSet = (...names: string[]): ReadonlySet<string> => new Set(['op', 'ifMatch', 'ifNoneMatch', 'id', ...names]);
const NODE_FIELDS = fieldSet('labels', 'properties');
const DELETE_NODE_FIELDS = fieldSet('detach');
const EDGE_FIELDS = fieldSet('type', 'from', 'to', 'properties');
const PATCH_EDGE_FIELDS = fieldSet('properties');
const DELETE_EDGE_FIELDS = fieldSet();

/** The operations that a batch may name. */
export const BATCH_OPERATIONS = [
  'createNode',
  'putNode',
  'patchNode',
  'deleteNode',
  'createEdge',
  'patchEdge',
  'deleteEdge',
] as const;

export interface Batch {
  /** In order. */
  readonly operations: readonly Operation[];
  /** Session tokens that it builds on. */
  readonly bookmarks: readonly string[];
}

/**
 * @throws WeftError as the bodies of single calls do, with the index under `operation`; definite
 */
export function parseBatch(body: unknown): Batch {
  const { operations, bookmarks } = fieldsOf(body, BATCH_FIELDS, '');
  if (!Array.isArray(operations)) throw invalidField('operations', `must be a list, not ${kindOf(operations)}`);
  if (operations.length > LIMITS.batchOperationsMax) {
    throw new WeftError(
      'payload-too-large',
      `a batch has at most ${LIMITS.batchOperationsMax} operations, not ${operations.length}; split it or import`,
      { limit: LIMITS.batchOperationsMax },
    );
  }
  const parsed: Operation[] = [];
  for (let i = 0; i < operations.length; i++) {
    try {
      parsed.push(parseOperation(operations[i], `operations[${i}]`));
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      throw new WeftError(error.code, error.message, { ...error.context, operation: i }, error);
    }
  }
  return { operations: parsed, bookmarks: bookmarksOf(bookmarks) };
}

function bookmarksOf(field: unknown): readonly string[] {
  if (field === undefined) return [];
  if (Array.isArray(field) && field.every((token) => typeof token === 'string')) return field;
  throw invalidField('bookmarks', 'must be a list of session tokens');
}

/** An operation as it stands in a batch. @throws as `parseBatch`, without an index */
export function parseOperation(tree: unknown, place: string): Operation {
  const fields = objectOf(tree, place);
  const operation = parseUnconditional(fields, place);
  const condition = conditionOfFields(fields.ifMatch, fields.ifNoneMatch, (field) => pathOf(place, field));
  return condition === undefined ? operation : { ...operation, condition };
}

function parseUnconditional(fields: Fields, place: string): Operation {
  switch (fields.op) {
    case 'createNode':
      return parseCreateNode(fields, place, NODE_FIELDS);
    case 'putNode':
      return parsePutNode(nodeId(textField(fields, 'id', place)), fields, place, NODE_FIELDS);
    case 'patchNode':
      return parsePatchNode(nodeId(textField(fields, 'id', place)), fields, place, NODE_FIELDS);
    case 'deleteNode': {
      fieldsOf(fields, DELETE_NODE_FIELDS, place);
      const detach = flagField(fields, 'detach', place);
      return { op: 'deleteNode', id: nodeId(textField(fields, 'id', place)), detach };
    }
    case 'createEdge':
      return parseCreateEdge(fields, place, EDGE_FIELDS);
    case 'patchEdge':
      return parsePatchEdge(edgeId(textField(fields, 'id', place)), fields, place, PATCH_EDGE_FIELDS);
    case 'deleteEdge':
      fieldsOf(fields, DELETE_EDGE_FIELDS, place);
      return { op: 'deleteEdge', id: edgeId(textField(fields, 'id', place)) };
    default:
      throw invalidField(pathOf(place, 'op'), `must be one of ${BATCH_OPERATIONS.join(', ')}`);
  }
}
