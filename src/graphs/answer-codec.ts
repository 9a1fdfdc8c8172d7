/**
 * Results of statements as text, as they are kept for a repetition of the request: fields, rows and counters, but no plan.
 * Nodes, relationships and paths are as they were when the row was made; values are as in patches.
 */
import { assert } from '../../base/assert.ts';
import type { EdgeId, NodeId } from '../../base/ids.ts';
import { setOwn } from '../../base/record.ts';
import { fromPlain, propertiesFromPlain, propertiesToPlain, toPlain } from '../../crdt/value-codec.ts';
import type { Value } from '../../graph/value.ts';
import { Counters } from '../../query/execution/counters.ts';
import {
  isResultMap,
  ResultNode,
  ResultPath,
  ResultRelationship,
  type ResultValue,
} from '../../query/execution/result-value.ts';
import type { StatementRows } from '../../query/execution/statement-answer.ts';

type PlainProperties = Readonly<Record<string, unknown>>;

/** A tag, then what it takes: a value, list, map, node, relationship or path. */
type Plain =
  | readonly ['v', unknown]
  | readonly ['l', readonly Plain[]]
  | readonly ['m', readonly (readonly [string, Plain])[]]
  | readonly ['n', NodeId, readonly string[], PlainProperties]
  | readonly ['r', EdgeId, string, NodeId, NodeId, PlainProperties]
  | readonly ['p', readonly Plain[], readonly Plain[]];

interface PlainAnswer {
  readonly fields: readonly string[];
  readonly rows: readonly (readonly Plain[])[];
  readonly counters: Counters;
}

export function encodeAnswers(answers: readonly StatementRows[]): string {
  const plain = answers.map(
    ({ fields, rows, counters }): PlainAnswer => ({ fields, rows: rows.map((row) => row.map(plainOf)), counters }),
  );
  return JSON.stringify(plain);
}

export function decodeAnswers(text: string): StatementRows[] {
  return (JSON.parse(text) as readonly PlainAnswer[]).map(({ fields, rows, counters }) => ({
    fields,
    rows: rows.map((row) => row.map(resultOf)),
    counters: Object.assign(new Counters(), counters),
    plan: undefined,
  }));
}

function plainOf(value: ResultValue): Plain {
  if (value instanceof ResultNode) return ['n', value.id, value.labels, propertiesToPlain(value.properties)];
  if (value instanceof ResultRelationship) {
    const { id, type, from, to, properties } = value;
    return ['r', id, type, from, to, propertiesToPlain(properties)];
  }
  if (value instanceof ResultPath) return ['p', value.nodes.map(plainOf), value.relationships.map(plainOf)];
  if (Array.isArray(value)) return ['l', (value as readonly ResultValue[]).map(plainOf)];
  if (isResultMap(value)) {
    return ['m', Object.keys(value).map((key) => [key, plainOf(value[key] as ResultValue)] as const)];
  }
  return ['v', toPlain(value as Value)];
}

function resultOf(plain: Plain): ResultValue {
  switch (plain[0]) {
    case 'v':
      return fromPlain(plain[1]);
    case 'l':
      return plain[1].map(resultOf);
    case 'm': {
      const map: Record<string, ResultValue> = {};
      for (const [key, value] of plain[1]) setOwn(map, key, resultOf(value));
      return map;
    }
    case 'n':
      return nodeOf(plain);
    case 'r':
      return relationshipOf(plain);
    case 'p':
      return new ResultPath(plain[1].map(nodeOf), plain[2].map(relationshipOf));
  }
}

function nodeOf(plain: Plain): ResultNode {
  assert(plain[0] === 'n', 'a node was encoded here');
  return new ResultNode(plain[1], plain[2], propertiesFromPlain(plain[3]));
}

function relationshipOf(plain: Plain): ResultRelationship {
  assert(plain[0] === 'r', 'a relationship was encoded here');
  const [, id, type, from, to, properties] = plain;
  return new ResultRelationship(id, type, { from, to }, propertiesFromPlain(properties));
}
