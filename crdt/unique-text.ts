/** Ids that the server makes: the text of a stamp, unique across replicas and ordered by time. */
import { encodeStamp } from './patch-codec.ts';
import type { Stamp } from './stamp.ts';

/** 15 characters of `[-_0-9A-Za-z]`. */
export function uniqueText(stamp: Stamp): string {
  return encodeStamp(stamp.clock, stamp.replica);
}
