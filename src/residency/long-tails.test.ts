/** Tails of partitions that stay in use: what a reader of the store finds after much was written. */
import { describe, expect, test } from 'vitest';
import { partitionOfNode } from '../../crdt/routing.ts';
import type { PartitionSnapshot, Store } from '../../storage/store.ts';
import { ship, shipAll } from '../commits/shipping.model.ts';
import {
  contents,
  increment,
  memberOf,
  put,
  type Running,
  type RunOptions,
  run,
  spreadIds,
  turns,
  watched,
} from '../engine-on-disk.model.ts';
import type { Graph } from '../engine-port.ts';

const KB = 1024;
const [a = ''] = spreadIds(1) as string[];
const PARTITION = partitionOfNode(a, 16);
/** What may come until a tail that became long is seen to. */
const MEANWHILE = 40 * KB;
const text = (n: number) => `${n}`.padEnd(KB, 'x');

/** How many bytes the tail has beyond what it may have; below 0 if it is short. */
async function stored({ store }: { readonly store: Store }) {
  const { snapshot, tail } = await store.readPartition(
    { graphKey: 'default', partition: PARTITION },
    { document: true },
  );
  const tailBytes = tail.reduce((bytes, { update }) => bytes + update.length, 0);
  const allowed = Math.max(256 * KB, 2 * (snapshot?.document.length ?? 0)) + MEANWHILE;
  return { snapshot, excess: tailBytes - allowed };
}

const member = (options: RunOptions = {}): Promise<Running> => run({ cluster: memberOf(), ...options });

async function overwrite(graph: Graph, times: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    await graph.write([put(a, { text: text(n) })]);
    if (n % 10 === 0) await turns(1);
  }
}

/** A store that tells of snapshots. */
function telling(written: PartitionSnapshot[], onWrite: () => void = () => undefined): (store: Store) => Store {
  return (store) =>
    new Proxy(store, {
      get(target, name) {
        if (name === 'writeSnapshot')
          return (...[key, snapshot, edges]: Parameters<Store['writeSnapshot']>) => {
            written.push(snapshot);
            onWrite();
            return target.writeSnapshot(key, snapshot, edges);
          };
        const found = Reflect.get(target, name, target) as unknown;
        return typeof found === 'function' ? found.bind(target) : found;
      },
    });
}

