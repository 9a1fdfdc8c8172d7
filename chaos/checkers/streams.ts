/** A commit has one name and one content, and every store takes commits in an order in which causes come first. */
import { type CommitRecord, commitKey, type History, type LogRecord } from '../history.ts';
import type { Checker } from './verdict.ts';
import { judge } from './verdict.ts';

export const streams: Checker = {
  name: 'streams',
  promise: 'one name, one commit; every log is in causal order, without gaps in any stream',
  check(history) {
    const evidence = [...history.conflicts];
    for (const log of history.logs) evidence.push(...disorder(history, log));
    return judge(evidence);
  },
};

function disorder({ commits }: History, log: LogRecord): string[] {
  const evidence: string[] = [];
  const held = new Map(log.base);
  for (const name of log.commits) {
    const key = commitKey(name);
    const before = held.get(name.origin) ?? 0;
    if (name.seq !== before + 1) evidence.push(`${log.server} appended ${key} after ${name.origin}/${before}`);
    const commit: CommitRecord | undefined = commits.get(key);
    for (const [origin, seq] of commit?.after ?? []) {
      if ((held.get(origin) ?? 0) >= seq) continue;
      evidence.push(
        `${log.server} appended ${key}, which builds on ${origin}/${seq}, with ${held.get(origin) ?? 0} of it`,
      );
    }
    held.set(name.origin, Math.max(before, name.seq));
  }
  return evidence;
}
