/** Several voters that talk to each other over a table, without engines: how they begin to vote, and what a lost disk costs. */
import { describe, expect, test } from 'vitest';
import type { ReplicaId } from '../../base/ids.ts';
import { covers, type VersionVector } from '../commits/version-vector.ts';
import { type Configuration, withVoter } from '../replication/configuration.ts';
import { VoterSet } from '../replication/voter-set.ts';
import { testEnv } from '../test-env.model.ts';
import type { Accept, Message, Prepare } from './message.ts';
import { Voter } from './voter.ts';

const ballot = (counter: number) => ({ counter, replica: 7 as ReplicaId });
const vector = (...entries: readonly (readonly [number, number])[]): VersionVector =>
  new Map(entries.map(([origin, seq]) => [origin as ReplicaId, seq]));

function prepare(counter: number, configuration = 1): Prepare {
  return { kind: 'prepare', graph: 'g', ballot: ballot(counter), configuration, round: 1, cover: new Map() };
}

function accept(counter: number, text: string, cover: VersionVector = new Map(), configuration = 1): Accept {
  const patches = [{ graphKey: 'g', partition: '0' as never, text }];
  const next = ballot(counter + 1);
  return { kind: 'accept', graph: 'g', ballot: ballot(counter), configuration, next, cover, patches };
}

interface Sent {
  readonly from: string;
  readonly to: string;
  readonly message: Message;
}

class Seat {
  readonly notes: Map<string, Uint8Array>;
  readonly log: string[] = [];
  voter!: Voter;
  voterSet!: VoterSet;
  met: readonly string[];
  size: number;
  vector: VersionVector = new Map();
  isWhole = true;

  constructor(met: readonly string[], notes: Map<string, Uint8Array>) {
    this.met = met;
    this.size = met.length;
    this.notes = notes;
  }

  get configuration(): Configuration {
    return this.voterSet.configuration;
  }
}

class Table {
  readonly seats = new Map<string, Seat>();
  readonly sent: Sent[] = [];
  #waiting: Sent[] = [];
  #seeds = 0;

