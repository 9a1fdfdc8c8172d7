import { describe, expect, test } from 'vitest';
import type { PartitionId } from '../../base/ids.ts';
import { ResidentPartition } from './resident-partition.ts';

const KB = 1024;

describe('tail of a partition', () => {
  test.each([
    { tail: 10 * KB, snapshot: 0, long: false },
    { tail: 20 * KB, snapshot: 0, long: true },
    { tail: 20 * KB, snapshot: 100 * KB, long: false },
    { tail: 60 * KB, snapshot: 100 * KB, long: true },
    { tail: 200 * KB, snapshot: 10_000 * KB, long: false },
    { tail: 300 * KB, snapshot: 10_000 * KB, long: true },
  ])('$tail bytes after a snapshot of $snapshot -> long: $long', ({ tail, snapshot, long }) => {
    const partition = new ResidentPartition('graph', '0' as PartitionId);
    partition.tailBytes = tail;
    partition.snapshotBytes = snapshot;
    expect(partition.tailIsLong).toBe(long);
  });
});
