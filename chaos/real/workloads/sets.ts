/** Members of sets, each added once and removed at most once, by a session that carries its token to any server. */
import { GRAPH, numbered, type Workload } from '../arena.ts';
import type { Call } from '../entry.ts';

type Member = Extract<Call, { kind: 'member' }>;

const setName = (index: number) => `set-${index}`;

export const sets: Workload = {
  name: 'sets',
  about: 'sets that sessions add to and remove from on every server: nothing is lost, nothing comes back',
  checkers: ['sets'],
  setup: ({ size = 2 }) =>
    numbered(size).map((index) => ({
      op: 'putNode',
      id: setName(index),
      labels: ['Set'],
      properties: { members: [] },
    })),
  start(arena, options) {
    const { clients = 3, size = 2 } = options;
    return numbered(clients).map((index) => {
      const client = arena.client('sets', index, { stays: 0.8, hasToken: true });
      let number = 0;
      let session = client.session;
      let added: { readonly set: string; readonly member: string }[] = [];
      return arena.repeat(client, options, async () => {
        // What another session added may not be known where this one removes it.
        if (session !== client.session) [session, added] = [client.session, []];
        const removed = client.random.chance(0.3) ? added.shift() : undefined;
        const which = removed ?? { set: setName(client.random.below(size)), member: `m${index}-${++number}` };
        const change = removed === undefined ? 'add' : 'remove';
        const call: Member = { kind: 'member', ...which, change };
        const told = await client.ask<Member>({
          call,
          level: 'session',
          method: 'PATCH',
          path: `${GRAPH}/nodes/${which.set}`,
          body: { properties: { members: { [`$${change}`]: [which.member] } } },
          answer: ({ status }) => (status === 200 ? call : undefined),
        });
        if (change === 'add' && told.type === 'ok') added.push(which);
        return told.type === 'ok';
      });
    });
  },
};
