import { expect, it } from 'vitest';
import { Batch } from './batch.ts';

it('a batch that was full when it was handed out -> has more room, though its reader has taken rows away', () => {
  const batch = new Batch(['node'], [0]);
  const { capacity } = batch;
  for (let round = 0; round < 2; round++) {
    batch.begin();
    batch.size = batch.capacity;
    const delivered = batch.deliver() as Batch;
    delivered.size = 1;
  }
  batch.begin();
  expect(batch.size).toBe(0);
  expect(batch.capacity).toBeGreaterThan(2 * capacity);
  expect(batch.ordinals(0).length).toBe(batch.capacity);
});
