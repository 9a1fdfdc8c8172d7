/** A commit has one name and one content, and every store takes commits in an order in which causes come first. */
import { commitKey, type History, type LogRecord } from '../history.ts';
import type { Checker } from './verdict.ts';
import { judge } from './verdict.ts';

export const streams: Checker = {
  name: 'streams',
  promise: 'one name, one commit; every log is in causal order, without gaps in any stream',
  check(history) {
    const evidence = [...history.conflicts];
    for (const log of history.logs) evidence.push(...disorder(history, log));
    evidence.push(...fromNowhere(history));
    return judge(evidence);
  },
};

/** Commits that servers say they have, and that no store was ever given. */
function fromNowhere({ final, commits }: History): string[] {
  const evidence: string[] = [];
  for (const { server, vector } of final) {
    for (const [origin, last] of vector) {
      for (let seq = 1; seq <= last; seq++) {
        const key = commitKey({ origin, seq });
        if (!commits.has(key)) evidence.push(`${server} says that it has ${key}, which no store was given`);
      }
    }
  }
  return evidence;
}

function disorder({ commits }: History, { server, base, entries }: LogRecord): string[] {
  const evidence: string[] = [];
  const held = new Map(base);
  const heldOf = (origin: number) => held.get(origin) ?? 0;
  for (const entry of entries) {
    if (entry.kind === 'adoption') {
      for (const [origin, seq] of entry.vector) held.set(origin, Math.max(heldOf(origin), seq));
      continue;
    }
    const { origin, seq } = entry.commit;
    const key = commitKey(entry.commit);
    if (seq !== heldOf(origin) + 1) evidence.push(`${server} appended ${key} after ${origin}/${heldOf(origin)}`);
    for (const [cause, wanted] of commits.get(key)?.after ?? []) {
      if (heldOf(cause) >= wanted) continue;
      evidence.push(`${server} appended ${key}, which builds on ${cause}/${wanted}, with ${heldOf(cause)} of it`);
    }
    held.set(origin, Math.max(heldOf(origin), seq));
  }
  return evidence;
}
