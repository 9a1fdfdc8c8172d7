/**
 * The id that a unique key gives to the node that holds it. Replicas that cannot see each other must still mean the same node by
 * one key, so the id follows from label, property names and values alone. `docs/constraints.md` documents the form; changing it
 * would let two replicas disagree.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import type { NodeId } from '../base/ids.ts';
import { toUtf8 } from '../base/text.ts';
import { base64Digits } from './base64-digits.ts';

/** 192 bits: nobody finds two keys with the same id, not even on purpose. */
const HASH_BYTES = 24;
const DERIVED = 'key~';

/** The id of the node with this label and key: `key~` and 32 characters of `[-_0-9A-Za-z]`. */
export function derivedNodeId(label: string, names: readonly string[], key: string): NodeId {
  return (DERIVED +
    base64Digits(sha256(toUtf8(JSON.stringify([label, names, key]))).subarray(0, HASH_BYTES))) as NodeId;
}
