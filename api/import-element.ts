/**
 * One line of an import as an operation, in the JSON Lines form that Neo4j's APOC exports. Unknown fields are refused,
 * because what a misspelt field holds would be lost; what `start` and `end` repeat about their nodes is ignored. Labels and
 * properties are bounded by the length of the line alone: several requests may have made more than one may give, and what an
 * export says an import takes.
 */
import { WeftError } from '../base/errors.ts';
import { checkName, type EdgeId, type NodeId } from '../base/ids.ts';
import type { Operation } from '../graph/model.ts';
import { parseJson } from './json-text.ts';
import {
  contentFields,
  type ElementLimits,
  type Fields,
  invalidField,
  kindOf,
  namesField,
  objectOf,
  textField,
} from './parse-fields.ts';

const OF_LINES: ElementLimits = { labels: Number.POSITIVE_INFINITY, properties: Number.POSITIVE_INFINITY };

/** @throws WeftError that says what is wrong with the line, definite */
export function parseImportLine(line: string): Operation {
  const fields = objectOf(parseJson(line), 'line');
  switch (fields.type) {
    case 'node':
      return nodeOperation(fields);
    case 'relationship':
      return edgeOperation(fields);
    default:
      throw invalidField('type', 'must be "node" or "relationship"');
  }
}

function nodeOperation(fields: Fields): Operation {
  for (const name in fields) {
    if (name !== 'type' && name !== 'id' && name !== 'labels' && name !== 'properties')
      throw unknownField(name, 'node');
  }
  return {
    op: 'putNode',
    id: elementId('node id', fields.id, 'id') as NodeId,
    labels: namesField('label', fields.labels, 'labels', OF_LINES),
    ...contentFields(fields.properties, 'properties', OF_LINES),
  };
}

function edgeOperation(fields: Fields): Operation {
  for (const name in fields) {
    switch (name) {
      case 'type':
      case 'id':
      case 'label':
      case 'properties':
      case 'start':
      case 'end':
        break;
      default:
        throw unknownField(name, 'relationship');
    }
  }
  const type = checkName('edge type', textField(fields, 'label', ''));
  const from = elementId('node id', objectOf(fields.start, 'start').id, 'start.id') as NodeId;
  const to = elementId('node id', objectOf(fields.end, 'end').id, 'end.id') as NodeId;
  const content = contentFields(fields.properties, 'properties', OF_LINES);
  if (fields.id === undefined || fields.id === null) return { op: 'createEdge', type, from, to, ...content };
  return { op: 'putEdge', id: elementId('edge id', fields.id, 'id') as EdgeId, type, from, to, ...content };
}

function elementId(use: 'node id' | 'edge id', id: unknown, path: string): string {
  if (typeof id === 'string') return checkName(use, id);
  // Other databases export integer ids.
  if (Number.isSafeInteger(id)) return String(id);
  throw invalidField(path, id === undefined ? 'is missing' : `must be text or an integer, not ${kindOf(id)}`);
}

function unknownField(name: string, type: 'node' | 'relationship'): WeftError {
  const known = type === 'node' ? 'type, id, labels, properties' : 'type, id, label, properties, start, end';
  return new WeftError('invalid-request', `\`${name}\` is unknown; known in a ${type} are ${known}`, { field: name });
}
