/**
 * Registers over the real API: a text register is a node with the property `value`, absent if the node is; a number is the
 * property `count` of a node. Each function makes one call and notes it for the check of linearizability.
 */
import type { NodeId } from '../../base/ids.ts';
import type { Condition, Operation } from '../../graph/model.ts';
import type { Value } from '../../graph/value.ts';
import type { OperationResult } from '../../src/engine-port.ts';
import type { Arena } from '../arena.ts';
import type { RegisterOperation, RegisterValue } from '../checkers/register.ts';
import type { Client, Done } from '../client.ts';

type Change = Exclude<RegisterOperation, { readonly kind: 'read' }>;

/** What a read answered: undefined for a register that is not there. */
export interface Seen {
  readonly value: RegisterValue;
  readonly version: string | undefined;
}

export async function readRegister(arena: Arena, client: Client, key: string): Promise<Seen | undefined> {
  const invokedMs = arena.nowMs;
  const done = await client.strong(`strongly reads ${key}`, (graph) => graph.node(key as NodeId));
  const absent = done.code === 'node-not-found';
  if (done.value === undefined && !absent) return undefined;
  const { value, count } = done.value?.element.properties ?? {};
  // Increments tell no version, and a counter that nobody added to is a node without a number.
  const version = value === undefined ? undefined : done.value?.version;
  const seen: Seen = { value: registerValue(value ?? count), version };
  const read: RegisterOperation = { key, kind: 'read', value: seen.value, ...versioned(seen) };
  note(arena, client, { done: { ...done, outcome: 'ok' }, invokedMs }, read);
  return seen;
}

/** Notes what the change answered, or that it was refused. */
export async function changeRegister(arena: Arena, client: Client, change: Change): Promise<void> {
  const invokedMs = arena.nowMs;
  const what = `strongly ${change.kind}s ${change.key}`;
  const done = await client.strong(what, (graph) => graph.write([operationOf(change)]));
  const answered = answer(change, done);
  note(
    arena,
    client,
    { done: answered === undefined ? done : { ...done, outcome: 'ok' }, invokedMs },
    answered ?? change,
  );
}

/** At level `session`: it may show among strong operations at any later time. */
export async function changeEventually(arena: Arena, client: Client, change: Change): Promise<void> {
  const invokedMs = arena.nowMs;
  const done = await client.write(`changes ${change.key} at session`, [operationOf(change)]);
  note(arena, client, { done, invokedMs, isEventual: true }, change);
}

export function note(
  arena: Arena,
  { name }: Client,
  call: { readonly done: Done<unknown>; readonly invokedMs: number; readonly isEventual?: true },
  operation: RegisterOperation,
): void {
  const { done, invokedMs, isEventual } = call;
  arena.registers.push({
    id: done.operation,
    process: `${name} on ${done.server}`,
    operation,
    invokedMs,
    endedMs: arena.nowMs,
    outcome: done.outcome === 'ok' ? 'ok' : done.outcome === 'failed' ? 'fail' : 'info',
    ...(isEventual && { isEventual }),
  });
}

export function operationOf(change: Change): Operation {
  const id = change.key as NodeId;
  switch (change.kind) {
    case 'write':
      return { op: 'putNode', id, labels: [], properties: { value: change.value } };
    case 'delete':
      return { op: 'deleteNode', id, detach: true };
    case 'compare-and-set': {
      const { expected, value } = change;
      const condition: Condition = 'version' in expected ? { match: [expected.version] } : { noneMatch: '*' };
      return { op: 'putNode', id, labels: [], properties: { value }, condition };
    }
    case 'increment': {
      const { by, min, max } = change;
      const bounds = { ...(min !== undefined && { min }), ...(max !== undefined && { max }) };
      return { op: 'patchNode', id, properties: { count: { kind: 'increment', by, ...bounds } } };
    }
  }
}

/** The change with what was answered; undefined if it is not known to have been decided. */
export function answer(change: Change, done: Done<readonly OperationResult[]>): Change | undefined {
  const [result] = done.value ?? [];
  const version = versioned({ version: result?.version });
  switch (change.kind) {
    case 'write':
      return result && { ...change, ...version };
    case 'delete':
      if (done.code === 'node-not-found') return { ...change, existed: false };
      return result && { ...change, existed: true };
    case 'compare-and-set':
      if (done.code === 'precondition-failed') return { ...change, applied: false };
      return result && { ...change, applied: true, ...version };
    case 'increment': {
      if (done.code === 'out-of-bounds') return { ...change, applied: false };
      const count = result?.element?.properties.count;
      return result && { ...change, applied: true, ...(typeof count === 'number' && { result: count }) };
    }
  }
}

function versioned({ version }: { readonly version: string | undefined }): { readonly version?: string } {
  return version === undefined ? {} : { version };
}

function registerValue(value: Value | undefined): RegisterValue {
  return typeof value === 'string' || typeof value === 'number' ? value : undefined;
}
