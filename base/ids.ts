/** Branded identifiers, so that one kind cannot be passed for another, and the one rule for names that users choose. */
import { WeftError } from './errors.ts';
import * as LIMITS from './limits.ts';
import { utf8Length } from './text.ts';

declare const brand: unique symbol;
type Branded<T, B extends string> = T & { readonly [brand]: B };

/** 32-bit unsigned integer, fresh for each server incarnation: Yjs client id, stamp tie-breaker and stream origin in one. */
export type ReplicaId = Branded<number, 'ReplicaId'>;
export type GraphName = Branded<string, 'GraphName'>;
/** A hash partition `"0"`, `"1"`, ..., or a scope partition `"tenant!"`. */
export type PartitionId = Branded<string, 'PartitionId'>;
export type NodeId = Branded<string, 'NodeId'>;
export type EdgeId = Branded<string, 'EdgeId'>;

export function replicaId(value: number): ReplicaId {
  return (value >>> 0) as ReplicaId;
}

/** What a name is used for, as it appears in error messages. */
export type NameUse = 'node id' | 'edge id' | 'graph name' | 'label' | 'edge type' | 'property name';

/**
 * Returns `text` if it can serve as a name: non-empty Unicode of at most 1 KB in UTF-8 without lone surrogates.
 * @throws WeftError `invalid-name`, definite
 */
export function checkName(use: NameUse, text: unknown): string {
  if (typeof text !== 'string') throw new WeftError('invalid-name', `the ${use} must be text, not ${typeof text}`);
  if (text.length === 0) throw new WeftError('invalid-name', `the ${use} must not be empty`);
  const bytes = utf8Length(text);
  if (bytes < 0) throw new WeftError('invalid-name', `the ${use} holds a lone surrogate, which UTF-8 cannot carry`);
  if (bytes > LIMITS.nameBytesMax) {
    throw new WeftError('invalid-name', `the ${use} has ${bytes} bytes; at most ${LIMITS.nameBytesMax} are allowed`);
  }
  return text;
}

export const nodeId = (text: unknown): NodeId => checkName('node id', text) as NodeId;
export const edgeId = (text: unknown): EdgeId => checkName('edge id', text) as EdgeId;
export const graphName = (text: unknown): GraphName => checkName('graph name', text) as GraphName;
