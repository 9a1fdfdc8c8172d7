import { describe, expect, it } from 'vitest';
import { type PartitionId, type ReplicaId, replicaId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { EdgeIds } from './edge-ids.ts';
import { GraphView } from './graph-view.ts';
import { encodeStamp, stampAtEnd } from './patch-codec.ts';

const LONG_SCOPE = `${'s'.repeat(140)}!`;
const PARTITIONS = ['0', '1', '15', 's!', 't~!', LONG_SCOPE].map((id) => id as PartitionId);
const partitions = {
  partitionAt: (index: number) => PARTITIONS[index] as PartitionId,
  findIndex: (id: PartitionId) => (PARTITIONS.includes(id) ? PARTITIONS.indexOf(id) : undefined),
};

describe('stamp at the end of a text', () => {
  it.each([
    [0, 0],
    [1, 0xffff_ffff],
    [2 ** 30, 2 ** 30],
    [2 ** 42 + 4095, 0x5eed_1234],
    [Number.MAX_SAFE_INTEGER, 7],
  ])('clock %i, replica %i -> read back', (clock, replica) => {
    expect(stampAtEnd(`3~${encodeStamp(clock, replica as ReplicaId)}`)).toEqual({ clock, replica });
  });

  it.each(['', 'short', '~'.repeat(15), 'é'.repeat(15), 'z'.repeat(15), `${'-'.repeat(9)}z-----`])(
    '%j -> none',
    (text) => {
      expect(stampAtEnd(text)).toBeUndefined();
    },
  );
});

describe('edge ids', () => {
  /** Few stamps, so that ids meet: as made in their partition, as made in another, and others that look alike. */
  const stamps = Array.from({ length: 40 }, (_, i) => ({ clock: 2 ** 42 + (i >> 1), replica: replicaId(i % 2) }));
  const texts = stamps.map(({ clock, replica }) => encodeStamp(clock, replica));
  const almost = PARTITIONS.flatMap((at) => [`${at}x${texts[0]}`, `${at}~${texts[0]}-`]);
  const made = PARTITIONS.flatMap((at) => texts.map((text) => `${at}~${text}`));
  const ids = [...made, ...almost, ...texts, 'e', '~', `~${texts[0]}`];

  it.each([1, 2, 3])('added, given other stamps and removed at random, seed %i -> as a map of texts says', (seed) => {
    const random = new SeededRandom(seed);
    const edges = new EdgeIds(partitions);
    const model = new Map<string, { id: string; home: number; ordinal: number; clock: number; replica: number }>();
    const free = Array.from({ length: ids.length * PARTITIONS.length }, (_, i) => i);
    edges.reserve(free.length);
    for (let step = 0; step < 6000; step++) {
      const id = random.pick(ids);
      const home = random.below(PARTITIONS.length);
      const key = `${home}/${id}`;
      const held = model.get(key);
      if (edges.find(id, home) !== held?.ordinal) expect.fail(`${key} is not where the model has it`);
      if (held === undefined && step % 3000 < 2000) {
        const ordinal = free.pop() as number;
        const own = edges.stampOf(id, home);
        edges.add(ordinal, id, home, own);
        const stamp = own !== undefined && random.chance(0.7) ? own : random.pick(stamps);
        edges.adopt(ordinal, stamp.clock, stamp.replica);
        model.set(key, { id, home, ordinal, ...stamp });
      } else if (held !== undefined && random.chance(0.5)) {
        edges.remove(held.ordinal);
        free.push(held.ordinal);
        model.delete(key);
      }
      if (step % 500 !== 499) continue;
      const all = [...model.values()];
      expect(
        all.map(({ id, home, ordinal }) => ({
          id: edges.at(ordinal),
          home: edges.home[ordinal],
          ordinal: edges.find(id, home),
          clock: edges.clock[ordinal],
          replica: edges.replica[ordinal],
        })),
      ).toEqual(all);
      const ordinalsOf = (id: string) => all.filter((each) => each.id === id).map(({ ordinal }) => ordinal);
      expect(ids.map((id) => edges.findAll(id).sort())).toEqual(ids.map((id) => ordinalsOf(id).sort()));
    }
  });

  it('an id as it is made in a partition -> kept as its stamp there; in another one, or almost one, as text', () => {
    const edges = new EdgeIds(partitions);
    for (const [home, at] of PARTITIONS.entries()) {
      expect(texts.map((text) => edges.stampOf(`${at}~${text}`, home))).toEqual(stamps);
      const others = [...almost, ...made].filter((id) => !made.includes(id) || !id.startsWith(`${at}~`));
      expect(others.flatMap((id) => edges.stampOf(id, home) ?? [])).toEqual([]);
    }
  });

  it('a scope that only a stub names is forgotten, another one opened -> the id of the edge stays', () => {
    const view = new GraphView({ partitions: 2, restoringTypes: [] });
    const target = view.open('0' as PartitionId);
    const stamp = { clock: 2 ** 42, replica: replicaId(9) };
    const id = `old!~${texts[0]}`;
    view.open('old!' as PartitionId);
    view.fold(target, { kind: 'stub-delete', ...stamp, id, from: 'old!x' }, 40);
    view.close('old!' as PartitionId);
    view.forget('old!' as PartitionId);
    view.open('new!' as PartitionId);
    expect(view.edges.idAt(target.stubs.at(0))).toBe(id);
  });

  it('the row of the edge that was folded last goes to another edge -> a stub of the former has a row of its own', () => {
    const view = new GraphView({ partitions: 2, restoringTypes: [] });
    const [source, target] = ['0', '1'].map((id) => id as PartitionId) as [PartitionId, PartitionId];
    const idIn = (at: PartitionId) => ['a', 'b', 'c', 'd'].find((id) => view.partitionOf(id) === at) as string;
    const stamp = { clock: 7, replica: replicaId(9) };
    const ends = { ...stamp, id: 'former', type: 'T', from: idIn(source), to: idIn(target) };
    const stubs = view.open(target);
    view.fold(view.open(source), { kind: 'edge-create', ...ends, properties: {} }, 40);
    view.close(source);
    view.fold(view.open(source), { kind: 'edge-update', ...stamp, id: 'other', properties: {} }, 40);
    view.fold(view.open('s!' as PartitionId), { kind: 'stub-delete', ...stamp, id: 'other', from: ends.from }, 40);
    view.fold(stubs, { kind: 'stub-create', ...ends }, 40);
    expect(view.edges.idAt(stubs.stubs.at(0))).toBe('former');
  });

  it('many ids made one after the other, every second removed -> the others are found', () => {
    const edges = new EdgeIds(partitions);
    const id = (i: number) => `15~${encodeStamp(2 ** 42 + 4096 * (i >> 3) + (i & 7), replicaId(9))}`;
    const count = 5000;
    edges.reserve(count);
    for (let i = 0; i < count; i++) edges.add(i, id(i), 2, edges.stampOf(id(i), 2));
    for (let i = 0; i < count; i += 2) edges.remove(i);
    const found = Array.from({ length: count }, (_, i) => edges.find(id(i), 2));
    expect(found).toEqual(found.map((_, i) => (i % 2 === 0 ? undefined : i)));
  });
});
