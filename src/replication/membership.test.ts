import { describe, expect, test } from 'vitest';
import type { Env } from '../../base/env.ts';
import { type Configuration, UNFOUNDED } from './configuration.ts';
import { Applied, hello, SETTINGS } from './link-harness.ts';
import { LinkSession, type SessionHost } from './link-session.ts';
import { type LinkedSession, Membership } from './membership.ts';
import { type MemoryNetwork, memoryNetwork } from './memory-network.model.ts';
import { TIMING } from './timing.ts';
import { VoterSet } from './voter-set.ts';

const TICK_MS = 50;
const COUNTS = { bytesSent: 0, bytesReceived: 0, unacknowledgedBytes: 0 };
const LINK = { state: 'up', ...COUNTS } as const;
const SELF = { name: 'self', url: '', state: 'alive', self: true, lagCommits: 0, lagMs: 0, link: LINK } as const;

/** Servers that do no more than meet: handshakes and links over the memory network. */
class Meeting {
  readonly network: MemoryNetwork = memoryNetwork();
  readonly #servers: Guest[] = [];

  async join(name: string, options: GuestOptions): Promise<Guest> {
    const voterSet = await VoterSet.read({ readNote: async () => undefined, writeNote: async () => undefined });
    const guest = new Guest(name, this.network, voterSet, { id: this.#servers.length + 1, ...options });
    this.#servers.push(guest);
    return guest;
  }

  run(ms: number): void {
    for (let passed = 0; passed < ms; passed += TICK_MS) {
      this.network.advance(TICK_MS);
      for (const guest of this.#servers) guest.tick();
    }
  }
}

interface GuestOptions {
  /** Names of those that it dials. */
  readonly peers: readonly string[];
  readonly voters?: readonly string[];
  readonly secret?: string;
  /** Of its replica. */
  readonly id?: number;
}

class Guest {
  readonly membership: Membership;
  /** What it dialed, and when, in milliseconds of its clock. */
  readonly dialed: { readonly url: string; readonly atMs: number }[] = [];
  readonly log: string[] = [];
  readonly #sessions = new Set<LinkSession>();
  #isGone = false;
  readonly #close: () => void;

  constructor(name: string, network: MemoryNetwork, voterSet: VoterSet, options: GuestOptions) {
    const { peers, voters, secret = 'of the cluster', id = 1 } = options;
    const configuration: Configuration = voters ? { number: 1, voters, before: [], fresh: [] } : UNFOUNDED;
    voterSet.adopt(configuration);
    const log: Env['log'] = {
      write: (level, message, { peer, state, code, reason } = {}) => {
        this.log.push([level, message, peer, state, code, reason].filter((part) => part !== undefined).join(' '));
      },
    };
    const env = { ...network.env, log };
    const transport = network.transport(`http://${name}`);
    const host: SessionHost = {
      env,
      secret,
      surroundings: new Applied(id),
      settings: SETTINGS,
      admit: (session, own, peer) => this.membership.admit(session, own, peer),
      perform: () => undefined,
      hasCommitsAhead: false,
      countBadFrame: () => undefined,
      ended: (session, why) => {
        this.#sessions.delete(session);
        this.membership.lose(session, why);
      },
    };
    const own = hello(id, { name, configuration });
    const open =
      (url: string | undefined) => (connection: ConstructorParameters<typeof LinkSession>[0]['connection']) => {
        const role = url === undefined ? 'acceptor' : 'dialer';
        const session = new LinkSession({ id: 1, role, url, own, connection, host });
        this.#sessions.add(session);
        session.begin();
        return session;
      };
    const dial: typeof transport.dial = (url, outcome) => {
      this.dialed.push({ url, atMs: env.clock.monotonicMs() });
      transport.dial(url, outcome);
    };
    const urls = peers.map((peer) => `http://${peer}`);
    this.membership = new Membership({
      env,
      name,
      urls,
      voterSet,
      timing: TIMING,
      transport: { ...transport, dial },
      open,
    });
    transport.listen(open(undefined));
    this.#close = () => transport.close();
  }

  tick(): void {
    if (this.#isGone) return;
    for (const session of this.#sessions) session.tick(TIMING.deadAfterMs);
    this.membership.tick(new Map());
  }

  /** Its process ends. */
  leave(): void {
    this.#isGone = true;
    this.#close();
  }

  /** Of each peer, by name or URL: how the link is, and why it is not up. */
  get links(): Readonly<Record<string, string>> {
    const { membership } = this;
    const others = membership.describe(SELF, new Map(), undefined as never).filter(({ self }) => !self);
    return Object.fromEntries(
      others.map(({ name, link }) => [name, [link.state, link.reason].filter(Boolean).join(' ')]),
    );
  }

  /** Names of those without which nothing is settled. */
  get members(): readonly (string | undefined)[] | undefined {
    return this.membership.members?.map(({ name }) => name);
  }
}

describe('members of a cluster', () => {
  test('before the voters have met -> all that this server was told of', async () => {
    const meeting = new Meeting();
    const a = await meeting.join('a', { peers: ['b', 'c'] });
    expect(a.members).toEqual([undefined, undefined]);
    expect(a.membership.isWhole).toBe(false);
    await meeting.join('b', { peers: ['a', 'c'] });
    await meeting.join('c', { peers: ['a', 'b'] });
    meeting.run(2_000);
    expect(a.members).toEqual(['b', 'c']);
    expect(a.membership.isWhole).toBe(true);
    expect(a.membership.metNames()).toEqual(['a', 'b', 'c']);
  });

  test('a voter was never met -> nobody knows who they are; one that was met and is gone -> it stays one, and they are not whole', async () => {
    const meeting = new Meeting();
    const voters = ['a', 'b', 'c'];
    const a = await meeting.join('a', { peers: ['b', 'c'], voters });
    await meeting.join('b', { peers: ['a', 'c'], voters });
    meeting.run(2_000);
    expect(a.members).toBeUndefined();
    expect(a.membership.isWhole).toBe(false);
    const c = await meeting.join('c', { peers: ['a', 'b'], voters });
    meeting.run(10_000);
    expect(a.members).toEqual(['b', 'c']);
    expect(a.membership.isWhole).toBe(true);
    c.leave();
    meeting.run(1_000);
    expect(a.members).toEqual(['b', 'c']);
    expect(a.membership.isWhole).toBe(false);
    expect(a.membership.metNames()).toEqual(['a', 'b', 'c']);
  });

  test('one that was named to nobody and does not vote -> a member while it is linked', async () => {
    const meeting = new Meeting();
    const voters = ['a', 'b'];
    const a = await meeting.join('a', { peers: ['b'], voters });
    await meeting.join('b', { peers: ['a'], voters });
    const guest = await meeting.join('guest', { peers: ['a'], voters });
    meeting.run(2_000);
    expect(a.members).toEqual(['b', 'guest']);
    expect(a.links).toEqual({ b: 'up', guest: 'up' });
    guest.leave();
    meeting.run(1_000);
    expect(a.members).toEqual(['b']);
    expect(a.membership.isWhole).toBe(true);
    // Nobody knows where it is: it comes by itself or not at all.
    expect(new Set(a.dialed.map(({ url }) => url))).toEqual(new Set(['http://b']));
    expect(a.membership.sessionTo('guest')).toBeUndefined();
    expect(a.membership.sessionTo('b')).toBeDefined();
  });

  test('one that was named to nobody, before the voters have met -> refused, and told whom this server knows', async () => {
    const meeting = new Meeting();
    const a = await meeting.join('a', { peers: ['b'] });
    await meeting.join('b', { peers: ['a'] });
    meeting.run(1_000);
    const stranger = await meeting.join('stranger', { peers: ['a'] });
    meeting.run(1_000);
    expect(stranger.links).toEqual({ 'http://a': 'refused name: stranger is none of the peers of a, which are b' });
    expect(a.links).toEqual({ b: 'up' });
  });

  test('a voter comes in before it was dialed -> it is taken for one of those that were named, not for a further one', async () => {
    const meeting = new Meeting();
    const voters = ['a', 'b', 'c'];
    const a = await meeting.join('a', { peers: ['b', 'c'], voters });
    await meeting.join('c', { peers: ['a', 'b'], voters });
    meeting.run(5_000);
    expect(a.links).toMatchObject({ 'http://b': expect.stringMatching(/^(down|connecting)/), c: 'up' });
    expect(a.membership.peers.map(({ url }) => url).sort()).toEqual(['http://b', 'http://c']);
  });

  test('a voter that came later than the list of peers, before those were met -> a further one, whose URL nobody knows', async () => {
    const meeting = new Meeting();
    const voters = ['a', 'b', 'c', 'd'];
    const a = await meeting.join('a', { peers: ['b', 'c'], voters });
    await meeting.join('d', { peers: ['a'], voters });
    meeting.run(1_000);
    expect(a.membership.peers.map(({ name, url }) => [name, url])).toEqual([
      [undefined, 'http://b'],
      [undefined, 'http://c'],
      ['d', ''],
    ]);
  });
});

test('peers that were named in any order -> shown and listed by name', async () => {
  const meeting = new Meeting();
  const b = await meeting.join('b', { peers: ['c', 'a'] });
  await meeting.join('a', { peers: ['b', 'c'] });
  await meeting.join('c', { peers: ['a', 'b'] });
  meeting.run(2_000);
  expect(b.membership.metNames()).toEqual(['a', 'b', 'c']);
  expect(Object.keys(b.links)).toEqual(['a', 'c']);
});

describe('who is alive', () => {
  test('a server restarts, and nobody noticed yet that its last process is gone -> linked at once, by the new link alone', async () => {
    const meeting = new Meeting();
    const a = await meeting.join('a', { peers: ['b'] });
    const b = await meeting.join('b', { peers: ['a'] });
    meeting.run(1_000);
    const [held] = a.membership.links();
    b.tick = () => undefined;
    // It has another replica id; the connections of the last process stay.
    await meeting.join('b', { peers: ['a'] });
    meeting.run(400);
    const [link] = a.membership.links();
    expect(a.membership.links().length).toBe(1);
    expect([held?.link.peer.replica, link?.link.peer.replica]).toEqual([2, 3]);
    expect(held?.isOver).toBe(true);
    expect(a.membership.peerOf(held as LinkedSession)).toBeUndefined();
  });

  test('a peer falls silent -> it is not among the live after so long as is asked, then suspect, then dead, each logged once', async () => {
    const meeting = new Meeting();
    const a = await meeting.join('a', { peers: ['b'] });
    const b = await meeting.join('b', { peers: ['a'] });
    meeting.run(1_000);
    expect(a.membership.liveNames()).toEqual(['a', 'b']);
    // It hangs: connections stay, and nothing comes.
    b.tick = () => undefined;
    meeting.run(1_500);
    expect(a.membership.liveNames(500)).toEqual(['a']);
    expect(a.membership.liveNames()).toEqual(['a', 'b']);
    expect(a.membership.isWhole).toBe(true);
    meeting.run(1_000);
    expect(a.membership.liveNames()).toEqual(['a']);
    expect(a.membership.isWhole).toBe(false);
    meeting.run(8_000);
    const states = a.log.filter((line) => line.includes('peer state'));
    expect(states.slice(0, 3)).toEqual(
      ['alive', 'suspect', 'dead'].map((state) => `info replication: peer state b ${state}`),
    );
  });

  test('its process ends -> it is not among the live at once, and why is shown and logged', async () => {
    const meeting = new Meeting();
    const a = await meeting.join('a', { peers: ['b'] });
    const b = await meeting.join('b', { peers: ['a'] });
    meeting.run(1_000);
    b.leave();
    meeting.run(TICK_MS);
    expect(a.membership.liveNames()).toEqual(['a']);
    expect(a.links.b).toMatch(/^(down|connecting) the transport closed$/);
    expect(a.log.at(-1)).toBe('info replication: link down b the transport closed');
  });
});

describe('dialing', () => {
  test('nobody listens -> the pauses double to the longest, each off by a half at most; after a link, from the shortest on', async () => {
    const meeting = new Meeting();
    const a = await meeting.join('a', { peers: ['b'] });
    meeting.run(60_000);
    expect(a.links).toEqual({ 'http://b': 'down nobody listens at http://b' });
    const { redialMs, redialMsMax } = TIMING;
    const pauses = a.dialed.slice(1).map(({ atMs }, i) => atMs - (a.dialed[i]?.atMs ?? 0));
    for (const [i, pauseMs] of pauses.entries()) {
      const expectedMs = Math.min(redialMs * 2 ** i, redialMsMax);
      expect(pauseMs).toBeGreaterThanOrEqual(expectedMs / 2);
      expect(pauseMs).toBeLessThanOrEqual(1.5 * expectedMs + TICK_MS);
    }
    expect(pauses.length).toBeGreaterThan(60_000 / (1.5 * redialMsMax));
    // Those who start together do not go on dialing together.
    expect(new Set(pauses.slice(-5)).size).toBeGreaterThan(1);

    const b = await meeting.join('b', { peers: ['a'] });
    meeting.run(2_000);
    expect(a.links).toEqual({ b: 'up' });
    b.leave();
    const before = a.dialed.length;
    meeting.run(2_000);
    expect(a.dialed.length - before).toBeGreaterThanOrEqual(3);
  });

  test('a dial that is not answered yet -> no second one', async () => {
    const meeting = new Meeting();
    const a = await meeting.join('a', { peers: ['b'] });
    // It lets in and says nothing.
    let closed = 0;
    meeting.network.transport('http://b').listen(() => ({ frame: () => undefined, closed: () => closed++ }));
    meeting.run(TIMING.deadAfterMs - 1_000);
    expect(a.dialed.length).toBe(1);
    expect(a.links).toEqual({ 'http://b': 'connecting' });
    meeting.run(8_000);
    expect(closed).toBeGreaterThan(0);
    expect(a.dialed.length).toBeGreaterThan(1);
  });
});

describe('refusals', () => {
  test('another secret -> both show and log why, also after nobody listens any more', async () => {
    const meeting = new Meeting();
    const a = await meeting.join('a', { peers: ['b'] });
    const b = await meeting.join('b', { peers: ['a'], secret: 'another' });
    meeting.run(2_000);
    const said = /^refused secret: .* does not have the cluster secret of/;
    expect(a.links['http://b']).toMatch(said);
    expect(b.links['http://a']).toMatch(said);
    expect(a.log).toContain('warn replication: link refused secret');
    b.leave();
    meeting.run(10_000);
    expect(a.links['http://b']).toMatch(said);
  });

  test('a stranger with another secret -> shown at those that were not met, of whom it may be one, not at the others', async () => {
    const meeting = new Meeting();
    const a = await meeting.join('a', { peers: ['b', 'c'] });
    const b = await meeting.join('b', { peers: ['a', 'c'] });
    meeting.run(1_000);
    b.leave();
    meeting.run(1_000);
    await meeting.join('stranger', { peers: ['a', 'd'], secret: 'another' });
    meeting.run(1_000);
    expect(a.links['http://c']).toMatch(/^refused secret/);
    expect(a.links.b).toMatch(/^(down|connecting)/);
  });

  test('what was refused agrees now -> linked, and nothing is held against it', async () => {
    const meeting = new Meeting();
    const a = await meeting.join('a', { peers: ['b'] });
    const b = await meeting.join('b', { peers: ['a'], secret: 'another' });
    meeting.run(2_000);
    b.leave();
    const again = await meeting.join('b', { peers: ['a'] });
    meeting.run(12_000);
    expect(a.links).toEqual({ b: 'up' });
    again.leave();
    meeting.run(TICK_MS);
    expect(a.links.b).toMatch(/^(down|connecting) the transport closed$/);
  });
});
