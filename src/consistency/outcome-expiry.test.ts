import { expect, test } from 'vitest';
import { graphName } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { encodeOperations } from '../../crdt/operation-codec.ts';
import { node, run, turns } from '../engine-on-disk.model.ts';
import { testEnv } from '../test-env.model.ts';
import { OutcomeExpiry } from './outcome-expiry.ts';
import type { StrongOperations } from './strong-operations.ts';

const OUTCOMES = graphName('_outcomes');
const HOUR_MS = 60 * 60 * 1000;

test('outcomes of strong writes: younger than their time -> kept; older -> removed, what was written stays', async () => {
  const { engine, env } = await run();
  engine.attachStrong({ close: () => undefined } as unknown as StrongOperations);
  const { strongHost } = engine;
  const write = { operations: encodeOperations([node('n')]), key: { key: 'k', fingerprint: 'f' } };
  const { decisions, patches } = await strongHost.decide('default', [write]);
  expect(decisions).toMatchObject([{ kind: 'written', replayed: false }]);
  await strongHost.commit(patches);
  const outcomes = async () => (await engine.graph(OUTCOMES).counts()).nodes;
  const after = async (hours: number) => {
    for (let hour = 0; hour < hours; hour++) {
      env.advance(HOUR_MS);
      await turns();
    }
    return outcomes();
  };
  expect(LIMITS.idempotencyTtlMs).toBe(24 * HOUR_MS);
  expect(await after(23)).toBe(1);
  expect((await strongHost.decide('default', [write])).decisions).toMatchObject([{ kind: 'written', replayed: true }]);
  expect(await after(3)).toBe(0);
  expect(await engine.graph(graphName('default')).counts()).toEqual({ nodes: 1, edges: 0 });
});

test('outcomes cannot be read -> said, and looked at again when it is time', async () => {
  const base = testEnv();
  const said: string[] = [];
  const env = { ...base, log: { write: (level: string, message: string) => void said.push(`${level} ${message}`) } };
  let looks = 0;
  const outcomes = () => {
    looks++;
    throw new Error('not now');
  };
  const expiry = new OutcomeExpiry({ env, outcomes, isElected: () => true });
  expiry.start();
  for (const times of [1, 2]) {
    base.advance(LIMITS.outcomeExpiryMs);
    await turns();
    expect(looks).toBe(times);
    expect(said).toEqual(new Array(times).fill('warn outcomes were not removed'));
  }
  expiry.stop();
  base.advance(LIMITS.outcomeExpiryMs);
  expect(looks).toBe(2);
});
