/** How soon single writes on one server are visible on another one, against the usual server for Yjs documents. */
import type { NodeId } from '../base/ids.ts';
import { Hocuspocus } from './hocuspocus.ts';
import { places, startAt } from './linked-engines.ts';
import { median, type Sample, takeTurns } from './measure.ts';
import type { Benchmark } from './report.ts';
import { temporaryDirectory } from './settings.ts';

const KEYS = 1000;
/** Writes between two turns of the loop, in which sockets and disks go on, for both. */
const AT_A_TIME = 64;
const turn = () => new Promise((resolve) => setImmediate(resolve));

export const replicationVisible: Benchmark = {
  name: 'replication-visible',
  title: 'single writes on one server until all are visible on a second one; everything in one process',
  peers:
    'Hocuspocus 3 with two providers: as many Y.Map sets on one, each a transaction, until the other has the last; in memory',
  async run(run) {
    const writes = run.quick ? 2000 : 10_000;
    const [here, there] = await places('one', 'two');
    if (here === undefined || there === undefined) throw new Error('two places were asked for');
    const disk = () => ({ directory: temporaryDirectory('data'), durability: 'disk' }) as const;
    const a = await startAt(here, [there.url], disk());
    const b = await startAt(there, [here.url], disk());
    const id = (i: number) => `n${i % KEYS}` as NodeId;
    await a.graph.write(
      Array.from({ length: KEYS }, (_, i) => ({ op: 'createNode', id: id(i), labels: [], properties: {} })),
    );
    await b.reach(a.engine.replica.vector);
    const peer = await hocuspocus();
    const sent = { bytes: 0, writes: 0 };
    let from = 0;
    const rounds = await takeTurns(
      {
        weft: async () => {
          const before = a.sentBytes();
          const sample = await timed(writes, async () => {
            const done: Promise<unknown>[] = [];
            for (let i = 0; i < writes; i++, from++) {
              done.push(
                a.graph.write([{ op: 'patchNode', id: id(from), properties: { value: { kind: 'set', value: from } } }]),
              );
              if (i % AT_A_TIME === AT_A_TIME - 1) await turn();
            }
            await Promise.all(done);
            await b.reach(a.engine.replica.vector);
          });
          sent.bytes += a.sentBytes() - before;
          sent.writes += writes;
          return sample;
        },
        hocuspocus: () => timed(writes, () => peer.sets(writes)),
      },
      { rounds: run.quick ? 3 : 7, warmups: 2 },
    );
    const ms = (samples: readonly Sample[]) => median(samples.map(({ wallMs }) => wallMs));
    const ratio = median(rounds.weft.map(({ wallMs }, i) => wallMs / (rounds.hocuspocus[i]?.wallMs ?? Number.NaN)));
    run.figure({
      what: `${writes} single writes, durable on both, until visible`,
      ours: ms(rounds.weft),
      unit: 'ms',
      reference: { what: 'Hocuspocus', value: ms(rounds.hocuspocus) },
      ratio,
      target: { atMost: 0.5 },
    });
    run.remark(`${(sent.bytes / sent.writes).toFixed(0)} bytes on the wire for each write, with all that a link sends`);
    await Promise.all([a.stop(), b.stop(), peer.stop()]);
  },
};

async function timed(count: number, work: () => Promise<void>): Promise<Sample> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const wallMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { count, wallMs, cpuMs: (user + system) / 1000 };
}

async function hocuspocus() {
  const server = await Hocuspocus.start();
  const writer = await server.provider();
  const reader = await server.provider();
  const map = writer.document.getMap('values');
  const mirror = reader.document.getMap('values');
  let from = 0;
  return {
    async sets(count: number): Promise<void> {
      const last = from + count - 1;
      const arrived = new Promise<void>((resolve) => {
        const look = () => {
          if (mirror.get(`n${last % KEYS}`) !== last) return;
          mirror.unobserve(look);
          resolve();
        };
        mirror.observe(look);
      });
      for (let i = 0; i < count; i++, from++) {
        map.set(`n${from % KEYS}`, from);
        if (i % AT_A_TIME === AT_A_TIME - 1) await turn();
      }
      await arrived;
    },
    async stop(): Promise<void> {
      writer.stop();
      reader.stop();
      await server.stop();
    },
  };
}
