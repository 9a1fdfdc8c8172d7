/** Rows as a table. Only so many become a part of the page at once; the rest comes when asked for. */
import type { Row, RowValue } from '../client/result-rows.ts';
import { button, element, replace } from './element.ts';
import { isNode, isRelationship, prettyJson, shortText } from './value-text.ts';

const ROWS_AT_ONCE = 200;

export function resultTable(fields: readonly string[], rows: readonly Row[]): HTMLElement {
  const body = element('tbody');
  const more = element('div', { class: 'table-more' });
  let shown = 0;
  const showMore = (): void => {
    const next = rows.slice(shown, shown + ROWS_AT_ONCE);
    body.append(...next.map((row, i) => rowElement(fields, row, shown + i)));
    shown += next.length;
    replace(
      more,
      shown < rows.length &&
        button(`Show ${Math.min(ROWS_AT_ONCE, rows.length - shown)} more of ${rows.length}`, showMore),
    );
  };
  showMore();
  const head = element(
    'tr',
    {},
    element('th', { scope: 'col', class: 'nth' }, '#'),
    fields.map((field) => element('th', { scope: 'col' }, field)),
  );
  return element(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Rows' },
    element('table', { class: 'rows' }, element('thead', {}, head), body),
    more,
  );
}

function rowElement(fields: readonly string[], row: Row, index: number): HTMLElement {
  return element(
    'tr',
    {},
    element('td', { class: 'nth' }, index + 1),
    fields.map((field) => cell(row[field])),
  );
}

function cell(value: RowValue | undefined): HTMLElement {
  if (value === null || value === undefined) return element('td', { class: 'null' }, 'null');
  if (isNode(value))
    return element('td', {}, elementLink('node', value.id, shortText(value)), propertiesOf(value.properties));
  if (isRelationship(value))
    return element('td', {}, elementLink('edge', value.id, shortText(value)), propertiesOf(value.properties));
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  return element('td', isNumber ? { class: 'number' } : {}, shortText(value));
}

function propertiesOf(properties: { readonly [name: string]: RowValue }): HTMLElement | null {
  const names = Object.keys(properties);
  if (names.length === 0) return null;
  return element(
    'span',
    { class: 'muted' },
    ' ',
    names.map((name) => `${name}: ${shortText(properties[name])}`).join(' · '),
  );
}

export function elementLink(kind: 'node' | 'edge', id: string, text: string): HTMLElement {
  return element('a', { href: `#/element/${kind}/${encodeURIComponent(id)}` }, text);
}

/** Rows as JSON, as many as a person may want to read. */
export function resultJson(rows: readonly Row[]): HTMLElement {
  const text = prettyJson(rows.slice(0, ROWS_AT_ONCE) as unknown as RowValue);
  return element(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'JSON' },
    rows.length > ROWS_AT_ONCE &&
      element('p', { class: 'muted pad' }, `The first ${ROWS_AT_ONCE} of ${rows.length} rows.`),
    element('pre', { class: 'pad' }, text),
  );
}
