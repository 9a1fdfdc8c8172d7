import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PartitionId } from '../base/ids.ts';
import { someName } from '../graph/values.model.ts';
import { makeEdgeId, needsLocator, partitionNamedByEdge, partitionOfNode } from './routing.ts';

const someNode = fc.oneof(someName, fc.constantFrom('tenant!7', 'a!b!c', '!x', 'x!', '!', 'a~b!c', '3~x', '🦜!1'));
const someUnique = fc.stringMatching(/^[-_0-9A-Za-z]{1,16}$/);

describe('partitionOfNode', () => {
  test('data format: known ids -> the partitions in which existing graphs keep them', () => {
    expect(PINNED.map(([id]) => [id, partitionOfNode(id, 16), partitionOfNode(id, 4096)])).toEqual(PINNED);
  });

  test.each([
    ['tenant!7', 'tenant!'],
    ['a!b!c', 'a!'],
    ['x!', 'x!'],
    ['a~b!c', 'a~b!'],
    ['🦜!1', '🦜!'],
  ])('scope: %s -> the partition %s', (id, partition) => {
    for (const partitions of [1, 16, 4096]) expect(partitionOfNode(id, partitions)).toBe(partition);
  });

  test('no scope, also with a leading mark: -> a hash partition in range', () => {
    fc.assert(
      fc.property(fc.oneof(someName, fc.constant('!x')), fc.integer({ min: 1, max: 4096 }), (id, partitions) => {
        fc.pre(id.indexOf('!') <= 0);
        const partition = partitionOfNode(id, partitions);
        expect(partition).toBe(String(Number(partition)));
        expect(Number(partition)).toBeLessThan(partitions);
      }),
    );
  });

  test('16 partitions, sequential, padded and time-ordered ids: -> each holds its share within 15 %', () => {
    const shapes = [
      (i: number) => `user-${i}`,
      (i: number) => String(i).padStart(8, '0'),
      (i: number) => (1_767_225_600_000 + i).toString(36),
      (i: number) => `${i}`,
    ];
    for (const idOf of shapes) {
      const counts = new Map<string, number>();
      for (let i = 0; i < 32_000; i++) {
        const partition = partitionOfNode(idOf(i), 16);
        counts.set(partition, (counts.get(partition) ?? 0) + 1);
      }
      expect(counts.size).toBe(16);
      for (const count of counts.values()) expect(Math.abs(count - 2000)).toBeLessThan(300);
    }
  });
});

describe('makeEdgeId', () => {
  test('any source: -> an id that names its partition, or none and then needs a locator', () => {
    fc.assert(
      fc.property(someNode, fc.integer({ min: 1, max: 4096 }), someUnique, (node, partitions, unique) => {
        const source = partitionOfNode(node, partitions);
        const id = makeEdgeId(source, unique);
        expect(partitionNamedByEdge(id, partitions)).toBe(source);
        expect(needsLocator(id, source, partitions)).toBe(false);
      }),
    );
  });

  test('a scope of 129 characters: -> left out of the id, so a locator is needed', () => {
    const at = `${'s'.repeat(127)}!` as PartitionId;
    const over = `${'s'.repeat(128)}!` as PartitionId;
    expect(partitionNamedByEdge(makeEdgeId(at, 'u'), 16)).toBe(at);
    expect(partitionNamedByEdge(makeEdgeId(over, 'u'), 16)).toBeUndefined();
    expect(needsLocator(makeEdgeId(over, 'u'), over, 16)).toBe(true);
  });
});

describe('partitionNamedByEdge', () => {
  test.each<[string, string | undefined]>([
    ['0~a', '0'],
    ['15~a', '15'],
    ['16~a', undefined],
    ['~a', undefined],
    ['a~b', undefined],
    ['1', undefined],
    ['-1~a', undefined],
    ['1.5~a', undefined],
    ['١~a', undefined],
    ['123456~a', undefined],
    ['tenant!~a', 'tenant!'],
    ['tenant!a', undefined],
    ['3~a!b', undefined],
    ['007~a', undefined],
  ])('an id that a caller chose: %s -> %s', (id, partition) => {
    expect(partitionNamedByEdge(id, 16)).toBe(partition);
  });

  test('any id: -> undefined or a partition that can exist', () => {
    fc.assert(
      fc.property(fc.oneof(someNode, fc.stringMatching(/^\d{0,5}~.{0,3}$/)), (id) => {
        const partition = partitionNamedByEdge(id, 16);
        if (partition === undefined || partition.endsWith('!')) return;
        expect(partition).toBe(String(Number(partition)));
        expect(Number(partition)).toBeLessThan(16);
      }),
    );
  });
});

const PINNED: readonly (readonly [string, string, string])[] = [
  ['a', '3', '435'],
  ['b', '2', '562'],
  ['user-1', '12', '2796'],
  ['user-2', '1', '209'],
  ['user-10', '13', '1373'],
  ['Alice', '3', '3059'],
  ['🦜', '4', '3588'],
  ['日本語', '9', '3801'],
  ['!x', '12', '3388'],
  ['__proto__', '11', '3243'],
  ['tenant!7', 'tenant!', 'tenant!'],
  ['tenant!8', 'tenant!', 'tenant!'],
];
