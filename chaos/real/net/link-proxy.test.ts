/** The proxies between servers, over real sockets: what passes, what waits, what is refused. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { buildEnv } from '../../../bin/env.ts';
import { World } from '../world.ts';
import { Lane } from './lane.ts';
import { LinkProxy } from './link-proxy.ts';

const HEAD = 'GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n';
/** A binary frame as latin1 text. */
const frame = (text: string) => `\x82${String.fromCharCode(text.length)}${text}`;
const world = new World(buildEnv('error'), 1);
let there: Lane;
let back: Lane;
let server: Server;
let proxy: LinkProxy;
/** What the server got, over all connections. */
let received: string;
let accepted: Socket[];
let dialed: Socket[];

beforeEach(async () => {
  [there, back] = [new Lane('a', 'b'), new Lane('b', 'a')];
  [received, accepted, dialed] = ['', [], []];
  server = createServer((socket) => {
    accepted.push(socket);
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  proxy = await LinkProxy.start({ world, lanes: { there, back }, target: () => port });
});

/** On a busy machine a socket may take its time. */
const until = (holds: () => void) => vi.waitFor(holds, { timeout: 30_000, interval: 5 });

afterEach(async () => {
  for (const socket of [...dialed, ...accepted]) socket.destroy();
  await proxy.close();
  server.close();
});

interface Dialed {
  readonly socket: Socket;
  got: string;
  isClosed: boolean;
}

async function dial({ port } = proxy): Promise<Dialed> {
  const socket = connect({ port, host: '127.0.0.1' });
  const end: Dialed = { socket, got: '', isClosed: false };
  dialed.push(socket);
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    end.got += chunk.toString();
  });
  socket.on('close', () => {
    end.isClosed = true;
  });
  // A refused connection may be gone before it was ever seen to be there.
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  return end;
}

describe('link proxy', () => {
  test('no fault -> bytes pass both ways, and the end of one', async () => {
    const end = await dial();
    end.socket.write('ping');
    await until(() => expect(received).toBe('ping'));
    accepted[0]?.end('pong');
    await until(() => expect(end.got).toBe('pong'));
  });

  test('one direction held -> it waits while the other passes; healed -> all comes, in order', async () => {
    const end = await dial();
    end.socket.write('1');
    await until(() => expect(received).toBe('1'));
    const heal = there.spoil({ isHeld: true });
    end.socket.write('2');
    await until(() => expect(there.touched).toBeGreaterThan(0));
    accepted[0]?.write('back');
    await until(() => expect(end.got).toBe('back'));
    expect(received).toBe('1');
    end.socket.write('3');
    heal();
    await until(() => expect(received).toBe('123'));
  });

  test('held -> a new connection hangs; healed -> it is reset, and the next one opens', async () => {
    const heal = back.spoil({ isHeld: true });
    const hanging = await dial();
    hanging.socket.write('lost');
    await until(() => expect(back.touched).toBe(1));
    expect(accepted).toHaveLength(0);
    heal();
    await until(() => expect(hanging.isClosed).toBe(true));
    const next = await dial();
    next.socket.write('found');
    await until(() => expect(received).toBe('found'));
  });

  test('held and late at once [the lateness ends first] -> it still waits; both healed -> it comes', async () => {
    const end = await dial();
    const [heal, hasten] = [there.spoil({ isHeld: true }), there.spoil({ delayMs: 1 })];
    end.socket.write('1');
    await until(() => expect(there.touched).toBeGreaterThan(0));
    hasten();
    expect([there.fault.isHeld, received]).toEqual([true, '']);
    heal();
    await until(() => expect(received).toBe('1'));
  });

  test('closed -> connections are reset, new ones as well', async () => {
    const end = await dial();
    await until(() => expect(accepted).toHaveLength(1));
    there.spoil({ isClosed: true });
    await until(() => expect(end.isClosed).toBe(true));
    const next = await dial();
    await until(() => expect(next.isClosed).toBe(true));
    expect([there.touched, accepted.length]).toEqual([2, 1]);
  });

  test('duplicated -> pieces come twice', async () => {
    there.spoil({ duplicateRate: 1 });
    const end = await dial();
    end.socket.write('x');
    await until(() => expect(received).toBe('xx'));
  });

  test('narrow -> everything comes in the end, piece by piece', async () => {
    there.spoil({ bytesPerSecond: 1_000_000 });
    const end = await dial();
    const text = 'abcdefgh'.repeat(1_000);
    end.socket.write(text);
    await until(() => expect(received).toBe(text));
    expect(there.touched).toBeGreaterThan(3);
  });
});

describe('link proxy whose frames are read', () => {
  let reading: LinkProxy;
  let write: (text: string) => void;
  let end: Dialed;

  beforeEach(async () => {
    there = new Lane('a', 'b', true);
    const { port } = server.address() as { port: number };
    reading = await LinkProxy.start({ world, lanes: { there, back }, target: () => port });
    end = await dial(reading);
    write = (text) => end.socket.write(Buffer.from(text, 'latin1'));
    write(HEAD);
    await until(() => expect(received).toBe(HEAD));
  });

  afterEach(() => reading.close());

  test('a tap -> sees each frame; what it keeps is lost, or comes when it says so; the rest passes', async () => {
    const seen: string[] = [];
    let letPass = (): void => undefined;
    const untap = there.tap((bytes, pass) => {
      const text = Buffer.from(bytes).toString();
      seen.push(text);
      if (text === 'b') letPass = pass;
      return text === 'a' || text === 'd';
    });
    for (const text of ['a', 'b', 'c', 'd']) write(frame(text));
    await until(() => expect(received).toBe(HEAD + frame('a') + frame('d')));
    letPass();
    untap();
    write(frame('e'));
    await until(() => expect(received).toBe(HEAD + frame('a') + frame('d') + frame('b') + frame('e')));
    expect([seen, there.touched]).toEqual([['a', 'b', 'c', 'd'], 2]);
  });

  test('a tap that ends the connection -> neither does what came with it pass, nor what was kept', async () => {
    const seen: string[] = [];
    let letPass = (): void => undefined;
    there.tap((bytes, pass) => {
      seen.push(Buffer.from(bytes).toString());
      letPass = pass;
      there.spoil({ isClosed: true });
      return true;
    });
    write(frame('a') + frame('b'));
    await until(() => expect(end.isClosed).toBe(true));
    letPass();
    expect([seen, received]).toEqual([['a'], HEAD]);
  });

  test('two taps -> both see a frame; one is enough to lose it', async () => {
    const seen: string[] = [];
    const listen = (passes: boolean) => (bytes: Uint8Array) => {
      seen.push(Buffer.from(bytes).toString());
      return passes;
    };
    const untap = there.tap(listen(false));
    there.tap(listen(true));
    write(frame('a'));
    await until(() => expect(seen).toEqual(['a', 'a']));
    untap();
    write(frame('b'));
    await until(() => expect(received).toBe(HEAD + frame('b')));
  });

  test('frames that are not read -> no tap', () => {
    expect(() => back.tap(() => true)).toThrow('what b sends to a is not read');
  });
});
