import './all-parts.ts';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Float, float, type Properties, type Value } from '../graph/value.ts';
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

const COUNT = 12;
type Step = { readonly node: number; readonly value: Value | undefined; readonly reads: readonly number[] };
const stepOf = (values: fc.Arbitrary<Value | undefined>): fc.Arbitrary<Step> =>
  fc.record({ node: fc.nat(COUNT + 3), value: values, reads: fc.array(fc.nat(COUNT - 1), { maxLength: 5 }) });
const integer = fc.integer({ min: -3, max: 3 });
const fraction = integer.map((value) => float(value / 2));
const text = fc.constantFrom('', 'a', 'b', '\u0000');
const other = fc.constantFrom<Value | undefined>(undefined, true, 2n ** 60n, [1], Number.NaN);
/** One kind of number most of the time, so that there is something to pack. */
const valuesOf = fc.constantFrom(
  fc.oneof({ weight: 3, arbitrary: integer }, text, other),
  fc.oneof({ weight: 3, arbitrary: fraction }, text, other),
  fc.oneof(integer, fraction, text, other),
);

it('property column: packed numbers and texts after any changes and reads -> what the nodes have, or "ask"', () => {
  let packed = 0;
  fc.assert(
    fc.property(
      valuesOf.chain((values) =>
        fc.tuple(fc.array(values, { minLength: COUNT, maxLength: COUNT }), fc.array(stepOf(values))),
      ),
      ([first, steps]) => {
        const table = new Nodes();
        const set = (node: number, x: Value | undefined) => table.set(node, x === undefined ? {} : { x });
        for (const [node, x] of first.entries()) set(node, x);
        read(table, 'x');
        const column = table.columns.column('x');
        for (const { node, value, reads } of steps) {
          set(Math.min(node, table.capacity), value);
          for (const each of reads) column.at(each);
          const [numbers, texts] = [column.numbers(), column.texts()];
          const kinds = new Set<string>();
          for (let i = 0; i < table.capacity; i++) {
            const x = table.properties[i]?.x;
            const size = typeof x === 'number' ? x : x instanceof Float ? x.value : Number.NaN;
            const held = numbers?.values[i] as number;
            if (numbers !== undefined && !Number.isNaN(held)) {
              expect(held).toBe(size);
              expect(numbers.greatest).toBeGreaterThanOrEqual(Math.abs(size));
              kinds.add(Number.isInteger(x) ? 'integer' : 'float');
              packed++;
            }
            const code = texts?.codes[i] as number;
            if (texts !== undefined && !Number.isNaN(code))
              expect([texts.texts[code], code]).toEqual([x, texts.codeOf(x as string)]);
          }
          for (const kind of kinds) expect([kind, 'mixed']).toContain(numbers?.kind);
          for (let i = 0; i < table.capacity; i++) {
            column.at(i);
            const x = table.properties[i]?.x;
            if (typeof x === 'number' && !Number.isNaN(x)) expect(column.numbers()?.values[i]).toBe(x);
            if (texts !== undefined && typeof x === 'string') expect(column.texts()?.codes[i]).toBe(texts.codeOf(x));
          }
        }
      },
    ),
    { numRuns: 500 },
  );
  expect(packed).toBeGreaterThan(1000);
});

it('property column: too many different texts -> no codes, and the texts as they are', () => {
  const table = new Nodes();
  for (let i = 0; i < 70_000; i++) table.set(i, { x: `text ${i}` });
  for (let i = 0; i < 2; i++) read(table, 'x');
  const column = table.columns.column('x');
  expect(column.texts()).toBeUndefined();
  expect(column.at(69_999)).toBe('text 69999');
});
