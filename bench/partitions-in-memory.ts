/** A graph at the CRDT layer: a view and one document a partition, written and hydrated as the engine does it. */
import { type PartitionId, replicaId } from '../base/ids.ts';
import { GraphView } from '../crdt/graph-view.ts';
import { PartitionDocument, patchesOf } from '../crdt/partition-document.ts';
import type { PartitionIndex } from '../crdt/partition-index.ts';
import type { NodeCreate, Patch } from '../crdt/patch.ts';
import { decodePatch, encodePatch, encodeStamp } from '../crdt/patch-codec.ts';
import { HybridClock } from '../crdt/stamp.ts';
import { people } from './workload.ts';

export const REPLICA = replicaId(0x5eed_1234);
const PARTITIONS = 16;

interface Opened {
  readonly index: PartitionIndex;
  readonly document: PartitionDocument;
}

function hybridClock(): HybridClock {
  return new HybridClock({ wallMs: () => Date.now(), monotonicMs: () => performance.now() });
}

/** Creates of people with ids as the server makes them, from the person number `first` on. */
export function patchesOfPeople(count: number, first = 0, clock = hybridClock()): NodeCreate[] {
  return people(count, first).map((properties) => {
    const stamp = { clock: clock.tick(), replica: REPLICA };
    const id = encodeStamp(stamp.clock, stamp.replica);
    return { kind: 'node-create', ...stamp, id, labels: ['Person'], properties };
  });
}

export class PartitionsInMemory {
  readonly view = new GraphView({ partitions: PARTITIONS, restoringTypes: [] });
  readonly clock = hybridClock();
  readonly #opened = new Map<PartitionId, Opened>();

  /** Opens all partitions: empty, or from their documents' states. */
  constructor(states: ReadonlyMap<PartitionId, Uint8Array> = new Map()) {
    for (let i = 0; i < PARTITIONS; i++) {
      const id = String(i) as PartitionId;
      const index = this.view.open(id);
      const state = states.get(id);
      if (state !== undefined) {
        for (const text of patchesOf(state)) this.view.fold(index, decodePatch(text), text.length);
      }
      const document = PartitionDocument.hydrate(`bench/${id}`, REPLICA, state === undefined ? [] : [state]);
      this.#opened.set(id, { index, document });
    }
  }

  /** Folds and appends one batch: one Yjs transaction a partition. */
  write(patches: readonly (readonly [partition: PartitionId, patch: Patch])[]): void {
    const texts = new Map<PartitionId, string[]>();
    for (const [id, patch] of patches) {
      const text = encodePatch(patch);
      this.view.fold(this.#partition(id).index, patch, text.length);
      const held = texts.get(id);
      if (held === undefined) texts.set(id, [text]);
      else held.push(text);
    }
    for (const [id, batch] of texts) this.#partition(id).document.append(batch);
  }

  #partition(id: PartitionId): Opened {
    const opened = this.#opened.get(id);
    if (opened === undefined) throw new Error(`partition ${id} is not open`);
    return opened;
  }

  /** The documents' states, in memory of their own. */
  encode(): Map<PartitionId, Uint8Array> {
    return new Map(Array.from(this.#opened, ([id, { document }]) => [id, document.encode().slice()]));
  }

  /** Bytes that the residency would count. */
  estimatedBytes(): number {
    let bytes = 0;
    for (const { index } of this.#opened.values()) bytes += index.bytes;
    return bytes;
  }
}
