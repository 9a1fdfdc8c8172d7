import { expect, test } from 'vitest';
import { type PartitionId, replicaId } from '../base/ids.ts';
import { digestOfGraph, digestOfPartition } from './digest.ts';
import { GraphView } from './graph-view.ts';
import type { Patch } from './patch.ts';

const STAMP = { clock: 1, replica: replicaId(1) };
const NODE: Patch = { kind: 'node-create', id: 'n', ...STAMP, labels: ['L'], properties: { p: 1 } };
const ENDS = { type: 'T', from: 'n', to: 'm' };
const EDGE: Patch = { kind: 'edge-create', id: 'e', ...STAMP, ...ENDS, properties: {} };
const STUB: Patch = { kind: 'stub-create', id: 'e', ...STAMP, ...ENDS };

function digestOf(patches: readonly Patch[]): string {
  const view = new GraphView({ partitions: 1, restoringTypes: [] });
  const partition = view.open('0' as PartitionId);
  for (const patch of patches) view.fold(partition, patch, 50);
  return digestOfPartition(view, partition);
}

test('digests of partitions that differ in anything -> differ; in the order of their patches alone -> are equal', () => {
  const all: readonly (readonly Patch[])[] = [
    [],
    [NODE],
    [{ ...NODE, id: 'm' }],
    [{ ...NODE, labels: [] }],
    [{ ...NODE, properties: { p: 2 } }],
    [NODE, EDGE],
    [NODE, { ...EDGE, id: 'f' }],
    [NODE, { ...EDGE, type: 'U' }],
    [NODE, { ...EDGE, to: 'x' }],
    [NODE, { ...EDGE, properties: { p: 1 } }],
    [NODE, STUB],
    [NODE, { ...STUB, id: 'f' }],
    [NODE, { ...STUB, type: 'U' }],
    [NODE, { ...STUB, from: 'x' }],
    [NODE, { ...STUB, to: 'x' }],
    [NODE, EDGE, STUB],
  ];
  const digests = all.map(digestOf);
  expect(new Set(digests).size).toBe(all.length);
  expect(all.map((patches) => digestOf(patches.toReversed()))).toEqual(digests);
  expect(digestOf([NODE, { kind: 'node-delete', id: 'n', ...STAMP, clock: 2 }])).toBe(digests[0]);
});

test('a partition of very many elements -> a digest that one more, or another last one, changes', () => {
  const many = Array.from({ length: 2_500 }, (_, i): Patch => ({ ...NODE, id: `n${i}` }) as Patch);
  const digests = [many, many.slice(1), many.with(-1, { ...NODE, id: 'last' } as Patch)].map(digestOf);
  expect(new Set(digests).size).toBe(3);
  expect(digestOf(many.toReversed())).toBe(digests[0]);
});

test('digest of a graph: known digests of partitions -> the one that other versions of the program compare with', () => {
  const digest = digestOfGraph({ '0': 'ab', '1': 'cd' });
  expect(digest).toBe('5a17dd0b83d40d700a2c697ca39eeb193c75ec9fda53a9716c166e666c73610c');
  expect(digestOfGraph({ 'tenant!': '', '1': 'cd', '0': 'ab', '2': '' })).toBe(digest);
  expect(digestOfGraph({ '0': 'cd', '1': 'ab' })).not.toBe(digest);
  expect(digestOfGraph({ '0': 'ab' })).not.toBe(digest);
});
