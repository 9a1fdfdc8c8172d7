/** What a store must say, computed from the list of everything that was ever done to it: slow, and too simple to be wrong. */
import type { ReplicaId } from '../base/ids.ts';
import { compareText } from '../base/order.ts';
import { compareKeys } from './keys.ts';
import type {
  Commit,
  LoggedCommit,
  Lsn,
  PartitionKey,
  PartitionSnapshot,
  PartitionState,
  StreamPosition,
} from './store.ts';

interface Written {
  readonly key: PartitionKey;
  readonly snapshot: PartitionSnapshot;
  readonly edges: readonly string[];
}

const isSame = (a: PartitionKey, b: PartitionKey): boolean => compareKeys(a, b) === 0;

export class ModelStore {
  /** All commits since the streams jumped last, and how many of them are let go of. */
  commits: readonly (Commit & { readonly lsn: Lsn })[] = [];
  baseLsn: Lsn = 0;
  lastLsn: Lsn = 0;
  heads: ReadonlyMap<ReplicaId, Omit<StreamPosition, 'origin'>> = new Map();
  snapshots: readonly Written[] = [];
  /** Of each graph that was dropped how far. */
  drops: ReadonlyMap<string, Lsn> = new Map();
  meta: ReadonlyMap<string, Uint8Array> = new Map();
  staged: readonly { readonly key: PartitionKey; readonly state: Uint8Array }[] = [];

  /** The same from now on, whatever becomes of this one. */
  copy(): ModelStore {
    return Object.assign(new ModelStore(), this);
  }

  append(commits: readonly Commit[]): Lsn {
    for (const commit of commits) {
      this.lastLsn++;
      this.commits = [...this.commits, { ...commit, lsn: this.lastLsn }];
      this.#move(commit);
    }
    return this.lastLsn;
  }

  writeSnapshot(key: PartitionKey, snapshot: PartitionSnapshot, edges: readonly string[]): void {
    if (snapshot.lsn <= this.#dropped(key)) return;
    if (snapshot.lsn < (this.#snapshotOf(key)?.lsn ?? 0)) return;
    this.snapshots = [...this.snapshots, { key, snapshot, edges }];
  }

  dropGraph(graphKey: string): void {
    this.drops = new Map([...this.drops, [graphKey, this.lastLsn]]);
  }

  truncateLog(upTo: Lsn): number {
    const before = this.logBytes;
    for (const { lsn, parts } of this.#retained()) {
      const isCovered = (part: PartitionKey) =>
        lsn <= this.#dropped(part) || lsn <= (this.#snapshotOf(part)?.lsn ?? -1);
      if (lsn > upTo || !parts.every(isCovered)) break;
      this.baseLsn = lsn;
    }
    return before - this.logBytes;
  }

  adoptStreams(positions: readonly StreamPosition[]): void {
    for (const position of positions) {
      if (position.seq > (this.heads.get(position.origin)?.seq ?? 0)) this.#move(position);
    }
  }

  setMeta(name: string, value: Uint8Array): void {
    this.meta = new Map([...this.meta, [name, value]]);
  }

  stage(key: PartitionKey, state: Uint8Array): void {
    const others = this.staged.filter((other) => !isSame(other.key, key));
    this.staged = [...others, { key, state }].sort((a, b) => compareKeys(a.key, b.key));
  }

  clearStaged(): void {
    this.staged = [];
  }

  get logBytes(): number {
    return this.#retained()
      .flatMap(({ lsn, parts }) => parts.filter((part) => lsn > this.#dropped(part)))
      .reduce((sum, { update }) => sum + update.length, 0);
  }

  readPartition(key: PartitionKey): PartitionState {
    const snapshot = this.#snapshotOf(key);
    const from = Math.max(snapshot?.lsn ?? 0, this.#dropped(key));
    const tail = this.commits.flatMap(({ lsn, parts }) =>
      parts.filter((part) => isSame(part, key) && lsn > from).map(({ update }) => ({ lsn, update })),
    );
    return { snapshot, tail };
  }

  /** In canonical order. */
  partitions(): PartitionKey[] {
    const named = [...this.commits.flatMap(({ parts }) => parts), ...this.snapshots.map(({ key }) => key)];
    const held = named.filter((key) => {
      const { snapshot, tail } = this.readPartition(key);
      return snapshot !== undefined || tail.length > 0;
    });
    const sorted = held.map(({ graphKey, partition }) => ({ graphKey, partition })).sort(compareKeys);
    return sorted.filter((key, at) => at === 0 || !isSame(key, sorted[at - 1] as PartitionKey));
  }

  /** In canonical order. */
  locate(graphKey: string, edge: string): string[] {
    const places = [
      ...this.commits.flatMap(({ lsn, locators }) => locators.map((locator) => ({ ...locator, lsn }))),
      ...this.snapshots.flatMap(({ key, snapshot: { lsn }, edges }) =>
        edges.map((each) => ({ ...key, edge: each, lsn })),
      ),
    ].filter((place) => place.graphKey === graphKey && place.edge === edge && place.lsn > this.#dropped(place));
    return [...new Set(places.map(({ partition }) => partition))].sort(compareText);
  }

  readCommits(origin: ReplicaId, afterSeq: number, limit: number): LoggedCommit[] {
    const asked = this.#retained().filter((commit) => commit.origin === origin && commit.seq > afterSeq);
    return asked.slice(0, limit).map((commit) => {
      const isKept = (key: { readonly graphKey: string }) => commit.lsn > this.#dropped(key);
      const parts = commit.parts.filter(isKept);
      const locators = commit.locators.filter(isKept);
      const isWhole = parts.length + locators.length === commit.parts.length + commit.locators.length;
      return isWhole ? commit : { ...commit, parts, locators, isPartial: true };
    });
  }

  #move({ origin, seq, clock }: StreamPosition): void {
    this.heads = new Map([...this.heads, [origin, { seq, clock }]]);
  }

  #retained() {
    return this.commits.filter(({ lsn }) => lsn > this.baseLsn);
  }

  #dropped({ graphKey }: { readonly graphKey: string }): Lsn {
    return this.drops.get(graphKey) ?? -1;
  }

  #snapshotOf(key: PartitionKey): PartitionSnapshot | undefined {
    const written = this.snapshots.findLast((one) => isSame(one.key, key) && one.snapshot.lsn > this.#dropped(key));
    return written?.snapshot;
  }
}
