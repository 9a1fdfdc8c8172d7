/**
 * Sessions that hop between servers with their token. Each raises a number of its own and writes beside it what it has last
 * seen of another one, so that the four session guarantees can be read off the numbers alone.
 */
import { GRAPH, numbered, type Workload } from '../arena.ts';
import type { Client } from '../client.ts';
import type { Call, Saw } from '../entry.ts';

type Raise = Extract<Call, { kind: 'raise' }>;
type See = Extract<Call, { kind: 'see' }>;

/** A session that begins anew gets a number of its own: nobody raises one that a lost write may yet change. */
const keyOf = (index: number, client: Client) => `session-${index}.${client.session}`;
const NOTHING: Saw = { key: '', value: 0 };

export const sessions: Workload = {
  name: 'sessions',
  about: 'sessions that hop between servers: read your writes, monotonic reads and writes, writes follow reads',
  checkers: ['session-guarantees'],
  start(arena, options) {
    const { clients = 4 } = options;
    const keys: string[] = [];
    return numbered(clients).map((index) => {
      const client = arena.client('sessions', index, { stays: 0.3, hasToken: true });
      let value = 0;
      let saw = NOTHING;
      return arena.repeat(client, options, async () => {
        const own = keyOf(index, client);
        if (keys[index] !== own) [keys[index], value, saw] = [own, 0, NOTHING];
        if (client.random.chance(0.5)) {
          const call: Raise = { kind: 'raise', session: own, key: own, value: ++value, saw };
          const told = await client.ask<Raise>({
            call,
            level: 'session',
            method: 'PUT',
            path: `${GRAPH}/nodes/${own}`,
            body: { labels: ['Session'], properties: { value, sawKey: saw.key, sawValue: saw.value } },
            answer: ({ status }) => (status === 200 || status === 201 ? call : undefined),
          });
          return told.type === 'ok';
        }
        const sessionNow = client.session;
        const seen = await see(client, own, keys[client.random.below(clients)] ?? own);
        if (seen !== undefined && seen.key !== own) saw = { key: seen.key, value: seen.value };
        // What the other had seen must be there as well, now.
        if (seen !== undefined && seen.saw.key !== '' && client.session === sessionNow)
          await see(client, own, seen.saw.key);
        return seen !== undefined;
      });
    });
  },
};

async function see(client: Client, session: string, key: string): Promise<See | undefined> {
  const told = await client.ask<See>({
    call: { kind: 'see', session, key, value: 0, saw: NOTHING },
    level: 'session',
    isRead: true,
    method: 'GET',
    path: `${GRAPH}/nodes/${key}`,
    answer: ({ status, code, body }) => {
      const known = { kind: 'see', session, key } as const;
      if (code === 'node-not-found') return { ...known, value: 0, saw: NOTHING };
      if (status !== 200) return undefined;
      const { value, sawKey, sawValue } = body.properties;
      return { ...known, value, saw: { key: sawKey, value: sawValue } };
    },
  });
  return told.answer;
}
