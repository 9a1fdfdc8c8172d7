import { describe, expect, test } from 'vitest';
import { testEnv } from '../src/test-env.model.ts';
import { discoverPeers, parseDnsPeers, type ServiceResolver } from './dns-peers.ts';

const PEERS = { name: '_weft._tcp.weft', servers: 3 };
const record = (n: number) => ({ name: `weft-${n}.weft.`, port: 7400 });
const url = (n: number) => `http://weft-${n}.weft:7400`;

/** A discovery by what DNS says, one answer after the other; the last one stays. */
function discovery(answers: readonly (readonly number[] | Error)[]) {
  const meta = new Map<string, Uint8Array>();
  const env = testEnv();
  let asked = 0;
  const resolver: ServiceResolver = {
    resolveSrv: async () => {
      const answer = answers[Math.min(asked++, answers.length - 1)] as readonly number[] | Error;
      // The next question is due as soon as this one is answered.
      setImmediate(() => env.advance(1000));
      if (answer instanceof Error) throw answer;
      return answer.map(record);
    },
  };
  const store = {
    getMeta: async (name: string) => meta.get(name),
    setMeta: async (name: string, value: Uint8Array) => void meta.set(name, value),
  };
  const discover = (peers = PEERS) => discoverPeers(peers, { env, resolver, store, own: url(1), waitMs: 10_000 });
  return { discover, asked: () => asked };
}

describe('discovery by DNS', () => {
  test('names come one after the other -> waits for all, leaves itself out, in canonical order', async () => {
    const { discover, asked } = discovery([new Error('ENOTFOUND'), [1], [2, 1], [2, 1, 0]]);
    expect(await discover()).toEqual([url(0), url(2)]);
    expect(asked()).toBe(4);
  });

  test('a start after that, when DNS names nobody -> the same servers, without a question', async () => {
    const { discover, asked } = discovery([[0, 1, 2], new Error('down')]);
    const first = await discover();
    expect(await discover()).toEqual(first);
    expect(asked()).toBe(1);
  });

  test('other settings -> what was kept does not count', async () => {
    const { discover } = discovery([
      [0, 1, 2],
      [0, 1, 2, 3],
    ]);
    await discover();
    expect(await discover({ ...PEERS, servers: 4 })).toEqual([url(0), url(2), url(3)]);
  });

  test.each([
    ['never all', [[0, 1]], /names 2 of 3/],
    ['never this server', [[0, 2, 3]], /does not name http:\/\/weft-1/],
    ['more than there are', [[0, 1, 2, 3]], /names 4 of 3/],
    ['no answer', [new Error('SERVFAIL')], /SERVFAIL/],
  ])('DNS names %s -> refused with what it said', async (_, answers, said) => {
    await expect(discovery(answers).discover()).rejects.toThrow(said);
  });
});

test('dns:NAME?servers=N -> read; anything near it -> refused; a URL -> none of these', () => {
  expect(parseDnsPeers('dns:_weft._tcp.weft?servers=3')).toEqual(PEERS);
  expect(parseDnsPeers('http://a:7400')).toBeUndefined();
  for (const text of [
    'dns:',
    'dns:a',
    'dns:a?servers=1',
    'dns:a?servers=99',
    'dns:a/b?servers=3',
    'dns:a?servers=3,b',
  ]) {
    expect(() => parseDnsPeers(text)).toThrow('dns:NAME?servers=N');
  }
});
