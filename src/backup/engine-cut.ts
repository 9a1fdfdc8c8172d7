/** The state of this replica at one vector: a cut of the store with what the engine knows about it. */
import { WeftError } from '../../base/errors.ts';
import type { ReplicaId } from '../../base/ids.ts';
import type { PlantedBug } from '../../base/planted-bug.ts';
import { PartitionDocument } from '../../crdt/partition-document.ts';
import type { HybridClock } from '../../crdt/stamp.ts';
import type { PartitionKey, PartitionState, Store, StoreCut } from '../../storage/store.ts';
import type { Adoption } from '../adoption/adoption.ts';
import { stateDiff } from '../adoption/state-diff.ts';
import { SYSTEM_KEY } from '../catalog/catalog.ts';
import type { GraphCatalog } from '../catalog/graph-catalog.ts';
import type { Progress } from '../commits/progress.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import type { ReplicaCut } from '../replication/replica.ts';
import { pathOf, type Residency } from '../residency/residency.ts';

export interface EngineCutOptions {
  readonly store: Store;
  readonly catalog: GraphCatalog;
  readonly residency: Residency;
  readonly progress: Progress;
  readonly clock: HybridClock;
  readonly adoption: Adoption;
  readonly replica: ReplicaId;
  readonly bugs: ReadonlySet<PlantedBug> | undefined;
}

/** @throws WeftError `replica-recovering` while partitions may hold parts of commits, `too-many-requests` */
export async function openEngineCut(options: EngineCutOptions): Promise<ReplicaCut> {
  const { store, catalog, progress, clock, adoption } = options;
  if (adoption.isApplying) adoption.check();
  // Noted before the moment is fixed, which includes their deletion: they are kept for the log only.
  const dropped = catalog.dropped.keys();
  const cut = await store.openCut();
  if (adoption.isApplying) {
    await cut.release();
    adoption.check();
  }
  const { retired } = progress;
  const vector = cut.streams.filter(([origin, seq]) => seq > 0 && retired.get(origin) !== seq);
  const ended = Array.from(retired).filter(([origin]) => !vector.some(([live]) => live === origin));
  const partitions = cut.partitions.filter(({ graphKey }) => !dropped.has(graphKey));
  return new EngineCut(cut, options, {
    vector: new Map(vector),
    retired: new Map(ended),
    clock: clock.last,
    partitions: [...partitions.filter(isSystem), ...partitions.filter((key) => !isSystem(key))],
  });
}

interface Moment {
  readonly vector: VersionVector;
  readonly retired: VersionVector;
  readonly clock: number;
  readonly partitions: readonly PartitionKey[];
}

const isSystem = ({ graphKey }: PartitionKey) => graphKey === SYSTEM_KEY;

class EngineCut implements ReplicaCut {
  readonly vector: VersionVector;
  readonly retired: VersionVector;
  readonly clock: number;
  readonly partitions: readonly PartitionKey[];
  readonly store: StoreCut;
  readonly #options: EngineCutOptions;

  constructor(cut: StoreCut, options: EngineCutOptions, { vector, retired, clock, partitions }: Moment) {
    this.store = cut;
    this.#options = options;
    this.vector = vector;
    this.retired = retired;
    this.clock = clock;
    this.partitions = partitions;
  }

  async diff(key: PartitionKey, stateVector: Uint8Array): Promise<Uint8Array> {
    const { replica, bugs } = this.#options;
    return stateDiff(hydrate(key, replica, await this.updates(key)), key, stateVector, bugs);
  }

  async updates(key: PartitionKey): Promise<readonly Uint8Array[]> {
    const { snapshot, tail } = await this.#read(key, { document: true });
    const updates = tail.map(({ update }) => update);
    if (snapshot !== undefined) updates.unshift(snapshot.document);
    return updates;
  }

  readPartition(key: PartitionKey): Promise<PartitionState> {
    return this.#read(key, { document: false });
  }

  /** What cannot be read of that moment is looked at as it is now: nobody else may have noticed that it is damaged. */
  async #read(key: PartitionKey, want: { readonly document: boolean }): Promise<PartitionState> {
    try {
      return await this.store.readPartition(key, want);
    } catch (error) {
      if (error instanceof WeftError && error.code === 'partition-recovering') {
        await this.#options.residency.readStored(key, want);
      }
      throw error;
    }
  }

  release(): Promise<void> {
    return this.store.release();
  }
}

function hydrate(key: PartitionKey, replica: ReplicaId, updates: readonly Uint8Array[]): PartitionDocument {
  try {
    return PartitionDocument.hydrate(pathOf(key), replica, updates);
  } catch (cause) {
    throw new WeftError('partition-recovering', 'the partition cannot be read', { ...key }, cause);
  }
}
