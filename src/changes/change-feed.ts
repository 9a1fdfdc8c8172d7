/**
 * The changes of a graph, read from the commit log: each patch of each commit once, in the order in which this server applied
 * the commits, which is a causal order. What a reader has had is in its position, so the server keeps nothing for it, and a
 * slow reader costs no memory.
 *
 * - CHG-1 Positions that a reader gets one after the other cover each commit exactly once.
 * - CHG-2 Copies that compaction makes are no changes (DOC-7).
 * - CHG-3 A reader whose commits are gone from the log is told so; it never misses any unknowingly.
 */
import type { ReplicaId } from '../../base/ids.ts';
import { checkUpdate } from '../../crdt/foreign-update.ts';
import type { Assignments, Patch } from '../../crdt/patch.ts';
import { wallMsOfClock } from '../../crdt/stamp.ts';
import type { PartitionKey, PartitionState } from '../../storage/store.ts';
import { joined, seqOf, type VersionVector } from '../commits/version-vector.ts';
import type { Change, ChangePage } from '../engine-port.ts';
import { readLog } from '../replication/log-reader.ts';
import type { Replica, StreamCommit } from '../replication/replica.ts';
import { type ChangePositions, type Ended, mustRefetch } from './change-position.ts';
import { type ChangePlace, PastElements } from './past-elements.ts';

/** A page with, for each change, where it stands. */
export interface PlacedPage extends ChangePage {
  readonly places: readonly ChangePlace[];
}

export interface ChangeFeedOptions {
  readonly replica: Pick<Replica, 'vector' | 'retired' | 'readCommits'>;
  readonly positions: ChangePositions;
  /** What the store has of a partition. */
  readonly readStored: (key: PartitionKey) => Promise<PartitionState>;
}

export class ChangeFeed {
  readonly #options: ChangeFeedOptions;
  readonly #waiting = new Set<() => void>();

  constructor(options: ChangeFeedOptions) {
    this.#options = options;
  }

  /** Something became visible. */
  moved(): void {
    const waiting = Array.from(this.#waiting);
    this.#waiting.clear();
    for (const task of waiting) task();
  }

  /** Runs `task` once, when the next commit of any graph has become visible, unless what it returns is called before. */
  onceMoved(task: () => void): () => void {
    this.#waiting.add(task);
    return () => this.#waiting.delete(task);
  }

  /** The position of a reader who has had all that is visible. */
  now(graphKey: string): string {
    const { replica, positions } = this.#options;
    return positions.encode(graphKey, Array.from(replica.retired), replica.vector);
  }

  /**
   * Changes after `since`, or from the beginning of the log, if that is the beginning of all. Ends after the commit that brings
   * them to `limit`; `isWanted` says which count. @throws WeftError `must-refetch`, `invalid-request`, definite
   */
  async read(
    graphKey: string,
    since: string | undefined,
    limit: number,
    isWanted: (change: Change) => boolean | Promise<boolean>,
  ): Promise<PlacedPage> {
    const { replica, positions } = this.#options;
    const ended = Array.from(replica.retired);
    const have = joined(replica.vector, ended);
    let held = since === undefined ? new Map<ReplicaId, number>() : positions.decode(since, graphKey, ended);
    const lacking = Array.from(have.keys(), (origin) => [origin, seqOf(held, origin)] as const);
    const after = new Map(lacking.filter(([origin, seq]) => seq < seqOf(have, origin)));
    const { commits, behind } = await readLog(replica, after, have);
    if (behind) throw mustRefetch('the log does not reach back that far');
    const changes: Change[] = [];
    const places: ChangePlace[] = [];
    const ends: { readonly changes: number; readonly since: string }[] = [];
    let read = 0;
    for (const commit of commits) {
      if (changes.length >= limit) break;
      read++;
      held = joined(held, [[commit.origin, commit.seq]]);
      const before = changes.length;
      for (const place of placesOf(commit, graphKey)) {
        const change = changeOf(place.patch);
        if (!(await isWanted(change))) continue;
        changes.push(change);
        places.push(place);
      }
      if (changes.length > before) ends.push({ changes: changes.length, since: this.#encode(graphKey, held, ended) });
    }
    const more = read < commits.length || Array.from(have).some(([origin, seq]) => seqOf(held, origin) < seq);
    return { changes, places, ends, since: this.#encode(graphKey, held, ended), more };
  }

  /** What elements were before changes. */
  past(places: readonly ChangePlace[]): PastElements {
    return new PastElements(this.#options.readStored, places);
  }

  /** A stream that ended is named by its place among them as soon as all before it are known whole too. */
  #encode(graphKey: string, held: VersionVector, ended: readonly Ended[]): string {
    const first = ended.findIndex(([origin, seq]) => seqOf(held, origin) < seq);
    const passed = first < 0 ? ended : ended.slice(0, first);
    const rest = new Map(held);
    for (const [origin] of passed) rest.delete(origin);
    return this.#options.positions.encode(graphKey, passed, rest);
  }
}

function placesOf(commit: StreamCommit, graphKey: string): ChangePlace[] {
  const { lsn } = commit;
  const places: ChangePlace[] = [];
  for (const part of commit.parts) {
    if (part.graphKey !== graphKey) continue;
    const { patches: all, copies } = checkUpdate(part.update, commit.origin);
    for (const patch of copies === 0 ? all : all.slice(0, -copies)) {
      if (patch.kind === 'stub-create' || patch.kind === 'stub-delete') continue;
      places.push({ key: { graphKey, partition: part.partition }, lsn, patch });
    }
  }
  // Parts are by partition; stamps tell in which order it was written.
  return places.sort((a, b) => a.patch.clock - b.patch.clock);
}

function changeOf(patch: Patch): Change {
  const { kind, id, clock, replica } = patch;
  const head = { id, timeMs: wallMsOfClock(clock), replica };
  switch (kind) {
    case 'node-create':
      return {
        kind: 'node',
        change: 'create',
        ...head,
        labels: patch.labels,
        ...assigned(patch.properties, patch.more),
      };
    case 'edge-create': {
      const { type, from, to, properties, more } = patch;
      return { kind: 'edge', change: 'create', ...head, type, from, to, ...assigned(properties, more) };
    }
    case 'node-update':
    case 'edge-update':
      return { kind: kindOf(kind), change: 'update', ...head, ...assigned(patch.properties, patch.more) };
    default:
      return { kind: kindOf(kind), change: 'delete', ...head };
  }
}

function kindOf(kind: Patch['kind']): Change['kind'] {
  return kind.startsWith('node') ? 'node' : 'edge';
}

type Assigned = Pick<Change, 'properties' | 'propertiesRemoved' | 'labelsAdded' | 'labelsRemoved' | 'merged'>;

function assigned(properties: Change['properties'], more: Assignments | undefined): Assigned {
  const merged = [
    ...(more?.totals?.keys() ?? []),
    ...(more?.members?.keys() ?? []),
    ...(more?.textChanges?.keys() ?? []),
  ];
  return {
    ...(properties === undefined ? {} : { properties }),
    ...(more?.propertiesRemoved === undefined ? {} : { propertiesRemoved: more.propertiesRemoved }),
    ...(more?.labelsAdded === undefined ? {} : { labelsAdded: more.labelsAdded }),
    ...(more?.labelsRemoved === undefined ? {} : { labelsRemoved: more.labelsRemoved }),
    ...(merged.length === 0 ? {} : { merged }),
  };
}
