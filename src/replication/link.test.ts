import { describe, expect, test } from 'vitest';
import { covers, equalVectors } from '../commits/version-vector.ts';
import { testEnv } from '../test-env.model.ts';
import { CausalGate } from './causal-gate.ts';
import type { TailCommit } from './commit-tail.ts';
import type { Frame, Status } from './frame.ts';
import { commitsFrame, decodeFrame, encodeCommit, encodeFrame } from './frame-codec.ts';
import { Link, type LinkEffect } from './link.ts';
import { Applied, commit, hello, replica, SETTINGS, TAKEN, vector } from './link-harness.ts';

const status = (over: Partial<Status> = {}): Frame => ({
  kind: 'status',
  clusterId: '',
  established: false,
  vector: new Map(),
  retired: new Map(),
  direct: [],
  wallMs: 0,
  resend: false,
  ...over,
});

/** Commits that effects send, as `origin/seq`. */
function sent(effects: readonly LinkEffect[]): string[] {
  return effects.flatMap((effect) =>
    effect.kind === 'send-commits' ? effect.commits.map(({ origin, seq }) => `${origin}/${seq}`) : [],
  );
}

/** All that was applied, as a read of the log gives it. */
const logged = ({ log }: Applied): TailCommit[] =>
  log.map((applied, i) => ({ ...applied, lsn: i + 1, atMs: 0, encoded: encodeCommit(applied) }));

const acknowledged = (entries: Record<number, number>) =>
  ({ kind: 'frame', frame: { kind: 'acknowledge', entries: vector(entries) } }) as const;

function linkOf(here: Applied, { settings = SETTINGS, line = TAKEN } = {}): Link {
  return new Link({ peer: hello(2), here, line, settings, nowMs: 0 });
}

const TICK = { kind: 'tick' } as const;

