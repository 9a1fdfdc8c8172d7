/**
 * The four session guarantees (Terry et al., Session Guarantees for Weakly Consistent Replicated Data, 1994), from what
 * sessions did with their tokens on whichever server. The order of the versions of a register is that of their stamps.
 */
import { commitKey, type History, type SessionEvent, type Vector, type WrittenValue } from '../history.ts';
import type { Checker } from './verdict.ts';
import { judge } from './verdict.ts';

interface Seen {
  readonly value: string;
  readonly written: WrittenValue;
}

export const sessions: Checker = {
  name: 'sessions',
  promise: 'read your writes, monotonic reads, monotonic writes, writes follow reads, across servers',
  check(history) {
    const bySession = new Map<string, SessionEvent[]>();
    for (const event of history.sessions) {
      const events = bySession.get(event.session);
      if (events === undefined) bySession.set(event.session, [event]);
      else events.push(event);
    }
    const past = pasts(history);
    return judge([...bySession.values()].flatMap((events) => violations(history, events, past)));
  },
};

function violations(
  { values }: History,
  events: readonly SessionEvent[],
  past: (of: WrittenValue) => Vector,
): string[] {
  const evidence: string[] = [];
  const writes = new Map<string, Seen>();
  const reads = new Map<string, Seen>();
  /** All that the session wrote or saw, of every register. */
  const known: (Seen & { readonly kind: 'read' | 'write' })[] = [];
  for (const event of events) {
    const { session, kind, key, value, server, outcome, atMs } = event;
    if (outcome !== 'ok') continue;
    const say = (guarantee: string, than: Seen) => {
      const place = `${session} on ${server} at ${atMs.toFixed(1)} ms`;
      evidence.push(
        `${guarantee}: ${place} ${kind === 'read' ? 'read' : 'wrote'} ${key} = ${value} after ${than.value}`,
      );
    };
    const written = value === undefined ? undefined : values.get(value);
    if (kind === 'read' && value !== undefined && written === undefined) {
      evidence.push(`phantom: ${session} read ${key} = ${value} on ${server}, which no commit holds`);
      continue;
    }
    // A write whose patch no store was ever given cannot be compared; `durability` speaks about it.
    if (kind === 'write' && written === undefined) continue;
    const [own, seen] = [writes.get(key), reads.get(key)];
    const isOlder = (than: Seen) => written === undefined || isLater(than.written, written);
    if (kind === 'read') {
      if (own !== undefined && isOlder(own)) say('read your writes', own);
      if (seen !== undefined && isOlder(seen)) say('monotonic reads', seen);
    } else if (written !== undefined) {
      if (own !== undefined && isOlder(own)) say('monotonic writes', own);
      if (seen !== undefined && isOlder(seen)) say('writes follow reads', seen);
      const covered = past(written);
      for (const than of known) {
        if ((covered.get(than.written.origin) ?? 0) >= than.written.seq) continue;
        say(than.kind === 'write' ? 'monotonic writes (visibility)' : 'writes follow reads (visibility)', than);
      }
    }
    if (value === undefined || written === undefined) continue;
    (kind === 'read' ? reads : writes).set(key, { value, written });
    known.push({ value, written, kind });
  }
  return evidence;
}

function isLater(a: WrittenValue, b: WrittenValue): boolean {
  return a.clock > b.clock || (a.clock === b.clock && a.replica > b.replica);
}

/** All that whoever shows a commit must show as well: itself, its stream so far, and what these build on. */
function pasts({ commits }: History): (of: WrittenValue) => Vector {
  const known = new Map<string, Vector>();
  return ({ origin, seq }) => {
    // Depth first without recursion: streams are long.
    const stack = [{ origin, seq }];
    for (;;) {
      const at = stack.at(-1);
      if (at === undefined) break;
      const key = commitKey(at);
      const commit = commits.get(key);
      const causes = [...(commit?.after ?? []), [at.origin, at.seq - 1] as const]
        .filter(([, to]) => to > 0)
        .map(([from, to]) => ({ origin: from, seq: to }));
      const open = known.has(key) ? [] : causes.filter((cause) => !known.has(commitKey(cause)));
      if (open.length > 0) {
        stack.push(...open);
        continue;
      }
      stack.pop();
      const vector = new Map([[at.origin, at.seq]]);
      for (const cause of causes) {
        for (const [from, to] of known.get(commitKey(cause)) ?? [])
          vector.set(from, Math.max(vector.get(from) ?? 0, to));
      }
      known.set(key, vector);
    }
    return known.get(commitKey({ origin, seq })) ?? new Map();
  };
}
