/**
 * Lists on several partitions that strong batches append to, if all lists that they rely on are as they were read: an append
 * to one list may rest on another one, so that two batches that each rest on the list that the other appends to show up.
 */
import type { NodeId } from '../../base/ids.ts';
import type { Node, Operation } from '../../graph/model.ts';
import type { Versioned } from '../../src/engine-port.ts';
import type { Arena, Workload } from '../arena.ts';
import type { ListOperation } from '../checkers/transaction.ts';
import type { Client, Done } from '../client.ts';
import { readEach } from './strong-reads.ts';

const LISTS = Array.from({ length: 4 }, (_, i) => `list-${i}` as NodeId);
const LABEL = 'List';
const CLIENTS = 4;
/** Numbers of one client, so that no two clients append the same. */
const NUMBERS = 1_000_000;

export const strongLists: Workload = {
  name: 'strong-lists',
  setup: LISTS.map((id) => ({ op: 'putNode', id, labels: [LABEL], properties: { items: [] } })),
  start: (arena) =>
    Array.from({ length: CLIENTS }, (_, i) => {
      const client = arena.client(`strong-lists-${i}`, { usesToken: false, stays: 0.5 });
      let last = i * NUMBERS;
      return arena.repeat(client, async () => {
        if (client.random.chance(0.3)) await readLists(arena, client);
        else await append(arena, client, () => ++last);
      });
    }),
};

/** All lists in one answer, which is one transaction. */
export async function readLists(arena: Arena, client: Client): Promise<void> {
  const invokedMs = arena.nowMs;
  const done = await client.strong('strongly reads all lists', (graph) =>
    graph.nodes({ label: LABEL }, { limit: LISTS.length + 1 }),
  );
  if (done.value !== undefined) note(arena, client, { done, invokedMs }, done.value.items.map(asRead));
}

/** What the batch rests on is read before, one by one; that it still holds then is a condition of the batch. */
async function append(arena: Arena, client: Client, next: () => number): Promise<void> {
  const { random } = client;
  const [appended, readOnly] = random.pick([
    [1, 0],
    [1, 1],
    [2, 0],
    [2, 1],
  ] as const);
  const ids = random.shuffled(LISTS).slice(0, appended + readOnly);
  const lists = await readEach(client, ids);
  if (lists === undefined) return;
  const numbered = lists.slice(0, appended).map((list) => ({ list, value: next() }));
  const operations = [
    ...numbered.map(({ list, value }) => ifUnchanged(list, [...itemsOf(list.element), value])),
    ...lists.slice(appended).map((list) => ifUnchanged(list)),
  ];
  const what = numbered.map(({ list, value }) => `${value} to ${list.element.id}`).join(', ');
  const invokedMs = arena.nowMs;
  const done = await client.strong(`strongly appends ${what}`, (graph) => graph.write(operations));
  note(arena, client, { done, invokedMs }, [
    ...lists.map(({ element }) => asRead(element)),
    ...numbered.map(({ list, value }): ListOperation => ({ kind: 'append', key: list.element.id, value })),
  ]);
}

function note(
  arena: Arena,
  { name }: Client,
  { done, invokedMs }: { readonly done: Done<unknown>; readonly invokedMs: number },
  operation: readonly ListOperation[],
): void {
  arena.lists.push({
    id: done.operation,
    process: `${name} on ${done.server}`,
    operation,
    invokedMs,
    endedMs: arena.nowMs,
    outcome: done.outcome === 'ok' ? 'ok' : done.outcome === 'failed' ? 'fail' : 'info',
  });
}

function ifUnchanged({ element, version }: Versioned<Node>, items?: readonly number[]): Operation {
  return {
    op: 'patchNode',
    id: element.id,
    ...(items !== undefined && { properties: { items: { kind: 'set', value: items } } }),
    condition: { match: [version] },
  };
}

function asRead(list: Node): ListOperation {
  return { kind: 'read', key: list.id, values: itemsOf(list) };
}

function itemsOf({ properties }: Node): readonly number[] {
  const { items } = properties;
  return Array.isArray(items) ? items.filter((item) => typeof item === 'number') : [];
}
