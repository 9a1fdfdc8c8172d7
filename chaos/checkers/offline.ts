/**
 * Offline replicas keep what they promise: what is durable on a device reaches the servers once, or is handed back; nothing
 * that was refused or failed takes effect; and in the end devices and servers show the same.
 */
import { commitKey, type OfflineBatch } from '../history.ts';
import { type Checker, judge, VALID } from './verdict.ts';

export const offline: Checker = {
  name: 'offline',
  promise:
    'what is durable on a device takes effect once, or is handed back and does not; devices and servers agree in the end',
  check({ offline: run, destroyed, final }) {
    if (run === undefined || final.length === 0) return VALID;
    const { batches, ends, members, count, disksAreLost } = run;
    const evidence = [...run.evidence];
    // Commits that are lost with all disks take members and counts apart, and with the node that has them all that came into it.
    const isWhole = destroyed.size === 0;
    const isUnknown = members === undefined && !isWhole;
    const held = new Set(members);
    const refused = new Set(ends.flatMap((end) => end.refused));
    const isDestroyed = ({ commits }: OfflineBatch) => {
      return commits.length > 0 && commits.every((commit) => destroyed.has(commitKey(commit)));
    };
    let most = 0;
    for (const batch of batches) {
      const { member, outcome, repeats, isBad } = batch;
      const isHeld = held.has(member);
      const isRefused = refused.has(member);
      if (isHeld && outcome === 'failed') evidence.push(`${member} failed and is there`);
      if (isHeld && isBad) evidence.push(`${member} must be refused and is there`);
      if (isHeld && isRefused && !repeats) evidence.push(`${member} was refused and is there`);
      if (!isHeld && !isUnknown && outcome === 'ok' && !isRefused && !isDestroyed(batch))
        evidence.push(`${member} is lost`);
      if (isRefused && !isBad && !repeats && !disksAreLost) evidence.push(`${member} was refused for nothing`);
      if (isHeld) most += repeats ? 2 : 1;
    }
    if (isWhole && (count < held.size || count > most)) {
      evidence.push(`${held.size} batches were counted ${count} times, at most ${most} are right`);
    }
    for (const { device, state, pending, digest, expected } of ends) {
      if (state !== 'live') evidence.push(`${device} is ${state} in the end`);
      if (pending > 0) evidence.push(`${device} still has ${pending} batches`);
      // A device goes on to show what servers lost.
      if (isWhole && digest !== expected) evidence.push(`${device} shows ${digest}, a server ${expected}`);
    }
    return judge(evidence);
  },
};
