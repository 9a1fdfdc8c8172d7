/**
 * Members are unique, so each is added once, and removed at most once, by a session that knew of the add. An
 * acknowledged add stays until it is removed; an acknowledged removal is final.
 */
import { effectOf } from './counters.ts';
import type { Checker } from './verdict.ts';
import { judge } from './verdict.ts';

export const sets: Checker = {
  name: 'sets',
  promise: 'a set holds exactly the members that were added and not removed',
  check({ members: events, operations, destroyed, final }) {
    const byId = new Map(operations.map((operation) => [operation.id, operation]));
    const effects = new Map<string, { add: string; remove: string }>();
    for (const { set, member, change, operation } of events) {
      const key = `${set} ${member}`;
      const held = effects.get(key) ?? { add: 'none', remove: 'none' };
      effects.set(key, { ...held, [change]: effectOf(byId.get(operation), destroyed) });
    }
    const evidence: string[] = [];
    for (const { server, sets: contents } of final) {
      const held = new Set([...contents].flatMap(([set, members]) => members.map((member) => `${set} ${member}`)));
      for (const [key, { add, remove }] of effects) {
        if (add === 'sure' && remove === 'none' && !held.has(key)) evidence.push(`${key} is missing on ${server}`);
        if (remove === 'sure' && held.has(key)) evidence.push(`${key} was removed and is there on ${server}`);
        if (add === 'none' && held.has(key)) evidence.push(`${key} was never added and is there on ${server}`);
      }
      for (const key of held) if (!effects.has(key)) evidence.push(`${key} on ${server} comes from nowhere`);
    }
    return judge(evidence);
  },
};
