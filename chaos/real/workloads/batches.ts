/** Batches that write one number into markers on several partitions: every answer shows all of a batch or nothing of it. */
import { GRAPH, numbered, type Workload } from '../arena.ts';
import type { Client } from '../client.ts';
import type { Call } from '../entry.ts';

type Together = Extract<Call, { kind: 'together' }>;
type Glance = Extract<Call, { kind: 'glance' }>;

const MARKERS = 4;
const OBSERVERS = 2;
const STATEMENT = 'UNWIND $ids AS id MATCH (n:Marker {name: id}) RETURN n.value';

const markersOf = (group: string) => numbered(MARKERS).map((index) => `${group}-${index}`);

export const batches: Workload = {
  name: 'batches',
  about: 'batches over several partitions: all of one is seen, or nothing',
  checkers: ['atomicity'],
  start(arena, options) {
    const { clients = 2 } = options;
    const groups = numbered(clients).map((index) => `group-${index}.1`);
    const writers = numbered(clients).map((index) => {
      const client = arena.client('batches', index, { stays: 0.5, hasToken: true });
      let value = 0;
      return arena.repeat(client, options, async () => {
        // A batch that may yet come could win some of the markers of a later one.
        const group = `group-${index}.${client.session}`;
        groups[index] = group;
        const call: Together = { kind: 'together', group, value: ++value };
        const told = await client.ask<Together>({
          call,
          level: 'session',
          method: 'POST',
          path: `${GRAPH}/batch`,
          body: {
            operations: markersOf(group).map((id) => ({
              op: 'putNode',
              id,
              labels: ['Marker'],
              properties: { name: id, value },
            })),
          },
          answer: ({ status }) => (status === 200 ? call : undefined),
        });
        return told.type === 'ok';
      });
    });
    const observers = numbered(OBSERVERS).map((index) => {
      const client = arena.client('batches-observer', index, { stays: 0.5, workload: 'batches' });
      return arena.repeat(client, options, () => glance(client, client.random.pick(groups)));
    });
    return [...writers, ...observers];
  },
};

async function glance(client: Client, group: string): Promise<boolean> {
  const ids = markersOf(group);
  const told = await client.ask<Glance>({
    call: { kind: 'glance', group, values: [] },
    level: 'eventual',
    isRead: true,
    method: 'POST',
    path: `${GRAPH}/query`,
    body: { statement: STATEMENT, parameters: { ids }, accessMode: 'READ' },
    answer: ({ status, body }) => {
      if (status !== 200) return undefined;
      const found = body.data.values.map((row: readonly number[]) => row[0] ?? null) as (number | null)[];
      const missing = numbered(MARKERS - found.length).map(() => null);
      return { kind: 'glance', group, values: [...found, ...missing] };
    },
  });
  return told.type === 'ok';
}
