import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WeftError } from '../base/errors.ts';
import { replicaId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { describeProperties, describeValue } from '../graph/describe.model.ts';
import { Float } from '../graph/value.ts';
import { someText } from '../graph/values.model.ts';
import { patchOf, WIDE } from './arbitraries.model.ts';
import type { Assignments, Patch, RunningTotal } from './patch.ts';
import { clockOfPatch, decodePatch, encodePatch, encodeStamp } from './patch-codec.ts';

/** Names that could be taken for a quoted one, for a field separator or for an id made from the stamp. */
const trickyName = fc.constantFrom(
  '"',
  '"a"',
  'a\t',
  '\t',
  '~',
  'a~',
  '~~',
  '"~',
  'a"b',
  '\n',
  '[]',
  '{"l":1}',
  '\\t',
  ' ',
);
const ids = fc.oneof(WIDE.ids, trickyName);
const plainPatch = fc.oneof(...(['node', 'edge', 'stub'] as const).map((family) => patchOf(family, { ...WIDE, ids })));
/** Often with an id that ends in the stamp of the patch itself, as ids made here do. */
const anyPatch = fc
  .tuple(plainPatch, fc.option(fc.constantFrom('', '~', 'x', '7~', 's!~', '"~', '\t~', '~~', '"', '\t')))
  .map(([patch, prefix]) =>
    prefix === null ? patch : { ...patch, id: prefix + encodeStamp(patch.clock, patch.replica) },
  );

/** A text equal exactly for equal patches. */
function describePatch(patch: Patch): string {
  const { properties, more, ...plain } = patch as Patch & { properties?: never; more?: Assignments };
  return [
    JSON.stringify(Object.entries(plain).sort()),
    properties === undefined ? '' : describeProperties(properties),
    more === undefined ? '' : describeAssignments(more),
  ].join('\n');
}

function describeAssignments({ totals, members, seen, ...names }: Assignments): string {
  const total = ({ since, total }: RunningTotal) => `${since}+${describeValue(total)}`;
  return JSON.stringify([
    Object.entries(names).sort(),
    totals && Array.from(totals, ([name, entry]) => [name, total(entry)]),
    members &&
      Array.from(members, ([name, { add, remove }]) => [name, add.map(describeValue), remove.map(describeValue)]),
    seen &&
      Array.from(seen, ([name, entries]) => [name, Array.from(entries, ([writer, entry]) => [writer, total(entry)])]),
  ]);
}

/** The decoded patch, or undefined if it was refused as it must be. */
function decoded(text: string): Patch | undefined {
  try {
    return decodePatch(text);
  } catch (error) {
    if (error instanceof WeftError && error.code === 'invalid-value') return undefined;
    throw error;
  }
}

describe('patch codec', () => {
  test('any patch of any kind with any assignments: decoded -> the same patch', () => {
    fc.assert(
      fc.property(anyPatch, (patch) => {
        const text = encodePatch(patch);
        expect(describePatch(decodePatch(text))).toBe(describePatch(patch));
        expect(clockOfPatch(text)).toBe(patch.clock);
        expect(encodePatch(decodePatch(text))).toBe(text);
      }),
      { numRuns: 3000 },
    );
  });

  test('encoded patches: -> well-formed Unicode, which Yjs and UTF-8 carry unchanged', () => {
    fc.assert(
      fc.property(anyPatch, (patch) => {
        const text = encodePatch(patch);
        expect(new TextDecoder().decode(new TextEncoder().encode(text))).toBe(text);
      }),
    );
  });

  test('two patches of one kind: -> their texts sort as their stamps', () => {
    fc.assert(
      fc.property(WIDE.clocks, WIDE.replicas, WIDE.clocks, WIDE.replicas, (clockA, replicaA, clockB, replicaB) => {
        const a = encodePatch({ kind: 'node-delete', clock: clockA, replica: replicaA, id: 'n' });
        const b = encodePatch({ kind: 'node-delete', clock: clockB, replica: replicaB, id: 'n' });
        expect(a < b).toBe(clockA < clockB || (clockA === clockB && replicaA < replicaB));
      }),
    );
  });

  test('data format: one of each kind -> the text that existing logs hold', () => {
    const stamp = { clock: 5 * 4096 + 7, replica: replicaId(65), id: 'n' };
    const ends = { type: 'KNOWS', from: 'a', to: 'b' };
    const header = '------4-6----00';
    const made = `7~${header}`;
    const cases: readonly (readonly [Patch, string])[] = [
      [{ kind: 'node-create', ...stamp, labels: ['L'], properties: { a: 1 } }, 'N#n\t["L"]\t{"a":1}'],
      [{ kind: 'node-create', ...stamp, id: header, labels: [], properties: {} }, 'N#~\t[]\t{}'],
      [{ kind: 'node-update', ...stamp, properties: { a: new Float(1) } }, 'n#n\t{"a":{"$":"f","v":"1"}}'],
      [{ kind: 'node-delete', ...stamp }, 'x#n'],
      [{ kind: 'edge-create', ...stamp, ...ends, properties: {} }, 'E#n\tKNOWS\ta\tb'],
      [{ kind: 'edge-create', ...stamp, ...ends, id: made, properties: { a: 1 } }, 'E#7~\tKNOWS\ta\tb\t{"a":1}'],
      [{ kind: 'edge-update', ...stamp, id: made, properties: {} }, `e#${made}\t{}`],
      [{ kind: 'edge-delete', ...stamp, id: 'a\t~' }, 'z#"a\\t~"'],
      [{ kind: 'stub-create', ...stamp, ...ends, id: made }, 'S#7~\tKNOWS\ta\tb'],
      [{ kind: 'stub-delete', ...stamp, from: 'a~' }, 's#n\t"a~"'],
      [
        {
          kind: 'node-update',
          ...stamp,
          properties: {},
          more: {
            labelsAdded: ['A'],
            labelsRemoved: ['B'],
            propertiesRemoved: ['p'],
            totals: new Map([['c', { since: 3, total: 4 }]]),
            members: new Map([['s', { add: [1], remove: ['x'] }]]),
            seen: new Map([['p', new Map([[replicaId(9), { since: 1, total: 2 }]])]]),
          },
        },
        'n#n\t{}\t{"l":["A"],"L":["B"],"r":["p"],"c":[["c",3,4]],"m":[["s",[1],["x"]]],"s":[["p",[[9,1,2]]]]}',
      ],
    ];
    for (const [patch, short] of cases) {
      const text = short.replace('#', header);
      expect(encodePatch(patch)).toBe(text);
      expect(describePatch(decodePatch(text))).toBe(describePatch(patch));
    }
  });

  test('a patch over the limit: -> payload-too-large', () => {
    const patch: Patch = {
      kind: 'node-update',
      clock: 1,
      replica: replicaId(1),
      id: 'n',
      properties: { a: 'x'.repeat(LIMITS.patchCharsMax) },
    };
    expect(() => encodePatch(patch)).toThrow(expect.objectContaining({ code: 'payload-too-large' }));
  });
});

describe('hostile patches', () => {
  const header = '------4-6----00';

  test('any text: -> a patch or WeftError, nothing else', () => {
    const noise = fc.oneof(
      someText,
      fc
        .tuple(fc.constantFrom(...'NnxEezSs?'), fc.oneof(someText, fc.json()))
        .map(([letter, rest]) => letter + header + rest),
    );
    fc.assert(
      fc.property(noise, (text) => {
        decoded(text);
      }),
      { numRuns: 3000 },
    );
  });

  /** Names stand as they are, so damage may leave a patch of another element; it must be one that can be encoded. */
  function expectWholeOrRefused(text: string): void {
    const damaged = decoded(text);
    if (damaged !== undefined) expect(describePatch(decodePatch(encodePatch(damaged)))).toBe(describePatch(damaged));
  }

  test('a patch cut anywhere: -> refused or a whole patch; refused wherever JSON or a field was cut off', () => {
    fc.assert(
      fc.property(anyPatch, fc.nat(), (patch, at) => {
        const text = encodePatch(patch);
        const cut = text.slice(0, at % text.length);
        expectWholeOrRefused(cut);
        const fields = (of: string) => of.split('\t').length;
        if (patch.kind.endsWith('update') && fields(cut) < 2) expect(decoded(cut)).toBeUndefined();
        if (patch.kind === 'node-create' && fields(cut) < 3) expect(decoded(cut)).toBeUndefined();
        const endsInJson = patch.kind.endsWith('update') || patch.kind === 'node-create' || fields(text) > 4;
        if (fields(cut) === fields(text) && endsInJson) expect(decoded(cut)).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });

  test('a character changed anywhere: -> refused or another whole patch that encodes again', () => {
    fc.assert(
      fc.property(anyPatch, fc.nat(), fc.constantFrom(...'"[]{},:0x-$\\\u0000é'), (patch, at, character) => {
        const text = encodePatch(patch);
        const index = at % text.length;
        expectWholeOrRefused(text.slice(0, index) + character + text.slice(index + 1));
      }),
      { numRuns: 3000 },
    );
  });

  test('a field replaced by another JSON value: -> refused or a whole patch', () => {
    const other = fc.oneof(
      fc.constantFrom(null, 1, -0.5, '', 'x', true, [], {}, [[]], [null], { $: 1 }),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(anyPatch, fc.nat(), other, (patch, at, field) => {
        const text = encodePatch(patch);
        const fields = text.slice(16).split('\t');
        fields[at % fields.length] = JSON.stringify(field);
        expectWholeOrRefused(text.slice(0, 16) + fields.join('\t'));
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    ['no id', 'x', ''],
    ['an empty quoted id', 'x', '""'],
    ['a quoted id that is a number', 'x', '"1'],
    ['an id with a quote that nothing closes', 'x', '"n'],
    ['text after a quoted id', 'x', '"n"n'],
    ['a field too many for a deletion', 'x', 'n\tn'],
    ['an unknown kind', '?', 'n'],
    ['a node without labels', 'N', 'n'],
    ['labels that are text', 'N', 'n\t"L"\t{}'],
    ['labels that are no JSON', 'N', 'n\tL\t{}'],
    ['a label that is a number', 'N', 'n\t[1]\t{}'],
    ['a node without properties', 'N', 'n\t[]'],
    ['a field too many for a node', 'N', 'n\t[]\t{}\t{}\t{}'],
    ['properties that are a list', 'n', 'n\t[]'],
    ['properties that are null', 'n', 'n\tnull'],
    ['properties that are empty text', 'n', 'n\t'],
    ['a bad value', 'n', 'n\t{"a":{"$":"?"}}'],
    ['minus zero without a tag', 'n', 'n\t{"a":-0}'],
    ['an unsafe integer without a tag', 'n', 'n\t{"a":9007199254740993}'],
    ['assignments that are null', 'n', 'n\t{}\tnull'],
    ['assignments that are a list', 'n', 'n\t{}\t[]'],
    ['assignments that are text', 'n', 'n\t{}\t"l"'],
    ['assignments that are missing', 'n', 'n\t{}\t'],
    ['a field too many for an update', 'n', 'n\t{}\t{}\t{}'],
    ['added labels that are text', 'n', 'n\t{}\t{"l":"L"}'],
    ['removed names that are numbers', 'n', 'n\t{}\t{"r":[1]}'],
    ['totals that are an object', 'n', 'n\t{}\t{"c":{"a":1}}'],
    ['a total without a number', 'n', 'n\t{}\t{"c":[["a",1]]}'],
    ['a total that is text', 'n', 'n\t{}\t{"c":[["a",1,"2"]]}'],
    ['a total that is a list', 'n', 'n\t{}\t{"c":[["a",1,[2]]]}'],
    ['a total since text', 'n', 'n\t{}\t{"c":[["a","1",2]]}'],
    ['a total since a fraction', 'n', 'n\t{}\t{"c":[["a",0.5,2]]}'],
    ['a total since minus one', 'n', 'n\t{}\t{"c":[["a",-1,2]]}'],
    ['a total since more than a clock can say', 'n', 'n\t{}\t{"c":[["a",1e300,2]]}'],
    ['members without a list', 'n', 'n\t{}\t{"m":[["a",1,[]]]}'],
    ['members that are too few', 'n', 'n\t{}\t{"m":[["a",[]]]}'],
    ['a bad member', 'n', 'n\t{}\t{"m":[["a",[{"$":"?"}],[]]]}'],
    ['seen totals without a writer', 'n', 'n\t{}\t{"s":[["a",[[]]]]}'],
    ['seen totals of a writer that is text', 'n', 'n\t{}\t{"s":[["a",[["1",1,1]]]]}'],
    ['seen totals of a writer past 32 bits', 'n', 'n\t{}\t{"s":[["a",[[4294967297,1,1]]]]}'],
    ['seen totals of a writer with a fraction', 'n', 'n\t{}\t{"s":[["a",[[1.5,1,1]]]]}'],
    ['an edge without ends', 'E', 'e\tT\ta'],
    ['an edge with an empty type', 'E', 'e\t\ta\tb'],
    ['an edge with an empty quoted end', 'E', 'e\tT\t""\tb'],
    ['an edge with null for properties', 'E', 'e\tT\ta\tb\tnull'],
    ['an edge with empty text for properties', 'E', 'e\tT\ta\tb\t'],
    ['a stub without ends', 'S', 'e\tT\ta'],
    ['a field too many for a stub', 'S', 'e\tT\ta\tb\t{}'],
    ['a stub deletion without its source', 's', 'e'],
    ['a field too many for a stub deletion', 's', 'e\ta\tb'],
  ])('%s: -> refused', (_, letter, body) => {
    expect(decoded(letter + header + body)).toBeUndefined();
  });

  test.each([
    ['shorter than a header', 'x-----'],
    ['a character that is no digit', 'x------4-6-- -00n'],
    ['a character past ASCII', 'x------4-6--é-00n'],
    ['a clock past the safe integers', 'xzzzzzzzzz----00n'],
    ['a replica past 32 bits', 'x------4-6zzzzzzn'],
  ])('header: %s -> refused', (_, text) => {
    expect(decoded(text)).toBeUndefined();
  });

  test('nesting as deep as a stack: -> refused, not a stack overflow', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    for (const body of [deep, `n\t${deep}`, `n\t{"a":${deep}}`, `n\t{"a":{"$":${deep}}}`, `n\t{}\t{"c":${deep}}`]) {
      expect(decoded(`n${header}${body}`)).toBeUndefined();
    }
  });

  test('properties named as members of Object.prototype: -> own properties, no prototype changes', () => {
    const patch = decodePatch(`n${header}n\t{"__proto__":{"polluted":1},"constructor":[{"__proto__":2}]}`);
    const properties = (patch as { properties: object }).properties;
    expect(Object.keys(properties)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(properties)).toBe(Object.prototype);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});
