/** Bodies that create or replace a node or an edge, as operations. */
import { checkName, type EdgeId, edgeId, type NodeId, nodeId } from '../base/ids.ts';
import type { Operation } from '../graph/model.ts';
import { contentFields, fieldsOf, invalidField, namesField, type Place, pathOf, textField } from './parse-fields.ts';

export type CreateNode = Extract<Operation, { op: 'createNode' }>;
export type PutNode = Extract<Operation, { op: 'putNode' }>;
export type CreateEdge = Extract<Operation, { op: 'createEdge' }>;

const NODE_FIELDS: ReadonlySet<string> = new Set(['id', 'labels', 'properties']);
const EDGE_FIELDS: ReadonlySet<string> = new Set(['id', 'type', 'from', 'to', 'properties']);

/** @throws WeftError `invalid-request`, `invalid-name`, `invalid-value`, `payload-too-large`; definite */
export function parseCreateNode(body: unknown, place: Place = '', extra?: ReadonlySet<string>): CreateNode {
  const fields = fieldsOf(body, extra ?? NODE_FIELDS, place);
  const id = isAbsent(fields.id) ? undefined : nodeId(textField(fields, 'id', place));
  const labels = namesField('label', fields.labels, pathOf(place, 'labels'));
  const content = contentFields(fields.properties, pathOf(place, 'properties'));
  return id === undefined ? { op: 'createNode', labels, ...content } : { op: 'createNode', id, labels, ...content };
}

/** The body of a PUT; it may repeat the id of the path, so that an answer can be sent back. */
export function parsePutNode(id: NodeId, body: unknown, place: Place = '', extra?: ReadonlySet<string>): PutNode {
  const fields = fieldsOf(body, extra ?? NODE_FIELDS, place);
  checkSameId(fields.id, id, place);
  return {
    op: 'putNode',
    id,
    labels: namesField('label', fields.labels, pathOf(place, 'labels')),
    ...contentFields(fields.properties, pathOf(place, 'properties')),
  };
}

export function checkSameId(inBody: unknown, id: NodeId | EdgeId, place: Place): void {
  if (inBody === undefined || inBody === id) return;
  throw invalidField(pathOf(place, 'id'), 'differs from the id in the path');
}

/** @throws WeftError `invalid-request`, `invalid-name`, `invalid-value`, `payload-too-large`; definite */
export function parseCreateEdge(body: unknown, place: Place = '', extra?: ReadonlySet<string>): CreateEdge {
  const fields = fieldsOf(body, extra ?? EDGE_FIELDS, place);
  const id = isAbsent(fields.id) ? undefined : edgeId(textField(fields, 'id', place));
  const type = checkName('edge type', textField(fields, 'type', place));
  const from = nodeId(textField(fields, 'from', place));
  const to = nodeId(textField(fields, 'to', place));
  const content = contentFields(fields.properties, pathOf(place, 'properties'));
  return id === undefined
    ? { op: 'createEdge', type, from, to, ...content }
    : { op: 'createEdge', id, type, from, to, ...content };
}

function isAbsent(field: unknown): boolean {
  return field === undefined || field === null;
}
