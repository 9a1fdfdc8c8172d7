/** What the graphs must be: the naive model of `crdt/`, folded over every commit that took effect. */
import type { ReplicaId } from '../base/ids.ts';
import { describeGraph, type PlacedPatch, visibleGraph } from '../crdt/graph.model.ts';
import { patchesOf } from '../crdt/partition-document.ts';
import { decodePatch } from '../crdt/patch-codec.ts';
import { partitionOfNode } from '../crdt/routing.ts';
import { BUILT_IN, entryOf, namesOf } from '../src/catalog/catalog.ts';
import type { CommitName, FinalState, WrittenValue } from './history.ts';
import type { Recorder } from './sim/recorder.ts';

type Entry = (typeof BUILT_IN)[number];

/**
 * The graphs by name, at the join of what the servers say that they have.
 * @param nowMs what has expired by then is hidden: no moment lies between the clocks of servers
 */
export function expectedGraphs(recorder: Recorder, final: readonly FinalState[], nowMs: number): Map<string, string> {
  const covered = ({ origin, seq }: CommitName) => final.some(({ vector }) => (vector.get(origin) ?? 0) >= seq);
  const bags = new Map<string, PlacedPatch[]>();
  for (const { graphKey, partition, update } of recorder.parts(covered)) {
    const bag = bags.get(graphKey) ?? [];
    bags.set(graphKey, bag);
    for (const text of patchesOf(update)) bag.push({ partition, patch: decodePatch(text) });
  }
  const fold = ({ key, settings }: Entry) =>
    visibleGraph(bags.get(key) ?? [], {
      nowMs,
      restoringTypes: settings.restoringTypes,
      homeOf: (node) => partitionOfNode(node, settings.partitions),
    });
  const [system] = BUILT_IN;
  const catalog = system === undefined ? [] : fold(system).nodes;
  const entries = catalog.map((node) => entryOf(node as Parameters<typeof entryOf>[0]));
  const live = entries.filter((entry) => entry !== undefined).filter(({ isDropped }) => !isDropped);
  const names = namesOf(live);
  return new Map([
    ...BUILT_IN.map((entry) => [entry.name, describeGraph(fold(entry))] as const),
    ...live.map((entry) => [names.get(entry.key) ?? entry.name, describeGraph(fold(entry))] as const),
  ]);
}

/** The stamps of all texts that registers were ever given, by text; workloads give each only once. */
export function valuesOf(recorder: Recorder): Map<string, WrittenValue> {
  const values = new Map<string, WrittenValue>();
  for (const { update, commit } of recorder.parts(() => true)) {
    for (const text of patchesOf(update)) {
      const patch = decodePatch(text);
      if (patch.kind !== 'node-update') continue;
      const { value } = patch.properties;
      if (typeof value !== 'string' || values.has(value)) continue;
      values.set(value, { clock: patch.clock, replica: patch.replica as ReplicaId, ...commit });
    }
  }
  return values;
}
