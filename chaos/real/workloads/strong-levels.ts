/**
 * Counters that are added to at two levels: little at `session`, much at `strong`, whose answer tells the sum; and strong reads. A
 * sum says which increments came before it, so one that is decided or read out of order shows up. Each counter is used for a
 * bounded number of calls, so that its history can be judged.
 */
import type { RegisterOperation } from '../../checkers/register.ts';
import { GRAPH, numbered, type Workload } from '../arena.ts';
import type { Client } from '../client.ts';
import type { Reply } from '../http-client.ts';

const COUNTERS = numbered(100).map((index) => `level-${index}`);
const CALLS_OF_A_COUNTER = 120;
/** More than all that is added to a counter at `session`: one each time, since reads at the same time may differ in which of them they show. */
const STRONG = 1_000;
/** By so much longer clients think that are answered at once, whatever is cut. */
const RARELY = 3;
const AT_HOME = 0.95;

type Level = { readonly kind: 'register'; readonly operation: RegisterOperation; readonly isEventual?: true };
type Increment = Extract<RegisterOperation, { kind: 'increment' }>;

export const strongLevels: Workload = {
  name: 'strong-levels',
  about: 'counters that are added to at session and at strong, and read at strong',
  checkers: ['linearizability'],
  setup: () => COUNTERS.map((id) => ({ op: 'putNode', id, labels: ['Level'], properties: {} })),
  start(arena, options) {
    const { clients = 9, thinkMs = 20 } = options;
    const { names } = arena.cluster;
    let calls = 0;
    return numbered(clients).map((index) => {
      const client = arena.client('strong-levels', index);
      // Some of both kinds at each server: who asks for strong operations may have to wait for them, the others go on writing.
      const isEventual = index % 3 === 2;
      const home = names[Math.floor(index / 3) % names.length] as string;
      return arena.repeat(client, isEventual ? { ...options, thinkMs: RARELY * thinkMs } : options, async () => {
        client.server = client.random.chance(AT_HOME) ? home : client.random.pick(names);
        const key = COUNTERS[Math.floor(calls++ / CALLS_OF_A_COUNTER) % COUNTERS.length] as string;
        if (!isEventual && client.random.chance(0.85)) return read(client, key);
        return add(client, { key, kind: 'increment', by: isEventual ? 1 : STRONG }, isEventual);
      });
    });
  },
};

async function read(client: Client, key: string): Promise<boolean> {
  const told = await client.ask<Level>({
    call: { kind: 'register', operation: { key, kind: 'read', value: undefined } },
    level: 'strong',
    isRead: true,
    method: 'GET',
    path: `${GRAPH}/nodes/${key}`,
    answer: ({ status, body }) =>
      status === 200
        ? { kind: 'register', operation: { key, kind: 'read', value: body.properties.count as number | undefined } }
        : undefined,
  });
  return told.type === 'ok';
}

async function add(client: Client, operation: Increment, isEventual: boolean): Promise<boolean> {
  const call: Level = { kind: 'register', operation, ...(isEventual && { isEventual }) };
  const told = await client.ask<Level>({
    call,
    level: isEventual ? 'session' : 'strong',
    method: 'PATCH',
    path: `${GRAPH}/nodes/${operation.key}`,
    body: { properties: { count: { $inc: operation.by } } },
    answer: (reply) => (isEventual ? ended(call, reply) : answerOf(operation, reply)),
  });
  return told.type === 'ok';
}

/** What it answers says nothing: the sum is that of one server. */
function ended(call: Level, { status }: Reply): Level | undefined {
  return status === 200 ? call : undefined;
}

function answerOf(operation: Increment, { status, body }: Reply): Level | undefined {
  if (status !== 200) return undefined;
  const result = body.properties?.count as number | undefined;
  return { kind: 'register', operation: { ...operation, applied: true, ...(result !== undefined && { result }) } };
}
