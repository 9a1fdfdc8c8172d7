/** Comparing and repairing partitions, with an engine on one side and the test on the other. */
import { crc32 } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ReplicaId } from '../../base/ids.ts';
import type { PartitionKey } from '../../storage/store.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import { memberOf, node, type Running, run, spreadIds, turns } from '../engine-on-disk.model.ts';
import { AntiEntropy } from './anti-entropy.ts';
import type { DigestFrame, Frame } from './frame.ts';
import type { LinkSession } from './link-session.ts';

const PERIOD_MS = 10_000;
const PATIENCE_MS = 2_000;
const ATTEMPTS_MAX = 5;

let running: Running;
let entropy: AntiEntropy;
let log: string[];

interface Peer {
  readonly session: LinkSession;
  readonly sent: Frame[];
}

function peer(name: string): Peer {
  const sent: Frame[] = [];
  const link = { peer: { name }, peerVector: new Map() };
  return { sent, session: { link, send: (frame: Frame) => void sent.push(frame) } as unknown as LinkSession };
}

beforeEach(async () => {
  running = await run({ cluster: memberOf() });
  log = [];
  const { env, engine } = running;
  entropy = new AntiEntropy({
    env: { ...env, log: { write: (level, message) => void log.push(`${level} ${message}`) } },
    replica: engine.replica,
    periodMs: PERIOD_MS,
    patienceMs: PATIENCE_MS,
    guard: (work) => void work.catch((error: unknown) => expect.fail(String(error))),
  });
  await running.graph.write(spreadIds(3).map((id) => node(id)));
});

async function pass(ms: number, ...peers: readonly Peer[]): Promise<void> {
  running.env.advance(ms);
  entropy.tick(peers.map(({ session }) => session));
  await turns(5);
}

const keysOf = ({ sent }: Peer): string[] =>
  sent.flatMap((frame) => (frame.kind === 'digest' ? [`${frame.key.graphKey}/${frame.key.partition}`] : []));

const partitions = async (): Promise<string[]> =>
  (await running.engine.replica.listPartitions()).map(({ graphKey, partition }) => `${graphKey}/${partition}`);

async function keyOfData(): Promise<PartitionKey> {
  const all = await running.engine.replica.listPartitions();
  return all.find(({ graphKey }) => graphKey === 'default') as PartitionKey;
}

/** What a peer says of a partition that has another content at the same vector. */
async function difference(over: Partial<DigestFrame> = {}): Promise<DigestFrame> {
  const key = await keyOfData();
  const { vector } = await running.engine.replica.partitionDigest(key);
  return { kind: 'digest', key, digest: 'another', vector, ...over };
}

async function hear({ session }: Peer, frame: DigestFrame): Promise<void> {
  entropy.hear(session, frame);
  await turns(5);
}

const asked = ({ sent }: Peer) => sent.filter((frame) => frame.kind === 'get-state');

describe('comparing', () => {
  test('once in a period -> one partition after the other, from the first again', async () => {
    const [a, b] = [peer('a'), peer('b')];
    await pass(PERIOD_MS - 1, a, b);
    expect([...a.sent, ...b.sent]).toEqual([]);
    await pass(1, a, b);
    const all = await partitions();
    const said: string[] = [];
    for (let i = 0; i < 2 * all.length; i++) {
      said.push(...keysOf({ ...a, sent: [...a.sent.splice(0), ...b.sent.splice(0)] }));
      await pass(PERIOD_MS - 1, a, b);
      await pass(1, a, b);
    }
    expect(said).toEqual([...all, ...all]);
    expect(entropy.comparisons).toBe(0);
  });

  test('nobody is linked, or a state is being taken over -> nothing is said', async () => {
    const a = peer('a');
    await pass(PERIOD_MS);
    await running.engine.replica.beginAdoption();
    await pass(PERIOD_MS, a);
    await hear(a, {
      kind: 'digest',
      key: { graphKey: 'default', partition: '0' as never },
      digest: 'x',
      vector: new Map(),
    });
    expect(a.sent).toEqual([]);
    running.engine.replica.cancelAdoption();
    await pass(PERIOD_MS, a);
    expect(keysOf(a).length).toBe(1);
  });

  test('the same digest, or one at another vector -> nothing is asked, and only the first counts', async () => {
    const a = peer('a');
    const { digest } = await running.engine.replica.partitionDigest(await keyOfData());
    await hear(a, await difference({ digest }));
    expect(entropy.comparisons).toBe(1);
    const further: VersionVector = new Map([[99 as ReplicaId, 1]]);
    await hear(a, await difference({ vector: further }));
    expect(entropy.comparisons).toBe(1);
    expect(a.sent).toEqual([]);
    expect(log).toEqual([]);
  });
});

