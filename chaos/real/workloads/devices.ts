/**
 * Offline replicas in processes of their own that write whether there is a network or not, go away, come back, and are
 * killed: what is durable on a device takes effect once, and in the end devices show what servers hold.
 */
import type { SeededRandom } from '../../../base/seeded-random.ts';
import { type Arena, numbered, type Workload } from '../arena.ts';
import { Device } from '../devices/device.ts';
import { COUNTER, type Order, SET, type Shown } from '../devices/orders.ts';
import type { Call, Invocation } from '../entry.ts';
import { TOKEN } from '../real-cluster.ts';

const AWAY_MS = 2_000;
/** From a start to the first state of a server, and from the last heal until nothing waits any more. */
const LIVE_MS_MAX = 60_000;
/** A call that is under way when a device is killed. */
const MIDWAY_MS = 4;

export const devices: Workload = {
  name: 'devices',
  about: 'offline replicas that go away, come back and are killed: what they wrote takes effect once',
  checkers: ['sets', 'counters', 'devices'],
  setup: () => [
    { op: 'putNode', id: SET, labels: ['Set'], properties: { members: [] } },
    { op: 'putNode', id: COUNTER, labels: ['Counter'], properties: { count: 0 } },
  ],
  start(arena, options) {
    const { clients = 3, thinkMs = 20 } = options;
    const users = numbered(clients).map((index) => new User(arena, `device-${index}`));
    const work = users.map((user) => user.work(thinkMs));
    // What one device shows in the end holds what the last of them sent.
    const drained = Promise.all(work).then(() => Promise.all(users.map((user) => user.drain())));
    return [...work, drained.then(() => settle(users))];
  },
};

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
  readonly #random: SeededRandom;
  #isConnected = true;
  #written = 0;

  constructor(arena: Arena, name: string) {
    this.arena = arena;
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
      if (random.chance(0.01)) await this.#crash();
      else if (random.chance(0.02)) await this.#connect(!this.#isConnected);
      else await this.#write();
      await world.sleep(thinkMs * (0.5 + random.uint32() / 2 ** 32));
    }
    await this.#connect(true);
  }

  async #start(): Promise<void> {
    this.#device.start();
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
    const writing = this.#random.chance(0.7) ? this.#write() : Promise.resolve();
    await world.sleep(MIDWAY_MS * (this.#random.uint32() / 2 ** 32));
    await this.#device.kill();
    await writing;
    await world.sleep(AWAY_MS * (this.#random.uint32() / 2 ** 32));
    await this.#start();
  }

  async #write(): Promise<void> {
    const by = this.#random.pick([1, 2, 5, -1]);
    if (this.#random.chance(0.5))
      await this.#record({ kind: 'increment', counter: COUNTER, by }, { do: 'increment', by });
    else {
      const member = `${this.#device.name}:${++this.#written}`;
      await this.#record({ kind: 'member', set: SET, member, change: 'add' }, { do: 'add', member });
    }
  }

  /** No server answers a call of a device: it is done when its own disk has it. */
  async #record(call: Call, order: Order): Promise<void> {
    const id = this.#begin(call, false);
    const answer = await this.#device.ask(order);
    const { recorder } = this.arena;
    if (answer === undefined) recorder.end(id, 'info', { status: 0 });
    else if ('code' in answer) recorder.end(id, 'fail', { status: 409, code: answer.code });
    else recorder.end(id, 'ok', { status: 200, answer: call });
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
    const id = this.#begin({ kind: 'settled', set: SET, members: [], refused: 0 }, true);
    const shown = await this.look();
    const { recorder } = this.arena;
    if (shown?.members === undefined || shown.pending > 0) recorder.end(id, 'fail', { status: 0 });
    else {
      const { members, refused } = shown;
      recorder.end(id, 'ok', { status: 200, answer: { kind: 'settled', set: SET, members, refused } });
    }
    await this.#device.kill();
  }
}
