/**
 * Offline replicas in processes of their own that write whether there is a network or not, go away, come back, and are
 * killed: what is durable on a device takes effect once, and in the end devices show what servers hold. Some of what they write
 * no server takes: it comes back to them with what rests on it, and is shown no more.
 */

import * as LIMITS from '../../../base/limits.ts';
import type { SeededRandom } from '../../../base/seeded-random.ts';
import { type Arena, numbered, type Workload, type WorkloadOptions } from '../arena.ts';
import { Device } from '../devices/device.ts';
import { CLAIM, COUNTER, type Order, SCOPE, SET, type Shown } from '../devices/orders.ts';
import type { Call, Invocation } from '../entry.ts';
import { TOKEN } from '../real-cluster.ts';

const DOWN_MS = 2_000;
/** A day longer than tombstones are kept. */
const AWAY_MS = LIMITS.tombstoneRetentionMs + 24 * 3_600_000;
/** From a start to the first state of a server, and from the last heal until nothing waits any more. */
const LIVE_MS_MAX = 60_000;
/** So long somebody looks at a device that begins anew, before he goes on with it. */
const ANEW_MS = 5_000;
/** What it wrote last reaches a server that may be cut off from the others. */
const LAST_WRITES = 3;
const SENT_MS_MAX = 2_000;
/** A call that is under way when a device is killed. */
const MIDWAY_MS = 4;

export const devices: Workload = {
  name: 'devices',
  about: 'offline replicas that go away, come back and are killed: what they wrote takes effect once',
  checkers: ['sets', 'counters', 'devices'],
  declarations: [`CREATE CONSTRAINT devices_claim FOR (n:${CLAIM}) REQUIRE n.key IS UNIQUE`],
  setup: () => [
    { op: 'putNode', id: SET, labels: ['Set'], properties: { members: [] } },
    { op: 'putNode', id: COUNTER, labels: ['Counter'], properties: { count: 0 } },
  ],
  start: (arena, options) => use(arena, options, { crashes: 0.01, away: 0, increments: 0.5 }),
};

/** What waits on a device that must begin anew may be sent a second time: an increment would count twice. */
export const awayDevices: Workload = {
  name: 'away-devices',
  about: 'offline replicas that come back after a month: they begin anew, and show all that they knew',
  checkers: ['sets', 'devices'],
  ...(devices.declarations !== undefined && { declarations: devices.declarations }),
  setup: () => [{ op: 'putNode', id: SET, labels: ['Set'], properties: { members: [] } }],
  start: (arena, options) => use(arena, options, { crashes: 0.06, away: 0.6, increments: 0 }),
};

/** Of what users do, how much is what; of those that crash, how many are away for long. */
interface Habits {
  readonly crashes: number;
  readonly away: number;
  readonly increments: number;
}

function use(arena: Arena, { clients = 3, thinkMs = 20 }: WorkloadOptions, habits: Habits): Promise<void>[] {
  const users = numbered(clients).map((index) => new User(arena, `device-${index}`, habits));
  const work = users.map((user) => user.work(thinkMs));
  // What one device shows in the end holds what the last of them sent.
  const drained = Promise.all(work).then(() => Promise.all(users.map((user) => user.drain())));
  return [...work, drained.then(() => settle(users))];
}

/** Waits until all show the same, and notes what that is. */
async function settle(users: readonly User[]): Promise<void> {
  const [first] = users;
  if (first === undefined) return;
  await first.arena.world.until(LIVE_MS_MAX, async () => {
    const shown = await Promise.all(users.map((user) => user.look()));
    return new Set(shown.map((one) => [...(one?.members ?? [])].sort().join())).size === 1;
  });
  for (const user of users) await user.end();
}

class User {
  readonly arena: Arena;
  readonly #device: Device;
  readonly #habits: Habits;
  /** Since it was away it was not in step. */
  #isAnew = false;
  readonly #random: SeededRandom;
  #isConnected = true;
  #written = 0;
  /** Members that it kept, and those of claims among them. */
  readonly #kept = new Set<string>();
  readonly #claims = new Set<string>();

  constructor(arena: Arena, name: string, habits: Habits) {
    this.arena = arena;
    this.#habits = habits;
    const { cluster, world } = arena;
    this.#random = world.random(name);
    // Each begins with a server of its own choice.
    const urls = this.#random.shuffled(cluster.names).map((server) => cluster.entranceOf(server));
    const { folder, plant } = cluster;
    this.#device = new Device({ world, name, folder, urls, token: TOKEN, plant });
  }

  async work(thinkMs: number): Promise<void> {
    const { world } = this.arena;
    const random = this.#random;
    await this.#start();
    while (!this.arena.isOver) {
      if (random.chance(this.#habits.crashes)) await this.#crash();
      else if (random.chance(0.02)) await this.#connect(!this.#isConnected);
      else if (random.chance(0.05)) await this.#claim();
      else if (random.chance(0.04)) await this.#check();
      else await this.#write();
      await world.sleep(thinkMs * (0.5 + random.uint32() / 2 ** 32));
    }
    await this.#connect(true);
  }

  async #start(awayMs = 0): Promise<void> {
    this.#device.start(awayMs);
    await this.#connect(true);
    await this.arena.world.until(LIVE_MS_MAX, async () => {
      return (await this.look())?.members !== undefined || !this.#device.isRunning;
    });
  }

  async #connect(isConnected: boolean): Promise<void> {
    this.#isConnected = isConnected;
    await this.#device.ask({ do: isConnected ? 'connect' : 'disconnect' });
  }

