/** What a document has and another one, of which the state vector is known, lacks. */
import { WeftError } from '../../base/errors.ts';
import { isPlanted, type PlantedBug } from '../../base/planted-bug.ts';
import { checkState } from '../../crdt/foreign-update.ts';
import type { PartitionDocument } from '../../crdt/partition-document.ts';
import type { PartitionKey } from '../../storage/store.ts';

/** @throws WeftError `malformed-request` for a state vector that cannot be read */
export function stateDiff(
  document: PartitionDocument,
  key: PartitionKey,
  stateVector: Uint8Array,
  bugs: ReadonlySet<PlantedBug> | undefined,
): Uint8Array {
  let diff: Uint8Array;
  try {
    diff = document.diff(stateVector);
  } catch (cause) {
    throw new WeftError('malformed-request', 'the state vector cannot be read', { ...key }, cause);
  }
  return isPlanted(bugs, 'diff-without-tombstones') ? withoutTombstones(diff) : diff;
}

/** Planted: deletes get the earliest stamp of all, so they delete nothing. */
function withoutTombstones(update: Uint8Array): Uint8Array {
  const bytes = Buffer.from(update);
  for (const text of checkState(update).texts) {
    const at = 'xzs'.includes(text[0] as string) ? bytes.indexOf(text.slice(0, STAMPED_CHARS), 0, 'latin1') : -1;
    if (at >= 0) bytes.fill('-', at + 1, at + 1 + CLOCK_CHARS, 'latin1');
  }
  return new Uint8Array(bytes);
}

/** Characters of kind and stamp, and of the clock in it. */
const STAMPED_CHARS = 16;
const CLOCK_CHARS = 9;
