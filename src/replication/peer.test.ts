/** A peer as this server shows it: its state, how far it is behind, and what of a link is kept when that ends. */
import { describe, expect, test } from 'vitest';
import type { RefusalCode } from './frame.ts';
import { replica, vector } from './link-harness.ts';
import { Peer } from './peer.ts';
import { TIMING } from './timing.ts';

const HERE = vector({ 1: 10, 2: 20 });
/** Commits in memory: of stream 1 alone, each durable at a hundred times its number. */
const TAIL = {
  find: (origin: number, seq: number) => (origin === 1 ? { atMs: seq * 100 } : undefined),
} as never;

/** A link that is up. */
function session(over: { peerVector?: ReturnType<typeof vector> | undefined; heardMs?: number } = {}) {
  const link = { peerVector: vector({ 1: 10, 2: 20 }), heardMs: 5_000, unacknowledgedBytes: 7, ...over };
  return { bytesSent: 100, bytesReceived: 30, link } as never;
}

function met(over: Parameters<typeof session>[0] = {}): Peer {
  const peer = new Peer('http://b', 200);
  peer.meetIncarnation('b', replica(2));
  peer.session = session(over);
  return peer;
}

const shown = (peer: Peer, nowMs: number) => peer.describe(nowMs, TIMING, HERE, TAIL);
const refused = (code: RefusalCode) => ({ reason: 'it says no', refusal: { code, detail: 'it says no' } });

describe('a peer', () => {
  test('never met -> dead, behind in everything, at its URL; dialed -> connecting', () => {
    const peer = new Peer('http://b', 200);
    const link = { state: 'down', bytesSent: 0, bytesReceived: 0, unacknowledgedBytes: 0 };
    const expected = {
      name: 'http://b',
      url: 'http://b',
      state: 'dead',
      self: false,
      lagCommits: 30,
      lagMs: 6_000,
      link,
    };
    peer.observe(HERE, 0);
    // As old as what is not in memory any more: it was missing there from the first on.
    expect(shown(peer, 6_000)).toEqual(expected);
    peer.isDialing = true;
    expect(shown(peer, 6_000).link).toEqual({ ...link, state: 'connecting' });
    expect([peer.vector, peer.heardMs, peer.dialDelayMs, peer.disagrees]).toEqual([undefined, undefined, 200, false]);
  });

  test('linked and level -> alive, with what it has, when it was heard, and what its link carried', () => {
    const peer = met();
    peer.observe(HERE, 100);
    expect(shown(peer, 5_000.4)).toEqual({
      name: 'b',
      url: 'http://b',
      state: 'alive',
      self: false,
      replicaId: 2,
      vector: { 1: 10, 2: 20 },
      heardMsAgo: 0,
      lagCommits: 0,
      lagMs: 0,
      link: { state: 'up', bytesSent: 100, bytesReceived: 30, unacknowledgedBytes: 7 },
    });
  });

  test.each([
    [TIMING.suspectAfterMs - 1, 'alive'],
    [TIMING.suspectAfterMs, 'suspect'],
    [TIMING.deadAfterMs - 1, 'suspect'],
    [TIMING.deadAfterMs, 'dead'],
  ])('silent for %d ms -> %s', (silentMs, state) => {
    expect(met().state(5_000 + silentMs, TIMING)).toBe(state);
  });

  test('behind -> as old as the oldest commit that it lacks; where memory does not have that, since when something is missing', () => {
    const peer = met({ peerVector: vector({ 1: 7, 2: 20 }) });
    expect(shown(peer, 5_000)).toMatchObject({ lagCommits: 3, lagMs: 5_000 - 800 });
    const other = met({ peerVector: vector({ 1: 7, 2: 19 }) });
    expect(shown(other, 5_000)).toMatchObject({ lagCommits: 4, lagMs: 5_000 - 800 });
    other.observe(HERE, 600);
    other.observe(HERE, 700);
    expect(shown(other, 5_000).lagMs).toBe(4_400);
    // Level in between: it counts anew.
    other.observe(vector({ 1: 7, 2: 19 }), 800);
    other.observe(HERE, 900);
    expect(shown(other, 5_000).lagMs).toBe(4_200);
    const memoryOnly = met({ peerVector: vector({ 1: 10, 2: 19 }) });
    expect(shown(memoryOnly, 5_000).lagMs).toBe(0);
  });

  test('its link ends -> what it has and when it was heard stays, and its bytes count on; a link that said nothing changes neither', () => {
    const peer = met();
    const why = { reason: 'the network broke', refusal: undefined };
    peer.unlink(why);
    const kept = { vector: { 1: 10, 2: 20 }, heardMsAgo: 1_000, lagCommits: 0 };
    const counts = { bytesSent: 100, bytesReceived: 30, unacknowledgedBytes: 0 };
    expect(shown(peer, 6_000)).toMatchObject({
      ...kept,
      link: { state: 'down', reason: 'the network broke', ...counts },
    });
    peer.session = { bytesSent: 1, bytesReceived: 2 } as never;
    expect(shown(peer, 6_000)).toMatchObject({ ...kept, link: { state: 'up', bytesSent: 101, bytesReceived: 32 } });
    peer.unlink(why);
    peer.unlink({ reason: 'there is none', refusal: undefined });
    expect(shown(peer, 6_000)).toMatchObject({
      ...kept,
      link: { reason: 'the network broke', bytesSent: 101, bytesReceived: 32 },
    });
  });

  test('another incarnation -> what the last one had may be gone; the same one again -> it is not', () => {
    const peer = met();
    peer.unlink({ reason: '', refusal: undefined });
    peer.meetIncarnation('b', replica(2));
    expect(peer.vector).toEqual(HERE);
    peer.meetIncarnation('b', replica(3));
    expect([peer.vector, peer.replica, shown(peer, 6_000).lagCommits]).toEqual([undefined, 3, 30]);
  });

  test.each<readonly [RefusalCode, boolean]>([
    ['version', true],
    ['cluster', true],
    ['secret', true],
    ['settings', true],
    ['clock', true],
    ['name', true],
    ['self', true],
    ['bad-frame', true],
    ['duplicate', false],
    ['silent', false],
    ['stopping', false],
  ])('refused for %s -> somebody must do something about it: %s', (code, disagrees) => {
    const peer = new Peer('http://b', 200);
    peer.ending = refused(code);
    const counts = { bytesSent: 0, bytesReceived: 0, unacknowledgedBytes: 0 };
    expect(peer.disagrees).toBe(disagrees);
    expect(shown(peer, 0).link).toEqual(
      disagrees
        ? { state: 'refused', reason: `${code}: it says no`, ...counts }
        : { state: 'down', reason: 'it says no', ...counts },
    );
  });

  test('each of two is where the other was thought to be -> all that belongs to a URL changes places, nothing else', () => {
    const [one, other] = [met(), new Peer('http://c', 800)];
    Object.assign(one, { isDialing: true, nextDialMs: 5, ending: refused('name') });
    one.exchangeUrls(other);
    const placeOf = ({ url, isDialing, nextDialMs, dialDelayMs, ending }: Peer) => [
      url,
      isDialing,
      nextDialMs,
      dialDelayMs,
      ending?.refusal?.code,
    ];
    expect(placeOf(one)).toEqual(['http://c', false, 0, 800, undefined]);
    expect(placeOf(other)).toEqual(['http://b', true, 5, 200, 'name']);
    expect([one.name, other.name, other.session]).toEqual(['b', undefined, undefined]);
  });
});