describe('a partition that stays in use', () => {
  test('one writer, much is written -> a snapshot with a view and a short tail; the same graph after a crash', async () => {
    const { graph, store, disk } = await run();
    await overwrite(graph, 1000);
    await turns();
    const { snapshot, excess } = await stored({ store });
    expect(snapshot?.view).toBeDefined();
    expect(excess).toBeLessThan(0);
    const before = await graph.digest();
    disk.crash();
    const again = await run({ disk });
    expect(await again.graph.digest()).toEqual(before);
  });

  test('writers that never pause -> its tail is short while they write, and every snapshot has a view', async () => {
    const written: PartitionSnapshot[] = [];
    const running = await run({ wrap: telling(written) });
    const crowd = watched(Promise.all(Array.from({ length: 8 }, () => overwrite(running.graph, 500))));
    let most = Number.NEGATIVE_INFINITY;
    while (!crowd.settled) {
      await turns(5);
      most = Math.max(most, (await stored(running)).excess);
    }
    expect(most).toBeLessThan(0);
    expect(written.length).toBeGreaterThan(2);
    expect(written.filter(({ view }) => view === undefined)).toEqual([]);
  });

  test('it grows -> what is written for snapshots stays a few times what came', async () => {
    const written: PartitionSnapshot[] = [];
    const { graph } = await run({ wrap: telling(written) });
    const times = 4000;
    // Of one scope, so of one partition.
    for (let n = 0; n < times; n++) {
      await graph.write([put(`s!${n}`, { text: text(n) })]);
      if (n % 10 === 0) await turns(1);
    }
    await turns();
    const bytes = written.reduce((sum, { document, view }) => sum + document.length + (view?.length ?? 0), 0);
    expect(written.length).toBeGreaterThan(2);
    // Of document and view one and a half times each.
    expect(bytes).toBeLessThan(2 * 1.5 * times * KB);
  });

  test('others write to it, too -> what came in the round of a snapshot is there after a crash', async () => {
    const written: PartitionSnapshot[] = [];
    const one = await member({ wrap: telling(written) });
    const two = await member();
    const crowd = watched(
      Promise.all(
        [one, two].map(async ({ graph }, at) => {
          for (let n = 0; n < 1000; n++) {
            await graph.write([put(a, { text: text(n) }), increment(a, `n${at}`)]);
            if (n % 3 === 0) await turns(1);
          }
        }),
      ),
    );
    while (!crowd.settled) {
      await turns(1);
      await shipAll([one.engine.replica, two.engine.replica]);
    }
    await shipAll([one.engine.replica, two.engine.replica]);
    await turns();
    expect(written.length).toBeGreaterThan(2);
    expect(written.filter(({ view }) => view === undefined)).toEqual([]);
    const before = await two.graph.digest();
    expect(await one.graph.digest()).toEqual(before);
    one.disk.crash();
    const again = await member({ disk: one.disk });
    expect(await again.graph.digest()).toEqual(before);
    expect(await contents(again.graph)).toEqual(await contents(two.graph));
  });

  test('a snapshot takes long -> the next one waits nine times as long, and a stop waits for nobody', async () => {
    const written: PartitionSnapshot[] = [];
    const { graph, env, engine } = await run({ wrap: telling(written, () => env.advance(100)) });
    const [first = '', second = ''] = spreadIds(2) as string[];
    const grow = async () => {
      for (let n = 0; n < 700; n++) await graph.write([first, second].map((id) => put(id, { text: text(n) })));
      await turns();
    };
    await grow();
    expect(written).toHaveLength(1);
    env.advance(899);
    await turns();
    expect(written).toHaveLength(1);
    env.advance(1);
    await turns();
    expect(written).toHaveLength(2);
    await engine.close();
  });

  test('the snapshot cannot be written -> nothing more is accepted', async () => {
    const { graph } = await run({
      wrap: telling([], () => {
        throw new Error('the disk is full');
      }),
    });
    await expect(overwrite(graph, 1000)).rejects.toMatchObject({ code: 'storage-failed' });
  });

  test('the engine is closed in between -> all is there', async () => {
    const { graph, engine, disk } = await run();
    await overwrite(graph, 300);
    const before = await graph.digest();
    await engine.close();
    expect(await (await run({ disk })).graph.digest()).toEqual(before);
  });
});

describe('a partition that only others write to', () => {
  async function following(reads: boolean) {
    const [one, two] = [await member(), await member()];
    await one.graph.write([put(a, {})]);
    await ship(one.engine.replica, two.engine.replica);
    if (reads) await two.graph.node(a as never);
    const opened = two.engine.metrics().hydrationsTotal;
    for (let round = 0; round < 10; round++) {
      await overwrite(one.graph, 100);
      await ship(one.engine.replica, two.engine.replica);
      await turns();
    }
    return { one, two, opened };
  }

  test('it is read -> a snapshot with a view and a short tail, and its document is not kept in memory', async () => {
    const { one, two } = await following(true);
    const { snapshot, excess } = await stored(two);
    expect(snapshot?.view).toBeDefined();
    expect(excess).toBeLessThan(0);
    expect(two.engine.metrics().hydratedDocuments).toBe(0);
    two.disk.crash();
    const again = await member({ disk: two.disk });
    expect(await again.graph.digest()).toEqual(await one.graph.digest());
  });

  test('nobody reads it -> it is not opened for that', async () => {
    const { two, opened } = await following(false);
    expect(two.engine.metrics().hydrationsTotal).toBe(opened);
    expect((await stored(two)).snapshot).toBeUndefined();
    // Once it is in use, it is seen to.
    await two.graph.node(a as never);
    await turns();
    expect((await stored(two)).excess).toBeLessThan(0);
  });
});
