/** Rows of a result as an aligned table, values written as Cypher writes them. */

/** Characters of a cell beyond which it is cut. */
const CELL_CHARS_MAX = 120;

export function resultTable(fields: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cells = [fields.map((field) => field), ...rows.map((row) => row.map((value) => cut(cypherText(value))))];
  const widths = fields.map((_, column) => Math.max(...cells.map((row) => Array.from(row[column] ?? '').length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - Array.from(cell).length)).join(' | ')} |`;
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`;
  const [header = [], ...body] = cells;
  return [rule, line(header), rule, ...body.map(line), ...(body.length > 0 ? [rule] : [])].join('\n');
}

function cut(text: string): string {
  return text.length <= CELL_CHARS_MAX ? text : `${text.slice(0, CELL_CHARS_MAX - 3)}...`;
}

interface NodeForm {
  readonly elementId: string;
  readonly labels: readonly string[];
  readonly properties: object;
}

interface RelationshipForm {
  readonly elementId: string;
  readonly type: string;
  readonly properties: object;
}

export function cypherText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(cypherText).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Object.hasOwn(value, 'elementId') && Object.hasOwn(value, 'labels')) {
    const { labels, properties } = value as NodeForm;
    return `(${labels.map((label) => `:${label}`).join('')}${withBlank(labels.length > 0, properties)})`;
  }
  if (Object.hasOwn(value, 'elementId') && Object.hasOwn(value, 'startNodeElementId')) {
    const { type, properties } = value as RelationshipForm;
    return `[:${type}${withBlank(true, properties)}]`;
  }
  return mapText(value);
}

function withBlank(isBehind: boolean, properties: object): string {
  return Object.keys(properties).length === 0 ? '' : `${isBehind ? ' ' : ''}${mapText(properties)}`;
}

function mapText(map: object): string {
  return `{${Object.entries(map)
    .map(([key, value]) => `${key}: ${cypherText(value)}`)
    .join(', ')}}`;
}
