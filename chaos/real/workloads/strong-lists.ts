/**
 * Lists on several partitions at level `strong`: a transaction reads some lists and appends a number to one or two, if all of
 * them are as they were read. Numbers are never used twice, so that a list tells in which order it was written.
 */
import type { ListOperation } from '../../checkers/transaction.ts';
import { GRAPH, numbered, type Workload } from '../arena.ts';
import type { Client } from '../client.ts';
import type { Call } from '../entry.ts';

const LABEL = 'List';
const NUMBERS = 1_000_000;
/** A list that grows for ever makes every call slower; then the next ones are used. */
const ITEMS_MAX = 60;

type Lists = Extract<Call, { kind: 'lists' }>;
interface List {
  readonly id: string;
  readonly etag: string;
  readonly items: readonly number[];
}

const listName = (generation: number, index: number) => `list-${generation}-${index}`;
const labelOf = (generation: number) => `${LABEL}${generation}`;

export const strongLists: Workload = {
  name: 'strong-lists',
  about: 'transactions over several lists at strong: read some, append to some if nothing changed',
  checkers: ['serialisability'],
  start(arena, options) {
    const { clients = 4, size = 4 } = options;
    let generation = 0;
    return numbered(clients).map((index) => {
      const client = arena.client('strong-lists', index, { stays: 0.6 });
      let last = index * NUMBERS;
      return arena.repeat(client, options, async () => {
        const now = generation;
        if (client.random.chance(0.3)) return readAll(client, now);
        const [appends, reads] = client.random.pick([
          [1, 0],
          [1, 1],
          [2, 0],
          [2, 1],
        ] as const);
        const ids = client.random.shuffled(numbered(size)).slice(0, appends + reads);
        const lists: List[] = [];
        for (const id of ids) {
          const list = await readOne(client, listName(now, id), labelOf(now));
          if (list === undefined) return false;
          lists.push(list);
        }
        if (lists.some(({ items }) => items.length >= ITEMS_MAX)) generation = Math.max(generation, now + 1);
        const numbers = numbered(appends).map(() => ++last);
        return append(client, lists, numbers);
      });
    });
  },
};

async function readAll(client: Client, generation: number): Promise<boolean> {
  const told = await client.ask<Lists>({
    call: { kind: 'lists', operations: [] },
    level: 'strong',
    isRead: true,
    method: 'GET',
    path: `${GRAPH}/nodes?label=${labelOf(generation)}&limit=100`,
    answer: ({ status, body }) =>
      status === 200
        ? { kind: 'lists', operations: body.nodes.map((node: Node) => readOf(node.id, node.properties.items)) }
        : undefined,
  });
  return told.type === 'ok';
}

interface Node {
  readonly id: string;
  readonly properties: { readonly items: readonly number[] };
}

/** Makes it if it is not there, which the creation of an empty list is. */
async function readOne(client: Client, id: string, label: string): Promise<List | undefined> {
  let list: List | undefined;
  const told = await client.ask<Lists>({
    call: { kind: 'lists', operations: [{ kind: 'read', key: id }] },
    level: 'strong',
    isRead: true,
    method: 'GET',
    path: `${GRAPH}/nodes/${id}`,
    answer: ({ status, body, etag }) => {
      if (status !== 200 || etag === undefined) return undefined;
      list = { id, etag, items: body.properties.items };
      return { kind: 'lists', operations: [readOf(id, list.items)] };
    },
  });
  if (told.reply.code === 'node-not-found') {
    await client.ask({
      call: { kind: 'create', elements: [] },
      level: 'strong',
      method: 'POST',
      path: `${GRAPH}/nodes`,
      body: { id, labels: [label], properties: { items: [] } },
      answer: ({ status }) => (status === 201 || status === 409 ? { kind: 'create', elements: [] } : undefined),
    });
  }
  return list;
}

async function append(client: Client, lists: readonly List[], numbers: readonly number[]): Promise<boolean> {
  const appends = numbers.map((value, i): ListOperation => ({ kind: 'append', key: lists[i]?.id ?? '', value }));
  const operations: ListOperation[] = [...lists.map(({ id, items }) => readOf(id, items)), ...appends];
  const body = {
    operations: lists.map(({ id, etag, items }, i) => ({
      op: 'patchNode',
      id,
      ifMatch: etag,
      ...(i < numbers.length && { properties: { items: [...items, numbers[i]] } }),
    })),
  };
  const call: Lists = { kind: 'lists', operations };
  const told = await client.ask<Lists>({
    call,
    level: 'strong',
    method: 'POST',
    path: `${GRAPH}/batch`,
    body,
    answer: ({ status }) => (status === 200 ? call : undefined),
  });
  // A refused condition is an answer as well: somebody else was faster.
  return told.type === 'ok' || told.reply.status === 412;
}

function readOf(key: string, values: readonly number[]): ListOperation {
  return { kind: 'read', key, values };
}
