/**
 * Which server a partition's extra work falls to, decided by everyone alike without talking (Thaler and Ravishankar: A
 * Name-Based Mapping Scheme for Rendezvous, 1996): every server has a score for every partition, and the first one in
 * the order of scores that is alive does it.
 */
import { compareText } from '../../base/order.ts';
import { hashText } from '../../base/text.ts';
import type { PartitionKey } from '../../storage/store.ts';

/** Names in the order in which they are asked. */
export function rendezvousOrder({ graphKey, partition }: PartitionKey, names: readonly string[]): string[] {
  const scored = names.map((name) => ({ name, score: hashText(`${name}\n${graphKey}\n${partition}`) }));
  return scored.sort((a, b) => b.score - a.score || compareText(a.name, b.name)).map(({ name }) => name);
}