  /** A server comes up, with what lies on its disk. @param met whom it has met, sorted, itself among them */
  async seat(name: string, met: readonly string[], notes = new Map<string, Uint8Array>()): Promise<Seat> {
    const seat = new Seat(met, notes);
    const host = {
      readNote: async (note: string) => seat.notes.get(note),
      writeNote: async (note: string, value: Uint8Array) => void seat.notes.set(note, value),
      get vector() {
        return seat.vector;
      },
      clockReading: 0,
      get isWhole() {
        return seat.isWhole;
      },
      covers: (wanted: VersionVector) => covers(seat.vector, wanted),
    };
    const log = { write: (level: string, message: string) => void seat.log.push(`${level} ${message}`) };
    seat.voterSet = await VoterSet.read(host);
    seat.voter = await Voter.open({
      env: { ...testEnv(++this.#seeds), log },
      host,
      self: name,
      voterSet: seat.voterSet,
      channel: {
        get size() {
          return seat.size;
        },
        met: () => seat.met,
      },
      send: (to, message) => this.say(name, to, message),
      guard: (work) => void work.catch((error: unknown) => expect.fail(String(error))),
      bugs: undefined,
    });
    this.seats.set(name, seat);
    return seat;
  }

  say(from: string, to: string, message: Message): void {
    this.sent.push({ from, to, message });
    this.#waiting.push({ from, to, message });
  }

  /** Time passes: all look whether they may vote, tell those who can be reached who they are, and hear what is said. */
  async pass(times = 6): Promise<void> {
    for (let i = 0; i < times; i++) {
      for (const [name, seat] of this.seats) {
        seat.voter.tick();
        for (const other of this.seats.keys()) if (other !== name) seat.voter.introduce(other);
      }
      await this.deliver();
    }
  }

  async deliver(): Promise<void> {
    for (let i = 0; i < 10; i++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      for (const { from, to, message } of this.#waiting.splice(0)) {
        this.seats.get(to)?.voter.hear(from, message as Parameters<Voter['hear']>[1]);
      }
    }
  }

  /** What a server answers somebody who coordinates. */
  async ask(name: string, message: Prepare | Accept): Promise<Message | undefined> {
    const before = this.sent.length;
    this.seats.get(name)?.voter.hear('coordinator', message);
    await this.deliver();
    return this.sent.slice(before).find(({ from, to }) => from === name && to === 'coordinator')?.message;
  }

  voting(): string[] {
    return Array.from(this.seats)
      .filter(([, { voter }]) => voter.votes)
      .map(([name]) => name);
  }
}

const NAMES = ['a', 'b', 'c'];

async function founded(names: readonly string[] = NAMES): Promise<Table> {
  const table = new Table();
  for (const name of names) await table.seat(name, names);
  await table.pass();
  expect(table.voting()).toEqual(names);
  return table;
}

const seatOf = (table: Table, name: string): Seat => table.seats.get(name) as Seat;

describe('the first configuration (STR-14)', () => {
  test('all have met -> all vote in the same one; nothing more is said after that', async () => {
    const table = await founded();
    const configurations = Array.from(table.seats.values(), ({ configuration }) => configuration);
    expect(configurations[0]).toMatchObject({ number: 1, voters: NAMES, before: [] });
    for (const configuration of configurations) expect(configuration).toEqual(configurations[0]);
    expect(seatOf(table, 'b').log).toEqual(['info quorum: this server votes']);
    const said = table.sent.length;
    await table.pass();
    expect(table.sent.length).toBe(said);
  });

  test.each(NAMES)('%s does not come -> nobody votes, and it is not founded; it comes -> all vote', async (late) => {
    const table = new Table();
    for (const name of NAMES) {
      if (name !== late)
        await table.seat(
          name,
          NAMES.filter((other) => other !== late),
        );
    }
    for (const seat of table.seats.values()) seat.size = 3;
    await table.pass();
    expect(table.voting()).toEqual([]);
    for (const { configuration } of table.seats.values()) expect(configuration.number).toBe(0);
    await table.seat(late, NAMES);
    for (const seat of table.seats.values()) seat.met = NAMES;
    await table.pass();
    expect(table.voting().sort()).toEqual(NAMES);
  });

  test('one has yet to meet another -> they wait for it, without a warning', async () => {
    const table = new Table();
    for (const name of NAMES) await table.seat(name, NAMES);
    Object.assign(seatOf(table, 'c'), { met: ['b', 'c'], size: 3 });
    await table.pass();
    expect(table.voting()).toEqual([]);
    expect(seatOf(table, 'a').log).toEqual([]);
    seatOf(table, 'c').met = NAMES;
    await table.pass();
    expect(table.voting()).toEqual(NAMES);
  });

  test('one was told of others than the rest -> never founded, and the log says why', async () => {
    const table = new Table();
    for (const name of NAMES) await table.seat(name, NAMES);
    seatOf(table, 'c').met = ['b', 'c', 'd'];
    await table.pass();
    expect(table.voting()).toEqual([]);
    expect(seatOf(table, 'a').log).toContain('warn quorum: servers were told of different servers');
  });

  test('nobody votes before all voters know of it: one hears nothing more -> the others do not vote', async () => {
    const table = new Table();
    for (const name of NAMES) await table.seat(name, NAMES);
    // All have told each other who they are; the first in order has not looked yet.
    for (const one of NAMES) for (const other of NAMES) if (one !== other) seatOf(table, one).voter.introduce(other);
    const c = seatOf(table, 'c');
    await table.deliver();
    table.seats.delete('c');
    await table.pass();
    expect(seatOf(table, 'a').configuration.number).toBe(1);
    expect(table.voting()).toEqual([]);
    table.seats.set('c', c);
    await table.pass();
    expect(table.voting()).toEqual(NAMES);
  });

  test('all but one lost their disks, and meet again -> the one that knows tells them; it is not founded again', async () => {
    const table = await founded();
    const first = seatOf(table, 'c').configuration;
    for (const name of ['a', 'b']) await table.seat(name, NAMES);
    await table.pass();
    for (const { configuration } of table.seats.values()) expect(configuration).toEqual(first);
    // Two of three memories are gone, and with them perhaps what they had decided.
    expect(table.voting()).toEqual(['c']);
  });
});

describe('a restart', () => {
  test('with its disk -> it votes at once, from the same memory, and has promised what it promised', async () => {
    const table = await founded();
    expect(await table.ask('b', prepare(5))).toMatchObject({ kind: 'promised' });
    expect(await table.ask('b', accept(5, 'x'))).toMatchObject({ kind: 'accepted', promisedNext: true });
    const again = await table.seat('b', NAMES, seatOf(table, 'b').notes);
    expect(again.voter.votes).toBe(true);
    const said = table.sent.length;
    // An earlier one than the next, which it promised with the acceptance.
    expect(await table.ask('b', prepare(4))).toMatchObject({ kind: 'refused', promised: ballot(6) });
    expect(await table.ask('b', prepare(7))).toMatchObject({
      kind: 'promised',
      state: { accepted: ballot(5), patches: [{ text: 'x' }] },
    });
    await table.pass();
    const memories = new Set(
      table.sent.flatMap(({ from, message }) => (from === 'b' && 'memory' in message ? [message.memory] : [])),
    );
    expect(memories.size).toBe(1);
    expect(table.sent.length).toBeGreaterThan(said);
  });
});

describe('a lost disk (STR-9)', () => {
  test('the others vote -> it takes over what they promised and accepted, of every graph, and votes from then on', async () => {
    const table = await founded();
    for (const name of ['b', 'c']) {
      await table.ask(name, accept(5, 'decided'));
      await table.ask(name, { ...accept(8, 'of another graph'), graph: 'h' });
    }
    await table.ask('c', prepare(20));
    await table.seat('a', NAMES);
    expect(await table.ask('a', prepare(30))).toBeUndefined();
    await table.pass();
    expect(table.voting()).toContain('a');
    expect(await table.ask('a', prepare(19))).toMatchObject({ kind: 'refused', promised: ballot(20) });
    expect(await table.ask('a', prepare(21))).toMatchObject({
      kind: 'promised',
      state: { accepted: ballot(5), patches: [{ text: 'decided' }] },
    });
    expect(await table.ask('a', { ...prepare(8), graph: 'h' })).toMatchObject({ kind: 'refused' });
    expect(await table.ask('a', { ...prepare(9), graph: 'h' })).toMatchObject({ state: { accepted: ballot(8) } });
  });

  test.each(['b', 'c'])('the one that accepted last is %s -> its proposal is what counts', async (last) => {
    const table = await founded();
    for (const name of ['b', 'c']) await table.ask(name, name === last ? accept(9, 'last') : accept(5, 'first'));
    await table.seat('a', NAMES);
    await table.pass();
    expect(await table.ask('a', prepare(21))).toMatchObject({
      state: { accepted: ballot(9), patches: [{ text: 'last' }] },
    });
  });

  test('only one of three is left -> it does not vote; the second is back -> it does', async () => {
    const table = await founded();
    const b = seatOf(table, 'b');
    table.seats.delete('b');
    await table.seat('a', NAMES);
    await table.pass();
    expect(table.voting()).toEqual(['c']);
    table.seats.set('b', b);
    await table.pass();
    expect(table.voting().sort()).toEqual(NAMES);
  });

  test('it lacks commits that the others hold -> it votes only when it has them', async () => {
    const table = await founded();
    for (const name of ['b', 'c']) seatOf(table, name).vector = vector([2, name === 'b' ? 10 : 9]);
    const a = await table.seat('a', NAMES);
    await table.pass();
    expect(a.voter.votes).toBe(false);
    a.vector = vector([2, 9]);
    await table.pass();
    expect(a.voter.votes).toBe(false);
    a.vector = vector([2, 10]);
    // The others go on: what they had when they told is enough.
    for (const name of ['b', 'c']) seatOf(table, name).vector = vector([2, 50]);
    await table.pass();
    expect(a.voter.votes).toBe(true);
  });

  test('it takes over the state of another server -> it neither votes nor answers meanwhile', async () => {
    const table = await founded();
    const a = await table.seat('a', NAMES);
    a.isWhole = false;
    await table.pass();
    expect(a.voter.votes).toBe(false);
    a.isWhole = true;
    await table.pass();
    expect(await table.ask('a', prepare(5))).toMatchObject({ kind: 'promised' });
    a.isWhole = false;
    expect(await table.ask('a', prepare(6))).toBeUndefined();
  });

  test('one of the others takes over a state -> what it holds counts for nothing meanwhile', async () => {
    const table = await founded();
    seatOf(table, 'b').isWhole = false;
    const a = await table.seat('a', NAMES);
    await table.pass();
    expect(a.voter.votes).toBe(false);
    seatOf(table, 'b').isWhole = true;
    await table.pass();
    expect(a.voter.votes).toBe(true);
  });

  test('votes of the others name its new memory from then on, also after they restart (STR-6)', async () => {
    const table = await founded();
    const old = seatOf(table, 'a').notes;
    const a = await table.seat('a', NAMES);
    await table.pass();
    for (const restarts of [false, true]) {
      if (restarts) await table.seat('b', NAMES, seatOf(table, 'b').notes);
      const own = await table.ask('a', prepare(30));
      const other = await table.ask('b', prepare(30));
      expect(other).toMatchObject({ kind: 'promised' });
      const memory = (own as { memory: string }).memory;
      expect((other as { known: ReadonlyMap<string, string> }).known.get('a')).toBe(memory);
      expect(a.notes.get('voter')).not.toEqual(old.get('voter'));
    }
  });
});

describe('the next configuration (STR-12)', () => {
  test('a server is added -> it votes when a majority of the voters before have told what they promised', async () => {
    const table = await founded();
    await table.ask('b', accept(5, 'decided'));
    await table.ask('c', accept(5, 'decided'));
    const d = await table.seat('d', [...NAMES, 'd']);
    for (const name of NAMES) seatOf(table, name).met = [...NAMES, 'd'];
    // They tell it who they are, and it tells them.
    await table.pass();
    expect(d.configuration.number).toBe(1);
    expect(d.voter.votes).toBe(false);
    const joined = table.sent.find(({ from, message }) => from === 'd' && message.kind === 'join')?.message;
    const next = withVoter(d.configuration, 'd', (joined as { memory: string }).memory);
    const others = NAMES.map((name) => [name, seatOf(table, name)] as const);
    for (const [name] of others.slice(1)) table.seats.delete(name);
    seatOf(table, 'a').voterSet.adopt(next);
    await table.pass();
    // One of three has told it.
    expect(d.configuration).toEqual(next);
    expect(table.voting()).toEqual([]);
    for (const [name, seat] of others) table.seats.set(name, seat);
    await table.pass();
    expect(table.voting().sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(await table.ask('d', prepare(20, 2))).toMatchObject({
      kind: 'promised',
      state: { accepted: ballot(5), patches: [{ text: 'decided' }] },
    });
    expect(await table.ask('d', prepare(21, 1))).toMatchObject({ kind: 'outdated', configuration: next });
  });

  test('the server that is to be added has lost its disk since -> its new memory may not vote by that alone', async () => {
    const table = await founded();
    const next = withVoter(seatOf(table, 'a').configuration, 'd', 'a memory that is gone');
    const d = await table.seat('d', [...NAMES, 'd']);
    for (const name of NAMES) seatOf(table, name).voterSet.adopt(next);
    for (const name of ['b', 'c']) table.seats.delete(name);
    await table.pass();
    expect(d.configuration).toEqual(next);
    expect(table.voting()).toEqual([]);
  });
});
