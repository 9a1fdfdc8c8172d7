import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { UsageError } from './exit.ts';
import { declareServeOptions, isLoopback, type ServeOptions, serveConfig } from './serve-config.ts';

/** The configuration that a command line and environment give, or the text of the usage error. */
function configure(flags: readonly string[], environment: NodeJS.ProcessEnv = {}): unknown {
  const saved = { ...process.env };
  Object.assign(process.env, environment);
  const complaints: string[] = [];
  const command = new Command('serve')
    .exitOverride()
    .configureOutput({ writeErr: (text) => complaints.push(text), outputError: (text) => complaints.push(text) });
  declareServeOptions(command);
  try {
    command.parse(flags, { from: 'user' });
    return serveConfig(command.opts<ServeOptions>(), process.env);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    if (error instanceof CommanderError) return complaints.join('');
    throw error;
  } finally {
    for (const name of Object.keys(environment)) delete process.env[name];
    Object.assign(process.env, saved);
  }
}

describe('serve configuration: valid', () => {
  test('nothing given -> defaults, loopback, fsync, no token', () => {
    expect(configure([])).toMatchObject({
      process: { host: '127.0.0.1', port: 7400, durability: 'disk', logLevel: 'info' },
      cluster: { token: undefined },
    });
  });

  test('flags -> parsed with their units', () => {
    const config = configure([...'--name a --port 0 --memory 64 --durability buffered --data /tmp/x'.split(' ')]);
    expect(config).toMatchObject({
      process: { name: 'a', port: 0, memoryBudgetBytes: 64 * 1024 * 1024, durability: 'buffered', data: '/tmp/x' },
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  test('environment -> read; a flag wins over it', () => {
    const environment = { WEFT_PORT: '7401', WEFT_TOKEN: 'from-environment', WEFT_NAME: 'env' };
    expect(configure(['--name', 'flag'], environment)).toMatchObject({
      process: { port: 7401, name: 'flag' },
      cluster: { token: 'from-environment' },
    });
  });

  test('other host with a token -> accepted', () => {
    expect(configure(['--host', '0.0.0.0', '--token', 't'])).toMatchObject({ process: { host: '0.0.0.0' } });
  });

  test('planted bug -> only with chaos', () => {
    expect(configure(['--chaos'], { WEFT_CHAOS_PLANT: 'no-relay' })).toMatchObject({ cluster: { plant: 'no-relay' } });
    expect(configure([], { WEFT_CHAOS_PLANT: 'no-relay' })).toMatch(/WEFT_CHAOS_PLANT .* needs --chaos/);
  });

  test('larger log -> only with chaos, and a number', () => {
    const scale = (text: string) => ({ WEFT_CHAOS_LOG_SCALE: text });
    expect(configure([])).toMatchObject({ cluster: { logScale: 1 } });
    expect(configure(['--chaos'], scale('512'))).toMatchObject({ cluster: { logScale: 512 } });
    expect(configure([], scale('512'))).toMatch(/WEFT_CHAOS_LOG_SCALE .* needs --chaos/);
    for (const wrong of ['0', '1.5', 'x']) expect(configure(['--chaos'], scale(wrong))).toMatch(/a whole number/);
  });

  test('chaos -> by flag or variable, off unless said', () => {
    expect(configure([])).toMatchObject({ cluster: { chaos: false } });
    expect(configure([], { WEFT_CHAOS: '0' })).toMatchObject({ cluster: { chaos: false } });
    expect(configure([], { WEFT_CHAOS: '1' })).toMatchObject({ cluster: { chaos: true } });
    expect(configure(['--chaos'])).toMatchObject({ cluster: { chaos: true } });
  });

  test('peers -> without trailing slashes; none on loopback needs a secret', () => {
    expect(configure(['--peers', 'http://127.0.0.1:7402/, http://localhost:7403'])).toMatchObject({
      cluster: { peers: ['http://127.0.0.1:7402', 'http://localhost:7403'], advertise: 'http://127.0.0.1:7400' },
    });
    const flags = ['--peers', 'https://b.example/weft,http://10.0.0.3:7400', '--host', '0.0.0.0', '--token', 't'];
    expect(configure(flags, { WEFT_CLUSTER_SECRET: 's' })).toMatchObject({
      cluster: { peers: ['https://b.example/weft', 'http://10.0.0.3:7400'], advertise: undefined, clusterSecret: 's' },
    });
  });

  test.each([[['--peers', '']], [['--peers', ' , ']], [[]]])('peers %j -> a server alone', (flags) => {
    expect(configure(flags)).toMatchObject({ cluster: { peers: [] } });
  });

  test('same port on other machines -> accepted', () => {
    const flags = ['--peers', 'http://10.0.0.2:7400', '--host', '10.0.0.1', '--token', 't', '--cluster-secret', 's'];
    expect(configure(flags)).toMatchObject({ cluster: { advertise: 'http://10.0.0.1:7400' } });
  });
});

describe('serve configuration: refused, and the message names the flag', () => {
  const cases: readonly [string[], NodeJS.ProcessEnv, RegExp][] = [
    [['--port', '70000'], {}, /--port.*0 to 65535/],
    [['--port', '7400x'], {}, /--port/],
    [[], { WEFT_PORT: 'abc' }, /WEFT_PORT/],
    [['--memory', '1'], {}, /--memory/],
    [['--durability', 'maybe'], {}, /--durability.*disk, buffered/],
    [['--log-level', 'loud'], {}, /--log-level/],
    [['--token', 'two words'], {}, /--token/],
    [['--advertise', 'not-a-url'], {}, /--advertise/],
    [['--name', ' '], {}, /--name/],
    [['--data', ''], {}, /--data/],
    [['--host', '0.0.0.0'], {}, /--host 0\.0\.0\.0.*--token/],
    [['--host', '::'], {}, /--token/],
    [['--host', 'db.example.org'], {}, /--token/],
    [['--host', '0.0.0.0', '--token', ''], {}, /--token/],
    [['--peers', 'nonsense'], {}, /--peers/],
    [['--peers', 'http://127.0.0.1:7402/?x=1'], {}, /--peers/],
    [['--peers', 'http://a:7400,http://b:7400'], {}, /http:\/\/a:7400 is on another machine.*--cluster-secret/],
    [['--peers', 'http://127.0.0.1:7402', '--host', '0.0.0.0', '--token', 't'], {}, /0\.0\.0\.0.*--cluster-secret/],
    [['--peers', 'http://a:7400', '--cluster-secret', ''], {}, /--cluster-secret/],
    [['--peers', 'http://127.0.0.1:7402,http://127.0.0.1:7402/'], {}, /--peers names http:\/\/127\.0\.0\.1:7402 twice/],
    [['--peers', 'http://127.0.0.1:7400'], {}, /--peers names the other servers only/],
    [['--peers', 'http://localhost:7401', '--port', '7401'], {}, /http:\/\/localhost:7401 is this one/],
    [['--peers', 'http://[::1]:7401', '--port', '7401'], {}, /is this one/],
    [
      ['--peers', 'https://x.org/a', '--advertise', 'https://x.org/a/', '--cluster-secret', 's'],
      {},
      /https:\/\/x\.org\/a is this one/,
    ],
    [[], { WEFT_PEERS: 'http://a:7400' }, /--cluster-secret/],
    [['--prot', '1'], {}, /--prot/],
  ];
  test.each(cases)('%j %j -> %s', (flags, environment, expected) => {
    expect(configure(flags, environment)).toMatch(expected);
  });
});

test.each([
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['::1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
  ['127.0.0.1.example.org', false],
])('loopback: %s -> %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});

test('README: table of settings -> exactly the flags and variables of weft serve', () => {
  const command = new Command('serve');
  declareServeOptions(command);
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const rows = [...readme.matchAll(/^\| `(--[a-z-]+)[^`]*` \| `(WEFT_[A-Z_]+)` \|/gm)].map(([, flag, name]) => [
    flag,
    name,
  ]);
  const declared = command.options.map(({ long, envVar }) => [long, envVar ?? 'WEFT_CHAOS']);
  expect(rows.sort()).toEqual(declared.sort());
});
