import { expect, it } from 'vitest';
import type { Properties, Value } from '../graph/value.ts';
import { PropertyColumns } from './property-columns.ts';

/** As the table of nodes does it. */
class Nodes {
  readonly properties: Properties[] = [];
  readonly columns = new PropertyColumns(this);
  get capacity(): number {
    return this.properties.length;
  }
  set(node: number, properties: Properties): void {
    this.properties[node] = properties;
    this.columns.forget(node);
  }
}

function nodes(count: number): Nodes {
  const made = new Nodes();
  for (let i = 0; i < count; i++) made.set(i, i % 3 === 0 ? {} : { x: i });
  return made;
}

/** Reads often enough for the column to get its array. */
function read(table: Nodes, name: string): (Value | undefined)[] {
  const column = table.columns.column(name);
  let values: (Value | undefined)[] = [];
  for (let i = 0; i < 3000; i += Math.max(1, table.capacity))
    values = table.properties.map((_, node) => column.at(node));
  return values;
}

it('property column: read over and over -> the values of the nodes, absent ones included', () => {
  const table = nodes(10);
  const expected = table.properties.map(({ x }) => x);
  expect(read(table, 'x')).toEqual(expected);
  expect(table.columns.column('x').values).toBeDefined();
  expect(read(table, 'x')).toEqual(expected);
  expect(read(table, 'constructor')).toEqual(expected.map(() => undefined));
});

it('property column: a node gets a value, loses it, is added -> what is read follows', () => {
  const table = nodes(10);
  read(table, 'x');
  table.set(0, { x: 'now' });
  table.set(1, {});
  table.set(40, { x: 7 });
  const column = table.columns.column('x');
  expect([column.at(0), column.at(1), column.at(2), column.at(40)]).toEqual(['now', undefined, 2, 7]);
});

it('property column: more properties than arrays, and dropped arrays -> a column in use stays true', () => {
  const table = nodes(10);
  const first = table.columns.column('x');
  read(table, 'x');
  for (let i = 0; i < 20; i++) read(table, `other${i}`);
  expect(first.values).toBeUndefined();
  table.set(2, { x: 22 });
  expect(first.at(2)).toBe(22);
  read(table, 'x');
  table.columns.drop();
  expect(table.columns.bytes).toBe(0);
  table.set(2, { x: 23 });
  expect(read(table, 'x')[2]).toBe(23);
});