describe('link', () => {
  test('sending: nothing is known of the peer -> nothing is sent before its status', () => {
    const here = new Applied(1);
    here.apply(commit(1, 1));
    const link = linkOf(here);
    expect(sent(link.step({ kind: 'advanced' }, 0))).toEqual([]);
    expect(sent(link.step({ kind: 'frame', frame: status() }, 0))).toEqual(['1/1']);
  });

  test('sending: streams interleave -> the order in which they were applied (REP-4)', () => {
    const here = new Applied(1);
    here.apply(commit(3, 1), commit(1, 1), commit(3, 2), commit(4, 1), commit(1, 2));
    const link = linkOf(here);
    expect(sent(link.step({ kind: 'frame', frame: status() }, 0))).toEqual(['3/1', '1/1', '3/2', '4/1', '1/2']);
  });

  test('window: unacknowledged commits fill it -> the rest waits for acknowledgements (REP-5)', () => {
    const here = new Applied(1);
    for (let seq = 1; seq <= 200; seq++) here.apply(commit(1, seq));
    const link = linkOf(here);
    const first = sent(link.step({ kind: 'frame', frame: status() }, 0)).length;
    const largest = Math.max(...here.log.map((applied) => encodeCommit(applied).length));
    expect(link.unacknowledgedBytes).toBeLessThan(SETTINGS.windowBytes + largest);
    expect(sent(link.step({ kind: 'advanced' }, 0))).toEqual([]);
    const more = sent(link.step(acknowledged({ 1: first }), 0));
    expect(more[0]).toBe(`1/${first + 1}`);
    expect(link.unacknowledgedBytes).toBeLessThan(SETTINGS.windowBytes + largest);
  });

  test('acknowledgement: an old one comes late -> nothing shrinks, nothing is sent again (REP-3)', () => {
    const here = new Applied(1);
    here.apply(commit(1, 1), commit(1, 2));
    const link = linkOf(here);
    link.step({ kind: 'frame', frame: status() }, 0);
    link.step(acknowledged({ 1: 2 }), 0);
    expect(sent(link.step(acknowledged({ 1: 1 }), 0))).toEqual([]);
    expect(link.peerVector).toEqual(vector({ 1: 2 }));
    expect(link.unacknowledgedBytes).toBe(0);
  });

  /** Three commits were sent, of which the peer has one at 10 ms. */
  function resending() {
    const here = new Applied(1);
    here.apply(commit(1, 1), commit(1, 2), commit(1, 3));
    const line = { ...TAKEN };
    const link = linkOf(here, { line });
    const alive = (ms: number) => link.step({ kind: 'frame', frame: status({ vector: vector({ 1: 1 }) }) }, ms);
    link.step({ kind: 'frame', frame: status() }, 0);
    alive(10);
    return { link, line, alive };
  }

  test('resend: nothing is acknowledged for long -> everything after the last acknowledgement, with growing patience', () => {
    const { link, alive } = resending();
    expect(sent(link.step(TICK, 900))).toEqual([]);
    expect(sent(link.step(TICK, 1010))).toEqual(['1/2', '1/3']);
    expect(sent(link.step(TICK, 2500))).toEqual([]);
    alive(2600);
    expect(sent(link.step(TICK, 3010))).toEqual(['1/2', '1/3']);
    expect(link.resends).toBe(2);
  });

  test('resend: what was sent is lost, and the peer tells all the time what it writes itself and gets of others -> sent again all the same', () => {
    const here = new Applied(1);
    here.apply(commit(1, 1));
    const link = linkOf(here);
    link.step({ kind: 'frame', frame: status({ direct: [replica(3)] }) }, 0);
    const again: string[] = [];
    for (let ms = 100; ms <= 1000; ms += 100) {
      link.step({ kind: 'frame', frame: status({ vector: vector({ 2: ms }), direct: [replica(3)] }) }, ms);
      link.step(acknowledged({ 3: ms }), ms);
      again.push(...sent(link.step(TICK, ms)));
    }
    expect(again).toEqual(['1/1']);
  });

  test('resend: a slow network has not taken everything yet -> nothing is sent again before it has', () => {
    const { link, line, alive } = resending();
    line.holdsCommits = true;
    for (let ms = 200; ms <= 5000; ms += 200) expect(sent(link.step(TICK, ms))).toEqual([]);
    line.holdsCommits = false;
    expect(sent(link.step(TICK, 5200))).toEqual([]);
    alive(5200);
    expect(sent(link.step(TICK, 6200))).toEqual(['1/2', '1/3']);
  });

  test('resend: the peer misses a frame and says so -> everything after its vector at once', () => {
    const here = new Applied(1);
    here.apply(commit(1, 1), commit(1, 2));
    const link = linkOf(here);
    link.step({ kind: 'frame', frame: status() }, 0);
    const frame = status({ vector: vector({ 1: 1 }), resend: true });
    expect(sent(link.step({ kind: 'frame', frame }, 5))).toEqual(['1/2']);
  });

  test('relay: the peer has a link with the origin -> its commits are passed on only after a while (REP-8)', () => {
    const here = new Applied(1);
    const link = linkOf(here);
    link.step({ kind: 'frame', frame: status({ direct: [replica(1), replica(3)] }) }, 0);
    here.apply(commit(3, 1));
    expect(sent(link.step({ kind: 'advanced' }, 100))).toEqual([]);
    expect(sent(link.step(TICK, 350))).toEqual([]);
    expect(sent(link.step(TICK, 400))).toEqual(['3/1']);
  });

  test('relay: the peer has no link with the origin -> at once (REP-8)', () => {
    const here = new Applied(1);
    const link = linkOf(here);
    link.step({ kind: 'frame', frame: status({ direct: [replica(1)] }) }, 0);
    here.apply(commit(3, 1));
    expect(sent(link.step({ kind: 'advanced' }, 100))).toEqual(['3/1']);
  });

  test('relay: the peer has a link with this server -> what this server wrote is sent at once all the same', () => {
    const here = new Applied(1);
    here.apply(commit(1, 1));
    const link = linkOf(here);
    expect(sent(link.step({ kind: 'frame', frame: status({ direct: [replica(1), replica(3)] }) }, 0))).toEqual(['1/1']);
    here.apply(commit(1, 2));
    expect(sent(link.step({ kind: 'advanced' }, 10))).toEqual(['1/2']);
  });

  test('resend: the peer asks for what it has -> nothing was sent in vain, and none is counted', () => {
    const here = new Applied(1);
    here.apply(commit(1, 1));
    const link = linkOf(here);
    link.step({ kind: 'frame', frame: status({ vector: vector({ 1: 1 }) }) }, 0);
    expect(sent(link.step({ kind: 'frame', frame: status({ vector: vector({ 1: 1 }), resend: true }) }, 10))).toEqual(
      [],
    );
    expect(link.resends).toBe(0);
  });

  test('relay: the peer wrote it itself -> never', () => {
    const here = new Applied(1);
    here.apply(commit(2, 1), commit(2, 2));
    const link = linkOf(here);
    expect(sent(link.step({ kind: 'frame', frame: status({ vector: vector({ 2: 1 }) }) }, 0))).toEqual([]);
    expect(sent(link.step(TICK, 5000))).toEqual([]);
  });

  test('log: memory does not reach back -> the log is read, and commits that memory has follow', () => {
    const here = new Applied(1, 50);
    for (let seq = 1; seq <= 20; seq++) here.apply(commit(1, seq));
    const link = linkOf(here, { settings: { ...SETTINGS, windowBytes: 100_000 } });
    const effects = link.step({ kind: 'frame', frame: status() }, 0);
    expect(effects).toContainEqual({ kind: 'read', after: vector({ 1: 0 }), roomBytes: 100_000 });
    expect(link.step({ kind: 'advanced' }, 0), 'one read at a time').toEqual([]);
    const commits = logged(here).slice(0, 18);
    const all = sent(link.step({ kind: 'read', commits, behind: false }, 0));
    expect(all).toEqual(here.log.map(({ seq }) => `1/${seq}`));
  });

  test('log: more was read than the window has room for -> the rest is read again once it opens (REP-5)', () => {
    const here = new Applied(1, 50);
    for (let seq = 1; seq <= 20; seq++) for (const origin of [1, 3, 4]) here.apply(commit(origin, seq));
    const commits = logged(here);
    const largest = Math.max(...commits.map(({ encoded }) => encoded.length));
    const windowBytes = 100;
    const link = linkOf(here, { settings: { ...SETTINGS, windowBytes } });
    link.step({ kind: 'frame', frame: status() }, 0);
    const first = sent(link.step({ kind: 'read', commits, behind: false }, 0));
    expect(link.unacknowledgedBytes).toBeGreaterThanOrEqual(windowBytes);
    expect(link.unacknowledgedBytes).toBeLessThan(windowBytes + largest);
    const names = commits.map(({ origin, seq }) => `${origin}/${seq}`);
    expect(first).toEqual(names.slice(0, first.length));
    const last = (origin: number) => first.filter((name) => name.startsWith(`${origin}/`)).length;
    const had = { 1: last(1), 3: last(3), 4: last(4) };
    expect(link.step(acknowledged(had), 0)).toEqual([{ kind: 'read', after: vector(had), roomBytes: windowBytes }]);
    const rest = commits.slice(first.length);
    expect(sent(link.step({ kind: 'read', commits: rest, behind: false }, 0))[0]).toBe(names[first.length]);
  });

  test('log: it starts after what the peer lacks -> the peer is told, once for each of its signs of life', () => {
    const here = new Applied(1, 50);
    for (let seq = 1; seq <= 20; seq++) here.apply(commit(1, seq));
    const link = linkOf(here);
    link.step({ kind: 'frame', frame: status() }, 0);
    const told = link.step({ kind: 'read', commits: [], behind: true }, 0);
    expect(told).toEqual([{ kind: 'send', frame: { kind: 'behind' } }]);
    expect(link.step({ kind: 'advanced' }, 0)).toEqual([]);
    expect(link.step({ kind: 'frame', frame: status() }, 1).map(({ kind }) => kind)).toEqual(['status', 'read']);
  });

  test('log: it starts after what the peer lacks, and no state can be had here -> nothing is said before one can', () => {
    const here = new Applied(1, 50);
    for (let seq = 1; seq <= 20; seq++) here.apply(commit(1, seq));
    const link = linkOf(here);
    const read = () => {
      link.step({ kind: 'frame', frame: status() }, 0);
      return link.step({ kind: 'read', commits: [], behind: true }, 0);
    };
    here.hasState = false;
    expect(read()).toEqual([]);
    here.hasState = true;
    expect(read()).toEqual([{ kind: 'send', frame: { kind: 'behind' } }]);
  });

  test('receiving: commits arrive -> acknowledged only when the own vector has moved (REP-2)', () => {
    const here = new Applied(1);
    const link = linkOf(here);
    link.step({ kind: 'frame', frame: status() }, 0);
    const commits = [commit(2, 1)];
    const effects = link.step({ kind: 'frame', frame: { kind: 'commits', commits } }, 0);
    expect(effects).toEqual([{ kind: 'receive', commits }]);
    here.apply(...commits);
    expect(link.step({ kind: 'advanced' }, 0)).toEqual([
      { kind: 'send', frame: { kind: 'acknowledge', entries: vector({ 2: 1 }) } },
    ]);
  });

  test('receiving: everything is here already -> acknowledged again, since the first one must have been lost', () => {
    const here = new Applied(1);
    here.apply(commit(2, 1));
    const link = linkOf(here);
    link.open(0);
    const frame: Frame = { kind: 'commits', commits: [commit(2, 1)] };
    expect(link.step({ kind: 'frame', frame }, 0)).toContainEqual({
      kind: 'send',
      frame: { kind: 'acknowledge', entries: vector({ 2: 1 }) },
    });
  });

  test('silence: nothing is heard for long -> the link ends and says why', () => {
    const link = linkOf(new Applied(1));
    expect(link.step(TICK, 5999).some(({ kind }) => kind === 'close')).toBe(false);
    const [end] = link.step(TICK, 6000);
    expect(end).toMatchObject({ kind: 'close', byPeer: false, refusal: { code: 'silent' } });
  });
});

