/** Rows of a result as an aligned table, values written as Cypher writes them. They come as typed JSON, so that all are exact. */

/** Characters of a cell beyond which it is cut. */
const CELL_CHARS_MAX = 120;

/** A value as typed JSON has it. */
export interface TypedValue {
  readonly $type: string;
  readonly _value: unknown;
}

export function resultTable(fields: readonly string[], rows: readonly (readonly TypedValue[])[]): string {
  return textTable(
    fields,
    rows.map((row) => row.map((value) => cypherText(value))),
  );
}

/** Columns as wide as their longest cell; cells that are too long are cut, and control characters are escaped. */
export function textTable(fields: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [fields, ...rows.map((row) => row.map(cut))].map((row) => row.map(harmless));
  const widths = fields.map((_, column) =>
    cells.reduce((width, row) => Math.max(width, Array.from(row[column] ?? '').length), 0),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - Array.from(cell).length)).join(' | ')} |`;
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`;
  const [header = [], ...body] = cells;
  return [rule, line(header), rule, ...body.map(line), ...(body.length > 0 ? [rule] : [])].join('\n');
}

/** Names come from whoever may write to the graph: none of them moves the cursor of the terminal. */
function harmless(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function cut(text: string): string {
  return text.length <= CELL_CHARS_MAX ? text : `${text.slice(0, CELL_CHARS_MAX - 3)}...`;
}

interface NodeForm {
  readonly _element_id: string;
  readonly _labels: readonly string[];
  readonly _properties: TypedMap;
}

interface RelationshipForm {
  readonly _start_node_element_id: string;
  readonly _type: string;
  readonly _properties: TypedMap;
}

type TypedMap = Readonly<Record<string, TypedValue>>;

export function cypherText({ $type: type, _value: value }: TypedValue): string {
  switch (type) {
    case 'Null':
      return 'null';
    case 'String':
      return JSON.stringify(value);
    case 'List':
      return `[${(value as readonly TypedValue[]).map(cypherText).join(', ')}]`;
    case 'Map':
      return mapText(value as TypedMap);
    case 'Node':
      return nodeText(value as NodeForm);
    case 'Relationship':
      return relationshipText(value as RelationshipForm);
    case 'Path':
      return pathText(value as readonly TypedValue[]);
    default:
      // Numbers with all their digits, booleans, temporal values, points, bytes.
      return String(value);
  }
}

function nodeText({ _labels: labels, _properties: properties }: NodeForm): string {
  return `(${labels.map((label) => `:${label}`).join('')}${withBlank(labels.length > 0, properties)})`;
}

function relationshipText({ _type: type, _properties: properties }: RelationshipForm): string {
  return `[:${type}${withBlank(true, properties)}]`;
}

/** Nodes and relationships alternate; each relationship points as it lies in the graph. */
function pathText(steps: readonly TypedValue[]): string {
  let text = '';
  for (let i = 0; i < steps.length; i += 2) {
    const node = (steps[i] as TypedValue)._value as NodeForm;
    text += nodeText(node);
    const next = steps[i + 1];
    if (next === undefined) break;
    const relationship = next._value as RelationshipForm;
    const isForward = relationship._start_node_element_id === node._element_id;
    text += isForward ? `-${relationshipText(relationship)}->` : `<-${relationshipText(relationship)}-`;
  }
  return text;
}

function withBlank(isBehind: boolean, properties: TypedMap): string {
  return Object.keys(properties).length === 0 ? '' : `${isBehind ? ' ' : ''}${mapText(properties)}`;
}

function mapText(map: TypedMap): string {
  return `{${Object.entries(map)
    .map(([key, value]) => `${key}: ${cypherText(value)}`)
    .join(', ')}}`;
}
