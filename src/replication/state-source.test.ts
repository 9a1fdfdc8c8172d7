import { describe, expect, test } from 'vitest';
import { contents, edge, memberOf, node, type Running, remove, run } from '../engine-on-disk.model.ts';
import { joined, type VersionVector } from '../version-vector.ts';
import type { StateFrame } from './frame.ts';
import type { Replica } from './replica.ts';
import { StateSource } from './state-source.ts';
import { StateTransfer, type TransferEffect, type TransferEvent } from './state-transfer.ts';

const TINY_SIZES = { pagePartitions: 2, sliceBytes: 50 };
const have = ({ vector, retired }: Replica): VersionVector => joined(vector, retired);

async function filled(): Promise<Running> {
  const running = await run({ cluster: memberOf() });
  for (let i = 0; i < 20; i++)
    await running.graph.write([node(`n${i}`), node(`m${i}`), edge(`e${i}`, `n${i}`, `m${i}`)]);
  await running.graph.write([remove('n0', true)]);
  return running;
}

/** Takes over everything, each request answered by `source`; returns how many there were. */
async function takeOver(source: StateSource, to: Replica, between: () => Promise<unknown>): Promise<string[]> {
  const transfer = new StateTransfer(1, { patienceMs: 1e9, attemptsMax: 2 });
  const asked: string[] = [];
  const queue: TransferEffect[] = [...transfer.start()];
  const step = (event: TransferEvent) => void queue.push(...transfer.step(event, 0));
  for (let effect = queue.shift(); effect !== undefined; effect = queue.shift()) {
    if (effect.kind === 'give-up') throw new Error(effect.reason);
    if (effect.kind === 'begin') await to.beginAdoption().then(() => step({ kind: 'begun' }));
    else if (effect.kind === 'read-state-vector') {
      step({ kind: 'state-vector', stateVector: await to.stateVector(effect.key) });
    } else if (effect.kind === 'merge')
      await to.mergeState(effect.key, effect.diff).then(() => step({ kind: 'merged' }));
    else if (effect.kind === 'adopt') await to.adoptState(effect);
    else {
      asked.push(effect.frame.kind);
      await between();
      const frame = (await source.answer(effect.frame)) as Extract<StateFrame, { kind: 'state-list' | 'state' }>;
      step({ kind: 'answer', frame });
    }
  }
  return asked;
}

describe('state source', () => {
  test('tiny pages and slices -> another engine takes over the whole graph', async () => {
    const from = await filled();
    const to = await run({ cluster: memberOf() });
    const { replica } = from.engine;
    const source = new StateSource(replica, () => have(replica), TINY_SIZES);
    const asked = await takeOver(source, to.engine.replica, async () => undefined);
    const partitions = (await replica.listPartitions()).length;
    expect(asked.filter((kind) => kind === 'list-state').length).toBe(Math.ceil(partitions / 2) + 1);
    expect(asked.filter((kind) => kind === 'get-state').length).toBeGreaterThan(2 * partitions);
    expect(to.engine.replica.recovering).toBe(false);
    expect(await contents(to.graph)).toEqual(await contents(from.graph));
    expect(have(to.engine.replica)).toEqual(have(replica));
  });

  test('the sender writes before every answer -> taken over, and still recovering until the rest came (REP-9)', async () => {
    const from = await filled();
    const to = await run({ cluster: memberOf() });
    const { replica } = from.engine;
    const source = new StateSource(replica, () => have(replica), TINY_SIZES);
    let writes = 0;
    await takeOver(source, to.engine.replica, () => from.graph.write([node(`late-${writes++}`)]));
    expect(to.engine.replica.recovering).toBe(true);
    const after = to.engine.replica.vector.get(replica.replicaId) ?? 0;
    expect(after).toBe(22);
    await to.engine.replica.receive(await replica.readCommits(replica.replicaId, after, 1000));
    expect(to.engine.replica.recovering).toBe(false);
    expect(await contents(to.graph)).toEqual(await contents(from.graph));
  });
});
