/**
 * Texts that several people edit at once, each through any server and on both sides of every cut: every letter is unique, so what
 * was inserted is there in the end, once, and what somebody who had seen it deleted is not.
 */
import { GRAPH, numbered, type Workload } from '../arena.ts';
import type { Client } from '../client.ts';
import type { Call } from '../entry.ts';

type Letter = Extract<Call, { kind: 'letter' }>;
type ReadText = Extract<Call, { kind: 'text' }>;

/** The first of the letters, and how many of that kind follow. */
const FIRST_LETTER = 0x4e00;
const LETTERS_MAX = 0x5000;

interface Inserted {
  readonly text: string;
  readonly letter: string;
}

const textName = (index: number) => `text-${index}`;

export const texts: Workload = {
  name: 'texts',
  about: 'texts that are edited on every server, on both sides of every cut: no edit is lost, none is undone',
  checkers: ['texts'],
  setup: ({ size = 2 }) =>
    numbered(size).map((index) => ({
      op: 'putNode',
      id: textName(index),
      labels: ['Text'],
      properties: { content: { $text: '' } },
    })),
  start(arena, options) {
    const { clients = 4, size = 2 } = options;
    let letters = 0;
    return numbered(clients).map((index) => {
      const client = arena.client('texts', index, { stays: 0.8, hasToken: true });
      let session = client.session;
      let own: Inserted[] = [];
      return arena.repeat(client, options, async () => {
        // What another session inserted may not be known where this one deletes it.
        if (session !== client.session) [session, own] = [client.session, []];
        const old = own.length > 0 && client.random.chance(0.25) ? own.shift() : undefined;
        if (old !== undefined)
          return edit(client, { ...old, change: 'delete' }, (text) => text.replace(old.letter, ''));
        if (letters === LETTERS_MAX) return false;
        const letter = String.fromCharCode(FIRST_LETTER + letters++);
        const text = textName(client.random.below(size));
        const isDone = await edit(client, { text, letter, change: 'insert' }, (before) => {
          const at = client.random.below(before.length + 1);
          return before.slice(0, at) + letter + before.slice(at);
        });
        if (isDone && session === client.session) own.push({ text, letter });
        return isDone;
      });
    });
  },
};

/** Reads a text and writes it back otherwise, if it is still as it was read on this server. */
async function edit(
  client: Client,
  { text, letter, change }: Omit<Letter, 'kind'>,
  next: (before: string) => string,
): Promise<boolean> {
  const { server, session } = client;
  const read = await client.ask<ReadText>({
    call: { kind: 'text', text, letters: 0, twice: [] },
    level: 'session',
    isRead: true,
    method: 'GET',
    path: `${GRAPH}/nodes/${text}`,
    answer: ({ status, body }) => (status === 200 ? judgeText(text, String(body.properties.content)) : undefined),
  });
  const { etag, body } = read.reply;
  if (read.type !== 'ok' || etag === undefined || client.server !== server || client.session !== session) return false;
  const call: Letter = { kind: 'letter', text, letter, change };
  const told = await client.ask<Letter>({
    call,
    level: 'session',
    method: 'PATCH',
    path: `${GRAPH}/nodes/${text}`,
    headers: { 'if-match': etag },
    body: { properties: { content: { $text: next(String(body.properties.content)) } } },
    answer: ({ status }) => (status === 200 ? call : undefined),
  });
  return told.type === 'ok';
}

function judgeText(text: string, content: string): ReadText {
  const letters = [...content];
  const twice = letters.filter((letter, at) => letters.indexOf(letter) < at);
  return { kind: 'text', text, letters: letters.length, twice };
}
