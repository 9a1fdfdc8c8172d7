/**
 * What a write with an Idempotency-Key answered, kept with its patches as a node of the graph `_outcomes`: a retry finds it on
 * any server, as soon as the write itself has taken effect, and never one without the other.
 */
import { WeftError } from '../../base/errors.ts';
import type { NodeId } from '../../base/ids.ts';
import type { Node, Operation } from '../../graph/model.ts';
import type { IdempotencyKey } from '../engine-port.ts';
import type { Decision } from './coordination.ts';
import { refusalOf } from './failures.ts';

const OUTCOME_LABEL = 'Outcome';

/** Keys are counted by graph: one coordinator at a time decides about each. */
export function outcomeId(graphKey: string, key: string): NodeId {
  return `${graphKey}/${key}` as NodeId;
}

export function outcomeNode(
  graphKey: string,
  { key, fingerprint }: IdempotencyKey,
  decision: Decision,
  atMs: number,
): Operation {
  const answer = decision.kind === 'written' ? decision.results : decision.error;
  return {
    op: 'putNode',
    id: outcomeId(graphKey, key),
    labels: [OUTCOME_LABEL],
    properties: { fingerprint, kind: decision.kind, answer, atMs },
  };
}

/** What a repetition is answered in the batch in which the first is decided. */
export function repeated(
  decision: Decision,
  first: IdempotencyKey | undefined,
  again: IdempotencyKey | undefined,
): Decision {
  if (first?.fingerprint !== again?.fingerprint) return REUSED;
  return decision.kind === 'written' ? { ...decision, replayed: true } : decision;
}

const REUSED: Decision = {
  kind: 'failed',
  error: refusalOf(new WeftError('idempotency-key-reused', 'the Idempotency-Key was used with another request')),
};

export function decodeOutcome({ properties }: Node, { fingerprint }: IdempotencyKey): Decision {
  const { kind, answer, fingerprint: first } = properties;
  if (first !== fingerprint) return REUSED;
  if (typeof answer !== 'string') {
    return { kind: 'failed', error: refusalOf(new WeftError('internal', 'the outcome of this key is damaged')) };
  }
  return kind === 'written' ? { kind: 'written', results: answer, replayed: true } : { kind: 'failed', error: answer };
}
