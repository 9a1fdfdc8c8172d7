/**
 * The history of a run with real processes as it lies in `history.jsonl`: one line for what a client was about to do,
 * one for how it ended, and lines for faults. All that the checkers judge is in it, so that a run can be judged again.
 */
import type { RegisterOperation } from '../checkers/register.ts';
import type { ListOperation } from '../checkers/transaction.ts';

export type Level = 'eventual' | 'session' | 'strong';

/** What a client asked for; with `ok`, completed by what was answered. */
export type Call =
  | { readonly kind: 'register'; readonly operation: RegisterOperation; readonly isEventual?: true }
  | { readonly kind: 'lists'; readonly operations: readonly ListOperation[] }
  | { readonly kind: 'transfer'; readonly from: string; readonly to: string; readonly amount: number }
  | { readonly kind: 'balances'; readonly balances: readonly number[]; readonly total: number }
  /** `key`: tries with one Idempotency-Key are one increment. */
  | { readonly kind: 'increment'; readonly counter: string; readonly by: number; readonly key?: string }
  | { readonly kind: 'member'; readonly set: string; readonly member: string; readonly change: 'add' | 'remove' }
  /** One letter of a text, which nobody else inserts. */
  | { readonly kind: 'letter'; readonly text: string; readonly letter: string; readonly change: 'insert' | 'delete' }
  | { readonly kind: 'text'; readonly text: string; readonly letters: number; readonly twice: readonly string[] }
  /** Of a number that only its one writer raises. `saw`: what the writer had seen of another one. */
  | {
      readonly kind: 'raise';
      readonly session: string;
      readonly key: string;
      readonly value: number;
      readonly saw: Saw;
    }
  | { readonly kind: 'see'; readonly session: string; readonly key: string; readonly value: number; readonly saw: Saw }
  /** `part` of a chain is raised to `value`; effects after their causes. */
  | { readonly kind: 'link'; readonly chain: string; readonly part: 'cause' | 'effect'; readonly value: number }
  /** The effect first, then the cause; `incarnation` of the server that showed both. */
  | { readonly kind: 'observe'; readonly chain: string; readonly effect: number; readonly cause: number }
  | { readonly kind: 'together'; readonly group: string; readonly value: number }
  | { readonly kind: 'glance'; readonly group: string; readonly values: readonly (number | null)[] }
  /** `ends`: of an edge. */
  | { readonly kind: 'create'; readonly elements: readonly string[]; readonly ends?: readonly [string, string] }
  | { readonly kind: 'delete'; readonly element: string }
  /** Edges that were shown without one of their ends. */
  | { readonly kind: 'export'; readonly edges: number; readonly dangling: readonly string[] }
  /** So many changes of nodes that are overwritten all the time. */
  | { readonly kind: 'overwrite'; readonly times: number }
  /** Of a node that expires after so long: it is made, or extended when so much was left. */
  | { readonly kind: 'lease'; readonly id: string; readonly inMs: number; readonly leftMs?: number }
  /** `expired`: what was shown after its time. */
  | { readonly kind: 'leases'; readonly shown: number; readonly expired: readonly string[] }
  | { readonly kind: 'import'; readonly elements: readonly string[] }
  /** The node that has a unique key: made or found by a MERGE, or made by the claim that won. */
  | { readonly kind: 'merge'; readonly key: string; readonly id: string }
  /** A batch of an offline replica that no server takes: it gives a unique key to an id that does not follow from it. Or one that rests on such a batch. */
  | { readonly kind: 'claim'; readonly set: string; readonly member: string; readonly restsOn?: string }
  /** What an offline replica shows and must not, because it was refused, and the other way round. */
  | { readonly kind: 'look'; readonly undone: readonly string[]; readonly missing: readonly string[] }
  /** What an offline replica shows of a set in the end, with all that it wrote sent. `handedBack`: claims among what was refused. */
  | {
      readonly kind: 'settled';
      readonly set: string;
      readonly members: readonly string[];
      readonly refused: number;
      /** Absent in records from before there were claims. */
      readonly handedBack?: readonly string[];
    };

export interface Saw {
  readonly key: string;
  readonly value: number;
}

export interface Invocation {
  readonly type: 'invoke';
  readonly id: number;
  readonly atMs: number;
  readonly process: string;
  readonly workload: string;
  readonly server: string;
  readonly level: Level;
  readonly isRead: boolean;
  readonly call: Call;
}

/** `fail`: it never takes effect. `info`: it may, at any time after its call. */
export interface Completion {
  readonly type: 'ok' | 'fail' | 'info';
  readonly id: number;
  readonly atMs: number;
  readonly status: number;
  readonly code?: string;
  /** With `ok`: the call with what was answered. */
  readonly answer?: Call;
}

export interface FaultBegin {
  readonly type: 'fault';
  readonly fault: number;
  readonly atMs: number;
  readonly kind: string;
  readonly what: string;
  /** Servers that are slow, stopped or wrong because of it. */
  readonly servers: readonly string[];
  /** Servers that reach each other while it lasts, if it divides them. */
  readonly sides?: readonly (readonly string[])[];
  /** What this server acknowledged meanwhile may be lost with its disk: nobody else was seen to have it. */
  readonly losing?: Losing;
}

export interface Losing {
  readonly server: string;
  readonly sinceMs: number;
  readonly untilMs: number;
  /** All servers lost their disks, one after the other: that goes for what any of them acknowledged, at every level. */
  readonly isEverywhere?: true;
}

export interface FaultEnd {
  readonly type: 'mended';
  readonly fault: number;
  readonly atMs: number;
  /** What shows that it happened; absent if nothing does. */
  readonly evidence?: string;
}

/** What belongs to the run as a whole. */
export interface Note {
  readonly type: 'phase';
  readonly atMs: number;
  readonly phase: 'work' | 'heal' | 'converged' | 'not-converged' | 'end' | 'interrupted';
  readonly why?: string;
}

export type Entry = Invocation | Completion | FaultBegin | FaultEnd | Note;

/** One call with how it ended; without a completion, it was cut off with the run. */
export interface Operation {
  readonly invocation: Invocation;
  readonly completion: Completion | undefined;
}

export function operationsOf(entries: readonly Entry[]): Operation[] {
  const ends = new Map<number, Completion>();
  for (const entry of entries) {
    if (entry.type === 'ok' || entry.type === 'fail' || entry.type === 'info') ends.set(entry.id, entry);
  }
  return entries.flatMap((entry) =>
    entry.type === 'invoke' ? [{ invocation: entry, completion: ends.get(entry.id) }] : [],
  );
}

/** A fault from its beginning to the moment when it was mended. */
export interface FaultSpan {
  readonly begin: FaultBegin;
  readonly end: FaultEnd | undefined;
}

export function faultsOf(entries: readonly Entry[]): FaultSpan[] {
  const ends = new Map(entries.flatMap((entry) => (entry.type === 'mended' ? [[entry.fault, entry] as const] : [])));
  return entries.flatMap((entry) => (entry.type === 'fault' ? [{ begin: entry, end: ends.get(entry.fault) }] : []));
}
