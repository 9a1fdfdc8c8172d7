/** What aimed faults do to frames, and that one which did not come to strike shows nothing: without processes. */
import { describe, expect, test, vi } from 'vitest';
import type { ReplicaId } from '../../../base/ids.ts';
import { SeededRandom } from '../../../base/seeded-random.ts';
import { encodeMessage } from '../../../src/consistency/message-codec.ts';
import { encodeFrame } from '../../../src/replication/frame-codec.ts';
import { testEnv } from '../../../src/test-env.model.ts';
import { DEFAULT } from '../../client.ts';
import { Lane } from '../net/lane.ts';
import { PROXY_ABILITIES } from '../net/proxy-net.ts';
import type { RealCluster } from '../real-cluster.ts';
import { World } from '../world.ts';
import { aimed, RealAim } from './real-aim.ts';
import type { FaultContext } from './real-fault.ts';

const ballot = { counter: 1, replica: 1 as ReplicaId };
const settled = (graph: string): Uint8Array =>
  encodeFrame({ kind: 'quorum', body: encodeMessage({ kind: 'settled', graph, ballot, commit: [1, 1] }) });
const behind = encodeFrame({ kind: 'behind' });

function cluster() {
  const env = testEnv();
  const lane = new Lane('one', 'two', true);
  const passed: string[] = [];
  const send = (name: string, frame: Uint8Array) => {
    if (lane.lets(frame, () => passed.push(name))) passed.push(name);
  };
  const stub = {
    world: new World(env, 1),
    names: ['one', 'two', 'three'],
    tap: (_from: string, _to: string, tap: Parameters<Lane['tap']>[0]) => lane.tap(tap),
    thawDisks: async () => undefined,
    server: () => ({ isRunning: true }),
    serves: async () => true,
  };
  return { env, passed, send, cluster: stub as unknown as RealCluster };
}

const context = (of: RealCluster): FaultContext => ({
  cluster: of,
  random: new SeededRandom(1),
  target: 'one',
  lastsMs: 0,
  option: (_, byDefault) => byDefault,
});

describe('aim', () => {
  test('frames that are kept -> pass later, in order, and those after them at once', () => {
    const { cluster: of, passed, send } = cluster();
    const kept = new RealAim(of).keepCommits('one', 'two');
    send('behind 1', behind);
    send('settled', settled(DEFAULT));
    send('behind 2', behind);
    expect([kept.count, passed]).toEqual([2, ['settled']]);
    kept.letPass();
    send('behind 3', behind);
    expect(passed).toEqual(['settled', 'behind 1', 'behind 2', 'behind 3']);
  });

  test('frames that are kept, and dropped -> are lost; without any there was nothing to lose', () => {
    const { cluster: of, passed, send } = cluster();
    const aim = new RealAim(of);
    const kept = aim.keepCommits('one', 'two');
    send('behind', behind);
    expect([kept.drop(), passed]).toEqual([1, []]);
    expect(() => aim.keepCommits('one', 'two').drop()).toThrow('frame from one to two');
  });

  test('messages about another graph -> pass, unheard', () => {
    const { cluster: of, passed, send } = cluster();
    const heard: string[] = [];
    new RealAim(of).hear('one', 'two', ({ kind }) => heard.push(kind) === 0);
    send('system', settled('_system'));
    send('clients', settled(DEFAULT));
    expect([heard, passed]).toEqual([['settled'], ['system']]);
  });

  test('a message to either of two that does not come -> is missed, once', async () => {
    const { cluster: of, env } = cluster();
    const seen = new RealAim(of).sees('one', ['two', 'three'], () => true, 1_000);
    env.advance(1_000);
    await expect(seen).rejects.toThrow('message from one to two or three');
  });

  test('the end -> undoes what is left, once', () => {
    const { cluster: of, passed, send } = cluster();
    const aim = new RealAim(of);
    const undo = aim.hear('one', 'two', () => false);
    aim.end();
    undo();
    aim.end();
    send('settled', settled(DEFAULT));
    expect(passed).toEqual(['settled']);
  });
});

describe('aimed fault', () => {
  const fault = aimed({ name: 'a', about: 'b', servers: 3 }, async (aim) => {
    await aim.sees('one', 'two', ({ kind }) => kind === 'settled', 1_000);
    aim.note('it was seen');
  });

  test('what it waits for comes -> it tells so in the end', async () => {
    const { cluster: of, send } = cluster();
    const injecting = fault.inject(context(of));
    send('settled', settled(DEFAULT));
    expect(await (await injecting)?.mend()).toBe('it was seen at 0 ms');
  });

  test('what it waits for does not come -> nothing shows that it happened, and frames pass', async () => {
    const { cluster: of, env, passed, send } = cluster();
    const injecting = fault.inject(context(of));
    env.advance(1_000);
    const injury = await injecting;
    expect(injury?.what).toBe('and then no message from one to two');
    expect(await injury?.mend()).toBeUndefined();
    send('settled', settled(DEFAULT));
    expect(passed).toEqual(['settled']);
  });

  test('another number of servers -> it does nothing', async () => {
    const { cluster: of } = cluster();
    const strike = vi.fn();
    const five = aimed({ name: 'a', about: 'b', servers: 5 }, strike);
    expect(await five.inject(context(of))).toBeUndefined();
    expect(strike).not.toHaveBeenCalled();
  });

  test('a net of packets -> impossible, and why', () => {
    expect(fault.impossible?.(PROXY_ABILITIES)).toBeUndefined();
    expect(fault.impossible?.({ ...PROXY_ABILITIES, kind: 'netns' })).toMatch('only proxies show');
  });
});
