/** Values of results as text: short in a table, whole as JSON, and which of them are elements of the graph. */
import type { ResultNode, ResultPath, ResultRelationship, Row, RowValue } from '../client/result-rows.ts';
import { printValue } from '../graph/json-values.ts';
import { Point, Temporal, type Value } from '../graph/value.ts';

const hasOnly = (value: object, ...keys: string[]): boolean =>
  Object.keys(value).length === keys.length && keys.every((key) => Object.hasOwn(value, key));

const isPlain = (value: unknown): value is { readonly [key: string]: RowValue } =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** A map of the same form as a node is taken for one: the rows do not tell them apart. */
export const isNode = (value: unknown): value is ResultNode =>
  isPlain(value) && hasOnly(value, 'id', 'labels', 'properties');
export const isRelationship = (value: unknown): value is ResultRelationship =>
  isPlain(value) && hasOnly(value, 'id', 'type', 'from', 'to', 'properties');
export const isPath = (value: unknown): value is ResultPath =>
  isPlain(value) && hasOnly(value, 'nodes', 'relationships');

export interface Elements {
  readonly nodes: ReadonlyMap<string, ResultNode>;
  readonly edges: ReadonlyMap<string, ResultRelationship>;
}

/** All nodes and relationships that stand anywhere in the rows. */
export function elementsOf(rows: readonly Row[]): Elements {
  const nodes = new Map<string, ResultNode>();
  const edges = new Map<string, ResultRelationship>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) value.forEach(visit);
    else if (isNode(value)) nodes.set(value.id, value);
    else if (isRelationship(value)) edges.set(value.id, value);
    else if (isPlain(value)) Object.values(value).forEach(visit);
  };
  for (const row of rows) visit(Object.values(row));
  return { nodes, edges };
}

/** One line that a person reads. */
export function shortText(value: RowValue | undefined): string {
  if (value === undefined || value === null) return 'null';
  if (typeof value === 'string') return value;
  if (value instanceof Temporal) return value.text;
  if (value instanceof Point) return `point(${value.coordinates.join(', ')})`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return `[${value.map(shortText).join(', ')}]`;
  if (isNode(value)) return `(${value.labels.map((label) => `:${label}`).join('')} ${captionOf(value)})`;
  if (isRelationship(value)) return `[:${value.type}]`;
  if (isPath(value)) return value.nodes.map((node) => captionOf(node)).join(' → ');
  if (isPlain(value))
    return `{${Object.entries(value)
      .map(([key, member]) => `${key}: ${shortText(member)}`)
      .join(', ')}}`;
  return printValue(value as Value);
}

const CAPTIONS = ['name', 'title', 'label', 'caption'];

/** What a node is called in a picture. */
export function captionOf({ id, properties }: ResultNode, property?: string): string {
  const chosen = property === undefined ? CAPTIONS.find((name) => properties[name] !== undefined) : property;
  const caption = chosen === undefined || chosen === '' ? undefined : properties[chosen];
  return caption === undefined || caption === null ? id : shortText(caption);
}

/** Pretty JSON. Integers keep all of their digits, and floats their point. */
export function prettyJson(value: RowValue, indent = ''): string {
  const inner = `${indent}  `;
  const wrap = (open: string, parts: readonly string[], close: string): string =>
    parts.length === 0 ? open + close : `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${indent}${close}`;
  if (Array.isArray(value)) {
    const flat = value.every((member) => typeof member !== 'object' || member === null);
    if (flat) return `[${value.map((member) => printValue(member as Value)).join(', ')}]`;
    return wrap(
      '[',
      value.map((member) => prettyJson(member as RowValue, inner)),
      ']',
    );
  }
  if (!isPlain(value)) return printValue(value as Value);
  return wrap(
    '{',
    Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${prettyJson(member, inner)}`),
    '}',
  );
}
