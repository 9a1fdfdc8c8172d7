import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { testEnv } from '../src/test-env.model.ts';
import { type OneWriteResponse, responsesTogether } from './responses-together.ts';

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

type Listener = (request: IncomingMessage, response: ServerResponse, server: Server) => void;

/** All that a server sends over one connection to which `requests` are written, each when something has come, until it closes it. */
async function answersTo(
  requests: string | readonly string[],
  listener: Listener,
): Promise<{ readonly text: string; readonly writes: number }> {
  const ServerResponse = responsesTogether(testEnv().scheduler);
  const server: Server = createServer({ ServerResponse } as never, (request, response) =>
    listener(request, response, server),
  );
  let writes = 0;
  server.on('connection', (socket) => {
    // What the runtime calls for one chunk, and for several.
    for (const name of ['_write', '_writev'] as const) {
      const write = socket[name] as (...given: unknown[]) => void;
      socket[name] = (...given: unknown[]) => {
        writes += name === '_write' ? 1 : 100;
        write.apply(socket, given);
      };
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => server.close());
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const chunks: Buffer[] = [];
  const waiting = [requests].flat();
  const ask = () => void (waiting.length > 0 && socket.write(waiting.shift() as string));
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    ask();
  });
  ask();
  await new Promise((resolve) => socket.once('close', resolve));
  return {
    text: Buffer.concat(chunks)
      .toString()
      .replaceAll(/Date: [^\r]*\r\n|Keep-Alive: [^\r]*\r\n/g, ''),
    writes,
  };
}

const get = (path: string, method = 'GET', close = true) =>
  `${method} ${path} HTTP/1.1\r\nHost: h\r\n${close ? 'Connection: close\r\n' : ''}\r\n`;

const head = (length: number, connection = 'close') =>
  `HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\nConnection: ${connection}\r\n\r\n`;

describe('responses together', () => {
  test('a text with its length -> one write of one chunk', async () => {
    const { text, writes } = await answersTo(get('/'), (_request, response) => {
      // As the framework calls it.
      response.writeHead(200, { 'content-length': '4' }).end('éab', null as never, null as never);
      expect(response.writableEnded).toBe(true);
    });
    expect(text).toBe(`${head(4)}éab`);
    expect(writes).toBe(1);
  });

  test('lines of a head -> they stand before the headers that the runtime makes, in one write', async () => {
    const { text, writes } = await answersTo(get('/'), (_request, response) => {
      (response as OneWriteResponse).writeLines('a: 1\r\nb: 2\r\n', 2);
      response.end('ab');
    });
    expect(text).toBe('HTTP/1.1 200 OK\r\na: 1\r\nb: 2\r\ncontent-length: 2\r\nConnection: close\r\n\r\nab');
    expect(writes).toBe(1);
  });

  test('several requests at once on a connection -> all answers in their order', async () => {
    const requests = get('/a', 'GET', false) + get('/b', 'GET', false) + get('/c');
    const held: (() => void)[] = [];
    const { text } = await answersTo(requests, (request, response) => {
      const { url = '' } = request as { readonly url?: string };
      held.push(() => response.writeHead(200, { 'content-length': '2' }).end(url));
      // The last is answered first.
      if (url === '/c') for (const answer of held.toReversed()) answer();
    });
    expect(text).toBe(`${head(2, 'keep-alive')}/a${head(2, 'keep-alive')}/b${head(2)}/c`);
  });

  test('HEAD, no text, and bytes -> as the runtime sends them', async () => {
    const { text } = await answersTo(
      get('/head', 'HEAD', false) + get('/none', 'GET', false) + get('/bytes'),
      (request, response) => {
        const { url } = request as { readonly url?: string };
        response.writeHead(200, { 'content-length': url === '/none' ? '0' : '2' });
        if (url === '/bytes') response.end(Buffer.from('ab'));
        else if (url === '/none') response.end();
        else response.end('ab');
      },
    );
    expect(text).toBe(`${head(2, 'keep-alive')}${head(0, 'keep-alive')}${head(2)}ab`);
  });

  test('a text before any head -> the runtime says its length', async () => {
    const { text } = await answersTo(get('/'), (_request, response) => response.end('ab'));
    expect(text).toContain('Content-Length: 2\r\n\r\nab');
  });

  test('a text without its length, or with something to call -> whole, and called', async () => {
    let calls = 0;
    const { text } = await answersTo(get('/a', 'GET', false) + get('/b'), (request, response) => {
      const { url } = request as { readonly url?: string };
      if (url === '/a') response.writeHead(200).end('ab');
      else response.writeHead(200, { 'content-length': '2' }).end('cd', () => calls++);
    });
    expect(text).toContain('Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n');
    expect(text.endsWith(`${head(2)}cd`)).toBe(true);
    expect(calls).toBe(1);
  });

  test('more than the socket takes at once -> whole, and the response ends', async () => {
    const long = 'long text '.repeat(2_000_000);
    let isFinished = false;
    const { text } = await answersTo(get('/'), (_request, response) => {
      response.writeHead(200, { 'content-length': String(long.length) }).end(long);
      response.once('finish', () => {
        isFinished = true;
      });
    });
    expect(text.length).toBe(head(long.length).length + long.length);
    expect(isFinished).toBe(true);
  });

  test('an answer that waits -> ended for all who look, and written once its turn is over', async () => {
    const written: number[] = [];
    const { text } = await answersTo(get('/'), (request, response) => {
      const { socket } = request;
      response.writeHead(200, { 'content-length': '2' }).end('ab');
      expect(response.writableEnded).toBe(true);
      process.nextTick(() => written.push(socket.bytesWritten));
      response.once('finish', () => written.push(socket.bytesWritten));
    });
    expect(text).toBe(`${head(2)}ab`);
    expect(written).toEqual([0, text.length + 'Date: Fri, 27 Nov 2026 16:20:30 GMT\r\n'.length]);
  });

  test('an answer that is ended again while it waits -> sent once, and who asked is told', async () => {
    let calls = 0;
    const { text } = await answersTo(get('/'), (_request, response) => {
      response.writeHead(200, { 'content-length': '2' }).end('ab');
      response.end(() => calls++);
    });
    expect(text).toBe(`${head(2)}ab`);
    expect(calls).toBe(1);
  });

  test('a request when the answer before it has arrived -> answered in its own turn', async () => {
    const { text } = await answersTo([get('/a', 'GET', false), get('/b')], (request, response) => {
      response.writeHead(200, { 'content-length': '2' }).end((request as { readonly url?: string }).url);
    });
    expect(text).toBe(`${head(2, 'keep-alive')}/a${head(2)}/b`);
  });

  test('a server that closes while an answer waits -> it arrives', async () => {
    const { text } = await answersTo(get('/', 'GET', false), (_request, response, server) => {
      response.writeHead(200, { 'content-length': '2' }).end('ab');
      server.close();
      response.once('finish', () => setImmediate(() => server.closeAllConnections()));
    });
    expect(text).toBe(`${head(2, 'keep-alive')}ab`);
  });

  test('a connection that is destroyed while its answer waits -> nothing of it, and the next is answered', async () => {
    const listener: Listener = (request, response) => {
      response.writeHead(200, { 'content-length': '2' }).end('ab');
      if ((request as { readonly url?: string }).url === '/gone') request.socket.destroy();
    };
    expect((await answersTo(get('/gone'), listener)).text).toBe('');
    expect((await answersTo(get('/'), listener)).text).toBe(`${head(2)}ab`);
  });
});
