/** What tabs that share a replica say to each other, and how calls and their outcomes become messages. */
import { type ErrorCode, type ErrorContext, WeftError } from '../base/errors.ts';
import type { Operation } from '../graph/model.ts';
import type { Value } from '../graph/value.ts';
import { QueryError, type QueryErrorOptions } from '../query/query-error.ts';
import { fromCloned, toCloned } from './cloned-values.ts';
import type { ReplicaStatus, WeftReplica } from './weft-replica.ts';

/** Of messages; another one is another channel, so that a page of before an update never misunderstands one of after. */
export const TABS_VERSION = 1;

export type CallName = 'node' | 'edge' | 'digest' | 'run' | 'write' | 'dismiss' | 'connect' | 'disconnect';
export type WatchName = 'observe' | 'observeNode';

export type TabMessage =
  /** A tab is new, and asks who leads. */
  | { readonly kind: 'who' }
  /** `holds` says of which part of which graph the replica is. */
  | { readonly kind: 'leads'; readonly leader: string; readonly holds: string; readonly status: ReplicaStatus }
  /** The last of a tab that led: what it has not answered it has not done. */
  | { readonly kind: 'leaves'; readonly leader: string }
  | { readonly kind: 'status'; readonly leader: string; readonly status: ReplicaStatus }
  | (Asked & { readonly kind: 'call'; readonly name: CallName })
  | (Asked & { readonly kind: 'watch'; readonly name: WatchName })
  | { readonly kind: 'unwatch'; readonly leader: string; readonly tab: string; readonly number: number }
  /** Of a call, or whenever what is watched changes. */
  | { readonly kind: 'outcome'; readonly tab: string; readonly number: number; readonly outcome: Outcome };

interface Asked {
  readonly leader: string;
  readonly tab: string;
  /** Of what this tab asked for. */
  readonly number: number;
  readonly given: unknown;
}

export type Outcome = { readonly kind: 'value'; readonly value: unknown } | TabError;

type TabError =
  | { readonly kind: 'weft'; readonly code: ErrorCode; readonly message: string; readonly context: ErrorContext }
  | { readonly kind: 'query'; readonly message: string; readonly options: QueryErrorOptions };

export type Given = readonly unknown[];

/** Runs a call where the replica is. */
export async function performed(replica: WeftReplica, name: CallName, given: Given): Promise<unknown> {
  switch (name) {
    case 'node':
      return replica.node(given[0] as string);
    case 'edge':
      return replica.edge(given[0] as string);
    case 'digest':
      return replica.digest();
    case 'run': {
      const [statement, parameters, accessMode] = given as [string, { [name: string]: Value }, 'read' | 'write'];
      return replica.run(statement, parameters, accessMode);
    }
    case 'write':
      return replica.write(given[0] as readonly Operation[]);
    case 'dismiss':
      return replica.dismiss(given[0] as number);
    case 'connect':
      return replica.connect();
    case 'disconnect':
      return replica.disconnect();
  }
}

/** Watches where the replica is. Returns how to stop. */
export function watched(
  replica: WeftReplica,
  { name, given }: { readonly name: WatchName; readonly given: Given },
  deliver: (value: unknown) => void,
  fail: (error: unknown) => void,
): () => void {
  if (name === 'observeNode') return replica.observeNode(given[0] as string, deliver);
  const [statement, parameters] = given as [string, { [name: string]: Value }];
  return replica.observe(statement, parameters, deliver, fail);
}

export function valueOutcome(value: unknown): Outcome {
  return { kind: 'value', value: toCloned(value) };
}

export function errorOutcome(error: unknown): Outcome {
  if (error instanceof QueryError) {
    const { message, errorType: type, errorPhase: phase, errorDetail: detail, position, excerpt } = error;
    const more = { ...(position !== undefined && { position }), ...(excerpt !== undefined && { excerpt }) };
    return { kind: 'query', message, options: { type, phase, detail, ...more } };
  }
  if (error instanceof WeftError) {
    const { code, message, context } = error;
    return { kind: 'weft', code, message, context: toCloned(context) as ErrorContext };
  }
  return { kind: 'weft', code: 'internal', message: String(error), context: {} };
}

export function errorOf(outcome: TabError): WeftError | QueryError {
  if (outcome.kind === 'query') return new QueryError(outcome.message, outcome.options);
  return new WeftError(outcome.code, outcome.message, fromCloned(outcome.context) as ErrorContext);
}
