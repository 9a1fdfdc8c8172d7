/**
 * Hears what stores are told to append: the truth about commits that the checkers compare everything with. It sees
 * every commit at its origin, before anything can happen to it.
 */
import type { Commit, Store } from '../../storage/store.ts';
import { type CommitName, type CommitRecord, commitKey, type LogRecord, type Vector } from '../history.ts';

interface Recorded extends CommitRecord {
  /** By graph key and partition. */
  readonly parts: Map<string, Uint8Array>;
  readonly clock: number;
}

export interface RecordedPart {
  readonly graphKey: string;
  readonly partition: string;
  readonly update: Uint8Array;
  readonly commit: CommitName;
}

export class Recorder {
  readonly commits = new Map<string, Recorded>();
  readonly logs: LogRecord[] = [];
  readonly conflicts: string[] = [];

  /** The store of one incarnation of a server, as its engine sees it. */
  watch(store: Store, server: string, incarnation: number): { readonly store: Store; readonly log: LogRecord } {
    const base: Vector = new Map(store.recovery.streams.map(({ origin, seq }) => [origin as number, seq]));
    const log: LogRecord = { server, incarnation, base, entries: [] };
    this.logs.push(log);
    const append = (commit: Commit): ReturnType<Store['append']> => {
      this.#appended(server, log, commit);
      return store.append(commit);
    };
    const appendAll = (commits: readonly Commit[]): ReturnType<Store['appendAll']> => {
      for (const commit of commits) this.#appended(server, log, commit);
      return store.appendAll(commits);
    };
    const adoptStreams = (streams: Parameters<Store['adoptStreams']>[0]): ReturnType<Store['adoptStreams']> => {
      const vector = new Map(streams.map(({ origin, seq }) => [origin as number, seq]));
      log.entries.push({ kind: 'adoption', vector });
      return store.adoptStreams(streams);
    };
    const watched = new Proxy(store, {
      get: (target, name) => {
        if (name === 'append') return append;
        if (name === 'appendAll') return appendAll;
        if (name === 'adoptStreams') return adoptStreams;
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    return { store: watched, log };
  }

  #appended(server: string, log: LogRecord, commit: Commit): void {
    const { origin, seq, after, clock } = commit;
    const key = commitKey({ origin, seq });
    log.entries.push({ kind: 'commit', commit: { origin, seq } });
    let recorded = this.commits.get(key);
    if (recorded === undefined) {
      recorded = { origin, seq, after, clock, parts: new Map() };
      this.commits.set(key, recorded);
    } else if (recorded.clock !== clock) {
      this.conflicts.push(`two commits are called ${key}; the second was appended by ${server}`);
    }
    for (const { graphKey, partition, update } of commit.parts) {
      const place = `${graphKey}/${partition}`;
      const held = recorded.parts.get(place);
      if (held === undefined) recorded.parts.set(place, update);
      else if (!equalBytes(held, update))
        this.conflicts.push(`${server} appended ${key} with other bytes for ${place}`);
    }
  }

  /** The parts of all commits that `covered` says took effect. */
  parts(covered: (commit: CommitName) => boolean): RecordedPart[] {
    const parts: RecordedPart[] = [];
    for (const recorded of this.commits.values()) {
      if (!covered(recorded)) continue;
      for (const [place, update] of recorded.parts) {
        const slash = place.indexOf('/');
        parts.push({
          graphKey: place.slice(0, slash),
          partition: place.slice(slash + 1),
          update,
          commit: { origin: recorded.origin, seq: recorded.seq },
        });
      }
    }
    return parts;
  }
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