/** One end of a link whose frames a test carries. */
class LinkEnd {
  readonly here: Applied;
  readonly gate: CausalGate;
  readonly link: Link;
  readonly #send: (bytes: Uint8Array) => void;

  constructor(options: { id: number; peer: number; here: Applied; send: (bytes: Uint8Array) => void }) {
    const { id, peer, here, send } = options;
    this.here = here;
    this.gate = new CausalGate(() => here.have(), { heldBytesMax: 2000, heldCommitsMax: 20 });
    const settings = { ...SETTINGS, windowBytes: 400, deadAfterMs: 1e9 };
    this.link = new Link({ peer: hello(peer, { name: `${id}` }), here, line: TAKEN, settings, nowMs: 0 });
    this.#send = send;
  }

  perform(effects: readonly LinkEffect[], nowMs: number): void {
    for (const effect of effects) {
      if (effect.kind === 'send') this.#send(encodeFrame(effect.frame));
      else if (effect.kind === 'send-commits') this.#send(commitsFrame(effect.commits.map(({ encoded }) => encoded)));
      else if (effect.kind === 'read') this.perform(this.link.step(this.#read(effect.after), nowMs), nowMs);
      else if (effect.kind === 'receive') this.#receive(effect.commits, nowMs);
    }
  }

  #read(after: ReadonlyMap<number, number>) {
    const isWanted = ({ origin, seq }: TailCommit) => seq > (after.get(origin) ?? Number.POSITIVE_INFINITY);
    return { kind: 'read', commits: logged(this.here).filter(isWanted).slice(0, 5), behind: false } as const;
  }

  #receive(commits: Extract<LinkEffect, { kind: 'receive' }>['commits'], nowMs: number): void {
    for (const received of commits) this.gate.offer({ commit: received, bytes: 100, from: 1 });
    for (const { commit: ready } of this.gate.take(10_000)) {
      expect(covers(this.here.have(), ready.after), 'REP-1').toBe(true);
      expect(ready.seq, 'REP-1').toBe((this.here.have().get(ready.origin) ?? 0) + 1);
      this.here.apply(ready);
    }
    this.gate.settle();
    this.perform(this.link.step({ kind: 'advanced' }, nowMs), nowMs);
  }
}

