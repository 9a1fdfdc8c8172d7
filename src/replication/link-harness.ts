/** Commits and surroundings in few words, for tests of links. */
import type { ReplicaId } from '../../base/ids.ts';
import type { Commit } from '../../storage/store.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import { CommitTail } from './commit-tail.ts';
import { UNFOUNDED } from './configuration.ts';
import type { Hello } from './frame.ts';
import type { LinkLine, LinkSettings, LinkSurroundings } from './link.ts';

export const replica = (id: number): ReplicaId => id as ReplicaId;
export const vector = (entries: Readonly<Record<number, number>>): VersionVector =>
  new Map(Object.entries(entries).map(([origin, seq]) => [replica(Number(origin)), seq]));

export function commit(origin: number, seq: number, after: Readonly<Record<number, number>> = {}): Commit {
  return { origin: replica(origin), seq, clock: seq, parts: [], locators: [], after: Array.from(vector(after)) };
}

export function hello(id: number, over: Partial<Hello> = {}): Hello {
  return {
    kind: 'hello',
    version: 1,
    versionMin: 1,
    name: `server-${id}`,
    replica: replica(id),
    clusterId: '',
    established: false,
    settingsHash: 'same',
    size: 2,
    configuration: UNFOUNDED,
    wallMs: 1_750_000_000_000,
    nonce: new Uint8Array(16).fill(id),
    ...over,
  };
}

export const SETTINGS: LinkSettings = {
  windowBytes: 1000,
  heartbeatMs: 500,
  deadAfterMs: 6000,
  resendAfterMs: 1000,
  relayAfterMs: 300,
  noRelay: false,
};

/** A network that has taken everything. */
export const TAKEN: LinkLine = { waitingBytes: 0, holdsCommits: false, end: 0, hasLeft: () => true };

/** What a link sees of a server that applies commits in the order in which they are given. */
export class Applied implements LinkSurroundings {
  readonly replica: ReplicaId;
  readonly log: Commit[] = [];
  readonly #tail: CommitTail;
  #have: VersionVector = new Map();
  direct: ReplicaId[] = [];
  hasState = true;

  constructor(id: number, tailBytes = 1_000_000) {
    this.replica = replica(id);
    this.#tail = new CommitTail(tailBytes);
  }

  apply(...commits: readonly Commit[]): void {
    for (const applied of commits) {
      this.log.push(applied);
      this.#tail.push({ ...applied, lsn: this.log.length }, 0);
      this.#have = new Map(this.#have).set(applied.origin, applied.seq);
    }
  }

  have(): VersionVector {
    return this.#have;
  }

  givesState(): boolean {
    return this.hasState;
  }

  find(origin: ReplicaId, seq: number): ReturnType<CommitTail['find']> {
    return this.#tail.find(origin, seq);
  }

  status(): ReturnType<LinkSurroundings['status']> {
    const { direct } = this;
    return { clusterId: '', established: false, vector: this.#have, retired: new Map(), direct, wallMs: 0 };
  }
}