/** A state of the partition, as one slice: of this very server, so that nothing comes of it. */
async function answer({ sent }: Peer, vector: VersionVector) {
  const { request, key } = asked({ sent } as Peer).at(-1) as Extract<Frame, { kind: 'get-state' }>;
  const bytes = await running.engine.replica.stateDiff(key, Uint8Array.of(0));
  return {
    kind: 'state',
    request,
    key,
    offset: 0,
    bytes,
    length: bytes.length,
    checksum: crc32(bytes),
    vector,
  } as const;
}

describe('whom it turns to', () => {
  test.each([1, 2, 3, 4])(
    '%d peers and 4 partitions -> each partition is compared with each peer, once a pass',
    async (count) => {
      const all = await partitions();
      expect(all.length).toBe(4);
      const peers = Array.from({ length: count }, (_, i) => peer(`p${i}`));
      for (let i = 0; i < all.length * count; i++) await pass(PERIOD_MS, ...peers);
      for (const one of peers) expect(keysOf(one).sort()).toEqual([...all].sort());
    },
  );

  test('as many peers as damaged partitions -> each partition is asked for from each peer', async () => {
    const { replica } = running.engine;
    const wounded = (await replica.listPartitions()).slice(0, 2);
    replica.damaged = () => wounded;
    const peers = [peer('a'), peer('b')];
    for (const { session } of peers) (session.link as { peerVector: VersionVector }).peerVector = replica.vector;
    for (let i = 0; i < 8; i++) {
      await pass(PERIOD_MS, ...peers);
      // None of them answers.
      for (const { session } of peers) entropy.lose(session);
    }
    const askedOf = (one: Peer) => new Set(asked(one).map((frame) => JSON.stringify((frame as { key: unknown }).key)));
    expect(peers.map((one) => askedOf(one).size)).toEqual([2, 2]);
  });
});

