/**
 * Texts that several people edit at once, each through any server: every letter is unique, so what is inserted must be there in
 * the end, once, and what somebody who had seen it deleted must not.
 */
import type { NodeId } from '../../base/ids.ts';
import type { Operation } from '../../graph/model.ts';
import type { Arena, Workload } from '../arena.ts';
import { type Client, DEFAULT, propertiesAt } from '../client.ts';

const TEXTS = ['text-1', 'text-2'] as NodeId[];
const CLIENTS = 3;
/** The first of the letters; no run uses up those that follow. */
const FIRST_LETTER = 0x4e00;

export const texts: Workload = {
  name: 'texts',
  setup: TEXTS.map((id): Operation => {
    return { op: 'putNode', id, labels: [], properties: { content: '' }, texts: ['content'] };
  }),
  start: (arena) =>
    Array.from({ length: CLIENTS }, (_, i) => {
      const client = arena.client(`texts-${i}`, { usesToken: true, stays: 0.5 });
      const mine: Letter[] = [];
      return arena.repeat(client, async () => {
        const at = mine.findIndex(({ session }) => session === client.session);
        const [old] = at >= 0 && client.random.chance(0.25) ? mine.splice(at, 1) : [];
        if (old === undefined) await insert(arena, client, mine);
        else await remove(arena, client, old);
      });
    }),
  /** A letter that is there twice counts as another one, which nobody has inserted. */
  async finish(graph) {
    const contents = new Map<string, readonly string[]>();
    for (const id of TEXTS) {
      const { content } = await propertiesAt(graph, id);
      // It is gone if all servers lost their disks, one after the other.
      const letters = typeof content === 'string' ? [...content] : [];
      contents.set(
        id,
        letters.map((letter, i) => (letters.indexOf(letter) < i ? `${letter} again` : letter)),
      );
    }
    return { sets: contents };
  },
};

interface Letter {
  readonly id: NodeId;
  readonly letter: string;
  readonly session: string;
}

async function insert(arena: Arena, client: Client, mine: Letter[]): Promise<void> {
  const { random, session } = client;
  const id = random.pick(TEXTS);
  const letter = String.fromCharCode(FIRST_LETTER + arena.nextLetter());
  const isDone = await edit(arena, client, { id, letter, change: 'add' }, (text) => {
    const at = random.below(text.length + 1);
    return text.slice(0, at) + letter + text.slice(at);
  });
  if (isDone && client.session === session) mine.push({ id, letter, session });
}

async function remove(arena: Arena, client: Client, { id, letter }: Letter): Promise<void> {
  await edit(arena, client, { id, letter, change: 'remove' }, (text) => text.replace(letter, ''));
}

/** Reads a text and writes it back otherwise, if it is still as it was read on this server. */
async function edit(
  arena: Arena,
  client: Client,
  { id, letter, change }: { readonly id: NodeId; readonly letter: string; readonly change: 'add' | 'remove' },
  next: (text: string) => string,
): Promise<boolean> {
  const { session } = client;
  const what = `${change === 'add' ? 'inserts' : 'deletes'} ${letter} in ${id}`;
  const { operation, outcome } = await client.call('write', what, async (engine) => {
    const graph = engine.graph(DEFAULT);
    const { element, version } = await graph.node(id);
    const text = next(String(element.properties.content));
    const condition = { match: [version] };
    await graph.write([{ op: 'patchNode', id, condition, properties: { content: { kind: 'text', text } } }]);
  });
  arena.members.push({ set: id, member: letter, change, operation });
  return outcome === 'ok' && client.session === session;
}
