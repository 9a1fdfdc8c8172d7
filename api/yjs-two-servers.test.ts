import { expect, test } from 'vitest';
import * as Y from 'yjs';
import { Cluster, type Server } from '../src/replication/cluster.model.ts';
import { buildServer } from './server.ts';
import type { AcceptSocket, SocketEvents, SocketRoute } from './web-sockets.ts';
import { decodeYjsFrame, encodeYjsFrame } from './yjs-frames.ts';

/** What a stock client does, on a socket of this process. */
function connect(
  route: SocketRoute,
  partition: string,
  doc: Y.Doc,
): { readonly closing: readonly number[]; leave(): void } {
  const closing: number[] = [];
  const request = { parameters: { graph: 'default', partition }, query: new URLSearchParams(), headers: {} };
  let events: SocketEvents | undefined;
  const frames: Uint8Array[] = [];
  const take = (bytes: Uint8Array): void => {
    const frame = decodeYjsFrame(bytes);
    if (frame.kind === 'have') {
      const update = Y.encodeStateAsUpdate(doc, frame.stateVector);
      events?.message(encodeYjsFrame({ kind: 'difference', update }));
    } else if (frame.kind === 'difference' || frame.kind === 'update') Y.applyUpdate(doc, frame.update, 'server');
  };
  events = (route.admit(request) as AcceptSocket)({
    bufferedBytes: 0,
    send: (bytes) => void (events === undefined ? frames.push(bytes) : take(bytes)),
    pause: () => undefined,
    resume: () => undefined,
    close: (code) => {
      closing.push(code);
      events?.closed();
    },
  });
  for (const bytes of frames) take(bytes);
  const write = (update: Uint8Array, origin: unknown): void => {
    if (origin !== 'server') events?.message(encodeYjsFrame({ kind: 'update', update }));
  };
  doc.on('update', write);
  events.message(encodeYjsFrame({ kind: 'have', stateVector: Y.encodeStateVector(doc) }));
  return {
    closing,
    leave() {
      doc.off('update', write);
      events?.closed();
    },
  };
}

async function routeOf(cluster: Cluster, { engine }: Server): Promise<SocketRoute> {
  const routes: SocketRoute[] = [];
  const app = buildServer({ engine, env: cluster.network.env, sockets: { add: (route) => void routes.push(route) } });
  await app.ready();
  return routes.find(({ path }) => path.startsWith('/v1/yjs/')) as SocketRoute;
}

test('one text, two servers, a cut between them: clients type on both sides, one changes sides -> one text, equal digests', async () => {
  const cluster = new Cluster('north', 'south');
  const [north, south] = [await cluster.start('north'), await cluster.start('south')];
  await cluster.linked(north, south);
  const id = 'note' as never;
  const note = async ({ graph }: Server) => (await graph.node(id)).element;
  const created = { op: 'createNode', id, labels: [], properties: { body: 'begin end' }, texts: ['body'] } as const;
  await cluster.during(north.graph.write([created]));
  await cluster.converge(north, south);
  const root = (await note(north)).texts?.body ?? '';
  const { partitions } = await north.graph.digest();
  const [partition = ''] = Object.entries(partitions).find(([, digest]) => digest !== '') ?? [];
  const [atNorth, atSouth] = [await routeOf(cluster, north), await routeOf(cluster, south)];
  const [one, other] = [new Y.Doc(), new Y.Doc()];
  const texts = [one, other].map((doc) => doc.getText(root)) as [Y.Text, Y.Text];
  const atOne = connect(atNorth, partition, one);
  connect(atSouth, partition, other);
  await cluster.until(() => texts.every((text) => text.toString() === 'begin end'), 'both have the text');

  cluster.cut(north, south);
  texts[0].insert(6, 'north ');
  texts[1].insert(6, 'south ');
  texts[1].delete(0, 6);
  await cluster.until(async () => String((await note(north)).properties.body) === 'begin north end', 'north has it');
  await cluster.until(async () => String((await note(south)).properties.body) === 'south end', 'south has it');
  // The client of the north knows commits that the south has never heard of.
  atOne.leave();
  const early = connect(atSouth, partition, one);
  await cluster.until(() => early.closing.length > 0, 'it is told to come again');
  expect(early.closing).toEqual([1013]);
  early.leave();
  texts[0].insert(0, '! ');
  const typed = { kind: 'text', text: 'begin north end, REST' } as const;
  await cluster.during(north.graph.write([{ op: 'patchNode', id, properties: { body: typed } }]));

  cluster.heal(north, south);
  await cluster.converge(north, south);
  // Now it does, with what was typed meanwhile.
  const moved = connect(atSouth, partition, one);
  await cluster.until(async () => String((await note(south)).properties.body).startsWith('! '), 'south has it');
  await cluster.converge(north, south);
  const body = String((await note(north)).properties.body);
  expect((await note(south)).properties.body).toBe(body);
  for (const part of ['! ', 'north ', 'south ', ', REST']) expect(body.split(part)).toHaveLength(2);
  await cluster.until(() => texts.every((text) => text.toString() === body), 'clients have what servers have');
  expect(moved.closing).toEqual([]);
  expect(cluster.bugs).toEqual([]);
  for (const server of [north, south]) await cluster.stop(server);
});