  /** In the middle of a write, most times; it stays away for a while. */
  async #crash(): Promise<void> {
    const { world } = this.arena;
    const isAway = this.#random.chance(this.#habits.away);
    if (isAway) await this.#send(LAST_WRITES);
    const writing = this.#random.chance(0.7) ? this.#write() : Promise.resolve();
    await world.sleep(MIDWAY_MS * (this.#random.uint32() / 2 ** 32));
    await this.#device.kill();
    await writing;
    await world.sleep(DOWN_MS * (this.#random.uint32() / 2 ** 32));
    this.#isAnew ||= isAway;
    await this.#start(isAway ? AWAY_MS : 0);
    if (!isAway) return;
    // On a server that does not have all of it, it would show less now.
    await world.until(ANEW_MS, async () => (await this.look())?.state === 'live');
    await this.#check();
  }

  async #write(): Promise<void> {
    const by = this.#random.pick([1, 2, 5, -1]);
    if (this.#random.chance(this.#habits.increments))
      await this.#record({ kind: 'increment', counter: COUNTER, by }, { do: 'increment', by });
    else {
      const member = this.#nextMember();
      if (await this.#record({ kind: 'member', set: SET, member, change: 'add' }, { do: 'add', member }))
        this.#kept.add(member);
    }
  }

  #nextMember(): string {
    return `${this.#device.name}:${++this.#written}`;
  }

  async #send(writes: number): Promise<void> {
    await this.#connect(true);
    for (const _ of numbered(writes)) await this.#write();
    await this.arena.world.until(SENT_MS_MAX, async () => (await this.look())?.pending === 0);
  }

  /** Something that servers refuse, and, as long as it does not know that, something that rests on it. */
  async #claim(): Promise<void> {
    const claimed = this.#nextMember();
    const node = `${SCOPE}${claimed}`;
    this.#claims.add(claimed);
    if (!(await this.#record({ kind: 'claim', set: SET, member: claimed }, { do: 'claim', member: claimed, node })))
      return;
    const resting = this.#nextMember();
    this.#claims.add(resting);
    const call: Call = { kind: 'claim', set: SET, member: resting, restsOn: claimed };
    await this.#record(call, { do: 'rest', member: resting, node });
  }

  /** Whether it shows all that it kept, and nothing that was refused. */
  async #check(): Promise<void> {
    const id = this.#begin({ kind: 'look', undone: [], missing: [] }, true);
    const shown = await this.look();
    const { recorder } = this.arena;
    if (shown?.members === undefined) {
      recorder.end(id, 'fail', { status: 0 });
      return;
    }
    const [members, refused] = [new Set(shown.members), new Set(shown.refused)];
    const undone = [...refused].filter((member) => members.has(member));
    // Until all of what it must fetch anew has come, it shows what has.
    if (shown.state === 'live') this.#isAnew = false;
    const kept = this.#isAnew ? [] : [...this.#kept];
    const missing = kept.filter((member) => !members.has(member) && !refused.has(member));
    recorder.end(id, 'ok', { status: 200, answer: { kind: 'look', undone, missing } });
  }

  /** No server answers a call of a device: it is done when its own disk has it. @returns whether it is */
  async #record(call: Call, order: Order): Promise<boolean> {
    const id = this.#begin(call, false);
    const answer = await this.#device.ask(order);
    const { recorder } = this.arena;
    if (answer === undefined) recorder.end(id, 'info', { status: 0 });
    else if ('code' in answer) recorder.end(id, 'fail', { status: 409, code: answer.code });
    else recorder.end(id, 'ok', { status: 200, answer: call });
    return answer !== undefined && 'shown' in answer;
  }

  #begin(call: Call, isRead: boolean): number {
    const { name } = this.#device;
    const invocation: Omit<Invocation, 'type' | 'id' | 'atMs'> = {
      process: name,
      workload: 'devices',
      server: name,
      level: 'eventual',
      isRead,
      call,
    };
    return this.arena.recorder.begin(invocation);
  }

  async look(): Promise<Shown | undefined> {
    const answer = await this.#device.ask({ do: 'tell' });
    return answer !== undefined && 'shown' in answer ? answer.shown : undefined;
  }

  /** Waits until servers have all that it wrote. */
  async drain(): Promise<void> {
    await this.arena.world.until(LIVE_MS_MAX, async () => {
      const shown = await this.look();
      if (!this.#device.isRunning) return true;
      return shown?.state === 'live' && shown.pending === 0;
    });
  }

  async end(): Promise<void> {
    const id = this.#begin({ kind: 'settled', set: SET, members: [], refused: 0, handedBack: [] }, true);
    const shown = await this.look();
    const { recorder } = this.arena;
    if (shown?.members === undefined || shown.pending > 0) recorder.end(id, 'fail', { status: 0 });
    else {
      const { members } = shown;
      const handedBack = shown.refused.filter((member) => this.#claims.has(member));
      const refused = shown.refused.length - handedBack.length;
      recorder.end(id, 'ok', { status: 200, answer: { kind: 'settled', set: SET, members, refused, handedBack } });
    }
    await this.#device.kill();
  }
}
