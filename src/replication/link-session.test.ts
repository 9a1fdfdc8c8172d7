import { describe, expect, test } from 'vitest';
import type { Span, Tracer } from '../../base/tracer.ts';
import { testEnv } from '../test-env.model.ts';
import { FRAGMENT_BYTES } from './fragments.ts';
import type { Frame, Hello, PlainFrame } from './frame.ts';
import { commitsFrame, decodeFrame, encodeCommit, encodeFrame } from './frame-codec.ts';
import { Handshake, type Refusal } from './handshake.ts';
import { Applied, commit, hello, SETTINGS } from './link-harness.ts';
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
  const host: SessionHost = {
    env,
    secret: 'of the cluster',
    surroundings: here,
    settings: SETTINGS,
    admit,
    perform: (_session, effect) => void effects.push(effect),
    countBadFrame: () => void badFrames++,
    ended: (_session, why) => void endings.push(why),
  };
  const connection = {
    bufferedBytes: 0,
    send: (bytes: Uint8Array) => void sent.push(decodeFrame(bytes)),
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
      say({ kind: 'status', resend: false, ...new Applied(2).status() });
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

  test('linked: nothing is heard for long -> refused as silent', () => {
    const { shakeHands, session, env, closed } = accepted();
    shakeHands();
    env.advance(SETTINGS.deadAfterMs);
    session.tick(SETTINGS.deadAfterMs);
    expect(closed()).toBe('silent');
  });
});
