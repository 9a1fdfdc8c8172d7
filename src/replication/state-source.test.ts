import { describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import type { PartitionKey } from '../../storage/store.ts';
import { joined, type VersionVector } from '../commits/version-vector.ts';
import {
  contents,
  edge,
  memberOf,
  node,
  type Running,
  remove,
  run,
  turns,
  WriteGate,
} from '../engine-on-disk.model.ts';
import type { StateFrame } from './frame.ts';
import type { Replica } from './replica.ts';
import { type PullStep, StatePull, type StateSlice } from './state-pull.ts';
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

let requests = 0;

const sourceOf = (replica: Replica, nowMs = () => 0) =>
  new StateSource({ replica, have: () => have(replica), nowMs, sizes: TINY_SIZES });

/** Takes over everything, each request answered by `source`; returns how many there were. */
async function takeOver(source: StateSource, to: Replica, between: () => unknown): Promise<string[]> {
  const transfer = new StateTransfer(++requests, { patienceMs: 1e9, attemptsMax: 2, pendingMsMax: 0 });
  const asked: string[] = [];
  const queue: TransferEffect[] = [...transfer.start()];
  const step = (event: TransferEvent) => void queue.push(...transfer.step(event, 0));
  for (let effect = queue.shift(); effect !== undefined; effect = queue.shift()) {
    if (effect.kind === 'give-up') throw new Error(effect.reason);
    if (effect.kind === 'begin') await to.beginAdoption().then(() => step({ kind: 'begun' }));
    else if (effect.kind === 'read-state-vector') {
      step({ kind: 'state-vector', stateVector: await to.stateVector(effect.key) });
    } else if (effect.kind === 'stage')
      await to.stageState(effect.key, effect.diff).then(() => step({ kind: 'staged' }));
    else if (effect.kind === 'adopt') await to.adoptState(effect);
    else {
      asked.push(effect.frame.kind);
      await between();
      const frame = await source.answer(effect.frame);
      if (frame === undefined) throw new Error('no answer');
      step({ kind: 'answer', frame: frame as Extract<StateFrame, { kind: 'state-list' | 'state' }> });
    }
  }
  return asked;
}

describe('state source', () => {
  test('tiny pages and slices -> another engine takes over the whole graph', async () => {
    const from = await filled();
    const to = await run({ cluster: memberOf() });
    const { replica } = from.engine;
    const source = sourceOf(replica);
    const asked = await takeOver(source, to.engine.replica, async () => undefined);
    const partitions = (await replica.listPartitions()).length;
    expect(asked.filter((kind) => kind === 'list-state').length).toBe(Math.ceil(partitions / 2));
    expect(asked.filter((kind) => kind === 'get-state').length).toBeGreaterThan(2 * partitions);
    expect(to.engine.replica.recovering).toBe(false);
    expect(await contents(to.graph)).toEqual(await contents(from.graph));
    expect(have(to.engine.replica)).toEqual(have(replica));
  });

  test('the sender writes before every answer -> what is taken over is of the moment of the first request (REP-9)', async () => {
    const from = await filled();
    const to = await run({ cluster: memberOf() });
    const { replica } = from.engine;
    let nowMs = 0;
    const source = sourceOf(replica, () => nowMs);
    const before = await contents(from.graph);
    let writes = 0;
    await takeOver(source, to.engine.replica, async () => {
      // A receiver that takes its time, but not too long.
      nowMs += LIMITS.stateIdleMsMax - 1;
      source.tick();
      // The first request fixes the moment.
      if (writes++ > 0) await from.graph.write([node(`late-${writes}`), node(`late-too-${writes}`)]);
    });
    expect(writes).toBeGreaterThan(20);
    expect(to.engine.replica.recovering).toBe(false);
    expect(await contents(to.graph)).toEqual(before);
    const after = to.engine.replica.vector.get(replica.replicaId) ?? 0;
    expect(after).toBe(21);
    await to.engine.replica.receive(await replica.readCommits(replica.replicaId, after, 1000));
    expect(await contents(to.graph)).toEqual(await contents(from.graph));
  });

  test.each(['long silence', 'another transfer', 'a link that ended'])(
    'the moment is let go of [%s] -> the transfer gets no answer, or one that it notices',
    async (why) => {
      const from = await filled();
      const to = await run({ cluster: memberOf() });
      const { replica } = from.engine;
      let nowMs = 0;
      const source = sourceOf(replica, () => nowMs);
      let asked = 0;
      const taken = takeOver(source, to.engine.replica, async () => {
        if (++asked !== 30) return;
        await from.graph.write([node('later')]);
        nowMs += LIMITS.stateIdleMsMax;
        if (why === 'long silence') source.tick();
        else if (why === 'a link that ended') source.release();
        else await source.answer({ kind: 'list-state', request: 99, after: undefined });
      });
      await expect(taken).rejects.toThrow(/no answer|let go of the moment/);
      to.engine.replica.cancelAdoption();
      expect(have(to.engine.replica)).toEqual(new Map());
    },
  );

  test('a partition that takes long to make and is written to, asked for again meanwhile -> its first state goes out, whole', async () => {
    const making: ((state: Uint8Array) => void)[] = [];
    const stateDiff = () => new Promise<Uint8Array>((resolve) => void making.push(resolve));
    const source = sourceOf({ recovering: false, vector: new Map(), retired: new Map(), stateDiff } as never);
    const pull = new StatePull(1, { graphKey: 'g', partition: '0' as never }, new Uint8Array([0]), {
      patienceMs: 2_000,
      attemptsMax: 10,
      pendingMsMax: 0,
    });
    let fetched: PullStep | undefined;
    const follow = (step: PullStep | undefined): void => {
      if (step?.kind !== 'ask') fetched = step ?? fetched;
      else void source.answer(step.frame).then((slice) => follow(pull.hear(slice as StateSlice, 0)));
    };
    follow(pull.start(0));
    // What it takes to make it is longer than the other side's patience, each time.
    for (let made = 0; made < 5 && fetched === undefined; made++) {
      for (let at = 1; at < 3; at++) follow(pull.tick(at * 2_000, 0));
      await turns();
      making.shift()?.(new Uint8Array(3 * TINY_SIZES.sliceBytes).fill(made));
      await turns();
    }
    expect(fetched).toMatchObject({ kind: 'whole', diff: new Uint8Array(3 * TINY_SIZES.sliceBytes) });
    expect(making).toEqual([]);
  });

  test('a state that could not be made -> made anew when it is asked for again', async () => {
    const stateDiff = async () => {
      if (++tries === 1) throw new WeftError('partition-recovering', 'damaged');
      return new Uint8Array([0, 0]);
    };
    let tries = 0;
    const source = sourceOf({ recovering: false, vector: new Map(), retired: new Map(), stateDiff } as never);
    const key = { graphKey: 'g', partition: '0' as never };
    const request = { kind: 'get-state', request: 1, key, stateVector: new Uint8Array([0]), offset: 0 } as const;
    expect(await source.answer(request)).toBeUndefined();
    expect(await source.answer(request)).toMatchObject({ bytes: new Uint8Array([0, 0]) });
  });

  test('a replica that takes in a state itself -> no answer, since it may hold parts of commits', async () => {
    const from = await filled();
    const gate = new WriteGate();
    const to = await run({ cluster: memberOf(), beforeWrite: gate.beforeWrite });
    const { replica } = to.engine;
    await replica.beginAdoption();
    const cut = await from.engine.replica.openCut();
    for (const key of cut.partitions) await replica.stageState(key, await cut.diff(key, new Uint8Array([0])));
    gate.close();
    const adopting = replica.adoptState(cut);
    const source = sourceOf(replica);
    expect(await source.answer({ kind: 'list-state', request: 1, after: undefined })).toBeUndefined();
    const key = cut.partitions[0] as PartitionKey;
    const request = { kind: 'get-state', request: 2, key, stateVector: new Uint8Array([0]), offset: 0 } as const;
    expect(await source.answer(request)).toBeUndefined();
    gate.open();
    await adopting;
    expect(await source.answer({ kind: 'list-state', request: 1, after: undefined })).toBeDefined();
  });
});
