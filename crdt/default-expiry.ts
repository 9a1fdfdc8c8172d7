/** When elements that do not say so expire: a graph, or a label or type of it, may give them a time to live. */
import type { Operation } from '../graph/model.ts';
import type { Properties } from '../graph/value.ts';
import { EXPIRY_PROPERTY } from './expiry.ts';

export interface DefaultExpiry {
  /** Of every element, in milliseconds. */
  readonly afterMs?: number;
  /** Of elements with the label or type; of several the shortest, before that of every element. */
  readonly byLabel: ReadonlyMap<string, number>;
}

/** An operation that makes an element, or replaces its properties, with the moment at which it expires. */
export function withDefaultExpiry(operation: Operation, expiry: DefaultExpiry, nowMs: number): Operation {
  switch (operation.op) {
    case 'createNode':
    case 'putNode': {
      const properties = expiring(operation.properties, operation.labels, expiry, nowMs);
      return properties === undefined ? operation : { ...operation, properties };
    }
    case 'createEdge':
    case 'putEdge': {
      const properties = expiring(operation.properties, [operation.type], expiry, nowMs);
      return properties === undefined ? operation : { ...operation, properties };
    }
    default:
      return operation;
  }
}

function expiring(
  properties: Properties,
  labels: readonly string[],
  { afterMs, byLabel }: DefaultExpiry,
  nowMs: number,
): Properties | undefined {
  if (Object.hasOwn(properties, EXPIRY_PROPERTY)) return undefined;
  const own = labels.map((label) => byLabel.get(label)).filter((each) => each !== undefined);
  const lifeMs = own.length > 0 ? Math.min(...own) : afterMs;
  return lifeMs === undefined ? undefined : { ...properties, [EXPIRY_PROPERTY]: nowMs + lifeMs };
}
