import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WeftError } from '../base/errors.ts';
import { replicaId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import { Float } from '../graph/value.ts';
import { patchOf, someText, WIDE } from './arbitraries.model.ts';
import { describeProperties, describeValue } from './graph.model.ts';
import type { Assignments, Patch, RunningTotal } from './patch.ts';
import { clockOfPatch, decodePatch, encodePatch } from './patch-codec.ts';

const anyPatch = fc.oneof(patchOf('node', WIDE), patchOf('edge', WIDE), patchOf('stub', WIDE));

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
    const cases: readonly (readonly [Patch, string])[] = [
      [{ kind: 'node-create', ...stamp, labels: ['L'], properties: { a: 1 } }, 'N------4-6----00["n",["L"],{"a":1}]'],
      [
        { kind: 'node-update', ...stamp, properties: { a: new Float(1) } },
        'n------4-6----00["n",{"a":{"$":"f","v":"1"}}]',
      ],
      [{ kind: 'node-delete', ...stamp }, 'x------4-6----00["n"]'],
      [{ kind: 'edge-create', ...stamp, ...ends, properties: {} }, 'E------4-6----00["n","KNOWS","a","b"]'],
      [
        { kind: 'edge-create', ...stamp, ...ends, properties: { a: 1 } },
        'E------4-6----00["n","KNOWS","a","b",{"a":1}]',
      ],
      [{ kind: 'edge-update', ...stamp, properties: {} }, 'e------4-6----00["n",{}]'],
      [{ kind: 'edge-delete', ...stamp }, 'z------4-6----00["n"]'],
      [{ kind: 'stub-create', ...stamp, ...ends }, 'S------4-6----00["n","KNOWS","a","b"]'],
      [{ kind: 'stub-delete', ...stamp, from: 'a' }, 's------4-6----00["n","a"]'],
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
        'n------4-6----00["n",{},{"l":["A"],"L":["B"],"r":["p"],"c":[["c",3,4]],"m":[["s",[1],["x"]]],"s":[["p",[[9,1,2]]]]}]',
      ],
    ];
    for (const [patch, text] of cases) {
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

  test('a patch cut anywhere: -> refused', () => {
    fc.assert(
      fc.property(anyPatch, fc.nat(), (patch, at) => {
        const text = encodePatch(patch);
        expect(decoded(text.slice(0, at % text.length))).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });

  test('a character changed anywhere: -> refused or another whole patch that encodes again', () => {
    fc.assert(
      fc.property(anyPatch, fc.nat(), fc.constantFrom(...'"[]{},:0x-$\\\u0000é'), (patch, at, character) => {
        const text = encodePatch(patch);
        const index = at % text.length;
        const damaged = decoded(text.slice(0, index) + character + text.slice(index + 1));
        if (damaged === undefined) return;
        expect(describePatch(decodePatch(encodePatch(damaged)))).toBe(describePatch(damaged));
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
        const fields = JSON.parse(text.slice(16)) as unknown[];
        fields[at % fields.length] = field;
        const damaged = decoded(text.slice(0, 16) + JSON.stringify(fields));
        if (damaged === undefined) return;
        expect(describePatch(decodePatch(encodePatch(damaged)))).toBe(describePatch(damaged));
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    ['no body', 'x', ''],
    ['a body that is an object', 'x', '{"0":"n"}'],
    ['a body that is text', 'x', '"n"'],
    ['no id', 'x', '[]'],
    ['an empty id', 'x', '[""]'],
    ['an id that is a number', 'x', '[1]'],
    ['text after the body', 'x', '["n"]["n"]'],
    ['an unknown kind', '?', '["n"]'],
    ['a node without labels', 'N', '["n"]'],
    ['labels that are text', 'N', '["n","L",{}]'],
    ['a label that is a number', 'N', '["n",[1],{}]'],
    ['a node without properties', 'N', '["n",[]]'],
    ['properties that are a list', 'n', '["n",[]]'],
    ['properties that are null', 'n', '["n",null]'],
    ['a bad value', 'n', '["n",{"a":{"$":"?"}}]'],
    ['minus zero without a tag', 'n', '["n",{"a":-0}]'],
    ['an unsafe integer without a tag', 'n', '["n",{"a":9007199254740993}]'],
    ['assignments that are null', 'n', '["n",{},null]'],
    ['assignments that are a list', 'n', '["n",{},[]]'],
    ['assignments that are text', 'n', '["n",{},"l"]'],
    ['added labels that are text', 'n', '["n",{},{"l":"L"}]'],
    ['removed names that are numbers', 'n', '["n",{},{"r":[1]}]'],
    ['totals that are an object', 'n', '["n",{},{"c":{"a":1}}]'],
    ['a total without a number', 'n', '["n",{},{"c":[["a",1]]}]'],
    ['a total that is text', 'n', '["n",{},{"c":[["a",1,"2"]]}]'],
    ['a total that is a list', 'n', '["n",{},{"c":[["a",1,[2]]]}]'],
    ['a total since text', 'n', '["n",{},{"c":[["a","1",2]]}]'],
    ['a total since a fraction', 'n', '["n",{},{"c":[["a",0.5,2]]}]'],
    ['a total since minus one', 'n', '["n",{},{"c":[["a",-1,2]]}]'],
    ['a total since more than a clock can say', 'n', '["n",{},{"c":[["a",1e300,2]]}]'],
    ['members without a list', 'n', '["n",{},{"m":[["a",1,[]]]}]'],
    ['members that are too few', 'n', '["n",{},{"m":[["a",[]]]}]'],
    ['a bad member', 'n', '["n",{},{"m":[["a",[{"$":"?"}],[]]]}]'],
    ['seen totals without a writer', 'n', '["n",{},{"s":[["a",[[]]]]}]'],
    ['seen totals of a writer that is text', 'n', '["n",{},{"s":[["a",[["1",1,1]]]]}]'],
    ['seen totals of a writer past 32 bits', 'n', '["n",{},{"s":[["a",[[4294967297,1,1]]]]}]'],
    ['seen totals of a writer with a fraction', 'n', '["n",{},{"s":[["a",[[1.5,1,1]]]]}]'],
    ['an edge without ends', 'E', '["e","T"]'],
    ['an edge with an empty type', 'E', '["e","","a","b"]'],
    ['an edge with a numeric end', 'E', '["e","T",1,"b"]'],
    ['an edge with null for properties', 'E', '["e","T","a","b",null]'],
    ['a stub without ends', 'S', '["e","T","a"]'],
    ['a stub deletion without its source', 's', '["e"]'],
  ])('%s: -> refused', (_, letter, body) => {
    expect(decoded(letter + header + body)).toBeUndefined();
  });

  test.each([
    ['shorter than a header', 'x-----'],
    ['a character that is no digit', 'x------4-6-- -00["n"]'],
    ['a character past ASCII', 'x------4-6--é-00["n"]'],
    ['a clock past the safe integers', 'xzzzzzzzzz----00["n"]'],
    ['a replica past 32 bits', 'x------4-6zzzzzz["n"]'],
  ])('header: %s -> refused', (_, text) => {
    expect(decoded(text)).toBeUndefined();
  });

  test('nesting as deep as a stack: -> refused, not a stack overflow', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    for (const body of [
      deep,
      `["n",${deep}]`,
      `["n",{"a":${deep}}]`,
      `["n",{"a":{"$":${deep}}}]`,
      `["n",{},{"c":${deep}}]`,
    ]) {
      expect(decoded(`n${header}${body}`)).toBeUndefined();
    }
  });

  test('properties named as members of Object.prototype: -> own properties, no prototype changes', () => {
    const patch = decodePatch(`n${header}["n",{"__proto__":{"polluted":1},"constructor":[{"__proto__":2}]}]`);
    const properties = (patch as { properties: object }).properties;
    expect(Object.keys(properties)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(properties)).toBe(Object.prototype);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});
