/**
 * Leases: nodes that expire soon, of which some are extended shortly before. Servers delete what has expired long ago; an extension
 * that was written in time on one side of a cut must find the node still there when it arrives on the other.
 */
import { type Arena, GRAPH, numbered, type Workload } from '../arena.ts';
import type { Client } from '../client.ts';
import type { Call } from '../entry.ts';

type Lease = Extract<Call, { kind: 'lease' }>;
type Leases = Extract<Call, { kind: 'leases' }>;

const LABEL = 'Lease';
const [LIFE_MS_MIN, LIFE_MS_MAX] = [20_000, 60_000];
/** Beyond every run. */
const FAR_MS = 10 * 3_600_000;
/** Extended when so little is left; so close to the end it is too late to be sure. */
const [EXTEND_MS, LATE_MS] = [15_000, 2_000];
const PAGE = 10_000;

interface Held {
  readonly id: string;
  readonly expiresMs: number;
}

export const expiry: Workload = {
  name: 'expiry',
  about: 'nodes that expire, and extensions on both sides of every cut: what was extended in time stays, all else goes',
  checkers: ['expiry'],
  start(arena, options) {
    const { clients = 6, thinkMs = 300 } = options;
    const users = numbered(clients).map((index) => user(arena, thinkMs, index));
    const observer = arena.client('expiry-observer', 0, { workload: 'expiry', stays: 0 });
    const looking = arena.repeat(observer, { thinkMs: Math.max(thinkMs, 1_000) }, () => look(arena, observer));
    // What servers hold is compared one after the other; nothing may expire in between.
    const over = Promise.all(users).then(() => arena.world.sleep(LIFE_MS_MAX + LATE_MS));
    return [looking, over.then(() => undefined)];
  },
};

function user(arena: Arena, thinkMs: number, index: number): Promise<void> {
  const client = arena.client('expiry', index, { stays: 0.97, hasToken: true });
  const nowMs = () => arena.world.env.clock.wallMs();
  let number = 0;
  let session = client.session;
  let own: Held[] = [];
  return arena.repeat(client, { thinkMs }, async () => {
    // What another session made may not be known where this one extends it.
    if (session !== client.session) [session, own] = [client.session, []];
    own = own.filter(({ expiresMs }) => expiresMs - nowMs() > LATE_MS);
    const at = own.findIndex(({ expiresMs }) => expiresMs - nowMs() < EXTEND_MS);
    const [held] = at < 0 ? [] : own.splice(at, 1);
    if (held !== undefined) {
      const call: Lease = { kind: 'lease', id: held.id, inMs: FAR_MS, leftMs: held.expiresMs - nowMs() };
      const { type } = await write(client, call, 'PATCH', `nodes/${held.id}`, {
        properties: { expiresAt: nowMs() + FAR_MS },
      });
      return type === 'ok';
    }
    const id = `lease-${index}-${++number}`;
    const inMs = LIFE_MS_MIN + Math.floor(client.random.uint32() % (LIFE_MS_MAX - LIFE_MS_MIN));
    const expiresMs = nowMs() + inMs;
    const body = { id, labels: [LABEL], properties: { expiresAt: expiresMs } };
    const { type } = await write(client, { kind: 'lease', id, inMs }, 'POST', 'nodes', body);
    // Others are left to expire.
    if (type === 'ok' && client.random.chance(0.6)) own.push({ id, expiresMs });
    return type === 'ok';
  });
}

function write(client: Client, call: Lease, method: string, path: string, body: object) {
  return client.ask<Lease>({
    call,
    level: 'session',
    method,
    path: `${GRAPH}/${path}`,
    body,
    answer: ({ status }) => (status === 200 || status === 201 ? call : undefined),
  });
}

async function look(arena: Arena, client: Client): Promise<boolean> {
  const askedMs = arena.world.env.clock.wallMs();
  const told = await client.ask<Leases>({
    call: { kind: 'leases', shown: 0, expired: [] },
    level: 'eventual',
    isRead: true,
    method: 'GET',
    path: `${GRAPH}/nodes?label=${LABEL}&limit=${PAGE}`,
    answer: ({ status, body }) => (status === 200 ? judgeList(body.nodes, askedMs) : undefined),
  });
  return told.type === 'ok';
}

function judgeList(
  nodes: readonly { readonly id: string; readonly properties: { readonly expiresAt: number } }[],
  askedMs: number,
): Leases {
  const expired = nodes.filter(({ properties }) => properties.expiresAt <= askedMs).map(({ id }) => id);
  return { kind: 'leases', shown: nodes.length, expired };
}
