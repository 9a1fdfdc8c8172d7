/**
 * Few nodes that are overwritten thousands of times, beside some that are written once: documents are compacted, and what
 * compaction must keep lies in the segments that it rewrites.
 */
import { type Arena, GRAPH, numbered, type Workload } from '../arena.ts';
import type { Client } from '../client.ts';
import type { Call } from '../entry.ts';

type Create = Extract<Call, { kind: 'create' }>;
type Overwrite = Extract<Call, { kind: 'overwrite' }>;

/** In one partition. */
const SCOPE = 'hot!';
const HOT = numbered(3).map((index) => `${SCOPE}${index}`);
const COLD_NODES = 3;

export const overwrites: Workload = {
  name: 'overwrites',
  about: 'nodes overwritten thousands of times, so that documents are compacted: what was written once stays',
  checkers: ['elements'],
  setup: () => HOT.map((id) => ({ op: 'putNode', id, labels: ['Hot'], properties: {} })),
  start(arena, options) {
    const { clients = 1, size = 500, thinkMs = 200 } = options;
    return numbered(clients).map((index) => work(arena, { index, size, thinkMs }));
  },
};

async function work(
  arena: Arena,
  { index, size, thinkMs }: { readonly index: number; readonly size: number; readonly thinkMs: number },
): Promise<void> {
  const client = arena.client('overwrites', index, { stays: 0.9 });
  for (const which of numbered(COLD_NODES)) await createCold(client, `${SCOPE}cold-${index}-${which}`);
  let number = 0;
  await arena.repeat(client, { thinkMs }, async () => {
    const operations = numbered(size).map(() => {
      const properties = { value: `${index}-${++number}` };
      return { op: 'patchNode', id: client.random.pick(HOT), properties };
    });
    const call: Overwrite = { kind: 'overwrite', times: size };
    const told = await client.ask<Overwrite>({
      call,
      level: 'session',
      method: 'POST',
      path: `${GRAPH}/batch`,
      body: { operations },
      answer: ({ status }) => (status === 200 ? call : undefined),
    });
    return told.type === 'ok';
  });
}

async function createCold(client: Client, id: string): Promise<void> {
  const call: Create = { kind: 'create', elements: [id] };
  await client.ask<Create>({
    call,
    level: 'session',
    method: 'POST',
    path: `${GRAPH}/nodes`,
    body: { id, labels: ['Cold'] },
    answer: ({ status }) => (status === 201 ? call : undefined),
  });
}
