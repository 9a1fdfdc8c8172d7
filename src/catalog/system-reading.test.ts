import { expect, it } from 'vitest';
import { PartitionIndex } from '../../crdt/partition-index.ts';
import { SYSTEM_PARTITION, SystemReading } from './system-reading.ts';

const opened = () => new PartitionIndex(SYSTEM_PARTITION, 0);

it.each<[string, (partition: PartitionIndex) => PartitionIndex]>([
  ['a patch came', (partition) => Object.assign(partition, { patches: 1 })],
  ['a node came or went', (partition) => Object.assign(partition, { revision: 1 })],
  ['the partition was opened again', opened],
])('%s -> to be read once more, and only once', (_, change) => {
  const reading = new SystemReading();
  const partition = opened();
  expect(reading.isCurrent(partition)).toBe(false);
  expect(reading.isCurrent(partition)).toBe(true);
  const changed = change(partition);
  expect(reading.isCurrent(changed)).toBe(false);
  expect(reading.isCurrent(changed)).toBe(true);
});