describe('link over random networks', () => {
  const rounds = Number(process.env.WEFT_ROUNDS ?? 100);
  const only = process.env.WEFT_SEED;
  const seeds = only === undefined ? Array.from({ length: rounds }, (_, i) => i + 1) : [Number(only)];

  test(`frames are lost, repeated and reordered -> both have the same in the end (REP-6) [${rounds} seeds]`, () => {
    for (const seed of seeds) {
      const replay = `WEFT_SEED=${seed} npx vitest run src/replication/link.test.ts`;
      const { random } = testEnv(seed);
      const chance = (rate: number) => random.uint32() < rate * 2 ** 32;
      const inFlight: { to: 0 | 1; bytes: Uint8Array }[] = [];
      const ends = ([1, 2] as const).map((id, at) => {
        const send = (bytes: Uint8Array) => void inFlight.push({ to: at === 0 ? 1 : 0, bytes });
        return new LinkEnd({ id, peer: 3 - id, here: new Applied(id, 300), send });
      }) as [LinkEnd, LinkEnd];
      // Third parties that only one of them heard of.
      ends[0].here.apply(commit(7, 1), commit(8, 1, { 7: 1 }), commit(8, 2));
      ends[1].here.apply(commit(9, 1));
      let nowMs = 0;
      for (const end of ends) end.perform(end.link.open(nowMs), nowMs);
      for (let step = 0; step < 1500; step++) {
        const isBad = step < 600;
        if (isBad && chance(0.1)) {
          const end = ends[random.uint32() % 2] as LinkEnd;
          const origin = end.here.replica;
          const after = Object.fromEntries(Array.from(end.here.have()).filter(([other]) => other !== origin));
          end.here.apply(commit(origin, (end.here.have().get(origin) ?? 0) + 1, after));
          end.perform(end.link.step({ kind: 'advanced' }, nowMs), nowMs);
        }
        if (inFlight.length > 0 && chance(0.7)) {
          const at = isBad ? random.uint32() % inFlight.length : 0;
          const [{ to, bytes }] = inFlight.splice(at, 1) as [(typeof inFlight)[0]];
          if (isBad && chance(0.3)) continue;
          if (isBad && chance(0.2)) inFlight.push({ to, bytes });
          const end = ends[to] as LinkEnd;
          end.perform(end.link.step({ kind: 'frame', frame: decodeFrame(bytes) }, nowMs), nowMs);
        }
        if (chance(0.3)) {
          nowMs += 100;
          for (const end of ends) {
            end.perform(end.link.step(TICK, nowMs), nowMs);
            if (end.gate.isWaiting && chance(0.3)) end.perform(end.link.step({ kind: 'starved' }, nowMs), nowMs);
          }
        }
      }
      expect(equalVectors(ends[0].here.have(), ends[1].here.have()), replay).toBe(true);
      for (const { gate, link } of ends) expect([gate.heldCommits, link.unacknowledgedBytes], replay).toEqual([0, 0]);
    }
  });
});
