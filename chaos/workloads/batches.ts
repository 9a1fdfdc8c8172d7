/**
 * Batches over several partitions: every batch writes one number into all markers of its group. A group has one writer,
 * with its token: batches of several at once could each win some of the markers.
 */
import type { NodeId } from '../../base/ids.ts';
import type { Operation } from '../../graph/model.ts';
import type { Graph } from '../../src/engine-port.ts';
import type { Arena, Workload } from '../arena.ts';
import { type Client, propertiesAt, whileStill } from '../client.ts';

const GROUPS = 2;
const MARKERS = 4;
const OBSERVERS = 2;

const markersOf = (group: string) => Array.from({ length: MARKERS }, (_, i) => `${group}-${i}` as NodeId);

function batch(group: string, number: number): Operation[] {
  return markersOf(group).map((id) => ({ op: 'putNode', id, labels: [group], properties: { number } }));
}

export const batches: Workload = {
  name: 'batches',
  setup: [],
  start: (arena) => {
    /** The group that each writer is at now. */
    const groups = Array.from({ length: GROUPS }, (_, i) => `group-${i}.1`);
    return [
      ...groups.map((_, i) => writer(arena, groups, i)),
      ...Array.from({ length: OBSERVERS }, (_, i) => {
        const client = arena.client(`batches-observer-${i}`, { usesToken: false, stays: 0 });
        return arena.repeat(client, () => observe(arena, client, client.random.pick(groups)));
      }),
    ];
  },
};

function writer(arena: Arena, groups: string[], index: number): Promise<void> {
  const client = arena.client(`batches-${index}`, { usesToken: true, stays: 0.3 });
  let [number, generation] = [0, 1];
  return arena.repeat(client, async () => {
    const group = groups[index] as string;
    const { session } = client;
    const { outcome } = await client.write(`sets ${group} to ${++number}`, batch(group, number));
    // A batch that may yet come from a server that this session lost sight of could mix with a later one.
    if (outcome === 'unknown' || client.session !== session) groups[index] = `group-${index}.${++generation}`;
  });
}

async function observe(arena: Arena, client: Client, group: string): Promise<void> {
  const isList = client.random.chance(0.5);
  const done = await client.read(`observes ${group}`, (graph, engine) =>
    whileStill(engine, () => (isList ? listed(graph, group) : read(graph, group))),
  );
  if (done.value?.still !== true) return;
  arena.atomic.push({ group, values: done.value.value, server: done.server, atMs: arena.nowMs });
}

async function listed(graph: Graph, group: string): Promise<(number | undefined)[]> {
  const { items } = await graph.nodes({ label: group }, { limit: MARKERS + 1 });
  return markersOf(group).map((id) => numberOf(items.find((node) => node.id === id)?.properties.number));
}

async function read(graph: Graph, group: string): Promise<(number | undefined)[]> {
  const numbers: (number | undefined)[] = [];
  for (const id of markersOf(group)) {
    numbers.push(numberOf((await propertiesAt(graph, id)).number));
  }
  return numbers;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
