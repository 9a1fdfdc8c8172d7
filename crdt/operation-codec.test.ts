/** Operations and results on their way to who decides them: whatever they say comes out as it went in. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { replicaId } from '../base/ids.ts';
import type { Operation, OperationResult, PropertyChange } from '../graph/model.ts';
import { recordOf, someMember, someName, someNumber, someProperties, someValue } from '../graph/values.model.ts';
import { decodeOperations, decodeResults, encodeOperations, encodeResults } from './operation-codec.ts';

const of = fc.record({ clock: fc.maxSafeNat(), replica: fc.integer({ min: 0, max: 0xffff_ffff }).map(replicaId) });
const members = fc.array(someMember, { maxLength: 3 });
const someChange = fc.oneof(
  fc.record({ kind: fc.constant('set'), value: someValue }),
  fc.record({ kind: fc.constant('remove') }),
  fc.record({ kind: fc.constant('text'), text: fc.string() }),
  fc.record({ kind: fc.constant('typed'), of, update: fc.uint8Array() }),
  fc.record(
    { kind: fc.constant('increment'), by: someNumber, min: someNumber, max: someNumber },
    { requiredKeys: ['kind', 'by'] },
  ),
  fc.record({ kind: fc.constant('members'), add: members, remove: members }),
) as fc.Arbitrary<PropertyChange>;

const names = fc.array(someName, { maxLength: 2 });
const condition = fc.record(
  { match: fc.oneof(fc.constant('*'), names), noneMatch: fc.oneof(fc.constant('*'), names) },
  { requiredKeys: [] },
);
const labels = fc.oneof(
  fc.record({ kind: fc.constant('replace'), labels: names }),
  fc.record({ kind: fc.constant('change'), add: names, remove: names }),
);
const ends = { type: someName, from: someName, to: someName };
const made = { properties: someProperties, texts: names, condition };
const changes = recordOf(someName, someChange, 3);

function operation(op: Operation['op'], required: object, optional: object): fc.Arbitrary<Operation> {
  const fields = { op: fc.constant(op), ...required };
  const requiredKeys = Object.keys(fields) as never[];
  return fc.record({ ...fields, condition, ...optional }, { requiredKeys }) as unknown as fc.Arbitrary<Operation>;
}

const someOperation = fc.oneof(
  operation('createNode', { labels: names, properties: someProperties }, { id: someName, texts: names }),
  operation('putNode', { id: someName, labels: names, properties: someProperties }, { texts: names }),
  operation('patchNode', { id: someName }, { labels, properties: changes }),
  operation('deleteNode', { id: someName, detach: fc.boolean() }, {}),
  operation('createEdge', { ...ends, properties: someProperties }, { id: someName, texts: names }),
  operation('putEdge', { id: someName, ...ends, ...made }, {}),
  operation('patchEdge', { id: someName, properties: changes }, {}),
  operation('deleteEdge', { id: someName }, {}),
);

const someResult = fc.record(
  {
    op: fc.constantFrom('createNode', 'deleteNode', 'patchEdge'),
    id: someName,
    created: fc.boolean(),
    element: fc.record({ id: someName, labels: names, properties: someProperties }),
    version: someName,
    replayed: fc.constant(true),
  },
  { requiredKeys: ['op', 'id', 'created'] },
) as unknown as fc.Arbitrary<OperationResult>;

describe('operations', () => {
  test('any, encoded and decoded -> the same', () => {
    fc.assert(
      fc.property(fc.array(someOperation, { maxLength: 5 }), (operations) => {
        expect(decodeOperations(encodeOperations(operations))).toEqual(operations);
      }),
      { numRuns: 500 },
    );
  });
});

describe('results', () => {
  test('any, encoded and decoded -> the same', () => {
    fc.assert(
      fc.property(fc.array(someResult, { maxLength: 5 }), (results) => {
        expect(decodeResults(encodeResults(results))).toEqual(results);
      }),
      { numRuns: 300 },
    );
  });
});
