/** Members that are unique: added by a session, and some of them removed by the same session later, on another server. */
import type { NodeId } from '../../base/ids.ts';
import { isList } from '../../graph/value.ts';
import type { Arena, Workload } from '../arena.ts';
import { type Client, propertiesAt, putNode } from '../client.ts';

const SETS = ['set-1', 'set-2'];
const CLIENTS = 2;

export const sets: Workload = {
  name: 'sets',
  setup: SETS.map((set) => putNode(set)),
  start: (arena) =>
    Array.from({ length: CLIENTS }, (_, i) => {
      const client = arena.client(`sets-${i}`, { usesToken: true, stays: 0.4 });
      const mine: { set: string; member: string; session: string }[] = [];
      return arena.repeat(client, async () => {
        const at = mine.findIndex(({ session }) => session === client.session);
        const [old] = at >= 0 && client.random.chance(0.35) ? mine.splice(at, 1) : [];
        if (old !== undefined) {
          await change(arena, client, old.set, old.member, 'remove');
          return;
        }
        const [set, member, session] = [client.random.pick(SETS), client.unique(), client.session];
        const isAdded = await change(arena, client, set, member, 'add');
        // Only a removal that knows of the add is final, and the token knows it only within one session.
        if (isAdded) mine.push({ set, member, session });
      });
    }),
  async finish(graph) {
    const contents = new Map<string, readonly string[]>();
    for (const set of SETS) {
      const { members } = await propertiesAt(graph, set);
      contents.set(set, members !== undefined && isList(members) ? members.map(String) : []);
    }
    return { sets: contents };
  },
};

async function change(
  arena: Arena,
  client: Client,
  set: string,
  member: string,
  kind: 'add' | 'remove',
): Promise<boolean> {
  const { session } = client;
  const members = {
    kind: 'members' as const,
    add: kind === 'add' ? [member] : [],
    remove: kind === 'add' ? [] : [member],
  };
  const { operation, outcome } = await client.write(`${kind === 'add' ? 'adds' : 'removes'} ${member} in ${set}`, [
    { op: 'patchNode', id: set as NodeId, properties: { members } },
  ]);
  arena.members.push({ set, member, change: kind, operation });
  return outcome === 'ok' && client.session === session;
}
