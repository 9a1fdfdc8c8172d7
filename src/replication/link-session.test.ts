import { describe, expect, test } from 'vitest';
import type { PartitionId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import type { Span, Tracer } from '../../base/tracer.ts';
import { testEnv } from '../test-env.model.ts';
import { FRAGMENT_BYTES } from './fragments.ts';
import type { Frame, Hello, PlainFrame } from './frame.ts';
import { commitsFrame, decodeFrame, encodeCommit, encodeFrame } from './frame-codec.ts';
import { Handshake, type Refusal } from './handshake.ts';
import { Applied, commit, hello, SETTINGS, vector } from './link-harness.ts';
import { type Ending, LinkSession, type OutsideEffect, type SessionHost } from './link-session.ts';
import type { StreamCommit } from './replica.ts';

interface Tracing {
  readonly tracer?: Tracer;
  /** That the test speaks. */
  readonly version?: number;
}

/** Server 1 accepts a connection; the test is server 2, which dialed it. */
function accepted(admit: () => Refusal | undefined = () => undefined, { tracer, version = 1 }: Tracing = {}) {
  const env = { ...testEnv(), ...(tracer && { tracer }) };
  const here = new Applied(1);
  const sent: Frame[] = [];
  const effects: OutsideEffect[] = [];
  const endings: Ending[] = [];
  let badFrames = 0;
  let closed: string | undefined;
  /** The network takes nothing. */
  let isStuck = false;
  let hasCommitsAhead = false;
  const host: SessionHost = {
    env,
    secret: 'of the cluster',
    surroundings: here,
    settings: SETTINGS,
    admit,
    perform: (_session, effect) => void effects.push(effect),
    countBadFrame: () => void badFrames++,
    get hasCommitsAhead() {
      return hasCommitsAhead;
    },
    ended: (_session, why) => void endings.push(why),
  };
  const connection = {
    bufferedBytes: 0,
    send: (bytes: Uint8Array) => {
      sent.push(decodeFrame(bytes));
      if (isStuck) connection.bufferedBytes += bytes.length;
    },
    identify: () => undefined,
    close: (reason: string) => {
      closed ??= reason;
    },
  };
  const session = new LinkSession({ id: 1, role: 'acceptor', url: undefined, own: hello(1), connection, host });
  session.begin();
  const dialer = new Handshake('dialer', hello(2, { version }), 'of the cluster');
  const say = (frame: PlainFrame) => session.frame(encodeFrame(frame));
  return {
    env,
    here,
    session,
    sent,
    effects,
    endings,
    say,
    badFrames: () => badFrames,
    closed: () => closed,
    /** From now on enough commits are decoded, or not. */
    ahead: (enough: boolean) => {
      hasCommitsAhead = enough;
    },
    waitingBytes: () => connection.bufferedBytes,
    stick: () => {
      isStuck = true;
    },
    /** The network takes all that waits, and from now on everything. */
    loosen: () => {
      isStuck = false;
      connection.bufferedBytes = 0;
    },
    /** Says what the dialer says in answer to the hello, and returns it. */
    shakeHands(): PlainFrame[] {
      for (const frame of dialer.opening()) say(frame);
      const step = dialer.step(sent[0] as Hello);
      const answers = step.kind === 'waiting' ? [...step.send] : [];
      for (const frame of answers) say(frame);
      return answers;
    },
  };
}

/** Of a server that has nothing. */
const STATUS = { kind: 'status', resend: false, ...new Applied(2).status() } as const;

/** The numbers of the commits that were sent. */
const commitsOf = (frames: readonly Frame[]): number[] =>
  frames.flatMap((frame) => (frame.kind === 'commits' ? frame.commits.map(({ seq }) => seq) : []));

const kinds = (frames: readonly Frame[]): string[] => frames.map(({ kind }) => kind);

describe('link session', () => {
  test('handshake: hello and proof -> hello, proof, then the first status of the link', () => {
    const { shakeHands, sent, session } = accepted();
    shakeHands();
    expect(kinds(sent)).toEqual(['hello', 'proof', 'status']);
    expect(session.link?.peer.name).toBe('server-2');
  });

  test('handshake: everything comes twice -> one link', () => {
    const { shakeHands, sent, say } = accepted();
    for (const frame of [hello(2), ...shakeHands()]) say(frame);
    expect(kinds(sent)).toEqual(['hello', 'proof', 'status']);
  });

  test('handshake: frames of a link without proof -> nothing is done, nothing is kept (REP-11)', () => {
    const { say, session, effects, sent, closed } = accepted();
    say(hello(2));
    session.frame(commitsFrame([encodeCommit(commit(2, 1))]));
    say({ kind: 'list-state', request: 1, after: undefined });
    say({ kind: 'fragment', message: 1, index: 0, count: 2, bytes: new Uint8Array(FRAGMENT_BYTES) });
    expect(session.link).toBeUndefined();
    expect(effects).toEqual([]);
    expect(kinds(sent)).toEqual(['hello']);
    expect(closed()).toBeUndefined();
  });

  test('handshake: it does not come to an end -> silent, once', () => {
    const { say, session, env, sent, closed } = accepted();
    say(hello(2));
    for (let i = 0; i < 20; i++) {
      env.advance(500);
      session.tick(SETTINGS.deadAfterMs);
      expect(closed()).toBe(env.clock.monotonicMs() < SETTINGS.deadAfterMs ? undefined : 'silent');
    }
    expect(sent.at(-1)).toMatchObject({ kind: 'refuse', code: 'silent' });
    expect(kinds(sent)).toEqual(['hello', 'refuse']);
    expect(closed()).toBe('silent');
  });

  test('handshake: the server does not want this peer -> refused instead of proved, and nothing heard after that', () => {
    const { shakeHands, sent, session, say, badFrames } = accepted(() => ({ code: 'name', detail: 'none of ours' }));
    const answers = shakeHands();
    for (const frame of answers) say(frame);
    session.frame(new Uint8Array([0xc1]));
    expect(kinds(sent)).toEqual(['hello', 'refuse']);
    expect(session.link).toBeUndefined();
    expect(badFrames()).toBe(0);
  });

  test('any state: bytes that are no frame -> counted, refused with bad-frame, closed (REP-15)', () => {
    for (const isLinked of [false, true]) {
      const { shakeHands, session, sent, badFrames, closed, endings } = accepted();
      if (isLinked) shakeHands();
      session.frame(new Uint8Array([0x91, 0x7f]));
      expect(sent.at(-1)).toMatchObject({ kind: 'refuse', code: 'bad-frame' });
      expect([badFrames(), closed()]).toEqual([1, 'bad-frame']);
      session.closed('the network says so');
      session.closed('and again');
      expect(endings).toMatchObject([{ refusal: { code: 'bad-frame' } }]);
    }
  });

  test('linked: fragments of a large message for longer than a peer may be silent -> the link stays', () => {
    const { shakeHands, say, session, env, closed } = accepted();
    shakeHands();
    for (let index = 0; index < 40; index++) {
      env.advance(500);
      say({ kind: 'fragment', message: 1, index, count: 41, bytes: new Uint8Array(10) });
      session.tick(SETTINGS.deadAfterMs);
    }
    expect(closed()).toBeUndefined();
  });

  test.each([1, 2])(
    'linked: a peer that speaks version %i, commits and messages of traced requests -> told of traces from 2 on',
    (version) => {
      const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`;
      const span: Span = { traceparent, set: () => undefined, within: (task) => task(), end: () => undefined };
      const tracer: Tracer = { begin: () => span };
      const { shakeHands, say, session, sent, here } = accepted(undefined, { tracer, version });
      shakeHands();
      say(STATUS);
      here.apply({ ...commit(1, 1), trace: traceparent } as StreamCommit);
      session.step({ kind: 'advanced' });
      session.sendQuorum(new Uint8Array([1]), traceparent);
      const traces: Frame = { kind: 'traces', traces: [{ origin: commit(1, 1).origin, seq: 1, trace: traceparent }] };
      const said = sent.filter(({ kind }) => ['traces', 'commits', 'quorum'].includes(kind));
      expect(kinds(said)).toEqual(version < 2 ? ['commits', 'quorum'] : ['traces', 'commits', 'quorum']);
      const quorum = { kind: 'quorum', body: new Uint8Array([1]) };
      expect(said.at(-1)).toEqual(version < 2 ? quorum : { ...quorum, trace: traceparent });
      if (version >= 2) expect(said[0]).toEqual(traces);
    },
  );

  test('linked: the network takes nothing, and the peer gets all of it from others -> what waits is bounded, and nothing is left out (REP-5)', () => {
    const { shakeHands, say, here, session, sent, stick, loosen, waitingBytes } = accepted();
    shakeHands();
    say(STATUS);
    stick();
    let seq = 0;
    for (let round = 0; round < 200; round++) {
      // One, and then many at once.
      for (const end = seq + (round < 20 ? 1 : 200); seq < end; seq++) here.apply(commit(1, seq + 1));
      session.step({ kind: 'advanced' });
      if (round % 5 === 0) say({ kind: 'acknowledge', entries: vector({ 1: seq }) });
    }
    expect(waitingBytes()).toBeGreaterThan(SETTINGS.windowBytes / 2);
    expect(waitingBytes()).toBeLessThan(SETTINGS.windowBytes + 100);
    loosen();
    say({ kind: 'acknowledge', entries: vector({ 1: seq - 1 }) });
    expect(commitsOf(sent).at(-1)).toBe(seq);
  });

  test('linked: the peer asks again and again for what waits to be sent -> sent again once, after it has left (REP-5)', () => {
    const { shakeHands, say, here, session, env, sent, stick, loosen, waitingBytes } = accepted();
    shakeHands();
    say(STATUS);
    stick();
    for (let seq = 1; seq <= 100; seq++) here.apply(commit(1, seq));
    session.step({ kind: 'advanced' });
    const first = commitsOf(sent);
    for (let i = 0; i < 5; i++) {
      env.advance(100);
      say({ ...STATUS, resend: true });
      session.tick(SETTINGS.deadAfterMs);
    }
    expect(commitsOf(sent)).toEqual(first);
    expect(waitingBytes()).toBeLessThan(SETTINGS.windowBytes + 100);
    loosen();
    env.advance(100);
    session.tick(SETTINGS.deadAfterMs);
    session.tick(SETTINGS.deadAfterMs);
    expect(commitsOf(sent)).toEqual([...first, ...first]);
  });

  test('linked: a frame was lost, and whenever one looks another sign of life is on its way -> sent again all the same', () => {
    const { shakeHands, say, here, session, env, sent, stick, loosen } = accepted();
    shakeHands();
    say(STATUS);
    here.apply(commit(1, 1));
    stick();
    session.step({ kind: 'advanced' });
    loosen();
    stick();
    for (let ms = 0; ms < 2 * SETTINGS.resendAfterMs; ms += 100) {
      session.sendQuorum(new Uint8Array(50), undefined);
      env.advance(100);
      session.tick(SETTINGS.deadAfterMs);
    }
    expect(commitsOf(sent)).toEqual([1, 1]);
  });

  test('linked: the network takes nothing -> messages and answers find no room in the end, why it closes does (REP-5)', () => {
    const { shakeHands, say, session, sent, stick, waitingBytes } = accepted();
    shakeHands();
    say(STATUS);
    stick();
    for (let i = 0; i < 20; i++) session.sendQuorum(new Uint8Array(600_000), undefined);
    expect(waitingBytes()).toBeGreaterThan(LIMITS.linkWaitingBytesMax / 2);
    expect(waitingBytes()).toBeLessThanOrEqual(LIMITS.linkWaitingBytesMax);
    for (let bytes = 600_000; bytes > 0; bytes = Math.floor(bytes / 2)) {
      for (let i = 0; i < 2; i++) session.sendQuorum(new Uint8Array(bytes), undefined);
    }
    session.refuse({ code: 'stopping', detail: 'it stops' });
    expect(sent.at(-1)).toMatchObject({ kind: 'refuse' });
  });

  test('linked: a request is repeated while its answer waits to be sent -> answered once; after that answer has left, again', () => {
    const { shakeHands, session, sent, stick, loosen } = accepted();
    shakeHands();
    stick();
    const key = { graphKey: 'default', partition: 'h0' as PartitionId };
    const bytes = new Uint8Array(1000);
    const slice = { kind: 'state', request: 1, key, offset: 0, bytes, length: 1000, checksum: 0 } as const;
    const answers = () => sent.filter(({ kind }) => kind === 'state').length;
    for (let i = 0; i < 10; i++) session.answer({ ...slice, vector: new Map() });
    expect(answers()).toBe(1);
    loosen();
    session.answer({ ...slice, vector: new Map() });
    expect(answers()).toBe(2);
  });

  test('linked: a message larger than all that may wait, and nothing waits -> it is sent, whole', () => {
    const { shakeHands, say, session, sent, stick } = accepted();
    shakeHands();
    say(STATUS);
    stick();
    const bytes = LIMITS.linkWaitingBytesMax + FRAGMENT_BYTES;
    session.sendQuorum(new Uint8Array(bytes), undefined);
    const fragments = sent.filter(({ kind }) => kind === 'fragment');
    expect(fragments.length).toBe(Math.ceil((bytes + 1) / FRAGMENT_BYTES));
  });

  test('linked: nothing is heard for long -> refused as silent', () => {
    const { shakeHands, session, env, closed } = accepted();
    shakeHands();
    env.advance(SETTINGS.deadAfterMs);
    session.tick(SETTINGS.deadAfterMs);
    expect(closed()).toBe('silent');
  });

  describe('commits come while enough are decoded', () => {
    const frameOf = (...seqs: readonly number[]) => commitsFrame(seqs.map((seq) => encodeCommit(commit(2, seq))));
    const received = (effects: readonly OutsideEffect[]) =>
      effects.flatMap((effect) => (effect.kind === 'receive' ? effect.commits.map(({ seq }) => seq) : []));

    test('enough are decoded -> kept as they came; no longer enough -> handed on in order, until there are enough', () => {
      const { shakeHands, session, effects, ahead } = accepted();
      shakeHands();
      session.frame(frameOf(1));
      ahead(true);
      for (const seqs of [[2, 3], [4], [5]]) session.frame(frameOf(...seqs));
      session.decodeCommits();
      expect(received(effects)).toEqual([1]);
      ahead(false);
      session.decodeCommits();
      expect(received(effects)).toEqual([1, 2, 3, 4, 5]);
      session.decodeCommits();
      expect(received(effects)).toHaveLength(5);
    });

    test('one comes when there is room again, before the host said so -> what waits goes first', () => {
      const { shakeHands, session, effects, ahead } = accepted();
      shakeHands();
      ahead(true);
      session.frame(frameOf(1));
      ahead(false);
      session.frame(frameOf(2));
      expect(received(effects)).toEqual([1, 2]);
    });

    test('they are signs of life, and other frames do not wait for them', () => {
      const { shakeHands, session, say, effects, env, ahead, closed } = accepted();
      shakeHands();
      ahead(true);
      env.advance(SETTINGS.deadAfterMs - 1);
      session.frame(frameOf(1));
      env.advance(SETTINGS.deadAfterMs - 1);
      session.tick(SETTINGS.deadAfterMs);
      expect(closed()).toBeUndefined();
      say(STATUS);
      expect(effects.map(({ kind }) => kind)).toEqual(['status']);
    });

    test('more come than may wait -> the first ones are decoded all the same', () => {
      const { shakeHands, session, effects, ahead } = accepted();
      shakeHands();
      ahead(true);
      const update = new Uint8Array(1024 * 1024);
      const part = { graphKey: 'default', partition: '0' as PartitionId, update };
      const large = (seq: number) => commitsFrame([encodeCommit({ ...commit(2, seq), parts: [part] })]);
      const fit = Math.floor(LIMITS.undecodedBytesMax / large(1).length);
      for (let seq = 1; seq <= fit + 2; seq++) session.frame(large(seq));
      expect(received(effects)).toEqual([1, 2]);
    });

    test('one that was kept is no frame -> the link ends, and what came after it is dropped', () => {
      const { shakeHands, session, effects, ahead, closed, badFrames } = accepted();
      shakeHands();
      ahead(true);
      session.frame(frameOf(1).subarray(0, 10));
      session.frame(frameOf(1));
      expect(badFrames()).toBe(0);
      ahead(false);
      session.decodeCommits();
      expect([closed(), badFrames(), received(effects)]).toEqual(['bad-frame', 1, []]);
    });

    test('a stranger sends them -> nothing of them is kept', () => {
      const { session, effects, ahead } = accepted();
      ahead(true);
      session.frame(frameOf(1));
      ahead(false);
      session.decodeCommits();
      expect(effects).toEqual([]);
    });
  });
});