describe('repairing', () => {
  test('several damaged partitions -> all are healed within one period, as soon as each is there', async () => {
    const { replica } = running.engine;
    const wounded = await partitions();
    const count = wounded.length;
    const keys = Array.from(await replica.listPartitions());
    replica.damaged = () => keys.filter(({ graphKey, partition }) => wounded.includes(`${graphKey}/${partition}`));
    replica.mergeState = async ({ graphKey, partition }) => {
      wounded.splice(wounded.indexOf(`${graphKey}/${partition}`), 1);
    };
    const a = peer('a');
    (a.session.link as { peerVector: VersionVector }).peerVector = replica.vector;
    await pass(PERIOD_MS, a);
    for (let i = 0; i < count; i++) {
      expect(asked(a).length).toBe(i + 1);
      entropy.hearState(a.session, await answer(a, new Map()));
      await turns(20);
      await pass(1, a);
    }
    expect([count, wounded, entropy.repairs]).toEqual([4, [], 4]);
    // Then partitions are compared again, one in a period.
    a.sent.splice(0);
    await pass(PERIOD_MS, a);
    await pass(PERIOD_MS, a);
    expect(keysOf(a).length).toBe(2);
  });

  test.each(['before', 'after'])(
    'a peer is at a state for long, the partition is damaged a second time -> merged only if it was made after that [%s]',
    async (made) => {
      const { replica } = running.engine;
      const key = await keyOfData();
      let wounded = [key];
      let merged = 0;
      replica.damaged = () => wounded;
      replica.mergeState = async () => void merged++;
      const a = peer('a');
      const before = replica.vector;
      const pending = async (): Promise<void> => {
        (a.session.link as { peerVector: VersionVector }).peerVector = replica.vector;
        await pass(PATIENCE_MS, a);
        const { request } = asked(a).at(-1) as { request: number };
        entropy.hearState(a.session, { kind: 'state-pending', request, key });
      };
      await pass(PERIOD_MS - PATIENCE_MS, a);
      for (let i = 0; i < 2 * ATTEMPTS_MAX; i++) await pending();
      wounded = [];
      for (let i = 0; i < 2 * ATTEMPTS_MAX; i++) await pending();
      await running.graph.write([node('later')]);
      wounded = [key];
      for (let i = 0; i < 2 * ATTEMPTS_MAX; i++) await pending();
      expect(new Set(asked(a).map((frame) => (frame as { request: number }).request)).size).toBe(1);
      entropy.hearState(a.session, await answer(a, made === 'before' ? before : replica.vector));
      await turns(20);
      expect(merged).toBe(made === 'before' ? 0 : 1);
    },
  );

  test('another digest at the same vector -> its state is fetched and merged, and the other side is told', async () => {
    const a = peer('a');
    await hear(a, await difference());
    expect(log).toEqual(['error replication: a partition differs at equal vectors']);
    expect(asked(a).length).toBe(1);
    entropy.hearState(a.session, await answer(a, new Map()));
    await turns(20);
    expect(entropy.repairs).toBe(1);
    expect(log.at(-1)).toBe('warn replication: a partition was repaired');
    expect(a.sent.at(-1)).toMatchObject({ kind: 'digest', key: await keyOfData() });
  });

  test('it still differs -> not before a period has passed; another partition at once', async () => {
    const a = peer('a');
    await hear(a, await difference());
    entropy.hearState(a.session, await answer(a, new Map()));
    await turns(20);
    running.env.advance(PERIOD_MS - 1);
    await hear(a, await difference());
    expect(asked(a).length).toBe(1);
    const other = (await running.engine.replica.listPartitions())
      .filter(({ graphKey }) => graphKey === 'default')
      .at(-1);
    await hear(a, await difference({ key: other as PartitionKey }));
    expect(asked(a).length).toBe(2);
    entropy.lose(a.session);
    running.env.advance(1);
    await hear(a, await difference());
    expect(asked(a).length).toBe(3);
  });

  test('one is under way -> no other one; slices from elsewhere are not taken', async () => {
    const [a, b] = [peer('a'), peer('b')];
    await hear(a, await difference());
    await hear(b, await difference());
    expect([asked(a).length, asked(b).length]).toEqual([1, 0]);
    entropy.hearState(b.session, await answer(a, new Map()));
    await turns(20);
    expect(entropy.repairs).toBe(0);
    // The link of somebody else ends: it goes on. Its own ends: it is over, and there may be another one.
    entropy.lose(b.session);
    running.env.advance(PERIOD_MS);
    await hear(b, await difference());
    expect(asked(b).length).toBe(0);
    entropy.lose(a.session);
    await hear(b, await difference());
    expect(asked(b).length).toBe(1);
  });

  test('no answer -> asked again a few times, then given up', async () => {
    const a = peer('a');
    await hear(a, await difference());
    for (let i = 0; i < 3 * ATTEMPTS_MAX; i++) await pass(PATIENCE_MS / 2);
    expect(asked(a).length).toBe(ATTEMPTS_MAX);
    entropy.hearState(a.session, await answer(a, new Map()));
    await turns(20);
    expect(entropy.repairs).toBe(0);
  });

  test('its state holds more than is here -> it waits until that came, some time at most', async () => {
    for (const comes of [true, false]) {
      const before = entropy.repairs;
      const a = peer('a');
      await hear(a, await difference());
      const { replicaId, vector } = running.engine.replica;
      const ahead = new Map([[replicaId, (vector.get(replicaId) ?? 0) + 1]]);
      entropy.hearState(a.session, await answer(a, ahead));
      await turns(20);
      await pass(PATIENCE_MS * ATTEMPTS_MAX);
      expect(entropy.repairs).toBe(before);
      if (!comes) await pass(1);
      await running.graph.write([node(`more ${comes}`)]);
      await pass(1);
      await turns(20);
      expect(entropy.repairs).toBe(before + (comes ? 1 : 0));
    }
  });
});
