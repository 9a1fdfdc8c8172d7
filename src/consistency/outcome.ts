/**
 * What a write with an Idempotency-Key answered, kept with its patches as a node of the graph `_outcomes`: a retry finds it on
 * any server, as soon as the write itself has taken effect, and never one without the other. An answer may be longer than a
 * patch: then the node has it in pieces, each from a patch of its own.
 */
import { WeftError } from '../../base/errors.ts';
import type { NodeId } from '../../base/ids.ts';
import type { Node, Operation } from '../../graph/model.ts';
import type { Properties } from '../../graph/value.ts';
import type { IdempotencyKey } from '../engine-port.ts';
import type { Decision } from './coordination.ts';
import { refusalOf } from './failures.ts';

const OUTCOME_LABEL = 'Outcome';
/** Characters of a piece: answers are JSON, which within a patch takes up to twice as many. */
const PIECE_CHARS = 400_000;

/** Keys are counted by graph: one coordinator at a time decides about each. */
export function outcomeId(graphKey: string, key: string): NodeId {
  return `${graphKey}/${key}` as NodeId;
}

/** What makes the node. */
export function outcomeOperations(
  graphKey: string,
  { key, fingerprint }: IdempotencyKey,
  decision: Decision,
  atMs: number,
): Operation[] {
  const id = outcomeId(graphKey, key);
  const answer = decision.kind === 'written' ? decision.results : decision.error;
  const pieces: Operation[] = [];
  for (let at = 0; answer.length > PIECE_CHARS && at < answer.length; at += PIECE_CHARS) {
    const value = answer.slice(at, at + PIECE_CHARS);
    pieces.push({ op: 'patchNode', id, properties: { [pieceName(pieces.length)]: { kind: 'set', value } } });
  }
  const held = pieces.length === 0 ? { answer } : { pieces: pieces.length };
  const properties = { fingerprint, kind: decision.kind, atMs, ...held };
  return [{ op: 'putNode', id, labels: [OUTCOME_LABEL], properties }, ...pieces];
}

function pieceName(index: number): string {
  return `piece${index}`;
}

/** Undefined if it is not there as it was written. */
function answerOf(properties: Properties): string | undefined {
  const { answer, pieces } = properties;
  if (typeof pieces !== 'number') return typeof answer === 'string' ? answer : undefined;
  const texts = Array.from({ length: pieces }, (_, i) => properties[pieceName(i)]);
  return texts.every((text) => typeof text === 'string') ? texts.join('') : undefined;
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
  const { kind, fingerprint: first } = properties;
  if (first !== fingerprint) return REUSED;
  const answer = answerOf(properties);
  if (answer === undefined) {
    return { kind: 'failed', error: refusalOf(new WeftError('internal', 'the outcome of this key is damaged')) };
  }
  return kind === 'written' ? { kind: 'written', results: answer, replayed: true } : { kind: 'failed', error: answer };
}
