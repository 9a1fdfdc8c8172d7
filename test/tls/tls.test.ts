/** The built program over TLS: who gets in, links between servers, and certificates that are replaced while it runs. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildIfStale, killRemaining, type ServerProcess, serve } from '../server-process.ts';
import { type Certificate, CertificateAuthority } from './certificate-authority.ts';

const authority = new CertificateAuthority('authority');
const CERTIFICATES: Readonly<Record<string, Certificate>> = {
  first: authority.issue('first'),
  second: authority.issue('second'),
  stranger: new CertificateAuthority('another authority').issue('stranger'),
};
const CA = authority.cert;
const fixture = (name: string): string => join(scratch, name);

let scratch = '';
beforeAll(() => {
  buildIfStale();
  scratch = mkdtempSync(join(tmpdir(), 'weft-tls-'));
  writeFileSync(fixture('authority.crt'), CA);
  for (const [name, { cert, key }] of Object.entries(CERTIFICATES)) {
    writeFileSync(fixture(`${name}.crt`), cert);
    writeFileSync(fixture(`${name}.key`), key);
  }
}, 120_000);
afterAll(async () => {
  await killRemaining();
  rmSync(scratch, { recursive: true, force: true });
});

const flags = (name: string, clients: string): readonly string[] => [
  ...['--tls-cert', fixture(`${name}.crt`), '--tls-key', fixture(`${name}.key`)],
  ...['--tls-ca', fixture('authority.crt'), '--tls-clients', clients],
];

interface Answered {
  readonly status: number;
  readonly body: string;
  /** Common name of the server's certificate. */
  readonly server: string;
}

function get(
  url: string,
  path: string,
  options: { readonly client?: string; readonly headers?: Record<string, string> } = {},
): Promise<Answered> {
  const { client, headers = {} } = options;
  return new Promise((resolve, reject) => {
    const identity = client === undefined ? {} : CERTIFICATES[client];
    const sent = request(new URL(path, url), { ca: CA, agent: false, headers, ...identity }, (response) => {
      const server = (response.socket as TLSSocket).getPeerCertificate().subject.CN;
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, server: String(server) }));
    });
    sent.on('error', reject).end();
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Asks again and again until the answer is as wanted. */
async function until<T>(ask: () => Promise<T>, wanted: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('TLS', () => {
  test('certificate replaced, SIGHUP -> shown to new connections; one that does not fit its key is not used', async () => {
    const [cert, key] = [join(scratch, 'cert.pem'), join(scratch, 'key.pem')];
    const put = (name: string): void => {
      copyFileSync(fixture(`${name}.crt`), cert);
      copyFileSync(fixture(`${name}.key`), key);
    };
    put('first');
    const server = await serve(join(scratch, 'reload'), ['--tls-cert', cert, '--tls-key', key]);
    expect(server.url).toMatch(/^https:/);
    expect(await get(server.url, '/livez')).toMatchObject({ status: 200, server: 'first' });
    put('second');
    server.child.kill('SIGHUP');
    await until(
      () => get(server.url, '/livez'),
      ({ server: shown }) => shown === 'second',
    );
    copyFileSync(fixture('first.crt'), cert);
    server.child.kill('SIGHUP');
    await until(
      async () => server.stderr,
      (text) => text.includes('cannot be used'),
    );
    expect(await get(server.url, '/livez')).toMatchObject({ status: 200, server: 'second' });
    await server.stop();
  });

  test('--tls-clients all -> nobody without a certificate of the authority', async () => {
    const server = await serve(join(scratch, 'all'), flags('first', 'all'));
    await expect(get(server.url, '/livez')).rejects.toThrow();
    await expect(get(server.url, '/livez', { client: 'stranger' })).rejects.toThrow();
    expect(await get(server.url, '/livez', { client: 'second' })).toMatchObject({ status: 200 });
    await server.stop();
  });

  test('--tls-clients servers -> clients need none, links between servers do, and work', async () => {
    const ports = [await freePort(), await freePort()];
    const urls = ports.map((port) => `https://127.0.0.1:${port}`);
    const started: ServerProcess[] = [];
    for (const [index, name] of ['first', 'second'].entries()) {
      const own = ['--name', name, '--port', String(ports[index]), '--peers', String(urls[1 - index])];
      started.push(await serve(join(scratch, name), [...own, ...flags(name, 'servers')]));
    }
    await until(
      async () => JSON.parse((await get(started[0]?.url ?? '', '/v1/cluster')).body),
      ({ members }) =>
        members.every(
          (member: { self: boolean; link: { state: string } }) => member.self || member.link.state === 'up',
        ),
    );
    const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
    const headers = { ...upgrade, 'sec-websocket-key': Buffer.alloc(16).toString('base64') };
    for (const client of [undefined, 'stranger']) {
      const options = { headers, ...(client === undefined ? {} : { client }) };
      expect(await get(urls[0] as string, '/v1/replicate', options)).toMatchObject({ status: 403 });
    }
    for (const server of started) await server.stop();
  });

  test.each<[string, () => string[], RegExp]>([
    ['a missing file', () => ['--tls-cert', 'absent.pem', '--tls-key', 'absent.pem'], /absent\.pem.*TLS/],
    ['another key', () => ['--tls-cert', fixture('first.crt'), '--tls-key', fixture('second.key')], /TLS/],
    ['a token file that is no JSON', () => ['--tokens', fixture('first.crt')], /first\.crt cannot be used/],
  ])('%s -> the start is refused with its name', async (_what, wrong, message) => {
    await expect(serve(join(scratch, 'wrong'), wrong())).rejects.toThrow(message);
  });
});

describe('token file', () => {
  test('token taken out, SIGHUP -> no longer taken; a damaged file changes nothing', async () => {
    const file = join(scratch, 'tokens.json');
    const tokens = (...names: string[]): string =>
      JSON.stringify({
        tokens: names.map((name) => ({
          name,
          token: `${name}-0123456789abcdef`,
          grants: [{ graphs: '*', rights: ['read'] }],
        })),
      });
    writeFileSync(file, tokens('a', 'b'));
    const log = join(scratch, 'audit.log');
    const server = await serve(join(scratch, 'tokens'), ['--tokens', file, '--audit-log', log]);
    const status = async (name: string) => {
      const headers = { authorization: `Bearer ${name}-0123456789abcdef` };
      return (await fetch(`${server.url}/v1/graphs`, { headers })).status;
    };
    expect([await status('a'), await status('b'), await status('c')]).toEqual([200, 200, 401]);
    writeFileSync(file, tokens('a'));
    server.child.kill('SIGHUP');
    await until(
      () => status('b'),
      (answer) => answer === 401,
    );
    writeFileSync(file, '{');
    server.child.kill('SIGHUP');
    await until(
      async () => server.stderr,
      (text) => text.includes('cannot be used'),
    );
    expect(await status('a')).toBe(200);
    expect(readFileSync(log, 'utf8')).toMatch(/"message":"audit".*"outcome":"denied"/);
    expect(server.stderr + readFileSync(log, 'utf8')).not.toContain('0123456789abcdef');
    await server.stop();
  });
});
