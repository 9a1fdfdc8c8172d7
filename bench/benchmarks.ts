/** All benchmarks, in the order in which they run. */
import { edgeCreates } from './edge-creates.ts';
import { edgeHeap } from './edge-heap.ts';
import { nodeCreates } from './node-creates.ts';
import { nodeHeap } from './node-heap.ts';
import { overwrites } from './overwrites.ts';
import { pointReads } from './point-reads.ts';
import { propertyUpdates } from './property-updates.ts';
import type { Benchmark } from './report.ts';

export const BENCHMARKS: readonly Benchmark[] = [
  nodeCreates,
  edgeCreates,
  propertyUpdates,
  pointReads,
  nodeHeap,
  edgeHeap,
  overwrites,
];
